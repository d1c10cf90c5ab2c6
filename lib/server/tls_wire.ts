/**
 * A TLS connection of node:tls, read and written as every other wire is: who does not read is not read from, and a write
 * is done when its bytes may be changed.
 *
 * @module
 */

import type { TLSSocket } from "node:tls";
import type { Identity } from "../commands/identity.ts";
import type { Peer, Wire } from "./wire.ts";

/** See {@linkcode Wire}. */
export class TlsWire implements Wire {
  readonly kind = "tls";
  readonly peer: Peer;
  readonly identity: Identity | undefined;
  readonly #socket: TLSSocket;
  /** What was received and did not fit into the last read. */
  #rest: Uint8Array | undefined;
  #isAtEnd = false;
  #error: Error | undefined;
  /** Lets a read look again. */
  #wake: (() => void) | undefined;
  /** Ends the write under way: of a connection that is gone, node:tls forgets it. */
  #failWrite: ((error: Error) => void) | undefined;

  /** @param socket after its handshake, on which nobody listens for data */
  constructor(socket: TLSSocket, peer: Peer, identity: Identity | undefined) {
    this.#socket = socket;
    this.peer = peer;
    this.identity = identity;
    socket.setNoDelay(true);
    socket.on("readable", () => this.#wake?.());
    socket.on("end", () => this.#stop(undefined));
    socket.on("error", (error) => this.#stop(error));
    socket.on("close", () => this.#stop(new Error("the connection is closed")));
  }

  begin(into: Uint8Array): Promise<number | null> {
    return this.read(into);
  }

  async read(into: Uint8Array): Promise<number | null> {
    for (;;) {
      const chunk: Uint8Array | null = this.#rest ?? this.#socket.read();
      if (chunk !== null) return this.#deliver(chunk, into);
      if (this.#isAtEnd) return null;
      if (this.#error !== undefined) throw ended(this.#error);
      await new Promise<void>((wake) => this.#wake = wake);
    }
  }

  write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) return reject(ended(this.#error));
      this.#failWrite = reject;
      this.#socket.write(bytes, (error) => error ? reject(ended(error)) : resolve(bytes.length));
    });
  }

  closeWrite(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.destroyed) return resolve();
      this.#socket.once("close", () => resolve());
      this.#socket.end(() => resolve());
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  /** TLS has limits of its own. */
  authenticated(): void {}

  #deliver(chunk: Uint8Array, into: Uint8Array): number {
    const part = chunk.subarray(0, into.length);
    into.set(part);
    this.#rest = part.length < chunk.length ? chunk.subarray(part.length) : undefined;
    // It may be a secret, of which the reader wipes what it was given.
    part.fill(0);
    return part.length;
  }

  #stop(error: Error | undefined): void {
    if (error === undefined) this.#isAtEnd = true;
    else {
      this.#error ??= error;
      this.#failWrite?.(ended(error));
    }
    this.#wake?.();
  }
}

/** However it ended, it is over, and sessions know that by Deno's errors. */
function ended(error: Error | undefined): Error {
  return new Deno.errors.ConnectionReset(error?.message ?? "the connection is closed");
}
