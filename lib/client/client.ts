/**
 * The SDK: values go in, envelopes leave the process. Everything that is checked about arguments is checked here.
 *
 * @module
 */

import { utf8 } from "../bytes.ts";
import { type Clock, systemClock } from "../clock.ts";
import { encodeRequest, MAX_TTL_MS } from "../codec/cm.ts";
import { Status } from "../codec/message.ts";
import { OPCODE } from "../codec/operations.ts";
import { ENVELOPE_OVERHEAD_BYTES, type Slot, SlotKind } from "../crypto/envelope.ts";
import { rootKey } from "../crypto/key.ts";
import { Sealer } from "../crypto/sealer.ts";
import { decodeValue, encodeValue, type Value } from "../crypto/value.ts";
import { parseDurationMs } from "../duration.ts";
import { CryptomemError } from "../errors.ts";
import {
  DEFAULT_CLIENT_TIMEOUT_MS,
  DEFAULT_MAX_VALUE_BYTES,
  MAX_CONFIGURABLE_VALUE_BYTES,
  MAX_KEY_BYTES,
  MAX_TIMER_MS,
} from "../limits.ts";
import { formatAddress, parseAddress } from "./address.ts";
import { describe } from "./call.ts";
import { Pipeline } from "./pipeline.ts";
import type { Reply } from "./reply_reader.ts";
import { serverError } from "./server_error.ts";
import { type Dial, dialTcp } from "./transport.ts";

/** Settings of a {@linkcode Client}; all can be left out. */
export interface ClientOptions {
  /**
   * How long a call may take, connecting included: milliseconds, or a text like `"10s"`. 5 seconds by default.
   */
  readonly timeout?: number | string;
  /**
   * What values are sealed with: 32 bytes, or `cmk1_` and 43 characters of base64url, or a text of exactly 32 bytes.
   * Without it `set` and `get` throw; nothing is ever stored or read unsealed.
   */
  readonly key?: string | Uint8Array;
  /**
   * Keeps apart programs that share a server: the server sees `namespace:key`, and a value that was sealed in one
   * namespace does not open in another. None by default.
   */
  readonly namespace?: string;
  /** Longest value in bytes that is sealed, or accepted from the server. 16 MiB by default. */
  readonly maxValueBytes?: number;
  /** Where time comes from; for tests. */
  readonly clock?: Clock;
  /** How to reach the server, instead of TCP; for tests and tunnels. */
  readonly connect?: Dial;
}

/** Settings of {@linkcode Client.set}. */
export interface SetOptions {
  /**
   * How long the entry lives: milliseconds, or a text like `"10s"`, `"5m"`, `"24h"`. Without it, until it is deleted.
   */
  readonly ttl?: number | string;
}

const NO_BYTES = new Uint8Array(0);

/**
 * A connection to one Cryptomem server that seals every value with AES-256-GCM before it leaves the process.
 *
 * - **Any number of calls at once.** They share one connection, leave in the order in which they were made, and what
 *   is ready leaves in one write.
 * - **Connects by itself**, with the first call, and again with the next call after the connection was lost. It does
 *   not repeat a call that failed.
 * - **Every call ends**, with its result or an error, within the timeout. An error concerns its call alone, and a
 *   promise that is not awaited takes its error with it: losing a cache does not end the program.
 * - **An idle client does not keep the process alive.** `close()`, or `await using`, lets go of the connection at once.
 *
 * Misuse rejects with `TypeError` or `RangeError`. Everything else is a {@linkcode CryptomemError} with a `code`:
 * `UNREACHABLE`, `DISCONNECTED`, `TIMEOUT`, `INTEGRITY`, or what the server answered, as `TOO_LARGE`.
 *
 * @example Storing a secret
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Client } from "@cryptomem/client";
 * import { serve } from "@cryptomem/server";
 *
 * await using server = serve({ port: 0 });
 * await using client = new Client(`localhost:${server.address.port}`, { key: "your-32-byte-very-secret-key-!!!" });
 *
 * await client.set("user_session", { user: 7, roles: ["admin"] }, { ttl: "10m" });
 * assertEquals(await client.get("user_session"), { user: 7, roles: ["admin"] });
 * assertEquals(await client.delete("user_session"), true);
 * assertEquals(await client.get("user_session"), undefined);
 * ```
 */
export class Client implements AsyncDisposable {
  readonly #namespace: string;
  readonly #namespaceBytes: Uint8Array<ArrayBuffer>;
  readonly #maxValueBytes: number;
  readonly #clock: Clock;
  readonly #pipeline: Pipeline;
  /** Where the key waits until the first call needs it; deriving from it wipes it. */
  #root: Uint8Array<ArrayBuffer> | undefined;
  #sealer: Promise<Sealer> | undefined;
  #closed = false;

