/**
 * How a program says who may speak with its server.
 *
 * @module
 */

import { Authentication } from "./authentication.ts";
import { checkPasswordLength, PasswordHash } from "./password_hash.ts";
import { checkTokens, isToken, type Token } from "./token.ts";

/** Who may speak with a server. With none of it, nobody can say who they are. */
export interface AuthenticationOptions {
  /** The password of the user `default`, who may do everything. Wiped as soon as it is hashed. */
  readonly password?: Uint8Array;
  /** In place of `password`, its hash as `server.ts hash-password` prints it: `$scrypt$ln=15,r=8,p=3$…`. */
  readonly passwordHash?: string;
  /** Tokens, as {@linkcode createToken} makes them. */
  readonly tokens?: readonly Token[];
  /**
   * Whether a password that was right once is known again in microseconds, by a code of it that is kept in memory, so
   * that many clients may come back at once. Who reads the server's memory can try out passwords faster with it.
   * Default: true.
   */
  readonly rememberPassword?: boolean;
}

/**
 * Throws what {@linkcode authenticationOf} would, and leaves everything as it is.
 *
 * @throws {TypeError} for a password beside its hash, or a hash of another form
 * @throws {RangeError} for a password, a hash or a token that cannot be used
 */
export function checkAuthentication({ password, passwordHash, tokens = [] }: AuthenticationOptions): void {
  if (password !== undefined && passwordHash !== undefined) {
    throw new TypeError("Cannot use a password and the hash of one: give one of them");
  }
  if (password !== undefined) checkPassword(password);
  if (passwordHash !== undefined) PasswordHash.parse(passwordHash);
  checkTokens(tokens);
}

/**
 * The users of a server.
 *
 * @throws as {@linkcode checkAuthentication} does
 */
export function authenticationOf(options: AuthenticationOptions): Authentication {
  checkAuthentication(options);
  const { password, passwordHash, tokens, rememberPassword = true } = options;
  const hash = password !== undefined
    ? PasswordHash.of(password)
    : passwordHash !== undefined
    ? PasswordHash.parse(passwordHash)
    : undefined;
  // Should hashing fail, the first who gives a password is told; until then nobody listens.
  if (hash instanceof Promise) hash.catch(() => {});
  return new Authentication({
    ...hash !== undefined && { password: hash },
    ...tokens !== undefined && { tokens },
    remembersPassword: rememberPassword,
  });
}

function checkPassword(password: Uint8Array): void {
  if (isToken(password)) throw new RangeError("Cannot use a token as the password: tokens have a list of their own");
  checkPasswordLength(password);
}
