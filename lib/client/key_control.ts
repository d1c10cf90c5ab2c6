/**
 * The keys of a client, which can change while it is in use.
 *
 * @module
 */

import { keyIdText } from "../crypto/envelope_header.ts";
import type { Keyring, KeySource } from "../crypto/keyring.ts";
import type { JsonValue } from "../crypto/value.ts";
import { malformed } from "./requests.ts";

/** A key that a client holds. */
export interface HeldKeyInfo {
  /** 8 hexadecimal digits, which stand in every envelope that the key has sealed. Not a secret. */
  readonly id: string;
  /** Whether it seals; else it only opens. */
  readonly isActive: boolean;
}

/** A key, and what the server has that was sealed with it, in all namespaces together. */
export interface KeyStatus extends HeldKeyInfo {
  /** Whether this client holds it. */
  readonly isHeld: boolean;
  /** Entries that were sealed with it; `undefined` if the server has lost count, of too many keys. */
  readonly entries: number | undefined;
  /** Bytes of their values. */
  readonly bytes: number | undefined;
  /** Whether nothing needs it any more: it is held, does not seal, and no entry is left. */
  readonly canDrop: boolean;
}

const KEY_ID = /^[0-9a-f]{8}$/;
const VERB = "read the status of keys";

/**
 * What {@linkcode Client.keys} offers: replacing the key that seals, without a gap and without a restart.
 *
 * 1. `add` the new key in every program: now all of them open what it will seal.
 * 2. `promote` it in every program: it seals from now on.
 * 3. Wait until {@linkcode KeyControl.status} says that no entry is left of the old one: when the longest ttl has
 *    passed, or sooner with `resealOnRead`.
 * 4. `drop` the old one.
 *
 * @example Rotating a key
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Client } from "@cryptomem/client";
 * import { serve } from "@cryptomem/server";
 *
 * await using server = serve({ port: 0 });
 * const key = crypto.getRandomValues(new Uint8Array(32));
 * await using client = new Client(`localhost:${server.address.port}`, { key, resealOnRead: true });
 * await client.set("k", "v");
 *
 * const old = (await client.keys.list())[0]!.id;
 * await client.keys.promote(await client.keys.add(crypto.getRandomValues(new Uint8Array(32))));
 * assertEquals(await client.get("k"), "v");
 * await client.set("k", "sealed with the new key");
 * await client.keys.drop(old);
 * assertEquals(await client.get("k"), "sealed with the new key");
 * ```
 */
export class KeyControl {
  readonly #keyring: () => Promise<Keyring>;
  readonly #statistics: (verb: string) => Promise<Record<string, JsonValue>>;

  /**
   * Not for programs: a client has one.
   *
   * @param keyring throws if there is none
   * @param statistics those of the server
   */
  constructor(keyring: () => Promise<Keyring>, statistics: (verb: string) => Promise<Record<string, JsonValue>>) {
    this.#keyring = keyring;
    this.#statistics = statistics;
  }

  /**
   * The keys that the client holds, in the order in which they came.
   *
   * @throws TypeError if the client has no key, or Fernet's
   */
  async list(): Promise<HeldKeyInfo[]> {
    return (await this.#keyring()).list().map(({ id, isActive }) => ({ id: keyIdText(id), isActive }));
  }

  /**
   * Adds a key that only opens.
   *
   * @returns its id
   * @throws TypeError or RangeError if it is no key, or held already
   */
  async add(key: KeySource): Promise<string> {
    return keyIdText(await (await this.#keyring()).add(key));
  }

  /**
   * Makes a key that is held the one that seals. The one that did so only opens from now on.
   *
   * @throws RangeError if it is not held
   */
  async promote(id: string): Promise<void> {
    (await this.#keyring()).promote(keyIdOf(id));
  }

  /**
   * Forgets a key: what was sealed with it does not open any more. It is not asked whether anything is left that was;
   * {@linkcode KeyControl.status} tells.
   *
   * @throws RangeError if it is the one that seals, or is not held
   */
  async drop(id: string): Promise<void> {
    (await this.#keyring()).drop(keyIdOf(id));
  }

  /**
   * The keys that the client holds, and those that the server has entries of besides, with how many.
   *
   * @throws CryptomemError `INTERNAL` if the server does not count keys, and what concerns the connection
   */
  async status(): Promise<KeyStatus[]> {
    const keyring = await this.#keyring();
    const { counts, isComplete } = countsOf(await this.#statistics(VERB));
    const held = keyring.list().map(({ id, isActive }): KeyStatus => {
      const count = counts.get(keyIdText(id)) ?? (isComplete ? NONE : undefined);
      const canDrop = !isActive && count?.entries === 0;
      return { id: keyIdText(id), isActive, isHeld: true, entries: count?.entries, bytes: count?.bytes, canDrop };
    });
    const ids = new Set(held.map(({ id }) => id));
    const foreign = [...counts].filter(([id, { entries }]) => !ids.has(id) && entries > 0)
      .map(([id, count]): KeyStatus => ({ id, isActive: false, isHeld: false, ...count, canDrop: false }));
    return [...held, ...foreign];
  }
}

interface Count {
  readonly entries: number;
  readonly bytes: number;
}

const NONE: Count = { entries: 0, bytes: 0 };

/** What the server counts by key, and whether that is all of it: it tells so many keys apart, and no more. */
function countsOf({ keys, otherKeys }: Record<string, JsonValue>): { counts: Map<string, Count>; isComplete: boolean } {
  if (keys === undefined) throw malformed(VERB, undefined, "without counts of keys; it is too old to have them");
  const counts = new Map<string, Count>();
  for (const row of Array.isArray(keys) ? keys : [undefined]) {
    const count = countOf(row);
    const id = (row as { readonly id?: unknown } | undefined)?.id;
    if (typeof id !== "string" || !KEY_ID.test(id) || count === undefined) {
      throw malformed(VERB, undefined, "with counts that are none");
    }
    counts.set(id, count);
  }
  return { counts, isComplete: otherKeys === undefined || countOf(otherKeys)?.entries === 0 };
}

function countOf(row: unknown): Count | undefined {
  if (typeof row !== "object" || row === null) return undefined;
  const { entries, bytes } = row as { readonly [name: string]: unknown };
  return isCount(entries) && isCount(bytes) ? { entries, bytes } : undefined;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function keyIdOf(text: string): number {
  if (typeof text === "string" && KEY_ID.test(text)) return parseInt(text, 16);
  // Not shown: who takes the key itself for its id must not find it in a log.
  throw new TypeError("Cannot use key id: it is not 8 hexadecimal digits, as keys.list() tells them");
}
