/**
 * What a connection costs that has nothing to say: memory of a fresh server before, with and after many of them.
 *
 * @module
 */

import { type ByteStream, closeQuietly, readFully } from "../lib/channel/byte_stream.ts";
import type { Wire } from "./wire.ts";

const CONNECTIONS = 2_000;
/** Opened before and kept: with its first connections a server grows once, by what V8 compiles and reserves for all. */
const WARM_UP_CONNECTIONS = 500;
/** Opened together; more would overflow the queue of connections that wait to be accepted. */
const TOGETHER = 100;
/** For the server to notice that they are gone. */
const SETTLE_MS = 1_000;

/** A server that connections are opened to. */
export interface IdleTarget {
  connect(): Promise<ByteStream>;
  /** Memory it holds at the moment (RSS), in bytes; `undefined` where it cannot be known. */
  residentBytes(): number | undefined;
}

/** Memory of the server (RSS) for each connection, in bytes; `undefined` where it cannot be known. */
export interface IdleCost {
  /** While all are open. */
  readonly openBytes: number | undefined;
  /** What is left of it when all are closed. */
  readonly closedBytes: number | undefined;
  /** While as many are open again: shows whether what was left is used anew. */
  readonly reopenedBytes: number | undefined;
}

/** Opens connections that ask for one sign of life each, closes them, and does so again. */
export async function idleCost(server: IdleTarget, wire: Wire): Promise<IdleCost> {
  const kept = await openMany(server, wire, WARM_UP_CONNECTIONS);
  const beforeBytes = server.residentBytes();
  const openBytes = await bytesWhileOpen(server, wire);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const closedBytes = server.residentBytes();
  const reopenedBytes = await bytesWhileOpen(server, wire);
  close(kept);
  const each = (bytes: number | undefined) =>
    bytes === undefined || beforeBytes === undefined ? undefined : (bytes - beforeBytes) / CONNECTIONS;
  return { openBytes: each(openBytes), closedBytes: each(closedBytes), reopenedBytes: each(reopenedBytes) };
}

async function bytesWhileOpen(server: IdleTarget, wire: Wire): Promise<number | undefined> {
  const connections = await openMany(server, wire, CONNECTIONS);
  const bytes = server.residentBytes();
  close(connections);
  return bytes;
}

async function openMany(server: IdleTarget, wire: Wire, count: number): Promise<ByteStream[]> {
  const connections: ByteStream[] = [];
  while (connections.length < count) {
    connections.push(...await Promise.all(Array.from({ length: TOGETHER }, () => open(server, wire))));
  }
  return connections;
}

function close(connections: readonly ByteStream[]): void {
  for (const connection of connections) closeQuietly(connection);
}

async function open(server: IdleTarget, wire: Wire): Promise<ByteStream> {
  const connection = await server.connect();
  await connection.write(wire.ping);
  if (!await readFully(connection, new Uint8Array(wire.pongBytes))) {
    throw new Error("Cannot go on: the server closed the connection");
  }
  return connection;
}
