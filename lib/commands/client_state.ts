/**
 * What the server remembers of one connection, as the commands see it.
 *
 * @module
 */

import type { Agreed, Push } from "../codec/dialect.ts";
import type { Request } from "../codec/message.ts";

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
  isAuthenticated = false;
  noEvict = false;

  transaction: Transaction | undefined;
  // Made when they are first asked for: most of thousands of idle connections never need one of them.
  #watched: Map<string, WatchedState> | undefined;
  #channels: Set<string> | undefined;
  #patterns: Set<string> | undefined;
  #waits: Set<() => void> | undefined;
  /** Whether the connection ends after the present answer (QUIT). */
  isQuitting = false;

  /** Sends something that is no answer; never waits. */
  readonly push: (push: Push) => void;
  /** Ends the connection at once (CLIENT KILL). */
  readonly kill: () => void;

  constructor(options: ClientOptions) {
    this.id = options.id;
    this.address = options.address;
    this.localAddress = options.localAddress;
    this.connectedMs = this.activeMs = options.nowMs;
    this.push = options.push;
    this.kill = options.kill;
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

  /** Ends all waiting: nobody is there any more to be answered. */
  stopWaiting(): void {
    for (const stop of this.#waits ?? []) stop();
  }
}
