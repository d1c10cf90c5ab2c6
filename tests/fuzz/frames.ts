/**
 * Messages as bytes of each dialect, with lies in lengths and counts, and then with mutated bytes.
 *
 * @module
 */

import { concat } from "@std/bytes";
import { binaryText, utf8 } from "../../lib/bytes.ts";
import { DIALECT_NAMES, type DialectName } from "../../lib/codec/dialect.ts";
import { OPCODE } from "../../lib/codec/operations.ts";
import { frame } from "../support/cm_frame.ts";
import type { Random } from "../support/random.ts";
import type { Message, Messages } from "./messages.ts";

const MAX_I64 = 2n ** 63n - 1n;
const TTLS = [0n, 0n, 0n, 1n, 999_999n, 1_000_000n, 5_000_000_000n, MAX_I64, -1n, -MAX_I64 - 1n, 2n ** 32n];
const LENGTHS = [
  "-1",
  "-2",
  "0",
  "1",
  "536870913",
  "4294967296",
  "99999999999999999999",
  "",
  "x",
  " 1",
  "1 ",
  "01",
  "+1",
];
/** One frame in so many has a lie in it, and one in so many has its bytes mutated. */
const LIE_RARITY = 12, MUTATION_RARITY = 8;

/** Writes frames. */
export class Frames {
  readonly #random: Random;
  readonly #messages: Messages;

  constructor(random: Random, messages: Messages) {
    this.#random = random;
    this.#messages = messages;
  }

  /** The next frame to be sent in a dialect. */
  next(dialect: DialectName): Uint8Array {
    const bytes = this.#write(dialect, this.#messages.next());
    return this.#random.below(MUTATION_RARITY) === 0 ? this.#mutate(bytes, dialect) : bytes;
  }

