/**
 * Tokens: secrets of 256 random bits for programs, of which the server keeps a hash.
 *
 * ```
 * cmt1_<id, 8 letters and digits>_<secret, 43 characters of base64url>      57 characters
 * ```
 *
 * Nobody guesses 256 bits, so one SHA-256 is enough, and checking takes microseconds.
 *
 * @module
 */

import { binaryText, utf8 } from "../bytes.ts";
import { DEFAULT_USER } from "../commands/client_list.ts";
import type { Credentials } from "../commands/identity.ts";
import { MAX_TOKEN_NAME_LENGTH } from "../limits.ts";
import { TOKEN_CLASSES, type TokenClass } from "./access.ts";
import { sha256 } from "./node_crypto.ts";

/** What a server keeps of a token. */
export interface Token {
  /** Eight letters and digits; finds the token. */
  readonly id: string;
  /** Whose token it is, for people; no two tokens of a server have the same. */
  readonly name: string;
  /** What its holder may do. */
  readonly can: readonly TokenClass[];
  /** Its holder may use keys and channels that begin with one of these; none = all. */
  readonly prefixes: readonly string[];
  /** Unix time in milliseconds from which on it is nobody's any more; left out = never. */
  readonly expiresMs?: number;
  /** SHA-256 of the secret's characters, in hexadecimal digits. */
  readonly sha256: string;
}

/** What a new token is made of. */
export interface TokenOptions {
  /** Letters, digits and `. _ - : @`, beginning with a letter or digit; not `default`. */
  readonly name: string;
  /** What its holder may do. */
  readonly can: readonly TokenClass[];
  /** Its holder may use keys and channels that begin with one of these. Default: all. */
  readonly prefixes?: readonly string[];
  /** Unix time in milliseconds from which on it is nobody's any more. Default: never. */
  readonly expiresMs?: number;
}

const START = utf8("cmt1_");
const UNDERSCORE = 0x5f;
const ID_LENGTH = 8;
const SECRET_LENGTH = 43;
const SECRET_BYTES = 32;
const TOKEN_LENGTH = START.length + ID_LENGTH + 1 + SECRET_LENGTH;
/** Without those that look like others: ids are read aloud and typed. There are 32, so each random byte gives one. */
const ID_CHARACTERS = "abcdefghijkmnpqrstuvwxyz23456789";
const ID = /^[0-9A-Za-z]{8}$/;
const NAME = new RegExp(`^[0-9A-Za-z][\\w.:@-]{0,${MAX_TOKEN_NAME_LENGTH - 1}}$`);
const SHA_256 = /^[0-9a-f]{64}$/;

/**
 * Makes a token.
 *
 * @example A token that reads and writes under one prefix
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { createToken, serve } from "@cryptomem/server";
 *
 * const { secret, token } = createToken({ name: "billing", can: ["read", "write"], prefixes: ["billing:"] });
 * await using server = serve({ port: 0, authentication: { tokens: [token] } });
 * using connection = await Deno.connect({ port: server.address.port });
 * await connection.write(new TextEncoder().encode(`PASS ${secret}\n`));
 * const reply = new Uint8Array(200);
 * const length = await connection.read(reply);
 * assertEquals(new TextDecoder().decode(reply.subarray(0, length!)), "OK\n");
 * ```
 *
 * @returns `secret`, for its holder alone, and what the server keeps
 * @throws {RangeError} if something of it cannot be used
 */
export function createToken(options: TokenOptions): { secret: string; token: Token } {
  const { name, can, prefixes = [], expiresMs } = options;
  const id = Array.from(
    crypto.getRandomValues(new Uint8Array(ID_LENGTH)),
    (byte) => ID_CHARACTERS[byte % ID_CHARACTERS.length],
  ).join("");
  const random = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  const secret = random.toBase64({ alphabet: "base64url", omitPadding: true });
  random.fill(0);
  const token: Token = {
    id,
    name,
    can,
    prefixes,
    ...expiresMs !== undefined && { expiresMs },
    sha256: sha256(utf8(secret)).toHex(),
  };
  checkToken(token);
  return { secret: `cmt1_${id}_${secret}`, token };
}

