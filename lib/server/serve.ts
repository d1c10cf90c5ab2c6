/**
 * The server: accepts connections and gives each a session. Listener, store, clock and the signal to stop are
 * arguments, so that a test runs the same code on a free port with a clock of its own.
 *
 * @module
 */

import { type Clock, systemClock, turnClock } from "../clock.ts";
import { DIALECT_NAMES, type DialectName } from "../codec/dialect.ts";
import type { Durability } from "../commands/durability.ts";
import { ServerState } from "../commands/server_state.ts";
import {
  DEFAULT_EVICTION,
  DEFAULT_FRAME_TIMEOUT_MS,
  DEFAULT_HOSTNAME,
  DEFAULT_MAX_VALUE_BYTES,
  DEFAULT_PORT,
  MAX_DEADLINE_SWEEP_MS,
  MEMORY_WARNING_BYTES,
  SHUTDOWN_GRACE_MS,
} from "../limits.ts";
import { Engine } from "../storage/engine.ts";
import { Janitor } from "../storage/janitor.ts";
import type { PolicyName } from "../storage/eviction/policy.ts";
import { SealedStore } from "../storage/sealed_store.ts";
import { SealingRule } from "../storage/sealing_rule.ts";
import type { Store } from "../storage/store.ts";
import { Acceptor } from "./acceptor.ts";
import { BufferPool } from "./buffer_pool.ts";
import { MemoryWatch } from "./memory_watch.ts";
import { Session, type SessionContext } from "./session.ts";

/** How to serve; everything has a default. */
export interface ServeOptions {
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
  /** Checks a password; with it, connections must give one before anything else. Default: none is asked for. */
  readonly checkPassword?: (password: Uint8Array) => Promise<boolean>;
  /** Settings that CONFIG GET tells, by name. */
  readonly settings?: ReadonlyMap<string, string>;
  /** Longest value accepted, in bytes. Default 16 MiB. */
  readonly maxValueBytes?: number;
  /** How long a client may take to complete a frame that it has started, in milliseconds. Default 10,000. */
  readonly frameTimeoutMs?: number;
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

/** A server that has begun to listen. */
export interface RunningServer extends AsyncDisposable {
  /** Where it listens, with the port that was really taken. */
  readonly address: Deno.NetAddr;
  /** The same for the further places, in their order. */
  readonly addresses: readonly Deno.NetAddr[];
  /** Resolves when the last connection has ended after a shutdown. Never rejects. */
  readonly finished: Promise<void>;
  /**
   * Stops accepting, answers what has been read, closes all connections, and then the `persistence`. Resolves like
   * `finished`.
   *
   * @param options `snapshot: false` spares the snapshot that `persistence` makes at the end: what it has in its log is
   * kept all the same. Counts when it is first called
   */
  shutdown(options?: { readonly snapshot?: boolean }): Promise<void>;
}

/**
 * Starts a server.
 *
 * @example A cache inside a program
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Client } from "@cryptomem/client";
 * import { serve } from "@cryptomem/server";
 *
 * await using server = serve({ port: 0 });
 * await using cache = new Client(`127.0.0.1:${server.address.port}`, { key: crypto.getRandomValues(new Uint8Array(32)) });
 * await cache.set("greeting", "hello", { ttl: "10s" });
 * assertEquals(await cache.get("greeting"), "hello");
 * ```
 *
 * @example A cache that takes sealed values only, but for counters
 * ```ts
 * import { assertStringIncludes } from "@std/assert";
 * import { serve } from "@cryptomem/server";
 *
 * await using server = serve({ port: 0, sealedOnly: "all", counters: ["hits:"] });
 * using connection = await Deno.connect({ port: server.address.port });
 * await connection.write(new TextEncoder().encode("SET greeting hello\n"));
 * const reply = new Uint8Array(200);
 * const length = await connection.read(reply);
 * assertStringIncludes(new TextDecoder().decode(reply.subarray(0, length!)), "ERR: SEALED_ONLY");
 * ```
 *
 * @throws {TypeError} for prefixes that are no list of texts
 * @throws {RangeError} for `sealedOnly` and `counters` that make no sense, such as `counters` alone
 * @throws whatever `Deno.listen` throws, such as `Deno.errors.AddrInUse`
 */
export function serve(options: ServeOptions = {}): RunningServer {
  return new Server(options);
}

class Server implements RunningServer {
  readonly address: Deno.NetAddr;
  readonly addresses: readonly Deno.NetAddr[];
  readonly finished: Promise<void>;
  readonly #acceptors: readonly Acceptor[];
  readonly #clock: Clock;
  readonly #context: SessionContext;
  /** Every open session with the promise of its end. */
  readonly #sessions = new Map<Session, Promise<void>>();
  readonly #sweepMs: number;
  readonly #memoryWatch: MemoryWatch;
  readonly #persistence: Durability | undefined;
  #nextClientId = 1;
  #isStopping = false;
  #endsWithSnapshot = true;

