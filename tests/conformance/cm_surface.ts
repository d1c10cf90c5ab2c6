/** The binary dialect CM, from the tables of PROTOCOL.md §1, over TCP. */

import { concat } from "@std/bytes";
import { textOf } from "../../lib/bytes.ts";
import { ByteReader } from "../support/byte_reader.ts";
import { frame } from "../support/cm_frame.ts";
import { RawClient } from "../support/raw_client.ts";
import { bytesOf } from "./engine_surface.ts";
import { type Content, type Operation, type Outcome, Refused, type Surface, type Verb } from "./surface.ts";

const OPCODES: Readonly<Record<Verb, number>> = {
  set: 1,
  get: 2,
  delete: 3,
  add: 6,
  replace: 7,
  swap: 8,
  take: 9,
  touch: 10,
  persist: 10,
  getex: 11,
  ttl: 12,
  exists: 13,
  incr: 14,
  decr: 15,
  getv: 16,
  cas: 17,
  scan: 18,
  clear: 19,
};
const NOT_FOUND = 0, OK = 1, CONFLICT = 3;

interface CmReply {
  readonly status: number;
  readonly value: Uint8Array;
}

/** Operations as frames. */
export class CmSurface implements Surface {
  readonly name = "CM";
  readonly ttlStepMs = 1;
  readonly #client: RawClient;
  readonly #reader: ByteReader;
  #seenVersion = 0n;

  private constructor(client: RawClient) {
    this.#client = client;
    this.#reader = new ByteReader(client.connection);
  }

  static async connect(address: { port: number }): Promise<CmSurface> {
    return new CmSurface(await RawClient.connect(address));
  }

  refuses(): undefined {
    return undefined;
  }

  async perform(operation: Operation): Promise<Outcome> {
    const [verb] = operation;
    switch (verb) {
      case "set":
      case "replace":
        return this.#done(await this.#ask(verb, operation[1], operation[2], operation[3]));
      case "add": {
        const reply = await this.#ask(verb, operation[1], operation[2], operation[3]);
        return reply.status === CONFLICT ? false : this.#done(reply);
      }
      case "swap":
        return this.#value(await this.#ask(verb, operation[1], operation[2], operation[3]));
      case "get":
      case "take":
        return this.#value(await this.#ask(verb, operation[1]));
      case "delete":
      case "exists":
      case "persist":
        return this.#done(await this.#ask(verb, operation[1]));
      case "touch":
        return this.#done(await this.#ask(verb, operation[1], "", operation[2]));
      case "getex":
        return this.#value(await this.#ask(verb, operation[1], "", operation[2]));
      case "ttl": {
        const nanoseconds = this.#integer(await this.#ask(verb, operation[1]));
        return typeof nanoseconds === "bigint" && nanoseconds > 0n ? Number(nanoseconds / 1_000_000n) : nanoseconds;
      }
      case "incr":
      case "decr": {
        const delta = operation[2] === undefined ? "" : u64(BigInt(operation[2]));
        return this.#integer(await this.#ask(verb, operation[1], delta, operation[3]));
      }
      case "getv": {
        const found = this.#value(await this.#ask(verb, operation[1]));
        if (!(found instanceof Uint8Array)) return found;
        this.#seenVersion = new DataView(found.buffer, found.byteOffset).getBigUint64(0);
        return found.subarray(8);
      }
      case "cas": {
        const expected = u64(operation[2] === "absent" ? 0n : this.#seenVersion);
        const reply = await this.#ask(verb, operation[1], concat([expected, bytesOf(operation[3])]), operation[4]);
        if (reply.status !== OK) return reply.status === NOT_FOUND ? false : refusal(reply);
        this.#seenVersion = readU64(reply.value);
        return true;
      }
      case "scan":
        return await this.#scan(operation[1], operation[2] ?? 10);
      case "clear":
        return this.#integer(await this.#ask(verb, operation[1]));
      case "wait":
        throw new TypeError("Cannot wait: the runner turns the clock");
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#client[Symbol.dispose]();
    return Promise.resolve();
  }

  async #scan(prefix: Content, count: number): Promise<readonly string[]> {
    const keys = new Set<string>();
    let cursor = 0n;
    do {
      const value = new Uint8Array(12);
      new DataView(value.buffer).setBigUint64(0, cursor);
      new DataView(value.buffer).setUint32(8, count);
      const reply = (await this.#ask("scan", prefix, value)).value;
      const view = new DataView(reply.buffer, reply.byteOffset);
      cursor = view.getBigUint64(0);
      for (let at = 8; at < reply.length;) {
        const length = view.getUint16(at);
        keys.add(textOf(reply.subarray(at + 2, at + 2 + length)));
        at += 2 + length;
      }
    } while (cursor !== 0n);
    return [...keys].sort();
  }

  async #ask(verb: Verb, key: Content, value: Content = "", ttlMs = 0): Promise<CmReply> {
    await this.#client.send(frame({ opcode: OPCODES[verb], key, value, ttl: BigInt(ttlMs) * 1_000_000n }));
    const header = await this.#reader.take(7);
    if (header[0] !== 0x43 || header[1] !== 0x4d) throw new Error(`no reply of CM: ${textOf(header)}`);
    const length = new DataView(header.buffer, header.byteOffset).getUint32(3);
    return { status: header[2]!, value: await this.#reader.take(length) };
  }

  #done(reply: CmReply): Outcome {
    if (reply.status === OK && reply.value.length > 0) throw new Error("an OK that should be empty carries a value");
    return reply.status === OK ? true : reply.status === NOT_FOUND ? false : refusal(reply);
  }

  #value(reply: CmReply): Outcome {
    return reply.status === OK ? reply.value : reply.status === NOT_FOUND ? undefined : refusal(reply);
  }

  #integer(reply: CmReply): Outcome {
    const found = this.#value(reply);
    return found instanceof Uint8Array ? new DataView(found.buffer, found.byteOffset).getBigInt64(0) : found;
  }
}

function refusal({ value }: CmReply): Refused {
  return new Refused(textOf(value).split(" ")[0]!);
}

function u64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, value);
  return bytes;
}

function readU64(bytes: Uint8Array): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
}
