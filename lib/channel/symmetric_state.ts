/**
 * What both sides of a handshake keep in step (Noise's SymmetricState, revision 34 §5.2, with AES-256-GCM and SHA-256):
 * a hash over everything that was said, and a key chained from every secret agreed on. Each message is encrypted under
 * both, so that two sides who differ about anything cannot read each other.
 *
 * @module
 */

import { utf8 } from "../bytes.ts";
import { type Bytes, hkdfBytes, importHkdf, sha256 } from "../crypto/subtle.ts";
import { CipherState, KEY_BYTES } from "./cipher_state.ts";

const HASH_BYTES = 32;
const NOTHING: Bytes = new Uint8Array(0);

/** One side's state, from the first message to {@linkcode SymmetricState.split}. */
export class SymmetricState {
  #hash: Bytes;
  #chainingKey: Bytes;
  /** None until there is a secret: what is said before goes in the clear. */
  #cipher: CipherState | undefined;

  /** @param protocolName at most 32 bytes; Noise would hash a longer one */
  constructor(protocolName: string) {
    this.#hash = new Uint8Array(HASH_BYTES);
    this.#hash.set(utf8(protocolName));
    this.#chainingKey = this.#hash.slice();
  }

  /** The hash over all that was said: the same on both sides if nobody changed anything. */
  get handshakeHash(): Bytes {
    return this.#hash;
  }

  /** Takes something that was said. */
  async mixHash(data: Uint8Array): Promise<void> {
    const both = new Uint8Array(HASH_BYTES + data.length);
    both.set(this.#hash);
    both.set(data, HASH_BYTES);
    this.#hash = await sha256(both);
  }

  /** Takes a secret that both sides have, and changes to a key made of it and of those before. Wipes it. */
  async mixKey(secret: Bytes): Promise<void> {
    const [chainingKey, key] = await this.#derive(secret);
    secret.fill(0);
    this.#chainingKey.fill(0);
    this.#chainingKey = chainingKey;
    this.#cipher?.drop();
    this.#cipher = new CipherState(key);
  }

  /** Says something: encrypted once there is a key. */
  async encryptAndHash(plaintext: Bytes): Promise<Bytes> {
    const said = this.#cipher === undefined ? plaintext : await this.#cipher.seal(this.#hash, plaintext);
    await this.mixHash(said);
    return said;
  }

  /** Opposite of {@linkcode encryptAndHash}; `undefined` if it does not open. */
  async decryptAndHash(said: Bytes): Promise<Bytes | undefined> {
    const plaintext = this.#cipher === undefined ? said : await this.#cipher.open(this.#hash, said);
    if (plaintext !== undefined) await this.mixHash(said);
    return plaintext;
  }

  /**
   * Ends the handshake; nothing else may be called afterwards.
   *
   * @returns the key of what the side that spoke first sends, and the key of what the other one sends
   */
  async split(): Promise<[Bytes, Bytes]> {
    const keys = await this.#derive(NOTHING);
    this.#chainingKey.fill(0);
    this.#cipher?.drop();
    return keys;
  }

  /** Noise's HKDF with two outputs, which is that of RFC 5869 without an info. */
  async #derive(secret: Bytes): Promise<[Bytes, Bytes]> {
    const both = await hkdfBytes(await importHkdf(secret), this.#chainingKey, NOTHING, 2 * KEY_BYTES);
    const keys: [Bytes, Bytes] = [both.slice(0, KEY_BYTES), both.slice(KEY_BYTES)];
    both.fill(0);
    return keys;
  }
}
