/**
 * From a caller's key to the place of its entry: what the server calls it, and what its value is bound to.
 *
 * ```
 * key "user:7", namespace "app"     the server knows it as      the value is bound to    and holds
 * clear names                       app:user:7                  app, user:7
 * blinded names                     app:8cgUlYJgwx1rp9Ri5F0_lg  app, 8cgUlYJgwx1r…       the name user:7
 * ```
 *
 * A value under a blinded name is bound to that name and holds the real one, so that whoever has the value's key can
 * read names without the key of the names; for both to be right, a value must hold the name that was asked for.
 *
 * @module
 */

import { strictTextOf, utf8 } from "../bytes.ts";
import { type Slot, SlotKind } from "../crypto/envelope.ts";
import type { NameKey } from "../crypto/name_key.ts";
import { MAX_KEY_BYTES } from "../limits.ts";
import { describe } from "./call.ts";
import { wellFormed } from "./options.ts";
import { type Soon, soon } from "./soon.ts";

/** Where an entry is. */
export interface Place {
  /** The caller's key. */
  readonly key: string;
  /** What the server knows the entry by. */
  readonly wireKey: Uint8Array;
  /** What its value is bound to. */
  readonly slot: Slot;
  /** The name that its value must hold: the caller's key where names are blinded, else none. */
  readonly name: Uint8Array | undefined;
}

/** The places of one namespace. */
export class Places {
  readonly #prefix: string;
  readonly #namespace: Uint8Array<ArrayBuffer>;
  /** The promise until it is kept; `undefined` where names are clear. */
  #nameKey: Soon<NameKey> | undefined;

  /**
   * @param namespace empty for none
   * @param nameKey what blinds names; without it they are clear
   */
  constructor(namespace: string, nameKey: Promise<NameKey> | undefined) {
    this.#prefix = namespace === "" ? "" : `${namespace}:`;
    this.#namespace = utf8(namespace);
    this.#nameKey = nameKey;
    nameKey?.then((ready) => this.#nameKey = ready, () => {});
  }

  /** Whether the server sees stand-ins instead of keys. */
  get areBlinded(): boolean {
    return this.#nameKey !== undefined;
  }

  /**
   * The place of a key.
   *
   * @param verb what is to be done, for messages
   * @throws TypeError if the key cannot be one, RangeError if it is too long
   */
  of(verb: string, key: string): Soon<Place> {
    if (wellFormed("key", key) === "") throw new TypeError(`Cannot ${verb} "": the key is empty`);
    const name = utf8(key);
    if (this.#nameKey !== undefined) {
      checkLength(verb, key, name.length);
      return soon(
        this.#nameKey,
        async (nameKey) => this.blinded(key, await nameKey.blind(this.#namespace, name), name),
      );
    }
    const wireKey = this.#prefix === "" ? name : utf8(this.#prefix + key);
    checkLength(verb, key, wireKey.length);
    return { key, wireKey, slot: this.#slot(name), name: undefined };
  }

  /**
   * The place of a blinded name.
   *
   * @param key what messages call it
   * @param name the real name, if it is known
   */
  blinded(key: string, blindedName: string, name: Uint8Array | undefined): Place {
    return { key, wireKey: utf8(this.#prefix + blindedName), slot: this.#slot(utf8(blindedName)), name };
  }

  /** How the server's names begin for the keys that begin so; only where names are clear, or for all of the namespace. */
  wirePrefix(prefix: string): Uint8Array {
    return utf8(this.#prefix + prefix);
  }

  /**
   * What follows the namespace in one of the server's names; `undefined` if nothing does, or it is not of this namespace
   * or no text: no client stores anything under such a name.
   */
  nameIn(wireKey: Uint8Array): string | undefined {
    try {
      const text = strictTextOf(wireKey);
      return text.startsWith(this.#prefix) ? text.slice(this.#prefix.length) || undefined : undefined;
    } catch {
      return undefined;
    }
  }

  #slot(key: Uint8Array): Slot {
    return { kind: SlotKind.STRING, namespace: this.#namespace, key };
  }
}

function checkLength(verb: string, key: string, bytes: number): void {
  if (bytes <= MAX_KEY_BYTES) return;
  throw new RangeError(`Cannot ${describe(verb, key)}: the key has ${bytes} bytes, the limit is ${MAX_KEY_BYTES}`);
}
