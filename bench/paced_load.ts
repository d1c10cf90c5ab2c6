/**
 * A load that does not grow with the server's speed: so many GETs a second, whether those before are answered or not. A
 * request counts from the moment in which it is due, so that what waits behind a slow one is slow as well.
 *
 * @module
 */

import { closeQuietly, readFully, writeAll } from "../lib/channel/byte_stream.ts";
import type { ByteStream } from "../lib/channel/byte_stream.ts";
import { utf8 } from "../lib/bytes.ts";
import { systemClock } from "../lib/clock.ts";
import type { Target } from "./load_generator.ts";
import { percentile } from "./table.ts";
import { CM, joined } from "./wire.ts";

const REQUESTS_PER_SECOND = 10_000;
const CONNECTIONS = 20;
const TICK_MS = 2;
const SETTLE_MS = 500;
const MEASURED_MS = 2_500;
const VALUE = new Uint8Array(100).fill(0x76);
const KEY = utf8("key:000000000000");
const GET = CM.request("GET", KEY, VALUE);
const REPLY_BYTES = CM.replyBytes("GET", VALUE.length);

/** What a paced run has shown. */
export interface PacedOutcome {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Runs it for a fixed time. */
export async function runPaced(target: Target): Promise<PacedOutcome> {
  const streams = await Promise.all(Array.from({ length: CONNECTIONS }, () => target.connect()));
  const latenciesMs: number[] = [];
  await store(streams[0]!);
  const startMs = systemClock.nowMs(), countMs = startMs + SETTLE_MS, endMs = countMs + MEASURED_MS;
  const askers = streams.map((stream) => new Asker(stream));
  for (let asked = 0, nowMs = startMs; nowMs < endMs; nowMs = systemClock.nowMs()) {
    const due = Math.floor((nowMs - startMs) * REQUESTS_PER_SECOND / 1e3 / CONNECTIONS) - asked;
    asked += due;
    if (due > 0) { for (const asker of askers) asker.ask(due, nowMs, nowMs < countMs ? [] : latenciesMs); }
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  await Promise.all(askers.map((asker) => asker.done));
  const tookMs = systemClock.nowMs() - countMs;
  for (const stream of streams) closeQuietly(stream);
  return {
    requestsPerSecond: latenciesMs.length / tookMs * 1e3,
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
  };
}

async function store(stream: ByteStream): Promise<void> {
  await writeAll(stream, CM.request("SET", KEY, VALUE));
  await readFully(stream, new Uint8Array(CM.replyBytes("SET", 0)));
}

/** One connection: what is due while it waits for replies goes out when they are there. */
class Asker {
  /** Settles when all replies are there. */
  done: Promise<void> = Promise.resolve();
  readonly #stream: ByteStream;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  ask(requests: number, dueMs: number, latenciesMs: number[]): void {
    const before = this.done;
    this.done = this.#ask(before, requests, dueMs, latenciesMs);
  }

  async #ask(before: Promise<void>, requests: number, dueMs: number, latenciesMs: number[]): Promise<void> {
    await before;
    await writeAll(this.#stream, joined(Array.from({ length: requests }, () => GET)));
    if (!await readFully(this.#stream, new Uint8Array(requests * REPLY_BYTES))) {
      throw new Error("Cannot go on: the server closed the connection");
    }
    const tookMs = systemClock.nowMs() - dueMs;
    for (let i = 0; i < requests; i++) latenciesMs.push(tookMs);
  }
}