  constructor(options: ServeOptions) {
    const { clock = systemClock, frameTimeoutMs = DEFAULT_FRAME_TIMEOUT_MS, signal, log = () => {} } = options;
    const { maxMemoryBytes = Infinity, eviction = DEFAULT_EVICTION, maxValueBytes = DEFAULT_MAX_VALUE_BYTES } = options;
    const { persistence } = options;
    const storeClock = persistence?.clock ?? (options.store === undefined ? turnClock(clock) : clock);
    const rule = new SealingRule(options);
    const entries = persistence?.engine ?? options.store ??
      new Engine({ clock: storeClock, maxMemoryBytes, policy: eviction });
    const store = rule.isEmpty ? entries : new SealedStore(entries, rule);
    this.#clock = clock;
    const { main, further } = openListeners(options);
    this.#acceptors = [main, ...further].map((listener) => new Acceptor(listener, clock));
    this.address = main.addr;
    this.addresses = further.map((listener) => listener.addr);
    this.#context = {
      server: new ServerState({
        store,
        clock,
        storeClock,
        maxValueBytes,
        port: this.address.port,
        settings: options.settings ?? new Map(),
        shutdown: (options) => this.shutdown(options),
        durability: persistence,
        checkPassword: options.checkPassword,
      }),
      clock,
      buffers: new BufferPool(),
      dialects: new Set(options.dialects ?? DIALECT_NAMES),
      frameTimeoutMs,
      reportError: (error) => log(`internal error: ${error instanceof Error ? error.stack ?? error.message : error}`),
      log,
      pending: persistence?.status().mode === "always" ? () => persistence.pending() : undefined,
    };
    this.#persistence = persistence;
    this.#sweepMs = Math.min(Math.max(1, frameTimeoutMs / 10), MAX_DEADLINE_SWEEP_MS);
    this.#memoryWatch = new MemoryWatch(store, options.memoryWarningBytes ?? MEMORY_WARNING_BYTES, log);
    const pinned = [undefined, ...(options.listen ?? []).map(({ dialect }) => dialect)];
    this.finished = this.#run(new Janitor(store, clock), pinned);
    if (signal?.aborted) this.shutdown();
    else signal?.addEventListener("abort", () => this.shutdown(), { once: true });
  }

  shutdown({ snapshot = true }: { readonly snapshot?: boolean } = {}): Promise<void> {
    if (!this.#isStopping) {
      this.#isStopping = true;
      this.#endsWithSnapshot = snapshot;
      for (const acceptor of this.#acceptors) acceptor.close();
      for (const session of this.#sessions.keys()) session.drain();
    }
    return this.finished;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  async #run(janitor: Janitor, pinned: readonly (DialectName | undefined)[]): Promise<void> {
    janitor.start();
    let sweeper = this.#clock.schedule(this.#sweepMs, sweep);
    const sessions = this.#sessions, clock = this.#clock, sweepMs = this.#sweepMs, memoryWatch = this.#memoryWatch;
    function sweep(): void {
      memoryWatch.look();
      const nowMs = clock.nowMs();
      for (const session of sessions.keys()) session.checkDeadline(nowMs);
      sweeper = clock.schedule(sweepMs, sweep);
    }

    await Promise.all(
      this.#acceptors.map((acceptor, i) => acceptor.run((connection) => this.#serve(connection, pinned[i]))),
    );

    const cut = clock.schedule(SHUTDOWN_GRACE_MS, () => {
      for (const session of sessions.keys()) session.close();
    });
    await Promise.all(sessions.values());
    cut.cancel();
    sweeper.cancel();
    janitor.stop();
    await this.#closePersistence();
  }

  /** When nobody can change anything any more. */
  async #closePersistence(): Promise<void> {
    try {
      await this.#persistence?.close({ snapshot: this.#endsWithSnapshot });
    } catch (error) {
      this.#context.log(error instanceof Error ? error.message : String(error));
    }
  }

  #serve(connection: Deno.TcpConn, pinned: DialectName | undefined): void {
    // Replies leave in one write as it is; waiting for more would cost a pipelining client 40 ms (RFC 896, RFC 1122).
    connection.setNoDelay(true);
    this.#context.server.counts.connections++;
    const session = new Session(connection, this.#context, this.#nextClientId++, pinned);
    this.#sessions.set(session, session.run().finally(() => this.#sessions.delete(session)));
  }
}

/** Opens all listeners or none. */
function openListeners(options: ServeOptions): { main: Deno.TcpListener; further: Deno.TcpListener[] } {
  const { hostname = DEFAULT_HOSTNAME, port = DEFAULT_PORT, listen = [] } = options;
  const main = options.listener ?? Deno.listen({ hostname, port });
  const further: Deno.TcpListener[] = [];
  try {
    for (const place of listen) further.push(Deno.listen({ hostname: place.hostname ?? hostname, port: place.port }));
  } catch (error) {
    for (const listener of [main, ...further]) listener.close();
    throw error;
  }
  return { main, further };
}
