/**
 * A server in memory that keeps what it is given, as it is given: what a client asks of it and what it holds can be
 * looked at, and its answers can be bent.
 *
 * @module
 */

import { Client, type ClientOptions } from "../../client.ts";
import type { Clock } from "../../lib/clock.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { concat, CONFLICT, DELETE, ERROR, GET, NOT_FOUND, OK, PING, reply, type Request, SET } from "./frames.ts";
import { MemoryTransport } from "./memory_transport.ts";

export const ADD = 6;
export const REPLACE = 7;
export const TAKE = 9;
export const TOUCH = 10;
export const TTL = 12;
export const EXISTS = 13;
export const GETV = 16;
export const CAS = 17;
export const SCAN = 18;
export const CLEAR = 19;
export const STATS = 20;

/** The key of the project's examples. */
export const KEY = "your-32-byte-very-secret-key-!!!";

/** An entry, with its end on the clock's own scale. */
interface Entry {
  value: Uint8Array<ArrayBuffer>;
  version: bigint;
  endMs: number;
}

/** Answers what PROTOCOL.md §1.3 says, one connection after the other or several at once. */
export class MemoryServer {
  readonly clock: Clock;
  readonly transports: MemoryTransport[] = [];
  /** What is there, by the name on the wire. */
  readonly entries: Map<string, Entry> = new Map<string, Entry>();
  /** Looks at each request before it is answered; what it gives is sent in place of the answer. */
  intercept: (request: Request) => Uint8Array | undefined = () => undefined;
  /** What STATS answers. */
  statistics = "{}";
  #version = 0n;

  constructor(clock: Clock = new FakeClock()) {
    this.clock = clock;
  }

  connect = (): Promise<MemoryTransport> => {
    const transport = new MemoryTransport();
    transport.answer = (request) => this.intercept(request) ?? this.answer(request);
    this.transports.push(transport);
    return Promise.resolve(transport);
  };

  /** A client of this server and its clock. */
  client(options: ClientOptions = {}): Client {
    const isSealing = options.keys !== undefined || options.fernet !== undefined;
    const key = isSealing ? {} : { key: KEY };
    return new Client("memory", { ...key, clock: this.clock, connect: this.connect, ...options });
  }

  /** Every request so far. */
  get requests(): Request[] {
    return this.transports.flatMap((transport) => transport.requests);
  }

  /** The value of an entry, as it is kept. */
  valueOf(key: string): Uint8Array<ArrayBuffer> {
    return this.entries.get(key)!.value;
  }

  /** Puts a value there, past the clients. */
  put(key: string, value: Uint8Array | string, ttlMs = Infinity): void {
    const bytes = typeof value === "string" ? new TextEncoder().encode(value) : new Uint8Array(value);
    this.entries.set(key, { value: bytes, version: ++this.#version, endMs: this.clock.nowMs() + ttlMs });
  }

  /** The honest answer. */
  answer({ opcode, key, value, ttlNanoseconds }: Request): Uint8Array {
    const found = this.#find(key);
    const ttlMs = ttlNanoseconds === 0n ? Infinity : Number(ttlNanoseconds) / 1_000_000;
    const isThere = reply(found === undefined ? NOT_FOUND : OK);
    switch (opcode) {
      case SET:
        this.put(key, value, ttlMs);
        return reply(OK);
      case ADD:
        if (found !== undefined) return reply(CONFLICT, "CONFLICT the key exists");
        this.put(key, value, ttlMs);
        return reply(OK);
      case REPLACE:
        if (found !== undefined) this.put(key, value, ttlMs);
        return isThere;
      case GET:
        return found === undefined ? reply(NOT_FOUND) : reply(OK, found.value);
      case TAKE:
        this.entries.delete(key);
        return found === undefined ? reply(NOT_FOUND) : reply(OK, found.value);
      case DELETE:
        this.entries.delete(key);
        return isThere;
      case EXISTS:
        return isThere;
      case TOUCH:
        if (found !== undefined) found.endMs = this.clock.nowMs() + ttlMs;
        return isThere;
      case TTL:
        return found === undefined ? reply(NOT_FOUND) : reply(OK, i64(this.#ttlNanoseconds(found)));
      case GETV:
        return found === undefined ? reply(NOT_FOUND) : reply(OK, concat(i64(found.version), found.value));
      case CAS:
        return this.#compareAndSet(key, found, value, ttlMs);
      case SCAN:
        return reply(OK, this.#page(key, value));
      case CLEAR:
        return reply(OK, i64(BigInt(this.#clear(key))));
      case STATS:
        return reply(OK, this.statistics);
      case PING:
        return reply(OK, value);
      default:
        return reply(ERROR, "UNKNOWN_COMMAND there is no such command");
    }
  }

  #find(key: string): Entry | undefined {
    const entry = this.entries.get(key);
    if (entry !== undefined && entry.endMs <= this.clock.nowMs()) this.entries.delete(key);
    return this.entries.get(key);
  }

  #ttlNanoseconds({ endMs }: Entry): bigint {
    return endMs === Infinity ? -1n : BigInt(Math.ceil(endMs - this.clock.nowMs())) * 1_000_000n;
  }

  #compareAndSet(key: string, found: Entry | undefined, value: Uint8Array, ttlMs: number): Uint8Array {
    const expected = new DataView(value.buffer, value.byteOffset).getBigUint64(0);
    if (expected !== 0n && found === undefined) return reply(NOT_FOUND);
    if (expected !== (found?.version ?? 0n)) return reply(CONFLICT, "CONFLICT the entry has another version");
    this.put(key, value.slice(8), ttlMs);
    return reply(OK, i64(this.#version));
  }

  /** As many names as asked for, in the order in which they came; the cursor counts them. */
  #page(prefix: string, value: Uint8Array): Uint8Array {
    const view = new DataView(value.buffer, value.byteOffset);
    const start = Number(view.getBigUint64(0)), end = start + view.getUint32(8);
    const keys = [...this.entries.keys()];
    const next = end < keys.length ? BigInt(end) : 0n;
    return page(next, keys.slice(start, end).filter((key) => key.startsWith(prefix)));
  }

  #clear(prefix: string): number {
    const keys = [...this.entries.keys()].filter((key) => key.startsWith(prefix));
    for (const key of keys) this.entries.delete(key);
    return keys.length;
  }
}

/** Eight bytes, big-endian. */
export function i64(number: bigint): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, number);
  return bytes;
}

/** What SCAN answers with. */
export function page(cursor: bigint, keys: readonly string[]): Uint8Array<ArrayBuffer> {
  const names = keys.map((key) => {
    const name = new TextEncoder().encode(key);
    return concat(Uint8Array.of(name.length >> 8, name.length & 255), name);
  });
  return concat(i64(cursor), ...names);
}
