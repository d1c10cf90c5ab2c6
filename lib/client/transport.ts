/**
 * What a connection needs of a socket, and the socket it uses unless it is given another.
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
}

/** Opens a connection; rejects, also when `signal` says that nobody waits for it any more. */
export type Dial = (signal: AbortSignal) => Promise<Transport>;

/** Connects over TCP. A hostname with several addresses is tried on all of them. */
export async function dialTcp(address: Address, signal: AbortSignal): Promise<Transport> {
  const connection = await Deno.connect({ hostname: address.hostname, port: address.port, signal });
  // Requests are gathered before they are written: waiting for more (Nagle) would only hold them back.
  connection.setNoDelay(true);
  // Ends a connection whose peer has vanished while it was idle.
  connection.setKeepAlive(true);
  return connection;
}
