/**
 * A port that speaks TLS 1.3 and nothing else, over node:tls: Deno's own listener cannot ask clients for a certificate,
 * nor change its own while it listens.
 *
 * @module
 */

import type { AddressInfo, Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import type { Clock } from "../clock.ts";
import type { Identity } from "../commands/identity.ts";
import { networkOf } from "../security/peer_network.ts";
import { TlsContext, type TlsCredentials } from "./tls_credentials.ts";
import { TlsWire } from "./tls_wire.ts";
import type { Peer } from "./wire.ts";

/** A guard against clients of other protocols that a browser can be made to speak; who names none is taken too. */
const PROTOCOL = "cryptomem/1";

/** What a listener needs of the server. */
export interface TlsHost {
  readonly clock: Clock;
  readonly handshakeTimeoutMs: number;
  /** Counts a connection in; tells whether there is room for it. */
  admit(network: string): boolean;
  /** Counts out one that came to nothing. */
  leave(network: string): void;
  /** Takes over a connection that was counted in. */
  serve(wire: TlsWire): void;
  /** Who has this name; `undefined`: nobody. */
  identityOf(name: string): Identity | undefined;
  /** Told of a handshake that failed. */
  fail(peer: Peer, why: string): void;
}

/** A handshake that is not done. */
interface Handshake {
  readonly socket: Socket;
  /** Why it comes to nothing, if it does. */
  failure: string;
}

/** One such port. */
export class TlsListener {
  readonly #server: Server;
  readonly #host: TlsHost;
  #context: TlsContext;
  /** Connections whose handshake is not done, by the peer's address and port. */
  readonly #pending = new Map<string, Handshake>();
  /** Resolves with where it listens; rejects if it cannot. */
  readonly ready: Promise<Deno.NetAddr>;
  readonly #closing = Promise.withResolvers<void>();
  /** Resolves when it stops listening. */
  readonly closing: Promise<void> = this.#closing.promise;
  /** Resolves when its last connection has ended after that. */
  readonly finished: Promise<void>;

  /** @throws RangeError for credentials that cannot be used */
  constructor({ hostname, port }: { hostname: string; port: number }, credentials: TlsCredentials, host: TlsHost) {
    this.#host = host;
    this.#context = new TlsContext(credentials);
    const { options, isMutual } = this.#context;
    this.#server = createServer({
      ...options,
      requestCert: isMutual,
      rejectUnauthorized: isMutual,
      ALPNProtocols: [PROTOCOL],
    });
    const server = this.#server;
    server.on("connection", (socket: Socket) => this.#admit(socket));
    server.on("secureConnection", (socket: TLSSocket) => this.#begin(socket));
    server.on("tlsClientError", (error: Error, socket: TLSSocket) => {
      const handshake = this.#pending.get(peerOf(socket).address);
      if (handshake !== undefined) handshake.failure = error.message;
      socket.destroy();
    });
    this.finished = new Promise((resolve) => server.on("close", resolve));
    this.ready = new Promise((resolve, reject) => {
      server.on("error", reject);
      server.on("close", () => reject(new Error("Cannot listen for TLS: the server was shut down before it did")));
      server.listen(port, hostname, () => {
        const { address, port } = server.address() as AddressInfo;
        resolve({ transport: "tcp", hostname: address, port });
      });
    });
    this.ready.catch(() => server.close());
  }

  /** Whether clients must show a certificate. */
  get isMutual(): boolean {
    return this.#context.isMutual;
  }

  /**
   * Uses other credentials for the connections that come from now on.
   *
   * @throws RangeError for such that cannot be used; then those before stay
   */
  replaceCredentials(credentials: TlsCredentials): void {
    const context = new TlsContext(credentials);
    if (context.isMutual !== this.isMutual) {
      throw new RangeError("Cannot change whether clients need certificates: that takes another start");
    }
    this.#server.setSecureContext(context.options);
    this.#context = context;
  }

  /** Stops listening, and ends the handshakes under way. */
  close(): void {
    this.#server.close();
    this.#closing.resolve();
    const sockets = [...this.#pending.values()].map(({ socket }) => socket);
    this.#pending.clear();
    for (const socket of sockets) socket.destroy();
  }

  #admit(socket: Socket): void {
    const peer = peerOf(socket), { address, network } = peer;
    const host = this.#host, handshake: Handshake = { socket, failure: "its handshake was not completed" };
    // There is no dialect yet in which one could say why.
    if (!host.admit(network)) return void socket.destroy();
    this.#pending.set(address, handshake);
    const isPending = () => this.#pending.get(address) === handshake;
    const timer = host.clock.schedule(host.handshakeTimeoutMs, () => {
      if (!isPending()) return;
      handshake.failure = "it took too long";
      socket.destroy();
    });
    socket.on("close", () => {
      timer.cancel();
      if (!isPending()) return;
      this.#pending.delete(address);
      host.fail(peer, handshake.failure);
      host.leave(network);
    });
  }

  /** From here on, a session counts the connection out. */
  #begin(socket: TLSSocket): void {
    const host = this.#host, peer = peerOf(socket);
    if (!this.#pending.delete(peer.address)) return void socket.destroy();
    let identity: Identity | undefined;
    if (this.isMutual) {
      const name = this.#nameOf(socket);
      identity = name === undefined ? undefined : host.identityOf(name);
      if (identity === undefined) {
        host.fail(peer, name === undefined ? "its certificate names nobody" : `there is no user ${name}`);
        host.leave(peer.network);
        return void socket.destroy();
      }
    }
    host.serve(new TlsWire(socket, peer, identity));
  }

  /** A certificate that node:crypto stumbles over, as over one whose subject is empty, names nobody. */
  #nameOf(socket: TLSSocket): string | undefined {
    if (!socket.authorized) return undefined;
    try {
      return this.#context.nameOf(socket.getPeerCertificate()?.raw, this.#host.clock.wallMs());
    } catch {
      return undefined;
    }
  }
}

function peerOf({ remoteAddress = "", remotePort = 0, localAddress = "", localPort = 0 }: Socket): Peer {
  return {
    address: `${remoteAddress}:${remotePort}`,
    localAddress: `${localAddress}:${localPort}`,
    network: networkOf(remoteAddress),
  };
}
