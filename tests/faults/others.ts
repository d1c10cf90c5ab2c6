/**
 * What the other clients notice: one that sends a PING each two milliseconds, in a thread of its own, so that what the
 * experiment does meanwhile is not measured with it.
 *
 * @module
 */

import { frame } from "../support/cm_frame.ts";
import { Connection, sleep } from "./process.ts";
import { judge, say } from "./report.ts";

/** How long replies took. */
export interface Waits {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly longestMs: number;
}

const PING = frame({ opcode: 4 });
const INTERVAL_MS = 2;
const OK = 1;

/** The others of one server. */
export class Others implements Disposable {
  readonly #worker: Worker;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  /**
   * They begin at once.
   *
   * @param first what they ask before anything else, as to say who they are
   */
  static async of({ port }: { port: number }, first: Uint8Array = PING): Promise<Others> {
    const worker = new Worker(import.meta.url, { type: "module" });
    worker.postMessage({ port, first });
    await answerOf(worker);
    return new Others(worker);
  }

  /** How long replies took since the beginning, or since the last call. */
  waits(): Promise<Waits> {
    this.#worker.postMessage({});
    return answerOf(this.#worker);
  }

  /** Judges the waits since the last look. */
  async judge(what: string, atMostMs: number): Promise<void> {
    const { count, p50Ms, p99Ms, longestMs } = await this.waits();
    judge(`${what}: others' p99`, { figure: count === 0 ? Infinity : p99Ms, atMost: atMostMs }, "ms");
    say(`       of ${count} PINGs: half within ${p50Ms.toFixed(2)} ms, the longest ${longestMs.toFixed(1)} ms`);
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}

function answerOf(worker: Worker): Promise<Waits> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => reject(new Error(event.message));
  });
}

/** The side of the thread. */
async function run(port: number, first: Uint8Array): Promise<void> {
  const waitsMs: number[] = [];
  self.onmessage = () => self.postMessage(summary(waitsMs.splice(0)));
  using connection = await Connection.to({ port });
  if (await connection.ask(first) !== OK) throw new Error("Cannot begin: the first request is refused");
  self.postMessage(undefined);
  for (;;) {
    const startMs = performance.now();
    await connection.ask(PING);
    const waitMs = performance.now() - startMs;
    waitsMs.push(waitMs);
    if (waitMs < INTERVAL_MS) await sleep(INTERVAL_MS - waitMs);
  }
}

/** Waits in order and what stands out of them. */
export function summary(waitsMs: number[]): Waits {
  waitsMs.sort((a, b) => a - b);
  const share = (part: number) => waitsMs[Math.min(waitsMs.length - 1, Math.floor(waitsMs.length * part))] ?? 0;
  return { count: waitsMs.length, p50Ms: share(0.5), p99Ms: share(0.99), longestMs: waitsMs.at(-1) ?? 0 };
}

declare const self: {
  onmessage: (event: MessageEvent) => void;
  postMessage(message: unknown): void;
};
if ("WorkerGlobalScope" in globalThis) self.onmessage = ({ data }) => void run(data.port, data.first);