  #write(dialect: DialectName, message: Message): Uint8Array {
    switch (dialect) {
      case "cm":
        return this.#writeCm(message);
      case "resp":
        return this.#writeResp(message);
      case "stash":
        return this.#writeStash(message);
      default:
        return this.#writeText(message);
    }
  }

  #writeCm([name, key = new Uint8Array(0), value = new Uint8Array(0)]: Message): Uint8Array {
    const random = this.#random;
    const known = OPCODE[binaryText(name ?? key) as keyof typeof OPCODE] as number | undefined;
    const opcode = known ?? (random.below(3) === 0 ? random.below(256) : 1 + random.below(24));
    const ttl = TTLS[random.below(TTLS.length)]!;
    // Half of what carries numbers carries them in their right width.
    const width = opcode === OPCODE.SCAN ? 12 : 8;
    const hasNumber = (opcode >= OPCODE.INCR && opcode <= OPCODE.SCAN) && random.below(2) === 0;
    const fields = {
      opcode,
      key: key.subarray(0, 65_535),
      value: hasNumber ? concat([this.#integer(width), opcode === OPCODE.CAS ? value : new Uint8Array(0)]) : value,
      ttl: opcode === OPCODE.GET ? 0n : ttl,
    };
    if (opcode === OPCODE.GET || opcode === OPCODE.DELETE) fields.value = new Uint8Array(0), fields.ttl = 0n;
    if (!this.#lies()) return frame(fields);
    const numbers = [0, 1, 16, 255, 65_535, 65_537, 0x7fff_ffff, 0xffff_ffff];
    return random.below(2) === 0
      ? frame({ ...fields, keyLength: numbers[random.below(5)]! })
      : frame({ ...fields, valueLength: numbers[random.below(numbers.length)]! });
  }

  #writeResp(message: Message): Uint8Array {
    const random = this.#random;
    if (random.below(10) === 0) return this.#writeText(message);
    const lieAt = this.#lies() ? random.below(message.length + 1) : -1;
    const parts: Uint8Array[] = [
      utf8(`*${lieAt === message.length ? this.#wrongLength(message.length) : message.length}\r\n`),
    ];
    for (const [i, word] of message.entries()) {
      const end = lieAt === i && random.below(3) === 0 ? ["\n", "\r", "", "\r\r\n", "xx"][random.below(5)]! : "\r\n";
      parts.push(utf8(`$${lieAt === i ? this.#wrongLength(word.length) : word.length}${end}`), word, utf8("\r\n"));
    }
    return concat(parts);
  }

  #writeStash([name = new Uint8Array(0), key = new Uint8Array(0), value]: Message): Uint8Array {
    const verb = { DELETE: "DEL", INCR: "INC", DECR: "DEC" }[binaryText(name)] ?? binaryText(name).slice(0, 3);
    const lieAt = this.#lies() ? this.#random.below(3) : -1;
    const parts: Uint8Array[] = [utf8(`${verb}\0${lieAt === 0 ? this.#wrongLength(key.length) : key.length}\0`), key];
    if (verb === "SET" || this.#random.below(50) === 0) {
      const bytes = value ?? this.#messages.bytes();
      parts.push(utf8(`\0${lieAt === 1 ? this.#wrongLength(bytes.length) : bytes.length}\0`), bytes);
    }
    return concat([...parts, utf8(lieAt === 2 ? "\n" : "\r\n")]);
  }

  #writeText(message: Message): Uint8Array {
    const random = this.#random;
    const parts: Uint8Array[] = [];
    for (const word of message) {
      const isQuoted = random.below(3) > 0 && word.length < 1_000;
      parts.push(isQuoted ? utf8(quoted(word)) : word, utf8(random.below(40) === 0 ? " \t " : " "));
    }
    if (this.#lies()) {
      parts.splice(random.below(parts.length + 1), 0, utf8(['"', "\\", '"\\x4', '"\\q"', '""', "'"][random.below(6)]!));
    }
    return concat([...parts, utf8(random.below(4) === 0 ? "\r\n" : "\n")]);
  }

  /** Changes bytes: cuts, drops, doubles, flips, splices with another frame of this or another dialect. */
  #mutate(bytes: Uint8Array, dialect: DialectName): Uint8Array {
    const random = this.#random;
    const from = random.below(bytes.length + 1), to = from + random.below(Math.min(40, bytes.length - from + 1));
    switch (random.below(6)) {
      case 0:
        return bytes.subarray(0, from);
      case 1:
        return concat([bytes.subarray(0, from), bytes.subarray(to)]);
      case 2:
        return concat([bytes.subarray(0, to), bytes.subarray(from)]);
      case 3: {
        const flipped = bytes.slice();
        if (from < flipped.length) flipped[from]! ^= 1 << random.below(8);
        return flipped;
      }
      case 4: {
        const other = this.#write(dialect, this.#messages.next());
        return concat([bytes.subarray(0, from), other.subarray(random.below(other.length + 1))]);
      }
      default: {
        const other = this.#write(DIALECT_NAMES[random.below(DIALECT_NAMES.length)]!, this.#messages.next());
        return random.below(2) === 0 ? concat([other, bytes]) : concat([bytes.subarray(0, from), other]);
      }
    }
  }

  #lies(): boolean {
    return this.#random.below(LIE_RARITY) === 0;
  }

  #wrongLength(length: number): string {
    const choice = this.#random.below(LENGTHS.length + 2);
    return LENGTHS[choice] ?? String(length + (choice === LENGTHS.length ? 1 : -1));
  }

  #integer(width: number): Uint8Array {
    const bytes = new Uint8Array(width);
    const number = Number(this.#messages.number());
    const value = Number.isFinite(number) ? BigInt(Math.trunc(number)) : MAX_I64;
    new DataView(bytes.buffer).setBigInt64(0, value);
    if (width > 8) bytes[11] = 10;
    return bytes;
  }
}

function quoted(word: Uint8Array): string {
  let text = '"';
  for (const byte of word) {
    text += byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c
      ? String.fromCharCode(byte)
      : `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return text + '"';
}
