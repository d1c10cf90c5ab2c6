/**
 * The keys of one client in one namespace: one that seals, any number that only open, each found by its id. What a key
 * is derived from is key.ts's; which envelope asks for which key is sealer.ts's.
 *
 * A key is replaced without a gap in three steps: add the new one to every client, open-only; promote it, and demote
 * the old one by that; drop the old one when the last entry sealed with it has expired.
 *
 * @module
 */

import { utf8 } from "../bytes.ts";
import { MAX_DROPPED_KEY_IDS } from "../limits.ts";
import { keyIdText, readKeyId } from "./envelope_header.ts";
import { deriveKeys, deriveNamespaceRoot, type KeySource, readKey } from "./key.ts";
import { LruMap } from "./lru_map.ts";
import { Xaes } from "./xaes.ts";

export type { KeySource } from "./key.ts";
export type { PassphraseKey } from "./passphrase.ts";

/** Keys of {@linkcode Keyring.create}. */
export interface KeyringOptions {
  /** The key that seals; it opens too. */
  readonly active: KeySource;
  /** Keys that open and do not seal; none by default. */
  readonly openOnly?: readonly KeySource[];
  /**
   * Uses of every key only what {@linkcode namespaceKey} derives from it for the namespace, so that another namespace
   * has other keys; off by default.
   */
  readonly perNamespace?: boolean;
}

/** A key that is ready for use. */
export interface HeldKey {
  /** Names the key in every envelope; public. */
  readonly id: number;
  /** The same as four bytes. */
  readonly idBytes: Uint8Array;
  /** What seals and opens with it. */
  readonly cipher: Xaes;
}

/** One active key and any number of others, which can change while it is in use. */
export class Keyring {
  /** In which namespace keys are derived; `undefined` if they are taken as they are. */
  readonly #namespace: Uint8Array | undefined;
  readonly #keys = new Map<number, HeldKey>();
  #active: HeldKey;
  /** Ids of keys that were dropped; bounded, since a program may rotate for ever. */
  readonly #dropped = new LruMap<number, true>(MAX_DROPPED_KEY_IDS);

  private constructor(active: HeldKey, openOnly: readonly HeldKey[], namespace: Uint8Array | undefined) {
    this.#namespace = namespace;
    this.#active = active;
    for (const key of [active, ...openOnly]) this.#hold(key);
  }

  /**
   * Derives all keys. Roots are wiped once they are; the caller's arrays are left as they are.
   *
   * @param namespace UTF-8; of use with `perNamespace` only
   * @throws TypeError or RangeError, at once rather than by rejecting, if a key has no form that can be used
   * @returns rejects with a RangeError if two of the keys have one id, most likely because they are one key
   */
  static create(options: KeyringOptions, namespace: Uint8Array): Promise<Keyring> {
    const { active, openOnly = [], perNamespace = false } = options;
    const roots = [active, ...openOnly].map(readKey);
    return Keyring.#derive(roots, perNamespace ? new Uint8Array(namespace) : undefined);
  }

  static async #derive(roots: readonly (() => Promise<Root>)[], namespace: Uint8Array | undefined): Promise<Keyring> {
    const [active, ...openOnly] = await Promise.all(roots.map((root) => heldKey(root, namespace)));
    return new Keyring(active!, openOnly, namespace);
  }

  /** The key that seals. */
  get active(): HeldKey {
    return this.#active;
  }

  /** The key with an id, if it is held: the only one that is tried on an envelope of this id. */
  find(id: number): HeldKey | undefined {
    return this.#keys.get(id);
  }

  /** Whether a key with this id was held and dropped; of the last 1,024 that were. */
  wasDropped(id: number): boolean {
    return this.#dropped.get(id) !== undefined;
  }

  /** The keys that are held, in the order in which they came. */
  list(): readonly { id: number; isActive: boolean }[] {
    return Array.from(this.#keys.keys(), (id) => ({ id, isActive: id === this.#active.id }));
  }

  /**
   * Adds a key that opens and does not seal.
   *
   * @returns its id; rejects with a RangeError if the id is held already
   * @throws TypeError or RangeError, at once, if the key has no form that can be used
   */
  add(source: KeySource): Promise<number> {
    return this.#add(readKey(source));
  }

  async #add(root: () => Promise<Root>): Promise<number> {
    const key = await heldKey(root, this.#namespace);
    this.#hold(key);
    this.#dropped.delete(key.id);
    return key.id;
  }

  /**
   * Makes a key that is held the one that seals; the one before only opens from now on.
   *
   * @throws RangeError if no such key is held
   */
  promote(id: number): void {
    const key = this.#keys.get(id);
    if (key === undefined) throw new RangeError(`Cannot promote key ${keyIdText(id)}: it is not held; add it first`);
    this.#active = key;
  }

  /**
   * Forgets a key: what was sealed with it does not open any more.
   *
   * @throws RangeError if the key is the active one, or is not held
   */
  drop(id: number): void {
    if (id === this.#active.id) {
      throw new RangeError(`Cannot drop key ${keyIdText(id)}: it is the active one; promote another first`);
    }
    if (!this.#keys.delete(id)) throw new RangeError(`Cannot drop key ${keyIdText(id)}: it is not held`);
    this.#dropped.set(id, true);
  }

  /** Two keys of one id would have to be tried in turn, which would tell the server which keys there are. */
  #hold(key: HeldKey): void {
    if (this.#keys.has(key.id)) {
      throw new RangeError(`Cannot hold two keys of the id ${keyIdText(key.id)}: give each key once`);
    }
    this.#keys.set(key.id, key);
  }
}

/**
 * The key that stands for another in one namespace: with `perNamespace`, a client that holds `key` and one that holds
 * only this, without `perNamespace`, read and write the same. Give it to a program that shall see this namespace only.
 *
 * @returns 32 secret bytes
 * @throws TypeError or RangeError, at once, if the key has no form that can be used
 *
 * @example A key for one program, made from the key of all
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { namespaceKey } from "@cryptomem/client";
 *
 * const key = await namespaceKey(crypto.getRandomValues(new Uint8Array(32)), "billing");
 * assertEquals(key.length, 32);
 * ```
 */
export function namespaceKey(key: KeySource, namespace: string): Promise<Uint8Array> {
  if (!namespace.isWellFormed()) throw new RangeError("Cannot derive key: the namespace has a lone surrogate");
  const root = readKey(key);
  return root().then((bytes) => deriveNamespaceRoot(bytes, utf8(namespace)));
}

type Root = Uint8Array<ArrayBuffer>;

async function heldKey(root: () => Promise<Root>, namespace: Uint8Array | undefined): Promise<HeldKey> {
  let bytes = await root();
  if (namespace !== undefined) bytes = await deriveNamespaceRoot(bytes, namespace);
  const { valueKey, keyId } = await deriveKeys(bytes);
  return { id: readKeyId(keyId, 0), idBytes: keyId, cipher: await Xaes.create(valueKey) };
}
