/**
 * C12: a million entries expire together, or are cleared, while another client sends a thousand PINGs a second. None of
 * them waits for more than 50 ms, and two seconds after the deadline the memory is back.
 *
 * @module
 */

import { frame } from "../support/cm_frame.ts";
import { Connection, ServerUnderTest, sleep } from "./process.ts";
import { expect, judge, say } from "./report.ts";

const COUNT = 1_000_000;
const MAX_STALL_MS = 50;
const MAX_BACK_MS = 2_000;
/** Longer than it takes to store them all. */
const TTL_MS = 6_000;
const PING = frame({ opcode: 4 });

/** Sends a PING each millisecond until told to stop; then tells how long the replies took. */
class Pinger {
  readonly #waitsMs: number[] = [];
  #isStopping = false;
  readonly #done: Promise<void>;

  constructor(connection: Connection) {
    this.#done = this.#run(connection);
  }

  async stop(): Promise<{ count: number; longestMs: number }> {
    this.#isStopping = true;
    await this.#done;
    return { count: this.#waitsMs.length, longestMs: this.#waitsMs.reduce((most, ms) => Math.max(most, ms), 0) };
  }

  async #run(connection: Connection): Promise<void> {
    while (!this.#isStopping) {
      const startMs = performance.now();
      await connection.ask(PING);
      const waitMs = performance.now() - startMs;
      this.#waitsMs.push(waitMs);
      if (waitMs < 1) await sleep(1 - waitMs);
    }
  }
}

function judgeStalls(what: string, { count, longestMs }: { count: number; longestMs: number }): void {
  expect(`${what}: ${count} PINGs answered meanwhile`, count > 0);
  judge(`${what}: the longest wait`, { figure: longestMs, atMost: MAX_STALL_MS }, "ms");
}

say(`C12: ${COUNT.toLocaleString("en")} entries with the same deadline`);
{
  await using server = await ServerUnderTest.engine({});
  using connection = await Connection.to(server);
  const startMs = performance.now();
  const full = await server.tell({ fill: COUNT, ttlMs: TTL_MS });
  // All have expired by now + TTL_MS, and the first not before the start + TTL_MS.
  const deadlineMs = performance.now() + TTL_MS;
  expect(`all are there, stored in ${Math.round(performance.now() - startMs)} ms`, full.stats.entries === COUNT);
  await sleep(startMs + TTL_MS - performance.now() - 200);
  const pinger = new Pinger(connection);
  await sleep(deadlineMs - performance.now());
  let report = await server.tell();
  while (report.stats.entries > 0 && performance.now() < deadlineMs + 5 * MAX_BACK_MS) {
    await sleep(50);
    report = await server.tell();
  }
  const backMs = performance.now() - deadlineMs;
  judgeStalls("mass expiry", await pinger.stop());
  judge("mass expiry: all gone after", { figure: backMs, atMost: MAX_BACK_MS }, "ms");
  const share = report.stats.memoryBytes / full.stats.memoryBytes * 100;
  judge("mass expiry: memory still taken", { figure: share, atMost: 10 }, "%");
}

say(`C12: CLEAR of ${COUNT.toLocaleString("en")} entries`);
{
  await using server = await ServerUnderTest.engine({});
  using connection = await Connection.to(server);
  await server.tell({ fill: COUNT });
  await sleep(500);
  const pinger = new Pinger(connection);
  await sleep(200);
  const startMs = performance.now();
  const { cleared } = await server.tell({ clear: true });
  say(`       it took ${Math.round(performance.now() - startMs)} ms`);
  await sleep(200);
  judgeStalls("CLEAR", await pinger.stop());
  expect(`CLEAR: ${cleared} entries removed`, cleared === COUNT);
}
