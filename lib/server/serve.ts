/**
 * The server: accepts connections and gives each a session. Listener, store, clock and the signal to stop are
 * arguments, so that a test runs the same code on a free port with a clock of its own.
 *
 * @module
 */

import { acceptChannel, sendRejection } from "../channel/accept_channel.ts";
import { HandshakeError } from "../channel/channel_error.ts";
import type { ChannelStream } from "../channel/channel_stream.ts";
import { HandshakeSlots } from "../channel/handshake_slots.ts";
import type { ServerKey } from "../channel/server_key.ts";
import { type Clock, systemClock, turnClock } from "../clock.ts";
import { DIALECT_NAMES, type DialectName } from "../codec/dialect.ts";
import type { Durability } from "../commands/durability.ts";
import { Identity } from "../commands/identity.ts";
import { ServerState } from "../commands/server_state.ts";
import {
  DEFAULT_EVICTION,
  DEFAULT_HOSTNAME,
  DEFAULT_MAX_CLIENTS,
  DEFAULT_MAX_CLIENTS_PER_ADDRESS,
  DEFAULT_MAX_VALUE_BYTES,
  DEFAULT_PORT,
  MAX_DEADLINE_SWEEP_MS,
  MEMORY_WARNING_BYTES,
  SHUTDOWN_GRACE_MS,
} from "../limits.ts";
import type { Authentication } from "../security/authentication.ts";
import { authenticationOf } from "../security/authentication_options.ts";
import type { Token } from "../security/token.ts";
import { Engine } from "../storage/engine.ts";
import { Janitor } from "../storage/janitor.ts";
import { SealedStore } from "../storage/sealed_store.ts";
import { SealingRule } from "../storage/sealing_rule.ts";
import { Acceptor } from "./acceptor.ts";
import { BufferPool } from "./buffer_pool.ts";
import { ConnectionLimits } from "./connection_limits.ts";
import { HandshakeRate } from "./handshake_rate.ts";
import { MemoryWatch } from "./memory_watch.ts";
import { PlainWire } from "./plain_wire.ts";
import { checkProtected } from "./protection.ts";
import type { RunningServer, ServeOptions, TlsOptions } from "./serve_options.ts";
import { Session, type SessionContext } from "./session.ts";
import { sessionLimits } from "./session_limits.ts";
import type { TlsCredentials } from "./tls_credentials.ts";
import { TlsListener } from "./tls_listener.ts";
import { TurnAway } from "./turn_away.ts";
import { listenUnix, type UnixOptions } from "./unix_socket.ts";
import { type Peer, peerOf, type Wire } from "./wire.ts";

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
 * @throws {TypeError} or {RangeError} for a password, its hash or tokens that cannot be used
 * @throws {RangeError} for `sealedOnly` and `counters` that make no sense, such as `counters` alone
 * @throws {RangeError} for a place where everybody in the network, or on this machine, may speak, unless `insecure`
 * @throws {RangeError} for TLS credentials that cannot be used
 * @throws whatever `Deno.listen` throws, such as `Deno.errors.AddrInUse`
 */
export function serve(options: ServeOptions = {}): RunningServer {
  return new Server(options);
}

class Server implements RunningServer {
  readonly address: Deno.NetAddr;
  readonly addresses: readonly Deno.NetAddr[];
  readonly ready: Promise<void>;
  readonly finished: Promise<void>;
  tlsAddress: Deno.NetAddr | undefined;
  readonly #acceptors: Acceptor[];
  readonly #tls: TlsListener | undefined;
  readonly #limits: ConnectionLimits;
  readonly #turnAway: TurnAway;
  readonly #slots = new HandshakeSlots();
  readonly #handshakeRate = new HandshakeRate();
  readonly #serverKey: ServerKey | undefined;
  readonly #clock: Clock;
  readonly #context: SessionContext;
  /** Every open session with the promise of its end. */
  readonly #sessions = new Map<Session, Promise<void>>();
  readonly #sweepMs: number;
  readonly #memoryWatch: MemoryWatch;
  readonly #persistence: Durability | undefined;
  readonly #authentication: Authentication | undefined;
  #nextClientId = 1;
  #isStopping = false;
  #endsWithSnapshot = true;

