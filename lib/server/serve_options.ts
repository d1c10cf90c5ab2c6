/**
 * How a server is started, and what it can be asked for once it runs.
 *
 * @module
 */

import type { ServerKey } from "../channel/server_key.ts";
import type { Clock } from "../clock.ts";
import type { DialectName } from "../codec/dialect.ts";
import type { Durability } from "../commands/durability.ts";
import type { AuthenticationOptions } from "../security/authentication_options.ts";
import type { Token } from "../security/token.ts";
import type { PolicyName } from "../storage/eviction/policy.ts";
import type { Store } from "../storage/store.ts";
import type { ClientLimits } from "./session_limits.ts";
import type { TlsCredentials } from "./tls_credentials.ts";
import type { UnixOptions } from "./unix_socket.ts";

/** How to serve; everything has a default. */
export interface ServeOptions extends ClientLimits {
  /** Address to listen on. Default `127.0.0.1`. */
  readonly hostname?: string;
  /** Port to listen on, 0 = any free one. Default 8080. */
  readonly port?: number;
  /** A listener to use instead of `hostname` and `port`; it is closed at the end. */
  readonly listener?: Deno.TcpListener;
  /** Where entries are kept. Default: an engine in memory, made with the next two options. */
  readonly store?: Store;
  /**
   * Keeps the entries beyond the process (`openPersistence()`); its engine is used instead of `store`. It is closed
   * at the end. Default: nothing is kept.
   */
  readonly persistence?: Durability;
  /** All the memory that entries, index and policy may take, in bytes. Default: no limit. */
  readonly maxMemoryBytes?: number;
  /** What goes when that limit is reached. Default `s3-fifo`. */
  readonly eviction?: PolicyName;
  /**
   * Which keys take sealed values only: `"all"`, or those with one of these prefixes. Whatever dialect a value comes in
   * and whatever command it comes with, one that has not the form of an envelope is refused with `SEALED_ONLY`. What a
   * given `store` holds already stays. Default: none.
   */
  readonly sealedOnly?: "all" | readonly string[];
  /** Prefixes of such keys that take whole numbers too, so that `INCR` works under them. Default: none. */
  readonly counters?: readonly string[];
  /** Without a limit, where a line of the log warns that memory grows, in bytes. Default 1 GiB. */
  readonly memoryWarningBytes?: number;
  /** Where time comes from. Default: the machine's clock. */
  readonly clock?: Clock;
  /** Aborting it is the same as calling `shutdown()`. */
  readonly signal?: AbortSignal;
  /** More places to listen on, each pinned to one dialect or open to all. */
  readonly listen?: readonly ListenOptions[];
  /** Dialects that are spoken; a connection in another is closed. Default: all. */
  readonly dialects?: readonly DialectName[];
  /** Who may speak; with it, connections must say who they are before anything else. Default: everybody may. */
  readonly authentication?: AuthenticationOptions;
  /** Settings that CONFIG GET tells, by name. */
  readonly settings?: ReadonlyMap<string, string>;
  /** Longest value accepted, in bytes. Default 16 MiB. */
  readonly maxValueBytes?: number;
  /** How many clients there may be at once. The next ones are told `BUSY` and closed. Default 10,000. */
  readonly maxClients?: number;
  /**
   * How many of them may come from one address, or from one IPv6 network of 64 bits; this machine may have as many as it
   * likes. `Infinity` = no limit. Default 1,000.
   */
  readonly maxClientsPerAddress?: number;
  /** What the server proves itself with in secure channels. Default: there are none. */
  readonly serverKey?: ServerKey;
  /** One more place to listen on, for TLS 1.3. Default: none. */
  readonly tls?: TlsOptions;
  /** A unix socket to listen on as well. Default: none. */
  readonly unix?: UnixOptions;
  /** Refuses clients on a wire that others can read: all but secure channels, TLS and unix sockets. Default: no. */
  readonly requireSecure?: boolean;
  /**
   * Listens off this machine also where everybody may speak, and takes passwords and tokens over wires that others can
   * read. Default: no.
   */
  readonly insecure?: boolean;
  /** Told one line for each thing that an operator should know. Default: nobody. */
  readonly log?: (line: string) => void;
}

/** A further place to listen on. */
export interface ListenOptions {
  /** Default: the server's `hostname`. */
  readonly hostname?: string;
  /** Port to listen on, 0 = any free one. */
  readonly port: number;
  /** The only dialect spoken there; default: whatever the first bytes say. */
  readonly dialect?: DialectName;
}

/** A place to listen on for TLS. */
export interface TlsOptions extends TlsCredentials {
  /** Default: the server's `hostname`. */
  readonly hostname?: string;
  /** Port to listen on, 0 = any free one. */
  readonly port: number;
}

/** A server that has begun to listen. */
export interface RunningServer extends AsyncDisposable {
  /** Where it listens, with the port that was really taken. */
  readonly address: Deno.NetAddr;
  /** The same for the further places, in their order. */
  readonly addresses: readonly Deno.NetAddr[];
  /**
   * Resolves when it listens everywhere: at `address` and `addresses` at once, for TLS and on a unix socket a moment
   * later; or when it was shut down before. Rejects if it cannot; then it is shut down.
   */
  readonly ready: Promise<void>;
  /** Where it listens for TLS, once it is ready. */
  readonly tlsAddress: Deno.NetAddr | undefined;
  /** Resolves when the last connection has ended after a shutdown. Never rejects. */
  readonly finished: Promise<void>;
  /**
   * Takes these tokens and no others from now on. A connection stays if its token is still there and allows all that it
   * did; any other connection that came with a token is closed.
   *
   * @returns how many were closed
   * @throws {TypeError} if the server was started without `authentication`
   * @throws {RangeError} for tokens that cannot be used; then those before stay
   */
  replaceTokens(tokens: readonly Token[]): number;
  /**
   * Uses another certificate for the connections that come from now on; those that there are stay.
   *
   * @throws {TypeError} if the server was started without `tls`
   * @throws {RangeError} for credentials that cannot be used; then those before stay
   */
  replaceTlsCredentials(credentials: TlsCredentials): void;
  /**
   * Stops accepting, answers what has been read, closes all connections, and then the `persistence`. Resolves like
   * `finished`.
   *
   * @param options `snapshot: false` spares the snapshot that `persistence` makes at the end: what it has in its log is
   * kept all the same. Counts when it is first called
   */
  shutdown(options?: { readonly snapshot?: boolean }): Promise<void>;
}
