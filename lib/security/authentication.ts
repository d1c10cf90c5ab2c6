/**
 * Who connections are: the holder of a token, or of the server's one password (`default`, as in Redis).
 *
 * What is done with credentials follows from their form and never from which users there are, so that neither the answer
 * nor the time it takes tells: what has the form of a token costs one SHA-256, everything else one scrypt, for names that
 * nobody has as well.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { DEFAULT_USER } from "../commands/client_list.ts";
import { type Authenticator, type Credentials, Identity } from "../commands/identity.ts";
import { CryptomemError } from "../errors.ts";
import { KdfQueue } from "./kdf_queue.ts";
import { areSameHashes, hmacSha256 } from "./node_crypto.ts";
import type { PasswordHash } from "./password_hash.ts";
import { Throttle } from "./throttle.ts";
import { type Token, tokenClaim } from "./token.ts";
import { TokenTable } from "./token_table.ts";

const BOOT_KEY_BYTES = 32;
const MS_PER_SECOND = 1_000;

/** What an {@linkcode Authentication} is made of. */
export interface AuthenticationParts {
  /** The server's password; without one, nobody is `default`. */
  readonly password?: Pick<PasswordHash, "verify"> | Promise<Pick<PasswordHash, "verify">>;
  readonly tokens?: readonly Token[];
  /** Whether a password that was right once is known again without scrypt. Default: yes. */
  readonly remembersPassword?: boolean;
  /** Where passwords take their turns. Default: a queue for this machine. */
  readonly queue?: KdfQueue;
}

/** A server's users. */
export class Authentication implements Authenticator {
  readonly #password: AuthenticationParts["password"];
  readonly #remembersPassword: boolean;
  readonly #owner = new Identity(DEFAULT_USER, undefined);
  readonly #tokens = new TokenTable();
  /** Whether there is a list of tokens, be it empty. */
  #hasTokens: boolean;
  readonly #throttle = new Throttle();
  readonly #queue: KdfQueue;
  /** Differs at each start, so that a code of the password is worth nothing elsewhere. */
  readonly #bootKey = crypto.getRandomValues(new Uint8Array(BOOT_KEY_BYTES));
  /** The code of the right password, once it was given: a thousand clients that come back cost no thousand scrypts. */
  #rightCode: Uint8Array | undefined;
  /** Tries under way: many connections from one place with one password are one. At most as many as the queue holds. */
  readonly #underWay = new Map<string, Promise<boolean>>();

  /** @throws RangeError for tokens that cannot be used */
  constructor({ password, tokens, remembersPassword = true, queue = new KdfQueue() }: AuthenticationParts) {
    this.#password = password;
    this.#queue = queue;
    this.#hasTokens = tokens !== undefined;
    this.#remembersPassword = remembersPassword;
    this.#tokens.replace(tokens ?? []);
  }

  /** Takes these tokens and no others; see {@linkcode TokenTable.replace}. */
  replaceTokens(tokens: readonly Token[]): number {
    this.#hasTokens = true;
    return this.#tokens.replace(tokens);
  }

  /**
   * Who has proven by a certificate to have this name; `undefined` if that is nobody. Where there are tokens, it is the
   * holder of the token of that name, with its scope and as long as it is there; else it may do everything.
   */
  certified(name: string, wallMs: number): Identity | undefined {
    return this.#hasTokens ? this.#tokens.holder(name, wallMs) : new Identity(name, undefined);
  }

  /** A right token is taken also from where others have to wait: it cannot have been guessed. */
  async prove(given: Credentials, network: string, clock: Clock): Promise<Identity> {
    const nowMs = clock.nowMs();
    const claim = tokenClaim(given);
    if (claim !== undefined) {
      const holder = this.#tokens.find(claim, clock.wallMs());
      if (holder !== undefined) return holder;
    }
    const waitMs = this.#throttle.waitMs(network, nowMs);
    if (waitMs > 0) {
      const seconds = Math.ceil(waitMs / MS_PER_SECOND);
      throw new CryptomemError(
        "BUSY",
        `too many wrong passwords have come from this address: try again in ${seconds} s`,
      );
    }
    const isPassword = claim === undefined && given.secret.length > 0 && this.#password !== undefined;
    if (isPassword ? await this.#isRight(given, network, nowMs) : this.#isWrong(network, nowMs)) return this.#owner;
    throw new CryptomemError("AUTH_FAILED", "invalid username-password pair or user is disabled.");
  }

  hasUser(name: string): boolean {
    return name === DEFAULT_USER || this.#tokens.has(name);
  }

  sweep(wallMs: number): void {
    this.#tokens.sweep(wallMs);
  }

  /** Settles when the password's hash is there that the start makes, or cannot be; never rejects. */
  async started(): Promise<void> {
    await Promise.allSettled([this.#password]);
  }

  #isWrong(network: string, nowMs: number): false {
    this.#throttle.begin(network, nowMs);
    return false;
  }

  /** Whether this is the password of who is named. Only a password that was right before is looked at twice. */
  #isRight({ user = DEFAULT_USER, secret }: Credentials, network: string, nowMs: number): boolean | Promise<boolean> {
    const code = hmacSha256(this.#bootKey, secret);
    const isOwner = user === DEFAULT_USER;
    if (isOwner && this.#isRemembered(code)) return true;
    const name = `${isOwner} ${network} ${code.toHex()}`;
    let trying = this.#underWay.get(name);
    if (trying === undefined) {
      trying = this.#try(secret.slice(), isOwner, code, network, nowMs).finally(() => this.#underWay.delete(name));
      this.#underWay.set(name, trying);
    }
    return trying;
  }

  #isRemembered(code: Uint8Array): boolean {
    return this.#rightCode !== undefined && areSameHashes(code, this.#rightCode);
  }

  /** @param secret wiped */
  async #try(
    secret: Uint8Array,
    isOwner: boolean,
    code: Uint8Array,
    network: string,
    nowMs: number,
  ): Promise<boolean> {
    this.#throttle.begin(network, nowMs);
    let isWrong = false;
    try {
      isWrong = !await this.#queue.run(network, async () => {
        // Somebody else may have been right meanwhile.
        if (isOwner && this.#isRemembered(code)) return true;
        const isRight = await (await this.#password!).verify(secret) && isOwner;
        if (isRight && this.#remembersPassword) this.#rightCode = code;
        return isRight;
      });
    } finally {
      secret.fill(0);
      // Whom the queue turned away has not guessed.
      if (!isWrong) this.#throttle.takeBack(network);
    }
    return !isWrong;
  }
}