  /**
   * Nothing is connected yet.
   *
   * @param address `host:port`, `host` (then the port is 8080), or `[::1]:port`
   * @throws TypeError or RangeError if the address or an option cannot be used
   */
  constructor(address: string, options: ClientOptions = {}) {
    const { timeout = DEFAULT_CLIENT_TIMEOUT_MS, key, namespace = "", clock = systemClock } = options;
    const { maxValueBytes = DEFAULT_MAX_VALUE_BYTES } = options;
    const place = parseAddress(address);
    this.#namespace = wellFormed("namespace", namespace);
    this.#namespaceBytes = utf8(namespace);
    this.#maxValueBytes = checkedMaxValueBytes(maxValueBytes);
    this.#clock = clock;
    this.#root = key === undefined ? undefined : rootKey(key);
    this.#pipeline = new Pipeline({
      dial: options.connect ?? ((signal) => dialTcp(place, signal)),
      address: formatAddress(place),
      timeoutMs: checkedDurationMs("timeout", timeout, MAX_TIMER_MS),
      maxValueBytes: maxValueBytes + ENVELOPE_OVERHEAD_BYTES,
      clock,
    });
  }

  /**
   * Seals a value and stores it, replacing what was there and its expiry.
   *
   * @param key at least one character, at most 65,535 bytes of UTF-8 with the namespace; the server sees it
   * @param value a string, bytes, or anything that JSON gives back as it was; read before this returns. The type lets
   * every object pass, because an `interface` would not fit {@linkcode Value}; one that JSON would change is refused
   * @throws TypeError if the key or the value cannot be stored, or the client has no key or is closed; RangeError if
   * the ttl is not one of 1 ms to 292 years, or the key is too long; CryptomemError with `TOO_LARGE`, `OUT_OF_MEMORY`
   * and what concerns the connection
   */
  set(key: string, value: Value | object, options: SetOptions = {}): Promise<void> {
    return handled(this.#set(key, value, options));
  }

  /**
   * Reads a value and opens it.
   *
   * @typeParam T what the caller knows the value to be; it is not checked
   * @returns the value with the type it was stored with, or `undefined` if there is none
   * @throws TypeError if the key cannot be one, or the client has no key or is closed; IntegrityError if what the
   * server holds was not sealed with this key for this place, or was changed; CryptomemError with what concerns the
   * connection
   */
  get<T = Value>(key: string): Promise<T | undefined> {
    return handled(this.#get(key) as Promise<T | undefined>);
  }

  /**
   * Removes an entry.
   *
   * @returns whether there was one
   * @throws TypeError if the key cannot be one or the client is closed; CryptomemError with what concerns the
   * connection
   */
  delete(key: string): Promise<boolean> {
    return handled(this.#delete(key));
  }

  /**
   * Asks the server for an answer, behind all calls made before.
   *
   * @returns how long that took, in milliseconds, connecting included
   * @throws TypeError if the client is closed; CryptomemError with what concerns the connection
   */
  ping(): Promise<number> {
    return handled(this.#ping());
  }

  /**
   * Takes no more calls, waits for those under way (each ends within its timeout), and closes the connection. Can be
   * called again, and then does the same.
   */
  async close(): Promise<void> {
    this.#closed = true;
    // A key that no call has needed is not left behind.
    this.#root?.fill(0);
    await this.#pipeline.close();
    // A get that found nothing may have ended before the key it did not need was ready.
    await this.#sealer?.catch(() => {});
  }

  /** {@linkcode Client.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #set(key: string, value: Value | object, options: SetOptions): Promise<void> {
    const slot = this.#slot("set", key);
    const ttlMs = options.ttl === undefined ? 0 : checkedDurationMs("ttl", options.ttl, MAX_TTL_MS);
    const wireKey = this.#wireKey("set", key, slot);
    const sealer = this.#startSealer("set", key);
    const body = encodeValue(value);
    const seal = async () => encodeRequest(OPCODE.SET, wireKey, await (await sealer).seal(slot, body), ttlMs);
    const reply = await this.#pipeline.send("set", key, seal());
    if (reply.status !== Status.OK) throw refusal("set", key, reply);
  }

  async #get(key: string): Promise<Value | undefined> {
    const slot = this.#slot("get", key);
    const sealer = this.#startSealer("get", key);
    const frame = encodeRequest(OPCODE.GET, this.#wireKey("get", key, slot), NO_BYTES, 0);
    const reply = await this.#pipeline.send("get", key, frame);
    if (reply.status === Status.NOT_FOUND) return undefined;
    if (reply.status !== Status.OK) throw refusal("get", key, reply);
    return decodeValue(await (await sealer).open(slot, reply.value));
  }

  async #delete(key: string): Promise<boolean> {
    const slot = this.#slot("delete", key);
    const frame = encodeRequest(OPCODE.DELETE, this.#wireKey("delete", key, slot), NO_BYTES, 0);
    const reply = await this.#pipeline.send("delete", key, frame);
    if (reply.status === Status.NOT_FOUND) return false;
    if (reply.status !== Status.OK) throw refusal("delete", key, reply);
    return true;
  }

  async #ping(): Promise<number> {
    this.#checkOpen("ping");
    const startMs = this.#clock.nowMs();
    const reply = await this.#pipeline.send("ping", undefined, encodeRequest(OPCODE.PING, NO_BYTES, NO_BYTES, 0));
    if (reply.status !== Status.OK) throw refusal("ping", undefined, reply);
    return this.#clock.nowMs() - startMs;
  }

  #checkOpen(verb: string, key?: string): void {
    if (this.#closed) throw new TypeError(`Cannot ${describe(verb, key)}: the client is closed`);
  }

  /** The place that a key names, which its envelope is bound to. */
  #slot(verb: string, key: string): Slot {
    if (wellFormed("key", key) === "") throw new TypeError(`Cannot ${verb} "": the key is empty`);
    this.#checkOpen(verb, key);
    return { kind: SlotKind.STRING, namespace: this.#namespaceBytes, key: utf8(key) };
  }

  /** The bytes that the server knows a place by. */
  #wireKey(verb: string, key: string, slot: Slot): Uint8Array {
    const wireKey = this.#namespace === "" ? slot.key : utf8(`${this.#namespace}:${key}`);
    if (wireKey.length > MAX_KEY_BYTES) {
      const state = `the key has ${wireKey.length} bytes, the limit is ${MAX_KEY_BYTES}`;
      throw new RangeError(`Cannot ${describe(verb, key)}: ${state}`);
    }
    return wireKey;
  }

  #startSealer(verb: string, key: string): Promise<Sealer> {
    if (this.#sealer !== undefined) return this.#sealer;
    if (this.#root === undefined) {
      const state = "the client was made without a key, and values are never sent or read unsealed";
      throw new TypeError(`Cannot ${describe(verb, key)}: ${state}; give it one: new Client(address, { key })`);
    }
    this.#sealer = handled(Sealer.create(this.#root, { clock: this.#clock, maxValueBytes: this.#maxValueBytes }));
    this.#root.fill(0);
    return this.#sealer;
  }
}

/** The same promise, which no longer ends the program if nobody looks at its error. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

function refusal(verb: string, key: string | undefined, reply: Reply): CryptomemError {
  const request = describe(verb, key);
  // OK and NOT_FOUND carry no text; here they answer a request that knows no such outcome.
  if (reply.status === Status.OK || reply.status === Status.NOT_FOUND) {
    return new CryptomemError("INTERNAL", `Cannot ${request}: the server answered with status ${reply.status}`);
  }
  return serverError(request, reply.value);
}

/** A text that has exactly one form in UTF-8: lone surrogates would all become the same character. */
function wellFormed(what: string, text: string): string {
  if (typeof text !== "string") throw new TypeError(`Cannot use ${what}: it is no string but ${typeof text}`);
  if (text.isWellFormed()) return text;
  throw new TypeError(`Cannot use ${what} ${JSON.stringify(text)}: it has a lone surrogate, which UTF-8 cannot hold`);
}

function checkedDurationMs(what: string, duration: number | string, maxMs: number): number {
  const durationMs = parseDurationMs(duration);
  if (durationMs >= 1 && durationMs <= maxMs) return durationMs;
  throw new RangeError(`Cannot use ${what} ${JSON.stringify(duration)}: it must be from 1 to ${maxMs} ms`);
}

function checkedMaxValueBytes(bytes: number): number {
  if (Number.isSafeInteger(bytes) && bytes >= 0 && bytes <= MAX_CONFIGURABLE_VALUE_BYTES) return bytes;
  throw new RangeError(
    `Cannot use maxValueBytes ${bytes}: it must be a whole number from 0 to ${MAX_CONFIGURABLE_VALUE_BYTES}`,
  );
}
