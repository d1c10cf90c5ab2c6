/**
 * C6 and C7: a subscriber that never reads its messages, and a client that asks for far more than it ever reads. The one
 * is closed at its limit, the other is not read from; neither costs more than its buffers, and nobody else notices.
 *
 * @module
 */

import { utf8 } from "../../lib/bytes.ts";
import { frame } from "../support/cm_frame.ts";
import { sendAll } from "./crowd.ts";
import { Others, summary } from "./others.ts";
import { Connection, ServerUnderTest, sleep } from "./process.ts";
import { expect, judge, say } from "./report.ts";

const hostname = "127.0.0.1";
const MB = 1_000_000, MIB = 1024 * 1024;
const MESSAGE = new Uint8Array(64 * 1024).fill(0x6d);
const LIMIT_BYTES = 32 * MIB;
/** What the system takes of a connection's bytes comes on top. */
const SYSTEM_BYTES = 8 * MIB;
const MAX_SUBSCRIBER_MB = 40, MAX_GREEDY_MB = 16, MAX_OTHERS_MS = 5;
const GETS = 1_000_000;
const GREEDY_MS = 5_000;
const SUBSCRIBE = 22, PUBLISH = 21, SET = 1;

say("C6: a subscriber that never reads, and messages of 64 KiB");
for (
  const [what, request] of [
    ["CM", frame({ opcode: SUBSCRIBE, key: "news" })],
    ["RESP", utf8("*2\r\n$9\r\nSUBSCRIBE\r\n$4\r\nnews\r\n")],
  ] as const
) {
  await using server = await ServerUnderTest.program([], { keepsComplaints: true });
  using publisher = await Connection.to(server);
  using sleeper = await Deno.connect({ hostname, port: server.port });
  const publish = frame({ opcode: PUBLISH, key: "news", value: MESSAGE });
  // What V8 takes for the first of them is no matter of the subscriber.
  for (let i = 0; i < 1_000; i++) await publisher.ask(publish);
  await sleep(500);
  await sendAll(sleeper, request);
  await sleeper.read(new Uint8Array(1024));
  const before = (await server.residentBytes()).now;
  await server.forgetPeak();
  const descriptors = await server.descriptors();
  const waitsMs: number[] = [];
  let published = 0;
  while (published < 4 * LIMIT_BYTES) {
    const startMs = performance.now();
    await publisher.ask(publish);
    waitsMs.push(performance.now() - startMs);
    published += MESSAGE.length;
    if (published >= LIMIT_BYTES && await server.descriptors() < descriptors) break;
  }
  const dropped = published / MIB;
  const isInTime = published >= LIMIT_BYTES && published <= LIMIT_BYTES + SYSTEM_BYTES;
  expect(`C6 ${what}: closed after ${dropped.toFixed(1)} MiB of messages, at 32 MiB of its own`, isInTime);
  const { p99Ms, longestMs } = summary(waitsMs);
  judge(`C6 ${what}: the publisher's p99`, { figure: p99Ms, atMost: MAX_OTHERS_MS }, "ms");
  say(`       of ${waitsMs.length} messages; the longest ${longestMs.toFixed(1)} ms`);
  const grownMb = ((await server.residentBytes()).peak - before) / MB;
  judge(`C6 ${what}: memory at most, more than before`, { figure: grownMb, atMost: MAX_SUBSCRIBER_MB }, "MB");
  const { complaints } = await server.end();
  expect(`C6 ${what}: the log tells it: ${complaints.trim()}`, complaints.includes("does not read"));
}

say(`C7: a client that asks for 64 KiB up to ${GETS.toLocaleString("en")} times, and never reads`);
for (
  const [what, request] of [
    ["CM", frame({ opcode: 2, key: "large" })],
    ["RESP", utf8("*2\r\n$3\r\nGET\r\n$5\r\nlarge\r\n")],
    ["text", utf8("GET large\n")],
  ] as const
) {
  await using server = await ServerUnderTest.program([]);
  using writer = await Connection.to(server);
  await writer.ask(frame({ opcode: SET, key: "large", value: MESSAGE }));
  for (let i = 0; i < 1_000; i++) await writer.ask(frame({ opcode: 2, key: "large" }));
  using others = await Others.of(server);
  await sleep(500);
  await others.waits();
  const before = (await server.residentBytes()).now;
  await server.forgetPeak();
  const greedy = await Deno.connect({ hostname, port: server.port });
  const batch = new Uint8Array(request.length * 1_000);
  for (let i = 0; i < 1_000; i++) batch.set(request, i * request.length);
  let asked = 0;
  const asking = (async () => {
    try {
      for (; asked < GETS; asked += 1_000) await sendAll(greedy, batch);
    } catch {
      // Closed below.
    }
  })();
  await sleep(GREEDY_MS);
  await others.judge(`C7 ${what}`, MAX_OTHERS_MS);
  const grownMb = ((await server.residentBytes()).peak - before) / MB;
  judge(`C7 ${what}: memory at most, more than before`, { figure: grownMb, atMost: MAX_GREEDY_MB }, "MB");
  expect(`C7 ${what}: it is not read from any more, after ${asked} requests were taken`, asked < GETS);
  greedy.close();
  await asking;
}