/**
 * Holds a token to its form.
 *
 * @throws RangeError that says what is wrong, and what would be right
 */
export function checkToken({ id, name, can, prefixes, expiresMs, sha256 }: Token): void {
  if (!ID.test(id)) {
    throw new RangeError(`Cannot use ${JSON.stringify(id)} as the id of a token: it has 8 letters and digits`);
  }
  if (!NAME.test(name) || name === DEFAULT_USER) {
    throw new RangeError(
      `Cannot use ${JSON.stringify(name)} as the name of a token: write up to ${MAX_TOKEN_NAME_LENGTH} letters, ` +
        `digits and . _ - : @, and not ${DEFAULT_USER}`,
    );
  }
  const unknown = can.find((one) => !TOKEN_CLASSES.includes(one));
  if (unknown !== undefined || can.length === 0 || new Set(can).size < can.length) {
    throw new RangeError(
      `Cannot let a token ${JSON.stringify(unknown ?? can.join(","))}: choose from ${TOKEN_CLASSES.join(", ")}, ` +
        "each once at most",
    );
  }
  if (prefixes.includes("")) throw new RangeError("Cannot use an empty prefix: without any, a token is for all keys");
  if (expiresMs !== undefined && !Number.isSafeInteger(expiresMs)) {
    throw new RangeError(`Cannot let a token expire at ${expiresMs}: it must be a whole number of milliseconds`);
  }
  if (!SHA_256.test(sha256)) throw new RangeError("Cannot use the hash of a token: it has 64 hexadecimal digits");
}

/**
 * Holds tokens to their form, and to ids and names that tell them apart.
 *
 * @throws RangeError that says what is wrong
 */
export function checkTokens(tokens: readonly Token[]): void {
  const holders = new Set<string>();
  for (const token of tokens) {
    checkToken(token);
    for (const holder of [token.id, token.name]) {
      if (holders.has(holder)) throw new RangeError(`Cannot use two tokens that are called ${JSON.stringify(holder)}`);
      holders.add(holder);
    }
  }
}

/** A secret that is said to be somebody's. */
export interface TokenClaim {
  /** Id, or name. */
  readonly holder: string;
  /** Who the holder of that id has to be besides, by id or name; `undefined` = whoever it is. */
  readonly user: string | undefined;
  /** The secret's characters, in the array that was given. */
  readonly secret: Uint8Array;
}

/**
 * What credentials claim, if they have the form of a token: a whole one, or a user and the secret part alone. Form alone
 * decides, so that who looks on learns nothing of which tokens there are.
 */
export function tokenClaim({ user, secret }: Credentials): TokenClaim | undefined {
  const named = user === DEFAULT_USER ? undefined : user;
  if (isToken(secret)) {
    const id = binaryText(secret.subarray(START.length, START.length + ID_LENGTH));
    return { holder: id, user: named, secret: secret.subarray(TOKEN_LENGTH - SECRET_LENGTH) };
  }
  return named !== undefined && isSecret(secret) ? { holder: named, user: undefined, secret } : undefined;
}

/** Whether bytes have the form of a whole token. */
export function isToken(bytes: Uint8Array): boolean {
  return bytes.length === TOKEN_LENGTH && START.every((byte, i) => bytes[i] === byte) &&
    bytes[START.length + ID_LENGTH] === UNDERSCORE && isSecret(bytes.subarray(TOKEN_LENGTH - SECRET_LENGTH));
}

function isSecret(bytes: Uint8Array): boolean {
  return bytes.length === SECRET_LENGTH && bytes.every(isBase64Url);
}

function isBase64Url(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39 || byte >= 0x41 && byte <= 0x5a || byte >= 0x61 && byte <= 0x7a ||
    byte === 0x2d || byte === UNDERSCORE;
}
