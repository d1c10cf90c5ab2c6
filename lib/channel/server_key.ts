/**
 * The key that a server proves to be itself with. It is used for the secure channel and for nothing else.
 *
 * @module
 */

import { type Bytes, importX25519, type X25519KeyPair } from "../crypto/subtle.ts";
import { fingerprintOf, pinOf } from "./pin.ts";

/** Bytes of a private key, which are also all that its file holds. */
export const SERVER_KEY_BYTES = 32;

/** A server's key pair, with its two names. */
export class ServerKey {
  /** For the handshake. */
  readonly keyPair: X25519KeyPair;
  /** What clients are configured with: `cms1_` and the public key. */
  readonly pin: string;
  /** Hash of the public key, for comparing by eye: `SHA256:` and 43 characters, as ssh shows it. */
  readonly fingerprint: string;

  private constructor(keyPair: X25519KeyPair, fingerprint: string) {
    this.keyPair = keyPair;
    this.pin = pinOf(keyPair.publicKey);
    this.fingerprint = fingerprint;
  }

  /** A new key that is nowhere else: with this process, it is gone. */
  static generate(): Promise<ServerKey> {
    return ServerKey.from(ServerKey.generateBytes());
  }

  /** The bytes of a new key, to be kept and given to {@linkcode ServerKey.from}. */
  static generateBytes(): Bytes {
    return crypto.getRandomValues(new Uint8Array(SERVER_KEY_BYTES));
  }

  /**
   * The key that was kept.
   *
   * @param bytes 32 secret bytes; wiped by this call, also when it fails
   * @throws TypeError if it is no bytes, RangeError if it cannot be a key
   */
  static async from(bytes: Uint8Array): Promise<ServerKey> {
    if (!(bytes instanceof Uint8Array)) throw new TypeError("Cannot use server key: it is not bytes");
    const copy = new Uint8Array(bytes);
    bytes.fill(0);
    try {
      if (copy.length !== SERVER_KEY_BYTES) {
        throw new RangeError(`Cannot use server key: it has ${copy.length} bytes and must have ${SERVER_KEY_BYTES}`);
      }
      // What a crash of the machine can leave of a file: its length without its content.
      if (copy.every((byte) => byte === 0)) throw new RangeError("Cannot use server key: all of its bytes are zero");
      const keyPair = await importX25519(copy);
      return new ServerKey(keyPair, await fingerprintOf(keyPair.publicKey));
    } finally {
      copy.fill(0);
    }
  }
}
