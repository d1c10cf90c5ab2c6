/**
 * C5 and C8: clients that reset their connections before they have said anything and in the middle of a request, or end
 * them in the middle of a value; and some that end only their own half, and are owed all replies.
 *
 * @module
 */

import { connect as connectSocket } from "node:net";
import { utf8 } from "../../lib/bytes.ts";
import { frame } from "../support/cm_frame.ts";
import { readToEnd, sendAll, times } from "./crowd.ts";
import { Connection, ServerUnderTest, sleep } from "./process.ts";
import { expect, judge, say } from "./report.ts";

const hostname = "127.0.0.1";
const COUNT = 10_000;
const MB = 1_000_000;
const SETTLE_MS = 2_000;
const MAX_GROWTH_MB = 10;
const PIPELINED = 10_000;
const VALUE = "v".repeat(100);
const PING = frame({ opcode: 4 });
const HALF_SET = frame({ opcode: 1, key: "k", value: VALUE }).subarray(0, 60);
const HALF_RESP = utf8("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100\r\nhalf");

/** Connects, sends something, and resets the connection (SO_LINGER 0). */
function reset(port: number, bytes: Uint8Array | undefined): Promise<void> {
  return new Promise((resolve) => {
    const socket = connectSocket(port, hostname);
    socket.on("error", () => {});
    socket.on("close", () => resolve());
    socket.on("connect", () => {
      if (bytes === undefined) socket.resetAndDestroy();
      else socket.write(bytes, () => socket.resetAndDestroy());
    });
  });
}

/** Sends the beginning of a value and the end of the connection. */
async function breakOff(port: number, bytes: Uint8Array): Promise<void> {
  using connection = await Deno.connect({ hostname, port });
  await sendAll(connection, bytes);
  await connection.closeWrite();
  await readToEnd(connection);
}

say(`C5: ${COUNT.toLocaleString("en")} connections of each kind are broken off`);
{
  await using server = await ServerUnderTest.program([], { keepsComplaints: true });
  using steady = await Connection.to(server);
  await steady.ask(PING);
  const KINDS: Readonly<Record<string, () => Promise<void>>> = {
    "reset before a word": () => reset(server.port, undefined),
    "reset in mid-command": () => reset(server.port, HALF_SET),
    "reset in mid-command of RESP": () => reset(server.port, HALF_RESP),
    "ended in mid-value": () => breakOff(server.port, HALF_SET),
  };
  const round = async (hasFigures: boolean) => {
    for (const [what, one] of Object.entries(KINDS)) {
      const startMs = performance.now();
      await times(COUNT, one);
      const tookMs = performance.now() - startMs;
      using next = await Connection.to(server);
      const isServed = await steady.ask(PING) === 1 && await next.ask(PING) === 1;
      if (hasFigures) expect(`C5 ${what}: old and new clients are served, after ${Math.round(tookMs)} ms`, isServed);
    }
    await sleep(SETTLE_MS);
    return { descriptors: await server.descriptors(), bytes: (await server.residentBytes()).now };
  };
  const start = (await server.residentBytes()).now;
  // With its first ten thousands of connections, however they end, a server grows by what V8 lets lie before it cleans up.
  const before = await round(false);
  say(
    `       memory: ${Math.round(start / MB)} MB at the start, ${Math.round(before.bytes / MB)} MB after a first round`,
  );
  const after = await round(true);
  judge("C5: descriptors more than after it", { figure: after.descriptors - before.descriptors, atMost: 0 }, "");
  const grownMb = (after.bytes - before.bytes) / MB;
  judge("C5: memory more than after it", { figure: grownMb, atMost: MAX_GROWTH_MB }, "MB");
  const { code, complaints } = await server.end();
  expect(`C5: no complaint, exit code ${code}${complaints.slice(0, 500)}`, complaints === "" && code === 0);
}

say(`C8: ${PIPELINED.toLocaleString("en")} requests, and the end of the client's half at once`);
{
  await using server = await ServerUnderTest.program([]);
  const DIALECTS: Readonly<Record<string, { set: Uint8Array; get: Uint8Array; answers: [number, number] }>> = {
    CM: { set: frame({ opcode: 1, key: "k", value: VALUE }), get: frame({ opcode: 2, key: "k" }), answers: [7, 107] },
    RESP: {
      set: utf8(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100\r\n${VALUE}\r\n`),
      get: utf8("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"),
      answers: ["+OK\r\n".length, "$100\r\n\r\n".length + 100],
    },
    text: { set: utf8(`SET k ${VALUE}\n`), get: utf8("GET k\n"), answers: ["OK\n".length, 101] },
  };
  for (const [what, { set, get, answers: [once, each] }] of Object.entries(DIALECTS)) {
    using connection = await Deno.connect({ hostname, port: server.port });
    const requests = new Uint8Array(set.length + PIPELINED * get.length);
    requests.set(set);
    for (let i = 0; i < PIPELINED; i++) requests.set(get, set.length + i * get.length);
    const startMs = performance.now();
    const reading = readToEnd(connection);
    await sendAll(connection, requests);
    await connection.closeWrite();
    const bytes = await reading;
    const wanted = once + PIPELINED * each;
    const tookMs = Math.round(performance.now() - startMs);
    expect(`C8 ${what}: ${bytes} of ${wanted} bytes of replies, then the end, in ${tookMs} ms`, bytes === wanted);
  }
}
