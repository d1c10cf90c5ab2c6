/**
 * What is kept of a password: a salted scrypt hash, which is slow to make on purpose. As a text it has the form in which
 * password hashes are passed between programs (PHC):
 *
 * ```
 * $scrypt$ln=15,r=8,p=3$<salt>$<hash>      N = 2^ln; salt and hash in base64 without padding
 * ```
 *
 * Hashing runs beside the event loop. How many run at once is for kdf_queue.ts to say.
 *
 * @module
 */

import { MAX_PASSWORD_BYTES, MAX_SCRYPT_MEMORY_BYTES, MAX_SCRYPT_WORK, MIN_SCRYPT_WORK } from "../limits.ts";
import { areSameHashes, nodeCrypto } from "./node_crypto.ts";

/** How much work a hash is. */
interface Cost {
  /** The logarithm to base 2 of scrypt's N. */
  readonly ln: number;
  readonly r: number;
  readonly p: number;
}

/** OWASP's row for scrypt with 32 MiB. */
const COST: Cost = { ln: 15, r: 8, p: 3 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;
const MAX_SALT_BYTES = 64;
const MAX_HASH_BYTES = 64;
const PHC = /^\$scrypt\$ln=([1-9]\d?),r=([1-9]\d?),p=([1-9]\d?)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** A salted hash of one password. */
export class PasswordHash {
  readonly #cost: Cost;
  readonly #salt: Uint8Array;
  readonly #hash: Uint8Array;

  private constructor(cost: Cost, salt: Uint8Array, hash: Uint8Array) {
    this.#cost = cost;
    this.#salt = salt;
    this.#hash = hash;
  }

  /**
   * Hashes a password. What cannot be one is refused at once, not by the promise.
   *
   * @param password wiped as soon as it is hashed
   * @throws RangeError if it is empty or longer than 512 bytes
   */
  static of(password: Uint8Array): Promise<PasswordHash> {
    checkPasswordLength(password);
    const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
    return scrypt(password, salt, HASH_BYTES, COST)
      .finally(() => password.fill(0))
      .then((hash) => new PasswordHash(COST, salt, hash));
  }

  /**
   * Reads what {@linkcode PasswordHash.phc} wrote, or another program.
   *
   * @throws TypeError if it is no such text; RangeError if its parameters are out of bounds. No error shows any of it.
   */
  static parse(text: string): PasswordHash {
    const [, ln, r, p, salt, hash] = PHC.exec(text) ?? [];
    if (hash === undefined) {
      throw new TypeError("Cannot read password hash: it must have the form $scrypt$ln=15,r=8,p=3$SALT$HASH");
    }
    const cost = { ln: Number(ln), r: Number(r), p: Number(p) };
    checkCost(cost);
    return new PasswordHash(
      cost,
      decoded("salt", salt!, SALT_BYTES, MAX_SALT_BYTES),
      decoded("hash", hash, HASH_BYTES, MAX_HASH_BYTES),
    );
  }

  /** The hash as a text. Whoever has it can try out passwords on it, as fast as their machines are. */
  phc(): string {
    const { ln, r, p } = this.#cost;
    const [salt, hash] = [this.#salt, this.#hash].map((bytes) => bytes.toBase64({ omitPadding: true }));
    return `$scrypt$ln=${ln},r=${r},p=${p}$${salt}$${hash}`;
  }

  /** Whether this is the password. Takes as long if it is not. */
  async verify(password: Uint8Array): Promise<boolean> {
    return areSameHashes(await scrypt(password, this.#salt, this.#hash.length, this.#cost), this.#hash);
  }
}

/** Throws RangeError for a password that is empty or longer than 512 bytes. */
export function checkPasswordLength({ length }: Uint8Array): void {
  if (length > 0 && length <= MAX_PASSWORD_BYTES) return;
  throw new RangeError(`Cannot use password: it has ${length} bytes and must have from 1 to ${MAX_PASSWORD_BYTES}`);
}

function checkCost({ ln, r, p }: Cost): void {
  const work = 2 ** ln * r * p;
  if (work < MIN_SCRYPT_WORK || work > MAX_SCRYPT_WORK || memoryBytes({ ln, r }) > MAX_SCRYPT_MEMORY_BYTES) {
    throw new RangeError(
      `Cannot use password hash with ln=${ln},r=${r},p=${p}: 2^ln·r·p must be from 2^${
        Math.log2(MIN_SCRYPT_WORK)
      } to ` +
        `2^${Math.log2(MAX_SCRYPT_WORK)} and 2^ln·r at most 2^20, such as ln=15,r=8,p=3`,
    );
  }
}

function memoryBytes({ ln, r }: Pick<Cost, "ln" | "r">): number {
  return 128 * r * 2 ** ln;
}

function decoded(what: string, base64: string, minBytes: number, maxBytes: number): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.fromBase64(base64);
  } catch {
    throw new TypeError(`Cannot read password hash: its ${what} is no base64`);
  }
  if (bytes.length < minBytes || bytes.length > maxBytes) {
    throw new RangeError(
      `Cannot use password hash: its ${what} has ${bytes.length} bytes and must have from ${minBytes} to ${maxBytes}`,
    );
  }
  return bytes;
}

function scrypt(password: Uint8Array, salt: Uint8Array, bytes: number, { ln, r, p }: Cost): Promise<Uint8Array> {
  // The default `maxmem` is just below what N = 2^15 takes. It counts some buffers besides.
  const options = { N: 2 ** ln, r, p, maxmem: 2 * memoryBytes({ ln, r }) };
  return new Promise((resolve, reject) => {
    nodeCrypto().scrypt(password, salt, bytes, options, (error, key) => error === null ? resolve(key) : reject(error));
  });
}
