/**
 * What a connection costs that has nothing to say: memory of a fresh server before, with and after many of them.
 *
 * @module
 */

import type { ServerProcess } from "./server_process.ts";
import type { Wire } from "./wire.ts";

const CONNECTIONS = 2_000;
/** Opened before and kept: with its first connections a server grows once, by what V8 compiles and reserves for all. */
const WARM_UP_CONNECTIONS = 500;
/** Opened together; more would overflow the queue of connections that wait to be accepted. */
const TOGETHER = 100;
/** For the server to notice that they are gone. */
const SETTLE_MS = 1_000;

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
export async function idleCost(server: ServerProcess, wire: Wire): Promise<IdleCost> {
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

async function bytesWhileOpen(server: ServerProcess, wire: Wire): Promise<number | undefined> {
  const connections = await openMany(server, wire, CONNECTIONS);
  const bytes = server.residentBytes();
  close(connections);
  return bytes;
}

async function openMany(server: ServerProcess, wire: Wire, count: number): Promise<Deno.TcpConn[]> {
  const connections: Deno.TcpConn[] = [];
  while (connections.length < count) {
    connections.push(...await Promise.all(Array.from({ length: TOGETHER }, () => open(server, wire))));
  }
  return connections;
}

function close(connections: readonly Deno.TcpConn[]): void {
  for (const connection of connections) connection.close();
}

async function open(server: ServerProcess, wire: Wire): Promise<Deno.TcpConn> {
  const connection = await server.connect();
  await connection.write(wire.ping);
  const pong = new Uint8Array(wire.pongBytes);
  for (let received = 0; received < pong.length;) {
    const count = await connection.read(pong.subarray(received));
    if (count === null) throw new Error("Cannot go on: the server closed the connection");
    received += count;
  }
  return connection;
}
