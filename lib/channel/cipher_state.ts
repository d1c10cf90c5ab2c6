/**
 * One direction of a channel: its key, and the counter that makes every nonce of it new (Noise's CipherState, revision
 * 34 §5.1, with AES-256-GCM). Both ends count alike, so a record that was lost, doubled or moved does not open.
 *
 * ```
 * nonce  00 00 00 00 ‖ u64 counter        12 bytes, big-endian
 * rekey  key = AES-256-GCM(key, nonce = counter 2^64 - 1, no associated data, 32 zero bytes)[0:32]
 * ```
 *
 * The counter goes on over a rekeying. Its last value is never used for a record: it belongs to rekeying.
 *
 * @module
 */

import { MAX_CHANNEL_BYTES, MAX_NATIVE_RECORD_BYTES, MAX_RECORDS_PER_KEY } from "../limits.ts";
import { hasNativeGcm, nativeGcmOpen, nativeGcmSealInto } from "../crypto/native_gcm.ts";
import { aesGcmOpen, aesGcmSeal, type Bytes, importAesGcm } from "../crypto/subtle.ts";
import { ChannelError } from "./channel_error.ts";

/** Bytes that a ciphertext is longer than its plaintext. */
export const TAG_BYTES = 16;
/** Bytes of a key. */
export const KEY_BYTES = 32;

const NONCE_BYTES = 12;
const COUNTER_START = 4;
const REKEY_NONCE: Bytes = new Uint8Array(NONCE_BYTES).fill(0xff, COUNTER_START);
const ZERO_KEY: Bytes = new Uint8Array(KEY_BYTES);
const NOTHING: Bytes = new Uint8Array(0);

/** What a direction has been used for before, and whether node:crypto may be used if it is there. */
export interface CipherStart {
  /** Value of the counter for the first record. Default 0. */
  readonly counter?: bigint;
  /** Bytes carried already. Default 0. */
  readonly bytes?: number;
  /** Default: whether there is one. */
  readonly usesNative?: boolean;
}

/** Seals, or opens, the messages of one direction in their order. One object must not do both. */
export class CipherState {
  /**
   * Kept so that {@linkcode drop} can wipe it, and to make of it the key of WebCrypto, which small records never need.
   * node:crypto uses it as it is: a key of its own would take memory, and leave a copy of its bytes with each record.
   */
  readonly #key: Bytes;
  readonly #usesNative: boolean;
  /** A key of WebCrypto takes more memory than all else of a channel that waits, so it is made when it is used. */
  #web: Promise<CryptoKey> | undefined;
  /** The nonce of the next message. */
  readonly #nonce: Bytes = new Uint8Array(NONCE_BYTES);
  #recordsLeftOfKey = MAX_RECORDS_PER_KEY;
  #bytesLeft = MAX_CHANNEL_BYTES;

