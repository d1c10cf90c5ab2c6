/**
 * D15: the machine's date jumps by -1 h, +3 h and -1 day under a running server. Entries with two seconds to live must
 * go neither before that nor more than a second after. libfaketime plays the date; the real one is never touched.
 *
 * @module
 */

import { frame } from "../support/cm_frame.ts";
import { libfaketime } from "./fake_date.ts";
import { Connection, ServerUnderTest, sleep } from "./process.ts";
import { expect, judge, say } from "./report.ts";

const HOUR_MS = 3_600_000;
/** The date's distance from the real one, one after the other. */
const OFFSETS_MS = [0, -HOUR_MS, 2 * HOUR_MS, -22 * HOUR_MS, 0];
const TTL_MS = 2_000;
const KEYS = 100;
const MAX_LATE_MS = 1_000;
const SET = 1, GET = 2, OK = 1, NOT_FOUND = 0;

/** How long each key was still there, at the least and at the most, in ms from its own SET. */
async function lifetimes(connection: Connection, jump: () => Promise<void>): Promise<{ least: number; most: number }> {
  const setMs: number[] = [], goneMs: number[] = [], seenMs: number[] = [];
  for (let i = 0; i < KEYS; i++) {
    setMs.push(performance.now());
    await connection.ask(frame({ opcode: SET, key: `key ${i}`, value: "v", ttl: BigInt(TTL_MS) * 1_000_000n }));
  }
  await sleep(300);
  await jump();
  while (goneMs.filter((ms) => ms > 0).length < KEYS && performance.now() - setMs[0]! < TTL_MS + 10 * MAX_LATE_MS) {
    for (let i = 0; i < KEYS; i++) {
      if (goneMs[i] !== undefined) continue;
      const status = await connection.ask(frame({ opcode: GET, key: `key ${i}` }));
      const passedMs = performance.now() - setMs[i]!;
      if (status === NOT_FOUND) goneMs[i] = passedMs;
      else if (status === OK) seenMs[i] = passedMs;
    }
    await sleep(5);
  }
  return { least: Math.min(...goneMs), most: Math.max(...seenMs) };
}

const library = await libfaketime();
if (library === undefined) {
  say("D15: skipped, libfaketime is not installed (apt-get install faketime)");
  Deno.exit();
}

say(`D15: the date jumps while ${KEYS} entries with ${TTL_MS} ms to live are there`);
const file = await Deno.makeTempFile();
try {
  const setOffset = (ms: number) => Deno.writeTextFile(file, `${ms < 0 ? "" : "+"}${ms / 1_000}\n`);
  await setOffset(0);
  await using server = await ServerUnderTest.engine({}, {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: "1",
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
  });
  using connection = await Connection.to(server);
  for (let i = 1; i < OFFSETS_MS.length; i++) {
    const stepMs = OFFSETS_MS[i]! - OFFSETS_MS[i - 1]!;
    const step = `${stepMs > 0 ? "+" : ""}${stepMs / HOUR_MS} h`;
    const { least, most } = await lifetimes(connection, async () => {
      await setOffset(OFFSETS_MS[i]!);
      const offMs = (await server.tell()).wallMs - Date.now() - OFFSETS_MS[i]!;
      expect(`${step}: the server's date has jumped`, Math.abs(offMs) < 5_000);
    });
    expect(`${step}: none goes early, the first after ${Math.round(least)} ms`, least >= TTL_MS);
    judge(`${step}: the last one is there`, { figure: most, atMost: TTL_MS + MAX_LATE_MS }, "ms");
    await sleep(MAX_LATE_MS);
    const { stats } = await server.tell();
    expect(`${step}: their memory is given back, ${stats.entries} entries left`, stats.entries === 0);
  }
} finally {
  await Deno.remove(file);
}
