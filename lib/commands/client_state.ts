/**
 * What the server remembers of one connection, as the commands see it.
 *
 * @module
 */

import type { Agreed, Push } from "../codec/dialect.ts";
import type { Request } from "../codec/message.ts";
import type { Identity } from "./identity.ts";

/** The state of an entry that a transaction depends on. */
export interface WatchedState {
  /** A copy. */
  readonly key: Uint8Array;
  /** Version of its value, 0 = there was none. */
  readonly version: number;
  /** What it had left to live, as the store tells it. */
  readonly ttlMs: number;
}

/** Commands that were collected since MULTI. */
export interface Transaction {
  readonly requests: Request[];
  /** What they take, about. */
  bytes: number;
  /** One of them could not be collected: EXEC will refuse. */
  isBroken: boolean;
}

/** Which replies a client wants (CLIENT REPLY). */
export type ReplyMode = "on" | "off" | "skip";

/** What a client state is made of. */
export interface ClientOptions {
  readonly id: number;
  readonly address: string;
  readonly localAddress: string;
  readonly network: string;
  readonly isSecure: boolean;
  /** Whether the server asks who is there; default: no. */
  readonly mustProve?: boolean;
  /** Who it is by the wire alone, as by a certificate; default: nobody. */
  readonly identity?: Identity;
  readonly nowMs: number;
  readonly push: (push: Push) => void;
  readonly kill: () => void;
}

/** One connection. */
export class ClientState implements Agreed {
  /** Counts connections from 1; never used again. */
  readonly id: number;
  /** `host:port` of the peer, and of the server's side. */
  readonly address: string;
  readonly localAddress: string;
  /** Where it comes from, for what is counted by that (peer_network.ts). */
  readonly network: string;
  /** Whether nobody but the peer can read what it sends: the machine itself, or an encrypted wire. */
  isSecure: boolean;
  readonly #mustProve: boolean;
  /** Monotonic time of the connection's beginning. */
  readonly connectedMs: number;
  /** Monotonic time of its last read. */
  activeMs: number;
  /** The last operation, for CLIENT LIST. */
  lastCommand = "";
  /** Which dialect it speaks, as soon as that is known. */
  dialect = "";

  /** CLIENT SETNAME. */
  name = "";
  libraryName = "";
  libraryVersion = "";
  /** Version of RESP: 2 or 3 (HELLO). */
  respVersion: 2 | 3 = 2;
  /** The line dialect's words (ACCENT). */
  accent: Agreed["accent"] = "minigostore";
  replyMode: ReplyMode = "on";
  noEvict = false;
  /** Attempts to authenticate that were refused. */
  refusedAttempts = 0;
  readonly #wireIdentity: Identity | undefined;
  #identity: Identity | undefined;

  transaction: Transaction | undefined;
  /** What the names of its subscriptions, and the keys it watches, are counted as. */
  subscriptionBytes = 0;
  watchedBytes = 0;
  // Made when they are first asked for: most of thousands of idle connections never need one of them.
  #watched: Map<string, WatchedState> | undefined;
  #channels: Set<string> | undefined;
  #patterns: Set<string> | undefined;
  #waits: Set<() => void> | undefined;
  /** Whether the connection ends after the present answer (QUIT). */
  isQuitting = false;
  #isOver = false;

  /** Sends something that is no answer; never waits. */
  readonly push: (push: Push) => void;
  /** Ends the connection at once (CLIENT KILL). */
  readonly kill: () => void;

  constructor(options: ClientOptions) {
    this.id = options.id;
    this.address = options.address;
    this.localAddress = options.localAddress;
    this.network = options.network;
    this.isSecure = options.isSecure;
    this.#mustProve = options.mustProve ?? false;
    this.connectedMs = this.activeMs = options.nowMs;
    this.push = options.push;
    this.kill = options.kill;
    this.#wireIdentity = options.identity;
    this.identifyByWire();
  }

  /** Who it speaks for; `undefined`: nobody yet, or nobody is asked. */
  get identity(): Identity | undefined {
    return this.#identity;
  }

  /** Whether it has still to say who it is. */
  get isLimited(): boolean {
    return this.#mustProve && this.#identity === undefined;
  }

  /** Lets it speak for somebody; who is nobody any more takes the connection along. */
  identify(identity: Identity | undefined): void {
    this.#identity?.remove(this);
    this.#identity = undefined;
    if (identity === undefined || this.#isOver) return;
    if (identity.add(this)) this.#identity = identity;
    else this.kill();
  }

  /** Lets it speak for whom it did at first. */
  identifyByWire(): void {
    this.identify(this.#wireIdentity);
  }

  /** What a transaction depends on, by key as binary text (bytes.ts). */
  get watched(): Map<string, WatchedState> {
    return this.#watched ??= new Map();
  }

  /** Channels subscribed to, as binary text. */
  get channels(): Set<string> {
    return this.#channels ??= new Set();
  }

  /** Patterns subscribed to, as binary text. */
  get patterns(): Set<string> {
    return this.#patterns ??= new Set();
  }

  /** How many channels and patterns it is subscribed to. */
  get subscriptions(): number {
    return (this.#channels?.size ?? 0) + (this.#patterns?.size ?? 0);
  }

  /** Ends of what it waits for, for when nobody is there any more to be answered. */
  get waits(): Set<() => void> {
    return this.#waits ??= new Set();
  }

  /** The connection is over: nobody is there any more to be answered, or to speak for anybody. */
  end(): void {
    this.#isOver = true;
    this.identify(undefined);
    for (const stop of this.#waits ?? []) stop();
  }
}