  /** @param key 32 bytes, which belong to this object from now on */
  constructor(key: Bytes, start: CipherStart = {}) {
    const { counter = 0n, bytes = 0, usesNative = hasNativeGcm } = start;
    this.#key = key;
    this.#usesNative = usesNative;
    new DataView(this.#nonce.buffer).setBigUint64(COUNTER_START, counter);
    this.#bytesLeft -= bytes;
  }

  /** Whether most of the bytes are used up that may go this way. */
  get isWearingOut(): boolean {
    return this.#bytesLeft < MAX_CHANNEL_BYTES / 8;
  }

  /**
   * Encrypts and authenticates the next message. The nonce is taken by the call itself, so that the order of calls is
   * the order of messages, whichever result is there first.
   *
   * @param plaintext must stay as it is until there is a result
   * @returns ciphertext and tag, at once where the message is short and there is a cipher that answers at once
   * @throws ChannelError `worn-out`, without a nonce having been taken
   */
  seal(associatedData: Bytes, plaintext: Bytes): Bytes | Promise<Bytes> {
    const sealed = new Uint8Array(plaintext.length + TAG_BYTES);
    return this.sealInto(sealed, 0, associatedData, plaintext)?.then(() => sealed) ?? sealed;
  }

  /** The same, to a place in an array that is there. Returns `undefined` where {@linkcode seal} would answer at once. */
  sealInto(into: Bytes, at: number, associatedData: Bytes, plaintext: Bytes): Promise<void> | undefined {
    this.#begin(plaintext.length);
    if (this.#usesNative && plaintext.length <= MAX_NATIVE_RECORD_BYTES) {
      nativeGcmSealInto(into, at, this.#key, this.#nonce, associatedData, plaintext);
      this.#advance();
      return undefined;
    }
    const key = this.#webKey(), nonce = this.#nonce.slice();
    this.#advance();
    return key.then(async (key) => into.set(await aesGcmSeal(key, nonce, associatedData, plaintext), at));
  }

  /**
   * Opens the next message.
   *
   * @param ciphertext must stay as it is until there is a result
   * @returns the plaintext, or `undefined` if this is not the next message; at once where {@linkcode seal} would be
   * @throws ChannelError `worn-out`
   */
  open(associatedData: Bytes, ciphertext: Bytes): Bytes | undefined | Promise<Bytes | undefined> {
    this.#begin(ciphertext.length - TAG_BYTES);
    if (this.#usesNative && ciphertext.length <= MAX_NATIVE_RECORD_BYTES + TAG_BYTES) {
      const opened = nativeGcmOpen(this.#key, this.#nonce, associatedData, ciphertext);
      this.#advance();
      return opened;
    }
    const key = this.#webKey(), nonce = this.#nonce.slice();
    this.#advance();
    return key.then((key) => aesGcmOpen(key, nonce, associatedData, ciphertext));
  }

  /** Forgets the key. Neither {@linkcode seal} nor {@linkcode open} may be called any more. */
  drop(): void {
    this.#key.fill(0);
    this.#web = undefined;
    this.#bytesLeft = -1;
  }

  /** Makes sure that there are a key and a nonce for one more message of so many bytes. */
  #begin(bytes: number): void {
    if (bytes > this.#bytesLeft) throw wornOut(`${MAX_CHANNEL_BYTES} bytes have gone one way`);
    if (isLastCounter(this.#nonce)) throw wornOut("its nonces are used up");
    this.#bytesLeft -= bytes;
    if (this.#recordsLeftOfKey === 0) this.#rekey();
    this.#recordsLeftOfKey--;
  }

  #advance(): void {
    const nonce = this.#nonce;
    for (let i = NONCE_BYTES - 1; i >= COUNTER_START; i--) {
      const next = nonce[i]! + 1;
      nonce[i] = next;
      if (next <= 0xff) return;
    }
  }

  #rekey(): void {
    this.#recordsLeftOfKey = MAX_RECORDS_PER_KEY;
    if (!this.#usesNative) {
      this.#web = this.#webKey().then(rekeyed);
      return;
    }
    const next = new Uint8Array(KEY_BYTES + TAG_BYTES);
    nativeGcmSealInto(next, 0, this.#key, REKEY_NONCE, NOTHING, ZERO_KEY);
    this.#key.set(next.subarray(0, KEY_BYTES));
    next.fill(0);
    this.#web = undefined;
  }

  #webKey(): Promise<CryptoKey> {
    // WebCrypto copies the bytes before it returns: a rekeying or drop() that follows does not change this key.
    return this.#web ??= importAesGcm(this.#key);
  }
}

async function rekeyed(key: CryptoKey): Promise<CryptoKey> {
  const next = await aesGcmSeal(key, REKEY_NONCE, NOTHING, ZERO_KEY);
  try {
    return await importAesGcm(next.subarray(0, KEY_BYTES));
  } finally {
    next.fill(0);
  }
}

function isLastCounter(nonce: Bytes): boolean {
  for (let i = COUNTER_START; i < NONCE_BYTES; i++) if (nonce[i] !== 0xff) return false;
  return true;
}

function wornOut(why: string): ChannelError {
  return new ChannelError("worn-out", `${why}; connect again`);
}
