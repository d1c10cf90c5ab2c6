/**
 * C3 and C4: a hundred clients more than there may be, and a server that runs out of descriptors. Those who are in notice
 * nothing, and when somebody has gone there is room again.
 *
 * @module
 */

import { textOf, utf8 } from "../../lib/bytes.ts";
import { frame } from "../support/cm_frame.ts";
import { closeAll, connectMany, sendAll, times } from "./crowd.ts";
import { Others } from "./others.ts";
import { Connection, ServerUnderTest, sleep } from "./process.ts";
import { expect, judge, say } from "./report.ts";

const hostname = "127.0.0.1";
const MAX_CLIENTS = 1_000, EXTRA = 100;
const MAX_TOLD_MS = 100, MAX_OTHERS_MS = 5, MAX_AGAIN_MS = 1_000;
const DESCRIPTORS = 64, CONNECTS = 200;
const LOOK_MS = 3_000;
const MAX_PROCESSOR_SHARE = 20;
const PING = frame({ opcode: 4 });
const PONG_BYTES = 7;

/** Whether a connection is answered, if it is not refused or closed instead. */
async function isServed(connection: Deno.TcpConn): Promise<boolean> {
  try {
    await sendAll(connection, PING);
    const bytes = new Uint8Array(256);
    return await connection.read(bytes) === PONG_BYTES;
  } catch {
    return false;
  }
}

/** How long it takes until a new client is served. */
async function servedAgainMs(port: number): Promise<number> {
  const startMs = performance.now();
  while (performance.now() - startMs < 10 * MAX_AGAIN_MS) {
    using connection = await Deno.connect({ hostname, port });
    if (await isServed(connection)) break;
    await sleep(10);
  }
  return performance.now() - startMs;
}

say(`C3: ${MAX_CLIENTS} clients and ${EXTRA} more`);
{
  await using server = await ServerUnderTest.program(["--max-clients", String(MAX_CLIENTS)]);
  // One of the clients that there may be.
  using others = await Others.of(server);
  const inside = await connectMany(server.port, MAX_CLIENTS - 1);
  const served = await times(inside.length, (i) => isServed(inside[i]!));
  expect(`C3: ${MAX_CLIENTS} are served`, served.every((is) => is));
  await others.waits();
  for (
    const [what, request] of [["CM", PING], ["RESP", utf8("*1\r\n$4\r\nPING\r\n")], ["nothing", utf8("")]] as const
  ) {
    const told = await times(EXTRA, async () => {
      using connection = await Deno.connect({ hostname, port: server.port });
      const startMs = performance.now();
      await sendAll(connection, request);
      const bytes = new Uint8Array(256);
      const count = await connection.read(bytes) ?? 0;
      const toldMs = performance.now() - startMs;
      const isClosed = await connection.read(new Uint8Array(1)) === null;
      // Redis' words for the same; its error has no code.
      const isBusy = /BUSY|max number of clients reached/.test(textOf(bytes.subarray(0, count)));
      return { isBusy: isBusy && isClosed, toldMs };
    });
    const busy = told.filter(({ isBusy }) => isBusy).length;
    expect(`C3: of ${EXTRA} more that say ${what}, ${busy} are told BUSY and closed`, busy === EXTRA);
    judge(`C3: the last of them`, { figure: Math.max(...told.map(({ toldMs }) => toldMs)), atMost: MAX_TOLD_MS }, "ms");
  }
  await others.waits();
  const startMs = performance.now();
  let turnedAway = 0;
  while (performance.now() < startMs + LOOK_MS) {
    turnedAway += (await times(EXTRA, async () => {
      using connection = await Deno.connect({ hostname, port: server.port });
      return !await isServed(connection);
    })).filter((is) => is).length;
    await sleep(50);
  }
  await others.judge(`C3, ${turnedAway} turned away in ${LOOK_MS / 1_000} s`, MAX_OTHERS_MS);
  const still = await times(inside.length, (i) => isServed(inside[i]!));
  expect(`C3: all that were in are served still`, still.every((is) => is));
  closeAll(inside.splice(0, 1));
  judge("C3: room again after one has gone", { figure: await servedAgainMs(server.port), atMost: MAX_AGAIN_MS }, "ms");
  closeAll(inside);
}

say(`C4: ${CONNECTS} connects to a server that may have ${DESCRIPTORS} descriptors`);
{
  await using server = await ServerUnderTest.program([], {
    under: ["sh", "-c", `ulimit -n ${DESCRIPTORS} && exec "$@"`, "sh"],
  });
  using first = await Connection.to(server);
  await first.ask(PING);
  const connections = await connectMany(server.port, CONNECTS);
  // Those that are in, say so, that they may stay.
  for (const connection of connections) await sendAll(connection, PING);
  await sleep(500);
  const startMs = await server.processorMs();
  await sleep(LOOK_MS);
  const share = (await server.processorMs() - startMs) / LOOK_MS * 100;
  say(`       ${await server.descriptors()} are in use`);
  judge("C4: processor while there are none", { figure: share, atMost: MAX_PROCESSOR_SHARE }, "%");
  expect("C4: who was in before is served", await first.ask(PING) === 1);
  closeAll(connections);
  judge("C4: accepts again after", { figure: await servedAgainMs(server.port), atMost: MAX_AGAIN_MS }, "ms");
}
