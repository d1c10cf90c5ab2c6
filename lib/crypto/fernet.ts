/**
 * Fernet tokens as values, to share an entry with programs that speak Fernet (Python's `cryptography` and others).
 * For that only: a sealed value (sealer.ts) is better in everything else. A token is bound to no place, so whoever
 * holds the server can put the one of an entry under another key, and it opens; it shows when it was made; its cipher
 * is AES-128; and it is a third longer than it need be.
 *
 * ```
 * token = base64url with padding, of
 * offset size field
 * 0      1    0x80        version; as text, a token begins with "g" and one of "A" to "P"
 * 1      8    made        u64 big-endian, Unix time in seconds
 * 9      16   IV          random
 * 25     16k  ciphertext  AES-128-CBC of the body, with PKCS#7 padding: k is 1 or more
 * …      32   MAC         HMAC-SHA-256 of all bytes before it
 *
 * key = base64url with padding, of
 * 0      16   signing key
 * 16     16   encryption key
 * ```
 *
 * A token does not name its key, so opening tries one after the other: that is how Fernet rotates. A server learns
 * nothing from it. Each try is an HMAC under 128 random bits, and no token can be made that two keys accept.
 *
 * @module
 */

import { textOf, utf8 } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import { CryptomemError } from "../errors.ts";
import { FERNET_SKEW_MS, MAX_FERNET_BODY_BYTES } from "../limits.ts";
import { refusal } from "./envelope.ts";
import type { RandomBytes } from "./nonce.ts";
import { aesCbcDecrypt, aesCbcEncrypt, type Bytes, hmacSign, hmacVerify, importAesCbc, importHmac } from "./subtle.ts";

const VERSION = 0x80;
const MADE_START = 1;
const IV_START = 9;
const CIPHERTEXT_START = 25;
const BLOCK_BYTES = 16;
const MAC_BYTES = 32;
const OVERHEAD_BYTES = CIPHERTEXT_START + MAC_BYTES;

const KEY_BYTES = 32;
const SIGNING_KEY_BYTES = 16;
/** 32 bytes; the last character before the padding holds four bits of them and two zeros. */
const KEY_TEXT = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]=$/;
const KEY_FORM =
  "give 32 bytes in base64url with padding (43 characters and =), as Fernet.generate_key() of Python does";

/** The 6 bits of the first character and 2 of the second are the version, so this is what a token begins with. */
const TOKEN_START = "g".charCodeAt(0);
const SECOND_LOWEST = "A".charCodeAt(0);
const SECOND_HIGHEST = "P".charCodeAt(0);

/** Settings of {@linkcode Fernet.create}. */
export interface FernetOptions {
  /** Time, which tokens are dated by and their age is counted on. */
  readonly clock: Clock;
  /**
   * How old a token may be; any age if left out. Counted in whole seconds, since tokens are dated so: none is refused
   * too early, and some are accepted for most of a second too long, the same ones as in Python.
   */
  readonly maxAgeMs?: number | undefined;
  /** Longest body that is sealed or opened. */
  readonly maxValueBytes: number;
  /** Where IVs come from; `crypto.getRandomValues` by default. Anything predictable is for tests only. */
  readonly randomBytes?: RandomBytes;
}

interface FernetKey {
  readonly signing: CryptoKey;
  readonly encryption: CryptoKey;
}

/** Bytes of the token of a body. */
export function fernetTokenBytes(bodyBytes: number): number {
  return Math.ceil((OVERHEAD_BYTES + paddedBytes(bodyBytes)) / 3) * 4;
}

/** PKCS#7 always adds something, so that the last byte says how much. */
function paddedBytes(bodyBytes: number): number {
  return (Math.floor(bodyBytes / BLOCK_BYTES) + 1) * BLOCK_BYTES;
}

/** Seals bodies as Fernet tokens and opens them. Safe for any number of calls at once. */
export class Fernet {
  /** Never empty. A promise, so that a client's constructor can make one. */
  readonly #keys: Promise<readonly FernetKey[]>;
  readonly #clock: Clock;
  readonly #randomBytes: RandomBytes;
  readonly #maxAgeMs: number;
  readonly #maxBodyBytes: number;

