/**
 * The server's password: kept as a salted scrypt hash from the start on, so that neither memory dumps nor reports hold
 * it. Hashing is meant to be slow; it runs beside the event loop, and only so often at a time.
 *
 * @module
 */

import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { CryptomemError } from "../errors.ts";
import { MAX_CONCURRENT_PASSWORD_CHECKS, MAX_PASSWORD_BYTES } from "../limits.ts";

/** OWASP's row for scrypt with 32 MiB; the default `maxmem` is just below what it takes. */
const COST = { N: 2 ** 15, r: 8, p: 3, maxmem: 64 * 1024 ** 2 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;

/**
 * Hashes a password and forgets it.
 *
 * @param password wiped as soon as it is hashed
 * @returns a check of passwords that are given later. It rejects with CryptomemError `BUSY` while as many are checked as
 * may be at once; what is longer than any password may be is wrong without being hashed
 * @throws RangeError if the password is empty or longer than 512 bytes
 */
export async function passwordCheck(password: Uint8Array): Promise<(given: Uint8Array) => Promise<boolean>> {
  if (password.length === 0 || password.length > MAX_PASSWORD_BYTES) {
    throw new RangeError(
      `Cannot use password: it has ${password.length} bytes and must have from 1 to ${MAX_PASSWORD_BYTES}`,
    );
  }
  const salt = randomBytes(SALT_BYTES);
  const expected = await hash(password, salt);
  password.fill(0);

  let underWay = 0;
  return async (given) => {
    if (given.length > MAX_PASSWORD_BYTES) return false;
    if (underWay === MAX_CONCURRENT_PASSWORD_CHECKS) {
      throw new CryptomemError("BUSY", "too many passwords are being checked, try again");
    }
    underWay++;
    try {
      return timingSafeEqual(await hash(given, salt), expected);
    } finally {
      underWay--;
    }
  };
}

function hash(password: Uint8Array, salt: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, HASH_BYTES, COST, (error, key) => error === null ? resolve(key) : reject(error));
  });
}
