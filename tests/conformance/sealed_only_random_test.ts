/**
 * Random commands in every dialect on a server that takes sealed values only. Whatever they were, every value under a
 * sealed-only prefix is an envelope or, where counters are, a whole number; and what is under other keys is still free.
 */

import { concat } from "@std/bytes";
import { assert } from "@std/assert";
import { binaryText, ByteRange, utf8 } from "../../lib/bytes.ts";
import type { DialectName } from "../../lib/codec/dialect.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { SealedStore } from "../../lib/storage/sealed_store.ts";
import { SealingRule } from "../../lib/storage/sealing_rule.ts";
import { frame } from "../support/cm_frame.ts";
import { envelopeLike } from "../support/envelopes.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { talk } from "../support/memory_connection.ts";
import { Random } from "../support/random.ts";
import { command } from "../support/resp_frame.ts";
import { frameOf } from "./stash_surface.ts";
import { quote } from "./text_surface.ts";

const CONVERSATIONS = 2_000;
const COMMANDS_PER_CONVERSATION = 10;

/** Rules, and what they mean for a key in words of their own. */
const RULES = [
  {
    rule: { sealedOnly: ["s:", "t"], counters: ["s:n:"] },
    isSealed: (key: string) => key.startsWith("s:") || key.startsWith("t"),
    isCounter: (key: string) => key.startsWith("s:n:"),
  },
  { rule: { sealedOnly: "all", counters: ["o"] }, isSealed: () => true, isCounter: (key: string) => key[0] === "o" },
] as const;

const KEYS = ["s:1", "s:2", "s:n:1", "s:n:2", "s:n", "s:", "t", "table", "o:1", "o:2", "S:1"];
const NUMBERS = ["0", "-1", "7", "9223372036854775807", "-9223372036854775808", "1048576"];
const PLAIN = [
  "",
  "plain",
  "1.5",
  "01",
  "+1",
  " 1",
  "9223372036854775808",
  "\xc1",
  "\xf5".repeat(45),
  "\xc0".repeat(99),
];