  private constructor(keys: Promise<readonly FernetKey[]>, options: FernetOptions) {
    this.#keys = keys;
    this.#clock = options.clock;
    this.#randomBytes = options.randomBytes ?? ((bytes) => void crypto.getRandomValues(bytes));
    this.#maxAgeMs = options.maxAgeMs ?? Infinity;
    this.#maxBodyBytes = Math.min(options.maxValueBytes, MAX_FERNET_BODY_BYTES);
  }

  /**
   * Takes the keys, which the engine holds from then on and does not give away.
   *
   * To rotate: add the new key at the end in every program, then move it to the front, and remove the old one when
   * the last of its tokens is gone.
   *
   * @param keys one key, or several: the first seals, all open, tried in their order
   * @throws TypeError if a key is no text; RangeError if one has another form, if there is none or one twice, or if
   * `maxAgeMs` is not 0 or more. No message shows any of a key
   */
  static create(keys: string | readonly string[], options: FernetOptions): Fernet {
    const texts = typeof keys === "string" ? [keys] : keys;
    if (!Array.isArray(texts)) throw new TypeError(`Cannot use Fernet key: it is no text; ${KEY_FORM}`);
    if (texts.length === 0) throw new RangeError(`Cannot use Fernet keys: there is none; ${KEY_FORM}`);
    texts.forEach(checkKeyText);
    if (new Set(texts).size !== texts.length) {
      throw new RangeError("Cannot use Fernet keys: one is given twice; give each once, the one that seals first");
    }
    const { maxAgeMs } = options;
    // Compared with NaN, no token would ever be too old.
    if (maxAgeMs !== undefined && !(maxAgeMs >= 0)) {
      throw new RangeError(`Cannot use Fernet's longest age ${maxAgeMs}: give 0 milliseconds or more`);
    }
    const imported = Promise.all(texts.map(importKey));
    // Its failure shows in every call; this only keeps it from being reported as nobody's.
    imported.catch(() => {});
    return new Fernet(imported, options);
  }

  /** A new random key, in the form that every implementation of Fernet takes. A secret: keep it like one. */
  static generateKey(): string {
    const bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
    const text = bytes.toBase64({ alphabet: "base64url" });
    bytes.fill(0);
    return text;
  }

