/**
 * What all connections of a server share, as the commands see it.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { Store } from "../storage/store.ts";
import { Channels } from "./channels.ts";
import type { ClientState } from "./client_state.ts";
import type { Durability } from "./durability.ts";
import type { Authenticator } from "./identity.ts";
import { SlowLog } from "./slow_log.ts";
import { UnixTime } from "../unix_time.ts";

/** Settings and actions that commands need of the server around them. */
export interface ServerOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** The clock that the store reads, if it is another view of the same time. */
  readonly storeClock?: Clock;
  /** Longest value that a request may carry. */
  readonly maxValueBytes: number;
  /** The port it listens on, for INFO. */
  readonly port: number;
  /** Settings by name, for CONFIG GET; no secret among them. */
  readonly settings: ReadonlyMap<string, string>;
  /** Ends the server (SHUTDOWN). */
  readonly shutdown: (options: { readonly snapshot: boolean }) => void;
  /** What keeps the entries, if anything does. */
  readonly durability?: Durability | undefined;
  /** Tells who connections are; `undefined` if nobody is asked. */
  readonly authenticator: Authenticator | undefined;
}

/** The server, for its commands. */
export class ServerState {
  readonly store: Store;
  readonly clock: Clock;
  /** The date, for expiries. */
  readonly unixTime: UnixTime;
  readonly maxValueBytes: number;
  readonly port: number;
  readonly settings: Map<string, string>;
  readonly shutdown: ServerOptions["shutdown"];
  readonly durability: Durability | undefined;
  readonly authenticator: Authenticator | undefined;
  readonly channels: Channels = new Channels();
  readonly slowLog: SlowLog = new SlowLog();
  /** FLUSHALLs whose entries are gone but not yet given back: the store's counts still have them. */
  flushesUnderWay = 0;
  /** All connections by id. */
  readonly clients: Map<number, ClientState> = new Map();
  /** Monotonic and wall time of the start. */
  readonly startedMs: number;
  readonly startedWallMs: number;
  /** 40 hexadecimal digits that differ at every start, as Redis' run_id. */
  readonly runId: string;
  /** Counts since the start. */
  readonly counts = {
    connections: 0,
    commands: 0,
    rejected: 0,
    refusedAttempts: 0,
    /** Secure channels that broke, or that failed to be opened; TLS too. */
    brokenChannels: 0,
    inputBytes: 0,
    outputBytes: 0,
  };

  constructor(options: ServerOptions) {
    this.store = options.store;
    this.clock = options.clock;
    this.unixTime = new UnixTime(options.storeClock ?? options.clock);
    this.maxValueBytes = options.maxValueBytes;
    this.port = options.port;
    this.settings = new Map(options.settings);
    this.shutdown = options.shutdown;
    this.durability = options.durability;
    this.authenticator = options.authenticator;
    this.startedMs = options.clock.nowMs();
    this.startedWallMs = options.clock.wallMs();
    this.runId = crypto.getRandomValues(new Uint8Array(20)).toHex();
  }
}