class Commands {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  next(dialect: DialectName): Uint8Array {
    switch (dialect) {
      case "cm":
        return this.#cm();
      case "stash":
        return this.#stash();
      case "resp":
        return command(...this.#resp());
      default:
        return utf8(this.#line());
    }
  }

  #stash(): Uint8Array {
    const verb = this.#one(["SET", "SET", "SET", "INC", "DEC", "GET", "DEL"]), key = this.#key();
    return verb === "SET" ? frameOf(verb, key, this.#value()) : frameOf(verb, key);
  }

  #cm(): Uint8Array {
    const opcode = this.#one([1, 1, 6, 7, 8, 17, 17, 14, 15, 2, 3, 9, 10]), key = this.#key();
    const ttl = [1, 6, 7, 8, 10, 17].includes(opcode) ? BigInt(this.#random.below(2)) * 1_000_000_000n : 0n;
    if ([1, 6, 7, 8].includes(opcode)) return frame({ opcode, key, value: this.#value(), ttl });
    if (opcode !== 17) return frame({ opcode, key, ttl });
    const version = new Uint8Array(8);
    new DataView(version.buffer).setBigUint64(0, BigInt(this.#random.below(4)));
    return frame({ opcode, key, value: concat([version, this.#value()]), ttl });
  }

  #line(): string {
    const key = this.#key(), value = quote(this.#value());
    return this.#one([
      `SET ${key} ${value}`,
      `SET ${key} ${value} ${this.#one(["60", "EX 60", "NX", "XX", "GET", "NX GET", "XX PX 9000"])}`,
      `INCR ${key}`,
      `DECR ${key} ${this.#one(NUMBERS)}`,
      `GET ${key}`,
      `DEL ${key}`,
      `GETEX ${key} EX 5`,
    ]) + "\n";
  }

  #resp(): (string | Uint8Array)[] {
    const key = this.#key(), value = this.#value(), number = this.#one(NUMBERS);
    return this.#one([
      ["SET", key, value],
      ["SET", key, value, this.#one(["NX", "XX", "GET", "KEEPTTL"])],
      ["SET", key, value, this.#one(["EX", "PX", "EXAT", "PXAT"]), number],
      ["SETNX", key, value],
      ["SETEX", key, "60", value],
      ["PSETEX", key, "60", value],
      ["GETSET", key, value],
      ["MSET", ...this.#pairs()],
      ["MSETNX", ...this.#pairs()],
      ["APPEND", key, value],
      ["APPEND", key, number],
      ["SETRANGE", key, String(this.#random.below(50)), value],
      ["SETRANGE", key, "0", "\xff"],
      ["INCR", key],
      ["DECR", key],
      ["INCRBY", key, number],
      ["DECRBY", key, number],
      ["INCRBYFLOAT", key, this.#one([...NUMBERS, "0.5", "1e3", "-2.5e-1"])],
      ["RENAME", key, this.#key()],
      ["RENAMENX", key, this.#key()],
      ["COPY", key, this.#key()],
      ["COPY", key, this.#key(), "REPLACE"],
      ["DEL", key],
      ["GETDEL", key],
      ["EXPIRE", key, number],
      ["GETEX", key, "PERSIST"],
      ["MULTI"],
      ["EXEC"],
    ]);
  }

  #pairs(): (string | Uint8Array)[] {
    return Array.from({ length: 1 + this.#random.below(3) }, () => [this.#key(), this.#value()]).flat();
  }

  #key(): string {
    return this.#one(KEYS);
  }

  #value(): Uint8Array {
    switch (this.#random.below(5)) {
      case 0:
        return Uint8Array.from(this.#one(PLAIN), (character) => character.charCodeAt(0));
      case 1:
        return utf8(this.#one(NUMBERS));
      case 2:
        // Every length around the shortest envelope.
        return envelopeLike(this.#random.below(3), 43 + this.#random.below(6), 0xf5);
      case 3:
        return this.#random.bytes(this.#random.below(100));
      default:
        return envelopeLike(this.#random.below(3), 46 + this.#random.below(60));
    }
  }

  #one<T>(list: readonly T[]): T {
    return list[this.#random.below(list.length)]!;
  }
}

for (const { rule, isSealed, isCounter } of RULES) {
  Deno.test(`random commands never bring a plain value in: sealed-only ${rule.sealedOnly}`, async () => {
    const random = new Random(), clock = new FakeClock(), commands = new Commands(random);
    const engine = new Engine({ clock, segmentBytes: 1024 });
    const store = new SealedStore(engine, new SealingRule(rule));
    const met = { envelopes: 0, numbers: 0, plain: 0 };
    for (let conversation = 0; conversation < CONVERSATIONS; conversation++) {
      const pinned = (["cm", "text", "gocache", "stash", "resp"] as const)[conversation % 5]!;
      const requests = Array.from({ length: COMMANDS_PER_CONVERSATION }, () => commands.next(pinned));
      await talk(requests, { engine: store, pinned });
      clock.advance(random.below(20_000));
      engine.verify();
      look(`seed ${random.seed}, conversation ${conversation} in ${pinned}`);
    }
    assert(met.envelopes > 200 && met.numbers > 50, `seed ${random.seed}: met too little ${JSON.stringify(met)}`);
    assert(met.plain > 50 === (rule.sealedOnly !== "all"), `seed ${random.seed}: met ${JSON.stringify(met)}`);

    function look(where: string): void {
      const value = new ByteRange(), keys: string[] = [];
      engine.scan(0, Infinity, new Uint8Array(0), (key) => keys.push(binaryText(key.copy())));
      for (const key of keys) {
        assert(engine.get(ByteRange.of(utf8(key)), value));
        const bytes = value.copy();
        const isEnvelope = bytes.length >= 46 && (bytes[0] === 0xc1 || bytes[0] === 0xf5);
        const isNumber = isWhole(binaryText(bytes));
        if (isEnvelope) met.envelopes++;
        else if (isSealed(key) && isCounter(key) && isNumber) met.numbers++;
        else {
          assert(!isSealed(key), `${where}: ${key} holds ${bytes.toHex()}`);
          met.plain++;
        }
      }
    }
  });
}

function isWhole(text: string): boolean {
  return /^(0|-?[1-9][0-9]*)$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text);
}
