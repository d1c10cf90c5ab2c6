/**
 * The SDK: values go in, envelopes leave the process. What a program calls, and what each call promises; how they are
 * carried out is calls.ts's.
 *
 * @module
 */

import { OPCODE } from "../codec/operations.ts";
import type { JsonValue, Value } from "../crypto/value.ts";
import { parseAddress } from "./address.ts";
import { Calls } from "./calls.ts";
import { KeyControl } from "./key_control.ts";
import { type ClientOptions, type ScanOptions, type SetOptions, settingsOf } from "./options.ts";
import { type Outcome, outcomeOf } from "./outcome.ts";
import type { ScannedName } from "./scan.ts";
import type { Found } from "./sealed_values.ts";
import type { Change } from "./updates.ts";
import { wireOf } from "./wire_options.ts";

/**
 * A connection to one Cryptomem server that seals every value with AES-256-GCM before it leaves the process.
 *
 * - **Any number of calls at once.** They share one connection, and calls on one key are carried out in the order in
 *   which they were made.
 * - **Connects by itself**, with the first call, and again with the next call after the connection was lost. It does
 *   not repeat a call that failed.
 * - **Every call ends**, with its result or an error. Each request that it makes of the server ends within the timeout,
 *   and no new one is begun after it. An error concerns its call alone, and a promise that is not awaited takes its
 *   error with it: losing a cache does not end the program.
 * - **An idle client does not keep the process alive.** `close()`, or `await using`, lets go of the connection at once.
 *
 * Misuse rejects with `TypeError` or `RangeError`. Everything else is a {@linkcode CryptomemError} with a `code`:
 * `UNREACHABLE`, `DISCONNECTED`, `TIMEOUT`; what the server answered, as `TOO_LARGE`; or, as an
 * {@linkcode IntegrityError}, why a value is refused: `EXPIRED`, `WRONG_KEY`, `UNKNOWN_KEY`, `TAMPERED`, `ROLLED_BACK`,
 * `NOT_SEALED`. Nothing of a refused value is ever returned.
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
 *
 * @example Through a secure channel, to the one server that has the pinned key
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Client } from "@cryptomem/client";
 * import { serve, ServerKey } from "@cryptomem/server";
 *
 * const serverKey = await ServerKey.generate();
 * const password = new TextEncoder().encode("correct horse battery staple");
 * await using server = serve({ port: 0, serverKey, requireSecure: true, authentication: { password } });
 *
 * await using client = new Client(`localhost:${server.address.port}`, {
 *   pin: serverKey.pin, // as server.ts --server-key shows it
 *   password: "correct horse battery staple",
 *   key: "your-32-byte-very-secret-key-!!!",
 * });
 * await client.set("greeting", "hello");
 * assertEquals(await client.get("greeting"), "hello");
 * ```
 */
export class Client implements AsyncDisposable {
  /** The keys that this client seals and opens with: to list, add, promote and drop them while it is in use. */
  readonly keys: KeyControl;
  readonly #calls: Calls;

  /**
   * Nothing is connected yet. Keys are derived from here on; the roots are wiped once they are.
   *
   * @param address `host:port`, `host` (then the port is 8080), `[::1]:port`, or `unix:/path`
   * @throws TypeError or RangeError if the address or an option cannot be used, or two options do not go together
   */
  constructor(address: string, options: ClientOptions = {}) {
    const place = parseAddress(address);
    const calls = new Calls(place, wireOf(place, options), settingsOf(options));
    this.#calls = calls;
    this.keys = new KeyControl(() => calls.keyring(), (verb) => calls.statistics(verb));
  }

