/**
 * The tokens that a server takes, and the connections that came with them. They can be exchanged while it runs: what a
 * token does not allow any more, nobody goes on doing with it.
 *
 * @module
 */

import { Identity } from "../commands/identity.ts";
import { TokenScope } from "./access.ts";
import { areSameHashes, sha256 } from "./node_crypto.ts";
import { checkTokens, type Token, type TokenClaim } from "./token.ts";

/** A token that is taken. */
interface Entry {
  readonly token: Token;
  readonly hash: Uint8Array;
  readonly scope: TokenScope;
  readonly identity: Identity;
}

/** Stands for a token that there is not, so that looking for it takes as long. */
const NO_HASH = new Uint8Array(32);

/** Tokens, by id and by name. */
export class TokenTable {
  #byId: ReadonlyMap<string, Entry> = new Map();
  #byHolder: ReadonlyMap<string, Entry> = new Map();

  /**
   * Takes these tokens and no others. A connection stays if its token is still there and allows all that it did, and
   * may then do all that it allows now; any other is closed.
   *
   * @returns how many connections were closed
   * @throws RangeError for tokens that cannot be used; then those before stay
   */
  replace(tokens: readonly Token[]): number {
    checkTokens(tokens);
    const before = this.#byId;
    const byId = new Map(tokens.map((token) => [token.id, entryOf(token, before.get(token.id))]));
    this.#byHolder = new Map(byId.values().flatMap((entry) => [[entry.token.id, entry], [entry.token.name, entry]]));
    this.#byId = byId;
    let closed = 0;
    for (const [id, { identity }] of before) {
      const now = byId.get(id);
      if (now?.identity === identity) identity.scope = scopeOf(now);
      else {
        closed += identity.connections;
        identity.end();
      }
    }
    return closed;
  }

  /** Whose the claim is; `undefined` if it is false or too late. Takes as long if there is no such token. */
  find({ holder, user, secret }: TokenClaim, wallMs: number): Identity | undefined {
    const entry = this.#byHolder.get(holder);
    const isRight = areSameHashes(sha256(secret), entry?.hash ?? NO_HASH);
    if (entry === undefined || !isRight || hasExpired(entry, wallMs)) return undefined;
    return user === undefined || this.#byHolder.get(user) === entry ? entry.identity : undefined;
  }

  /** The holder of the token of this name, if it is good; for who has proven otherwise to be that. */
  holder(name: string, wallMs: number): Identity | undefined {
    const entry = this.#byHolder.get(name);
    return entry?.token.name === name && !hasExpired(entry, wallMs) ? entry.identity : undefined;
  }

  /** Whether a token has this name or id. */
  has(holder: string): boolean {
    return this.#byHolder.has(holder);
  }

  /** Closes the connections of tokens that have expired. */
  sweep(wallMs: number): void {
    for (const entry of this.#byId.values()) {
      if (entry.identity.connections > 0 && hasExpired(entry, wallMs)) entry.identity.dismiss();
    }
  }
}

/** A token's entry, with the identity that it had before if that loses nothing. */
function entryOf(token: Token, before: Entry | undefined): Entry {
  const scope = new TokenScope(token.can, token.prefixes);
  const isKept = before !== undefined && before.token.sha256 === token.sha256 && before.token.name === token.name &&
    scope.covers(before.scope);
  const entry = { token, hash: Uint8Array.fromHex(token.sha256), scope };
  return { ...entry, identity: isKept ? before.identity : new Identity(token.name, scopeOf(entry)) };
}

/** A scope that allows everything costs nothing if there is none. */
function scopeOf({ scope }: Pick<Entry, "scope">): TokenScope | undefined {
  return scope.isEverything ? undefined : scope;
}

function hasExpired({ token: { expiresMs = Infinity } }: Entry, wallMs: number): boolean {
  return wallMs >= expiresMs;
}
