/**
 * What a connection needs of a socket, and the sockets it uses unless it is given another.
 *
 * @module
 */

import type { Address } from "./address.ts";

/** A stream of bytes in both directions; a `Deno.Conn` is one. */
export interface Transport {
  /** Reads into the buffer. Resolves with how many bytes, or `null` at the end; rejects when the stream is broken. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of the bytes. Resolves with how many; rejects when the stream is broken. */
  write(bytes: Uint8Array): Promise<number>;
  /** Closes both directions; a read and a write that are under way must then settle. */
  close(): void;
  /** Makes a read under way keep the process alive (the start), see {@linkcode unref}. */
  ref?(): void;
  /** Lets the process end while nothing but a read is under way. */
  unref?(): void;
  /** Whether it will soon be of no more use, so that a new one should take its place when nothing is under way. */
  readonly isWearingOut?: boolean;
}

/** Opens a connection; rejects, also when `signal` says that nobody waits for it any more. */
export type Dial = (signal: AbortSignal) => Promise<Transport>;

/** Connects to a socket, over TCP or on this machine. A hostname with several addresses is tried on all of them. */
export async function dialSocket(address: Address, signal: AbortSignal): Promise<Transport> {
  if ("path" in address) return await dialUnix(address.path, signal);
  const connection = await Deno.connect({ hostname: address.hostname, port: address.port, signal });
  prepare(connection);
  return connection;
}

/** Settings of a TCP connection. */
export function prepare(connection: Deno.TcpConn): void {
  // Requests are gathered before they are written: waiting for more (Nagle) would only hold them back.
  connection.setNoDelay(true);
  // Ends a connection whose peer has vanished while it was idle.
  connection.setKeepAlive(true);
}

async function dialUnix(path: string, signal: AbortSignal): Promise<Transport> {
  const connection = await Deno.connect({ transport: "unix", path });
  // It is there at once or never, so there is nothing to abort.
  if (signal.aborted) {
    connection.close();
    signal.throwIfAborted();
  }
  return connection;
}