  /**
   * Reads a value and opens it.
   *
   * @typeParam T what the caller knows the value to be; it is not checked
   * @returns the value with the type it was stored with, or `undefined` if there is none
   * @throws TypeError if the key cannot be one, or the client has no key or is closed; IntegrityError if what the
   * server has was not sealed with one of this client's keys for this place, or was changed, or is too old;
   * CryptomemError with what concerns the connection
   */
  get<T = Value>(key: string): Promise<T | undefined> {
    return handled(valueOf(this.#calls.read("get", key, OPCODE.GET)) as Promise<T | undefined>);
  }

  /**
   * Reads a value, and says what came of it instead of throwing an IntegrityError.
   *
   * @example Treating an expired value otherwise than a forged one
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { Client } from "@cryptomem/client";
   * import { serve } from "@cryptomem/server";
   *
   * await using server = serve({ port: 0 });
   * await using client = new Client(`localhost:${server.address.port}`, { key: "your-32-byte-very-secret-key-!!!" });
   * await client.set("k", "v");
   *
   * const outcome = await client.open<string>("k");
   * if (outcome.status === "found") assertEquals(outcome.value, "v");
   * else if (outcome.status === "tampered") throw outcome.error;
   * ```
   *
   * @typeParam T as with {@linkcode Client.get}
   * @throws as {@linkcode Client.get}, but no IntegrityError
   */
  open<T = Value>(key: string): Promise<Outcome<T>> {
    return handled(outcomeOf(this.#calls.read("open", key, OPCODE.GET)) as Promise<Outcome<T>>);
  }

  /** {@linkcode Client.open}, by the name under which it is looked for beside `get`. */
  tryGet<T = Value>(key: string): Promise<Outcome<T>> {
    return this.open(key);
  }

  /**
   * Seals a value and stores it, replacing what was there and its expiry.
   *
   * @param key at least one character, at most 65,535 bytes of UTF-8 with the namespace; the server sees it, unless
   * names are blinded
   * @param value a string, bytes, or anything that JSON gives back as it was; read before this returns. The type lets
   * every object pass, because an `interface` would not fit {@linkcode Value}; one that JSON would change is refused
   * @throws TypeError if the key or the value cannot be stored, a ttl is missing (`bindExpiry`), or the client has no
   * key or is closed; RangeError if the ttl is not one of 1 ms to 292 years, or the key is too long; CryptomemError
   * with `TOO_LARGE`, `OUT_OF_MEMORY`, `CONFLICT` (`monotonic`) and what concerns the connection
   */
  set(key: string, value: Value | object, options: SetOptions = {}): Promise<void> {
    return handled(this.#calls.set(key, value, options));
  }

  /**
   * Seals a value and stores it if there is no entry.
   *
   * @returns whether there was none, and it is stored
   * @throws as {@linkcode Client.set}
   */
  add(key: string, value: Value | object, options: SetOptions = {}): Promise<boolean> {
    return handled(this.#calls.store("add", key, OPCODE.ADD, value, options));
  }

  /**
   * Seals a value and stores it if there is an entry, replacing its value and expiry.
   *
   * @returns whether there was one, and it is replaced
   * @throws as {@linkcode Client.set}
   */
  replace(key: string, value: Value | object, options: SetOptions = {}): Promise<boolean> {
    return handled(this.#calls.store("replace", key, OPCODE.REPLACE, value, options));
  }

  /**
   * Reads a value and removes its entry: of several callers, one gets it. A value that does not open is gone too.
   *
   * @returns as {@linkcode Client.get}
   * @throws as {@linkcode Client.get}
   */
  take<T = Value>(key: string): Promise<T | undefined> {
    return handled(valueOf(this.#calls.read("take", key, OPCODE.TAKE)) as Promise<T | undefined>);
  }

  /**
   * Removes an entry.
   *
   * @returns whether there was one
   * @throws TypeError if the key cannot be one or the client is closed; CryptomemError with what concerns the
   * connection
   */
  delete(key: string): Promise<boolean> {
    return handled(this.#calls.ask("delete", key, OPCODE.DELETE));
  }

  /**
   * Whether there is an entry. Its value is not looked at: the server can say so of any key.
   *
   * @throws as {@linkcode Client.delete}
   */
  exists(key: string): Promise<boolean> {
    return handled(this.#calls.ask("look for", key, OPCODE.EXISTS));
  }

  /**
   * How long an entry has left to live, as the server tells.
   *
   * @returns milliseconds; `null` if it lives until it is deleted; `undefined` if there is none
   * @throws as {@linkcode Client.delete}
   */
  ttl(key: string): Promise<number | null | undefined> {
    return handled(this.#calls.ttl(key));
  }

  /**
   * Gives an entry another time to live, from now on. An end that was sealed into the value (`bindExpiry`) does not
   * move with it: touching can shorten such a life, not make it longer.
   *
   * @param ttl as in {@linkcode SetOptions}; `null` for as long as it is not deleted
   * @returns whether there is an entry
   * @throws as {@linkcode Client.delete}, and TypeError or RangeError if the ttl is none
   */
  touch(key: string, ttl: number | string | null): Promise<boolean> {
    return handled(this.#calls.touch(key, ttl));
  }

  /**
   * Changes a value by a function of what is there, without ever losing the change of another: if the entry has changed
   * meanwhile, the function is called again with what is there then. So it should do nothing but compute: while it
   * runs, this client's other calls on the key wait for it, until their timeout.
   *
   * @example Adding a role
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { Client } from "@cryptomem/client";
   * import { serve } from "@cryptomem/server";
   *
   * await using server = serve({ port: 0 });
   * await using client = new Client(`localhost:${server.address.port}`, { key: "your-32-byte-very-secret-key-!!!" });
   *
   * const addRole = (role: string) => client.update<string[]>("roles", (roles = []) => [...roles, role]);
   * await Promise.all([addRole("admin"), addRole("author")]);
   * assertEquals(await client.get("roles"), ["admin", "author"]);
   * ```
   *
   * @typeParam T as with {@linkcode Client.get}
   * @param change gets the value, or `undefined` if there is none; gives the new one, or `undefined` to leave
   * everything as it is
   * @param options with a ttl, how long the entry lives from now; without, as long as it has left, to the millisecond
   * or so, and without an end if it is new
   * @returns the value that is there now, or `undefined` if the function wanted none
   * @throws what the function throws; as {@linkcode Client.get} and {@linkcode Client.set}; CryptomemError `CONFLICT` if
   * others change the entry all the time until the timeout
   */
  update<T extends Value | object = Value>(
    key: string,
    change: (value: T | undefined) => T | undefined | Promise<T | undefined>,
    options: SetOptions = {},
  ): Promise<T | undefined> {
    return handled(this.#calls.change("update", key, change as Change, options) as Promise<T | undefined>);
  }

  /**
   * Adds to a number, which a server that cannot read it cannot do: exact however many clients do so at once, each of
   * them at the cost of reading and storing. A missing number counts as 0.
   *
   * @param delta a whole number; also a negative one
   * @param options what a number that this creates lives by; one that is there keeps the time it has left
   * @returns the sum
   * @throws TypeError or RangeError if delta is no safe integer; CryptomemError `NOT_INTEGER` if the value is none,
   * `OVERFLOW` if the sum would be none; else as {@linkcode Client.update}
   */
  increment(key: string, delta = 1, options: SetOptions = {}): Promise<number> {
    return handled(this.#calls.increment("increment", key, delta, 1, options));
  }

  /** {@linkcode Client.increment}, downwards. */
  decrement(key: string, delta = 1, options: SetOptions = {}): Promise<number> {
    return handled(this.#calls.increment("decrement", key, delta, -1, options));
  }

  /**
   * Adds text at the end of a text, or bytes at the end of bytes. A missing value counts as an empty one.
   *
   * @param options as with {@linkcode Client.increment}
   * @throws TypeError if the value is of another kind; else as {@linkcode Client.update}
   */
  append(key: string, tail: string | Uint8Array, options: SetOptions = {}): Promise<void> {
    return handled(this.#calls.append(key, tail, options));
  }

  /**
   * Moves a value to another key, replacing what is there, with the time it has left. Each value is sealed for its
   * place, so this reads and seals it anew, in three steps: the value is copied, the old entry is ended if it is still
   * the one that was copied, else all is done once more. Between them, for a moment, there are both; after an error
   * there may be both for good, never none.
   *
   * @returns whether there was an entry to move
   * @throws as {@linkcode Client.update}
   */
  rename(from: string, to: string): Promise<boolean> {
    return handled(this.#calls.rename(from, to));
  }

  /**
   * Walks the names of the namespace. The order is the server's; what is stored or deleted meanwhile may show or not,
   * all else does, some of it perhaps twice. Where names are blinded each entry's value is read for it.
   *
   * @example Listing a namespace
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { Client } from "@cryptomem/client";
   * import { serve } from "@cryptomem/server";
   *
   * await using server = serve({ port: 0 });
   * const [active, names] = [1, 2].map(() => crypto.getRandomValues(new Uint8Array(32)));
   * await using client = new Client(`localhost:${server.address.port}`, {
   *   namespace: "app",
   *   keys: { active: active!, names: names! },
   *   blindNames: true,
   * });
   * await client.set("user:7", "Ada");
   *
   * for await (const { name, isOpened } of client.scan({ prefix: "user:" })) {
   *   assertEquals([name, isOpened], ["user:7", true]);
   * }
   * ```
   *
   * @returns something to iterate over, once or more; nothing is asked of the server before that. Iterating throws
   * TypeError if the client is closed, and CryptomemError with what concerns the connection
   * @throws TypeError or RangeError if an option is none
   */
  scan(options: ScanOptions = {}): AsyncIterable<ScannedName> {
    return this.#calls.scan(options);
  }

  /**
   * Removes all entries of the namespace; of a client without one, all that the server has.
   *
   * @param prefix removes only entries whose keys begin so
   * @returns how many
   * @throws TypeError if names are blinded and there is a prefix, or the client is closed; CryptomemError with what
   * concerns the connection
   */
  clear(prefix = ""): Promise<number> {
    return handled(this.#calls.clear(prefix));
  }

  /**
   * Asks the server for an answer, behind all calls made before.
   *
   * @returns how long that took, in milliseconds, connecting included
   * @throws TypeError if the client is closed; CryptomemError with what concerns the connection
   */
  ping(): Promise<number> {
    return handled(this.#calls.ping());
  }

  /**
   * What the server holds and has done, as it tells it.
   *
   * @throws as {@linkcode Client.ping}
   */
  stats(): Promise<Record<string, JsonValue>> {
    return handled(this.#calls.statistics("read statistics"));
  }

  /**
   * Takes no more calls, waits for those under way, and closes the connection. Can be called again, and then does the
   * same.
   */
  close(): Promise<void> {
    return this.#calls.close();
  }

  /** {@linkcode Client.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The same promise, which no longer ends the program if nobody looks at its error. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

async function valueOf(reading: Promise<Found | undefined>): Promise<Value | undefined> {
  return (await reading)?.value;
}
