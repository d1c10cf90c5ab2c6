/**
 * A server without a network: connections come from any address that a test names, and the test sees how much the server
 * has read of each, and when. Its clock is turned by hand, so nothing of it depends on time.
 *
 * @module
 */

import { concat } from "@std/bytes";
import { nextTurn } from "../../lib/server/next_turn.ts";
import { SHUTDOWN_GRACE_MS } from "../../lib/limits.ts";
import { serve } from "../../lib/server/serve.ts";
import type { RunningServer, ServeOptions } from "../../lib/server/serve_options.ts";
import { FakeClock } from "./fake_clock.ts";

/** What the server's end is asked for; the rest of a connection of Deno's is not. */
type ServerEnd = Pick<
  Deno.TcpConn,
  "localAddr" | "remoteAddr" | "read" | "write" | "close" | "closeWrite" | "setNoDelay" | "setKeepAlive"
>;

const MS_PER_SECOND = 1_000;
/** Turns of the event loop in which everything has happened that a test waits for. */
const SETTLING_TURNS = 4;
const MAX_ROUNDS = 100_000;
const LOCAL: Deno.NetAddr = { transport: "tcp", hostname: "192.0.2.1", port: 8080 };

/** The client's end of a connection. */
export class MemoryPeer {
  readonly #arriving: Uint8Array[] = [];
  readonly #written: Uint8Array[] = [];
  #wakeServer = () => {};
  #takeWrite = () => {};
  #hasLeft = false;
  /** Whether the client reads; what is written while it does not waits. */
  isReading = true;
  /** Bytes that the server has read, and of its writes those that the client has taken. */
  readBytes = 0;
  writtenBytes = 0;
  /** The longest write so far, and the largest room that a read has offered. */
  longestWriteBytes = 0;
  largestRoomBytes = 0;
  /** The server has closed it, or has said that nothing more comes. */
  isClosed = false;
  hasEnded = false;
  /** Told of what the server writes. */
  onWrite: (bytes: Uint8Array) => void = () => {};
  /** The same connection as the server has it. */
  readonly serverEnd: ServerEnd;

  constructor(remoteAddr: Deno.NetAddr) {
    this.serverEnd = {
      localAddr: LOCAL,
      remoteAddr,
      read: (into) => this.#read(into),
      write: (bytes) => this.#write(bytes),
      closeWrite: () => Promise.resolve(void (this.hasEnded = true)),
      close: () => this.#close(),
      setNoDelay: () => {},
      setKeepAlive: () => {},
    };
  }

  /** Sends bytes; they are there in full, however many. */
  send(bytes: Uint8Array): void {
    this.#arriving.push(bytes);
    this.#wakeServer();
  }

  /** Goes away; what was sent before arrives. */
  leave(): void {
    this.#hasLeft = true;
    this.#wakeServer();
  }

  /** Reads from now on. */
  readOn(): void {
    this.isReading = true;
    this.#takeWrite();
  }

  /** All that the server has written, up to what was taken out. */
  get written(): Uint8Array {
    return concat(this.#written);
  }

  /** Takes out of {@linkcode written} what is in it. */
  take(): Uint8Array {
    return concat(this.#written.splice(0));
  }

  async #read(into: Uint8Array): Promise<number | null> {
    this.largestRoomBytes = Math.max(this.largestRoomBytes, into.length);
    while (this.#arriving.length === 0 && !this.#hasLeft && !this.isClosed) {
      await new Promise<void>((wake) => this.#wakeServer = wake);
    }
    if (this.isClosed) throw new Deno.errors.BadResource("the connection is closed");
    const chunk = this.#arriving.shift();
    if (chunk === undefined) return null;
    const part = chunk.subarray(0, into.length);
    into.set(part);
    if (part.length < chunk.length) this.#arriving.unshift(chunk.subarray(part.length));
    this.readBytes += part.length;
    return part.length;
  }

  async #write(bytes: Uint8Array): Promise<number> {
    this.longestWriteBytes = Math.max(this.longestWriteBytes, bytes.length);
    while (!this.isReading && !this.isClosed) await new Promise<void>((take) => this.#takeWrite = take);
    if (this.isClosed) throw new Deno.errors.BadResource("the connection is closed");
    this.#written.push(bytes.slice());
    this.writtenBytes += bytes.length;
    this.onWrite(bytes);
    return bytes.length;
  }

  #close(): void {
    if (this.isClosed) throw new Deno.errors.BadResource("the connection is closed");
    this.isClosed = true;
    this.#wakeServer();
    this.#takeWrite();
  }
}

/** A place to listen that a server is given (`serve({ listener })`). */
class MemoryListener {
  readonly addr: Deno.NetAddr = { transport: "tcp", hostname: "127.0.0.1", port: 8080 };
  readonly #waiting: ServerEnd[] = [];
  #wake = () => {};
  #isClosed = false;
  #nextPort = 1024;

  /** A client comes from an address. */
  connect(hostname = "127.0.0.1"): MemoryPeer {
    const peer = new MemoryPeer({ transport: "tcp", hostname, port: this.#nextPort++ });
    this.#waiting.push(peer.serverEnd);
    this.#wake();
    return peer;
  }

  async accept(): Promise<Deno.TcpConn> {
    while (this.#waiting.length === 0 && !this.#isClosed) await new Promise<void>((wake) => this.#wake = wake);
    if (this.#isClosed) throw new Deno.errors.BadResource("the listener is closed");
    return this.#waiting.shift() as unknown as Deno.TcpConn;
  }

  close(): void {
    this.#isClosed = true;
    this.#wake();
  }
}

/** A server with such a place to listen. */
export class MemoryServer implements AsyncDisposable {
  /** Does not begin at 0, so that no moment is one that means "none". */
  readonly clock = new FakeClock({ nowMs: 1_000_000 });
  readonly server: RunningServer;
  readonly #place = new MemoryListener();

  constructor(options: ServeOptions = {}) {
    this.server = serve({ listener: this.#place as unknown as Deno.TcpListener, clock: this.clock, ...options });
  }

  /** A client comes from an address. */
  connect(hostname?: string): MemoryPeer {
    return this.#place.connect(hostname);
  }

  /** Lets so much time pass, a second at a time. */
  async pass(ms: number): Promise<void> {
    for (let leftMs = ms; leftMs > 0; leftMs -= MS_PER_SECOND) {
      await settled();
      this.clock.advance(Math.min(leftMs, MS_PER_SECOND));
    }
    await settled();
  }

  /** Shuts it down; clients that stay are cut. */
  async [Symbol.asyncDispose](): Promise<void> {
    const stopped = this.server.shutdown();
    await this.pass(SHUTDOWN_GRACE_MS);
    await stopped;
  }
}

/** Lets everything happen that can without anything new, but for connections that let others have their turn. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < SETTLING_TURNS; turn++) {
    await nextTurn();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Waits for something, however many turns that takes; gives up in the end, so that the test says what is missing. */
export async function until(holds: () => boolean): Promise<void> {
  for (let round = 0; !holds() && round < MAX_ROUNDS; round++) await settled();
}