  /**
   * Seals a body with the first key; every token is another, also for the same body. The body is read before this
   * returns, so its bytes may change afterwards.
   *
   * @returns the token, {@linkcode fernetTokenBytes} characters of ASCII
   * @throws CryptomemError `TOO_LARGE` if the body has more than `maxValueBytes`
   */
  async seal(body: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    if (body.length > this.#maxBodyBytes) {
      throw new CryptomemError(
        "TOO_LARGE",
        `Cannot seal value: it has ${body.length} bytes, the limit is ${this.#maxBodyBytes}`,
      );
    }
    const plaintext = new Uint8Array(body);
    const bytes = new Uint8Array(OVERHEAD_BYTES + paddedBytes(body.length));
    bytes[0] = VERSION;
    writeU64(bytes, MADE_START, secondsOf(this.#clock));
    const iv = bytes.subarray(IV_START, CIPHERTEXT_START);
    // CBC needs an IV that nobody can predict, and 128 random bits repeat after 2^64 tokens or so.
    this.#randomBytes(iv);

    const { signing, encryption } = (await this.#keys)[0]!;
    bytes.set(await aesCbcEncrypt(encryption, iv, plaintext), CIPHERTEXT_START);
    const macStart = bytes.length - MAC_BYTES;
    bytes.set(await hmacSign(signing, bytes.subarray(0, macStart)), macStart);
    return utf8(bytes.toBase64({ alphabet: "base64url" }));
  }

  /**
   * Opens a token that was sealed with one of the keys. The token is read before this returns.
   *
   * @throws IntegrityError with `unknown-version` for what does not even begin as a token, which is how plaintext and
   * the envelopes of sealer.ts are told from a damaged token; `expired` for one older than `maxAgeMs`; `size-limit`
   * for one whose body is longer than `maxValueBytes`; and `fernet` for everything else: cut, not the one text of its
   * bytes, dated more than 60 s ahead, changed, or sealed with another key. Nothing of the value is given then
   */
  async open(token: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = this.#decode(token);
    // Before the MAC, as Fernet's specification wants: so the server can make a client say `expired` of anything. It
    // can as well withhold the entry.
    const ageMs = (secondsOf(this.#clock) - readU64(bytes, MADE_START)) * 1000;
    if (ageMs > this.#maxAgeMs) throw refusal("expired");
    if (ageMs < -FERNET_SKEW_MS) throw refusal("fernet");

    const macStart = bytes.length - MAC_BYTES;
    const signed = bytes.subarray(0, macStart);
    const mac = bytes.subarray(macStart);
    for (const { signing, encryption } of await this.#keys) {
      if (!await hmacVerify(signing, mac, signed)) continue;
      // Nothing is decrypted that nobody with the key has made: whether its padding is right tells an attacker nothing.
      const iv = bytes.subarray(IV_START, CIPHERTEXT_START);
      const body = await aesCbcDecrypt(encryption, iv, bytes.subarray(CIPHERTEXT_START, macStart));
      if (body === undefined) throw refusal("fernet");
      if (body.length > this.#maxBodyBytes) throw refusal("size-limit");
      return body;
    }
    throw refusal("fernet");
  }

  /** The bytes that a token is the text of, of a length that a token can have. */
  #decode(token: Uint8Array): Bytes {
    const second = token[1] ?? 0;
    if (token[0] !== TOKEN_START || second < SECOND_LOWEST || second > SECOND_HIGHEST) {
      throw refusal("unknown-version");
    }
    if (token.length > fernetTokenBytes(this.#maxBodyBytes)) throw refusal("size-limit");
    let bytes: Bytes;
    try {
      bytes = Uint8Array.fromBase64(textOf(token), { alphabet: "base64url", lastChunkHandling: "strict" });
    } catch {
      throw refusal("fernet");
    }
    // "strict" wants the padding and zeros in the bits that are left over, but lets white space pass. Without any,
    // four characters are three bytes; so only one text of a token is accepted.
    const isCanonical = Math.ceil(bytes.length / 3) * 4 === token.length;
    const ciphertextBytes = bytes.length - OVERHEAD_BYTES;
    if (!isCanonical || ciphertextBytes < BLOCK_BYTES || ciphertextBytes % BLOCK_BYTES !== 0) throw refusal("fernet");
    return bytes;
  }
}

function checkKeyText(text: unknown): void {
  if (typeof text !== "string") throw new TypeError(`Cannot use Fernet key: it is no text; ${KEY_FORM}`);
  if (!KEY_TEXT.test(text)) {
    throw new RangeError(`Cannot use Fernet key: its ${text.length} characters are no such key; ${KEY_FORM}`);
  }
}

/** @param text of the form that {@linkcode checkKeyText} has found */
async function importKey(text: string): Promise<FernetKey> {
  const bytes = Uint8Array.fromBase64(text, { alphabet: "base64url" });
  try {
    const [signing, encryption] = await Promise.all([
      importHmac(bytes.subarray(0, SIGNING_KEY_BYTES)),
      importAesCbc(bytes.subarray(SIGNING_KEY_BYTES)),
    ]);
    return { signing, encryption };
  } finally {
    bytes.fill(0);
  }
}

function secondsOf(clock: Clock): number {
  return Math.floor(clock.wallMs() / 1000);
}

function writeU64(bytes: Bytes, at: number, value: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  view.setUint32(0, Math.floor(value / 2 ** 32));
  view.setUint32(4, value);
}

/** Not exact beyond 2^53, which is as far ahead of any clock. */
function readU64(bytes: Bytes, at: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  return view.getUint32(0) * 2 ** 32 + view.getUint32(4);
}
