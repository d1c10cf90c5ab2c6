/**
 * Who a connection speaks for, and what that lets it do; as far as the commands have to know. How somebody proves who
 * they are is in lib/security.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { Request } from "../codec/message.ts";
import type { Operation } from "../codec/operations.ts";
import type { ClientState } from "./client_state.ts";

/** What an identity may do. */
export interface Scope {
  /** Why a request is not allowed, in the words of Redis; `undefined` if it is. */
  refusal(operation: Operation, request: Request): string | undefined;
}

/** A user, with all connections that speak for it. */
export class Identity {
  /** As CLIENT LIST shows it. */
  readonly name: string;
  /** What it may do; `undefined` = everything. Who changes it sees to connections that have more by now. */
  scope: Scope | undefined;
  readonly #clients = new Set<ClientState>();
  #isOver = false;

  constructor(name: string, scope: Scope | undefined) {
    this.name = name;
    this.scope = scope;
  }

  /** How many connections speak for it. */
  get connections(): number {
    return this.#clients.size;
  }

  /** For ClientState.identify() alone. Returns whether it still stands for somebody. */
  add(client: ClientState): boolean {
    if (!this.#isOver) this.#clients.add(client);
    return !this.#isOver;
  }

  /** For ClientState.identify() alone. */
  remove(client: ClientState): void {
    this.#clients.delete(client);
  }

  /** Closes all its connections. */
  dismiss(): void {
    for (const client of this.#clients) {
      // From here on nothing is carried out for it, also of what it has sent already.
      client.identify(undefined);
      client.kill();
    }
  }

  /** Closes all its connections, and those that are about to get it. */
  end(): void {
    this.#isOver = true;
    this.dismiss();
  }
}

/** What somebody gives to prove who they are. */
export interface Credentials {
  /** `undefined`: none was given. */
  readonly user: string | undefined;
  /** A password or a token; an empty one is wrong. */
  readonly secret: Uint8Array;
}

/** Tells who somebody is. */
export interface Authenticator {
  /**
   * Who proves to be who they say.
   *
   * @param network where they come from: who gives wrong secrets waits, and all from there with them
   * @throws CryptomemError `AUTH_FAILED`, the same whatever was wrong; `BUSY` if they have to wait
   */
  prove(given: Credentials, network: string, clock: Clock): Promise<Identity>;
  /** Whether there is a user of this name. */
  hasUser(name: string): boolean;
  /** Ends identities whose time is over. Called about once a second. */
  sweep(wallMs: number): void;
}