  constructor(options: ServeOptions) {
    const { clock = systemClock, signal, log = () => {} } = options;
    const { maxClients = DEFAULT_MAX_CLIENTS, maxClientsPerAddress = DEFAULT_MAX_CLIENTS_PER_ADDRESS } = options;
    const limits = sessionLimits(options);
    const { maxMemoryBytes = Infinity, eviction = DEFAULT_EVICTION, maxValueBytes = DEFAULT_MAX_VALUE_BYTES } = options;
    const { persistence } = options;
    const storeClock = persistence?.clock ?? (options.store === undefined ? turnClock(clock) : clock);
    const rule = new SealingRule(options);
    const entries = persistence?.engine ?? options.store ??
      new Engine({ clock: storeClock, maxMemoryBytes, policy: eviction });
    const store = rule.isEmpty ? entries : new SealedStore(entries, rule);
    this.#clock = clock;
    this.#authentication = options.authentication && authenticationOf(options.authentication);
    if (!options.insecure) checkProtected(options);
    this.#limits = new ConnectionLimits(maxClients, maxClientsPerAddress);
    this.#turnAway = new TurnAway(clock);
    this.#serverKey = options.serverKey;
    this.#tls = options.tls && this.#listenForTls(options.tls, options.hostname, limits.handshakeTimeoutMs);
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
        authenticator: this.#authentication,
      }),
      clock,
      buffers: new BufferPool(),
      dialects: new Set(options.dialects ?? DIALECT_NAMES),
      limits,
      turns: { requests: 0 },
      requiresSecure: options.requireSecure ?? false,
      isInsecure: options.insecure ?? false,
      reportError: (error) => log(`internal error: ${error instanceof Error ? error.stack ?? error.message : error}`),
      log,
      pending: persistence?.status().mode === "always" ? () => persistence.pending() : undefined,
    };
    this.#persistence = persistence;
    const shortestMs = Math.min(limits.frameTimeoutMs, limits.handshakeTimeoutMs, limits.idleTimeoutMs);
    this.#sweepMs = Math.min(Math.max(1, shortestMs / 10), MAX_DEADLINE_SWEEP_MS);
    this.#memoryWatch = new MemoryWatch(store, options.memoryWarningBytes ?? MEMORY_WARNING_BYTES, log);
    const pinned = [undefined, ...(options.listen ?? []).map(({ dialect }) => dialect)];
    const unix = this.#listenOnUnix(options.unix);
    this.finished = this.#run(new Janitor(store, clock), pinned, unix);
    this.ready = this.#becomeReady(unix);
    if (signal?.aborted) this.shutdown();
    else signal?.addEventListener("abort", () => this.shutdown(), { once: true });
  }

  replaceTokens(tokens: readonly Token[]): number {
    if (this.#authentication === undefined) {
      throw new TypeError("Cannot replace tokens: the server was started without authentication");
    }
    return this.#authentication.replaceTokens(tokens);
  }

  replaceTlsCredentials(credentials: TlsCredentials): void {
    if (this.#tls === undefined) {
      throw new TypeError("Cannot replace TLS credentials: the server was started without tls");
    }
    this.#tls.replaceCredentials(credentials);
  }

  shutdown({ snapshot = true }: { readonly snapshot?: boolean } = {}): Promise<void> {
    if (!this.#isStopping) {
      this.#isStopping = true;
      this.#endsWithSnapshot = snapshot;
      for (const acceptor of this.#acceptors) acceptor.close();
      this.#tls?.close();
      this.#turnAway.close();
      for (const session of this.#sessions.keys()) session.drain();
    }
    return this.finished;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  async #run(
    janitor: Janitor,
    pinned: readonly (DialectName | undefined)[],
    unix: Promise<Acceptor | undefined>,
  ): Promise<void> {
    janitor.start();
    let sweeper = this.#clock.schedule(this.#sweepMs, sweep);
    const sessions = this.#sessions, clock = this.#clock, sweepMs = this.#sweepMs, memoryWatch = this.#memoryWatch;
    const authentication = this.#authentication;
    function sweep(): void {
      memoryWatch.look();
      authentication?.sweep(clock.wallMs());
      const nowMs = clock.nowMs();
      for (const session of sessions.keys()) session.checkDeadline(nowMs);
      sweeper = clock.schedule(sweepMs, sweep);
    }

    await Promise.all([
      ...this.#acceptors.map((acceptor, i) => acceptor.run((connection) => this.#accept(connection, pinned[i]))),
      unix.then((acceptor) => acceptor?.run((connection) => this.#accept(connection, undefined)), () => {}),
      this.#tls?.closing,
    ]);

    const cut = clock.schedule(SHUTDOWN_GRACE_MS, () => {
      for (const session of sessions.keys()) session.close();
    });
    await Promise.all([...sessions.values(), this.#tls?.finished]);
    cut.cancel();
    sweeper.cancel();
    janitor.stop();
    await authentication?.started();
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

  #accept(connection: Deno.Conn, pinned: DialectName | undefined): void {
    const peer = peerOf(connection);
    const refusal = this.#limits.admit(peer.network);
    if (refusal !== undefined) {
      this.#context.server.counts.rejected++;
      return void this.#turnAway.turnAway(connection, pinned, refusal);
    }
    if (isTcp(connection)) {
      // Replies leave in one write as it is; waiting for more would cost a pipelining client 40 ms (RFC 896, RFC 1122).
      connection.setNoDelay(true);
      // Ends a connection whose peer has vanished.
      connection.setKeepAlive(true);
    }
    this.#serve(
      new PlainWire(connection, peer, (connection, first) => this.#openChannel(connection, peer, first)),
      pinned,
    );
  }

  /** Serves a connection that was counted in. */
  #serve(wire: Wire, pinned: DialectName | undefined): void {
    this.#context.server.counts.connections++;
    const session = new Session(wire, this.#context, this.#nextClientId++, pinned);
    const ended = session.run().finally(() => {
      this.#sessions.delete(session);
      this.#limits.leave(wire.peer.network);
    });
    this.#sessions.set(session, ended);
    if (this.#isStopping) session.drain();
  }

  async #openChannel(connection: Deno.Conn, { network }: Peer, first: Uint8Array): Promise<ChannelStream> {
    const key = this.#serverKey, { clock, limits } = this.#context;
    if (key === undefined) {
      await sendRejection(connection, "it has no key for a channel");
      throw new HandshakeError("refused", "this server has no key for it");
    }
    if (!this.#handshakeRate.admits(network, clock.nowMs())) {
      await sendRejection(connection, "it has no room for another connection");
      throw new HandshakeError("refused", "too many have come from its address");
    }
    return await acceptChannel(connection, key, first, {
      clock,
      slots: this.#slots,
      mustAuthenticate: this.#authentication !== undefined,
      timeoutMs: limits.handshakeTimeoutMs,
    });
  }

  #listenForTls(tls: TlsOptions, hostname: string | undefined, handshakeTimeoutMs: number): TlsListener {
    const clock = this.#clock;
    return new TlsListener({ hostname: tls.hostname ?? hostname ?? DEFAULT_HOSTNAME, port: tls.port }, tls, {
      clock,
      handshakeTimeoutMs,
      admit: (network) => {
        const isAdmitted = this.#handshakeRate.admits(network, clock.nowMs()) &&
          this.#limits.admit(network) === undefined;
        if (!isAdmitted) this.#context.server.counts.rejected++;
        return isAdmitted;
      },
      leave: (network) => this.#limits.leave(network),
      serve: (wire) => this.#serve(wire, undefined),
      identityOf: (name) =>
        this.#authentication === undefined
          ? new Identity(name, undefined)
          : this.#authentication.certified(name, clock.wallMs()),
      fail: ({ address }, why) => {
        this.#context.server.counts.brokenChannels++;
        this.#context.log(`client ${address} has not come through TLS: ${why}`);
      },
    });
  }

  async #listenOnUnix(unix: UnixOptions | undefined): Promise<Acceptor | undefined> {
    if (unix === undefined) return undefined;
    const acceptor = new Acceptor(await listenUnix(unix), this.#clock);
    this.#acceptors.push(acceptor);
    if (this.#isStopping) acceptor.close();
    return acceptor;
  }

  async #becomeReady(unix: Promise<unknown>): Promise<void> {
    try {
      this.tlsAddress = await this.#tls?.ready;
      await unix;
    } catch (error) {
      if (this.#isStopping) return;
      await this.shutdown();
      throw error;
    }
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

/** A unix socket has no such settings. */
function isTcp(connection: Deno.Conn): connection is Deno.TcpConn {
  return connection.remoteAddr.transport === "tcp";
}
