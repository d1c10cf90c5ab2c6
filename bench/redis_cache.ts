/**
 * Redis as a cache whose hit rate is measured: a real server, asked over one connection by pipelines.
 *
 * @module
 */

import { textOf, utf8 } from "../lib/bytes.ts";
import { ServerProcess } from "./server_process.ts";
import { BATCH_REQUESTS, KEY_BYTES, type TestedCache, VALUE_BYTES, writeKey } from "./tested_cache.ts";
import { array, joined, type Question, RESP } from "./wire.ts";

const HIT_BYTES = RESP.replyBytes("GET", VALUE_BYTES);
const MISS_BYTES = "$-1\r\n".length;
const SET_BYTES = RESP.replyBytes("SET", VALUE_BYTES);
const MINUS = 45;
const VALUE = new Uint8Array(VALUE_BYTES).fill(0x76);
const KEY = utf8("key:".padEnd(KEY_BYTES, "0"));
/**
 * The buffers of our one connection, which Redis counts as its own memory: at most a batch of SETs that waits to be
 * read, each byte twice while the buffer grows, or a batch of replies.
 */
const CONNECTION_BYTES = 2 * BATCH_REQUESTS * RESP.request("SET", KEY, VALUE).length;

/** Names of the policies compared, as Redis has them. */
export type RedisPolicy = "allkeys-lru" | "allkeys-lfu";

/** A Redis at its limit. */
export class RedisCache implements TestedCache {
  readonly name: string;
  readonly #server: ServerProcess;
  readonly #connection: Deno.TcpConn;
  readonly #gets = new Batch("GET");
  readonly #sets = new Batch("SET");
  readonly #replies = new Uint8Array(BATCH_REQUESTS * HIT_BYTES);
  readonly #missed = new Uint32Array(BATCH_REQUESTS);

  /** Use {@linkcode RedisCache.start}. */
  constructor(policy: RedisPolicy, server: ServerProcess, connection: Deno.TcpConn) {
    this.name = `Redis ${policy}`;
    this.#server = server;
    this.#connection = connection;
  }

  /**
   * Starts a server.
   *
   * @param maxMemoryBytes for entries, with all that Redis keeps for them; what it uses when it is empty comes on top
   */
  static async start(policy: RedisPolicy, maxMemoryBytes: number, signal: AbortSignal): Promise<RedisCache> {
    const server = await ServerProcess.redis(signal, ["--maxmemory-policy", policy]);
    try {
      const cache = new RedisCache(policy, server, await server.connect());
      const emptyBytes = await cache.#info("used_memory");
      await cache.#command("CONFIG", "SET", "maxmemory", String(emptyBytes + CONNECTION_BYTES + maxMemoryBytes));
      return cache;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  async request(keys: Uint32Array): Promise<number> {
    const replies = this.#replies;
    await this.#send(this.#gets.of(keys));
    let received = 0, at = 0, missed = 0;
    for (let i = 0; i < keys.length; i++) {
      while (received < at + MISS_BYTES) received += await this.#receive(replies.subarray(received));
      const isMiss = replies[at + 1] === MINUS;
      if (isMiss) this.#missed[missed++] = keys[i]!;
      at += isMiss ? MISS_BYTES : HIT_BYTES;
    }
    while (received < at) received += await this.#receive(replies.subarray(received));
    if (missed > 0) await this.#set(this.#missed.subarray(0, missed));
    return keys.length - missed;
  }

  async entries(): Promise<number> {
    return Number((await this.#command("DBSIZE")).slice(1));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.close();
    await this.#server[Symbol.asyncDispose]();
  }

  async #set(keys: Uint32Array): Promise<void> {
    await this.#send(this.#sets.of(keys));
    let received = 0;
    while (received < keys.length * SET_BYTES) {
      const start = received;
      received += await this.#receive(this.#replies.subarray(received));
      if (start % SET_BYTES === 0 && this.#replies[start] !== RESP.status("SET")) {
        throw new Error(`Cannot go on: Redis answered ${textOf(this.#replies.subarray(start, received))}`);
      }
    }
  }

  async #info(field: string): Promise<number> {
    const value = new RegExp(`^${field}:(\\d+)`, "m").exec(await this.#command("INFO", "memory"))?.[1];
    if (value === undefined) throw new Error(`Cannot go on: Redis' INFO has no ${field}`);
    return Number(value);
  }

  /** Asks for something whose reply is short enough to come at once. */
  async #command(...words: string[]): Promise<string> {
    await this.#send(array(words.map(utf8)));
    const reply = this.#replies.subarray(0, await this.#receive(this.#replies));
    if (textOf(reply).startsWith("-")) throw new Error(`Cannot ${words.join(" ")}: Redis answered ${textOf(reply)}`);
    return textOf(reply);
  }

  async #send(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) sent += await this.#connection.write(bytes.subarray(sent));
  }

  async #receive(into: Uint8Array): Promise<number> {
    const count = await this.#connection.read(into);
    if (count === null) throw new Error("Cannot go on: Redis closed the connection");
    return count;
  }
}

/** Requests of one kind, made once; only the digits of the keys change. */
class Batch {
  readonly #requests: Uint8Array;
  readonly #requestBytes: number;
  readonly #keyAt: number;

  constructor(question: Question) {
    const request = RESP.request(question, KEY, VALUE);
    this.#requests = joined(Array.from({ length: BATCH_REQUESTS }, () => request));
    this.#requestBytes = request.length;
    this.#keyAt = textOf(request).indexOf("key:");
  }

  of(keys: Uint32Array): Uint8Array {
    for (let i = 0; i < keys.length; i++) writeKey(keys[i]!, this.#requests, i * this.#requestBytes + this.#keyAt);
    return this.#requests.subarray(0, keys.length * this.#requestBytes);
  }
}
