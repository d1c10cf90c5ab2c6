/**
 * C2: ten thousand connections that wait, each of which has been answered once. What one costs, how long
 * the others wait, and that all is given back when they go.
 *
 * @module
 */

import { frame } from "../support/cm_frame.ts";
import { closeAll, sendAll, times } from "./crowd.ts";
import { Others } from "./others.ts";
import { ServerUnderTest, sleep } from "./process.ts";
import { expect, judge, say } from "./report.ts";

const COUNT = 10_000;
const MB = 1_000_000, KB = 1_000;
const MAX_BYTES_PER_CONNECTION = 30 * KB;
const MAX_OTHERS_MS = 2;
const LOOK_MS = 10_000;
const MAX_BACK_MS = 5_000;
const PING = frame({ opcode: 4 });
const ANSWER_BYTES = 7;

say(`C2: ${COUNT.toLocaleString("en")} idle connections`);
await using server = await ServerUnderTest.program(["--max-clients", String(COUNT + 100)], {
  under: ["sh", "-c", 'ulimit -n "$(ulimit -Hn)" && exec "$@"', "sh"],
});
using others = await Others.of(server);
await sleep(500);
await others.waits();
const [before, descriptorsBefore] = [await server.residentBytes(), await server.descriptors()];

// Each says something, since one that never does is closed.
const connections = await times(COUNT, async () => {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await sendAll(connection, PING);
  if (await connection.read(new Uint8Array(ANSWER_BYTES)) !== ANSWER_BYTES) throw new Error("A PING is not answered");
  return connection;
});
await others.waits();
await sleep(LOOK_MS);
await others.judge("idle", MAX_OTHERS_MS);
const open = await server.descriptors() - descriptorsBefore;
expect(`${open} are open`, open === COUNT);
const { now } = await server.residentBytes();
const each = (now - before.now) / COUNT;
judge("memory of a connection", { figure: each / KB, atMost: MAX_BYTES_PER_CONNECTION / KB }, "kB");
say(`       the process: ${mb(before.now)} MB before, ${mb(now)} MB with them`);

closeAll(connections);
const closedMs = performance.now();
while (await server.descriptors() > descriptorsBefore && performance.now() < closedMs + 2 * MAX_BACK_MS) {
  await sleep(50);
}
judge("all descriptors are back after", { figure: performance.now() - closedMs, atMost: MAX_BACK_MS }, "ms");
const left = await server.descriptors() - descriptorsBefore;
expect(`${left} descriptors more than before`, left <= 0);
await sleep(LOOK_MS);
const after = (await server.residentBytes()).now;
say(`       the process: ${mb(after)} MB ${LOOK_MS / 1_000} s after they have gone`);

function mb(bytes: number): number {
  return Math.round(bytes / MB);
}
