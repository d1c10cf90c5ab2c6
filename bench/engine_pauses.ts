/**
 * How long the engine's own work keeps others waiting: a million entries that expire at once, and CLEAR of a million,
 * while gets go on in turns of the same event loop, as sessions' requests do.
 *
 * @module
 */

import { type Clock, systemClock } from "../lib/clock.ts";
import { Janitor } from "../lib/storage/janitor.ts";
import { EngineLoad } from "./engine_load.ts";
import { BYTES_PER_MB, emptyLoopMaxMs, type Figure } from "./figure.ts";
import { percentile } from "./table.ts";

const ENTRIES = 1_000_000;
/** From the start of the insertions, which take a part of it. */
const TTL_MS = 2_500;
const GETS_A_TURN = 16;
/** What may be left of a million entries' memory: spare segments, and buckets of an empty index. */
const EMPTY_BYTES = 4 * BYTES_PER_MB;
const GIVE_UP_MS = 20_000;

const MAX_SLICE_MS = 1;
const MAX_EXPIRY_MS = 2_000;
const MAX_STALL_MS = 50;

/** All entries have the same deadline. */
export async function massExpiry(): Promise<Figure[]> {
  const load = new EngineLoad({ count: ENTRIES });
  using janitor = new TimedJanitor(load);
  // The engine's clock stands still for as long as this turn takes.
  const deadlineMs = systemClock.nowMs() + TTL_MS;
  for (let i = 0; i < ENTRIES; i++) load.set(i, TTL_MS);
  const gets = new Gets(load);
  await gets.until(() => systemClock.nowMs() >= deadlineMs);
  const fullBytes = Deno.memoryUsage().rss, gapBeforeMs = gets.longestGapMs;
  gets.longestGapMs = 0;
  await gets.until(() => load.engine.stats().memoryBytes < EMPTY_BYTES);
  return [
    { name: "memory back after", value: systemClock.nowMs() - deadlineMs, unit: "ms", atMost: MAX_EXPIRY_MS },
    ...janitor.figures(),
    { name: "longest wait of a get", value: gets.longestGapMs, unit: "ms", atMost: MAX_STALL_MS },
    { name: "the same before the deadline", value: gapBeforeMs, unit: "ms" },
    { name: "given back by the process (RSS)", value: (fullBytes - Deno.memoryUsage().rss) / BYTES_PER_MB, unit: "MB" },
  ];
}

/** CLEAR of everything. */
export async function clearing(): Promise<Figure[]> {
  const load = new EngineLoad({ count: ENTRIES, withTtl: true });
  using janitor = new TimedJanitor(load);
  load.insertAll();
  const gets = new Gets(load);
  let isDone = false;
  const startMs = systemClock.nowMs();
  const cleared = load.engine.clear(new Uint8Array(0)).then((removed) => {
    isDone = true;
    return removed;
  });
  const callMs = systemClock.nowMs() - startMs;
  await gets.until(() => isDone);
  const doneMs = systemClock.nowMs() - startMs;
  if (await cleared !== ENTRIES || gets.found > 0) throw new Error("Cannot go on: CLEAR has not cleared");
  return [
    { name: "the call itself", value: callMs, unit: "ms", atMost: MAX_SLICE_MS },
    { name: "done after", value: doneMs, unit: "ms" },
    ...janitor.figures(),
    { name: "longest wait of a get", value: gets.longestGapMs, unit: "ms", atMost: MAX_STALL_MS },
  ];
}

/** The engine's janitor at work, each of its slices timed. */
class TimedJanitor implements Disposable {
  readonly #sliceMs: number[] = [];
  readonly #janitor: Janitor;

  constructor(load: EngineLoad) {
    const clock: Clock = {
      ...systemClock,
      schedule: (delayMs, callback) =>
        systemClock.schedule(delayMs, () => {
          const startMs = systemClock.nowMs();
          callback();
          this.#sliceMs.push(systemClock.nowMs() - startMs);
        }),
    };
    this.#janitor = new Janitor(load.engine, clock);
    this.#janitor.start();
  }

  figures(): Figure[] {
    const totalMs = this.#sliceMs.reduce((sum, ms) => sum + ms, 0);
    return [
      { name: "longest slice of the janitor", value: this.#janitor.longestSliceMs, unit: "ms", atMost: MAX_SLICE_MS },
      { name: "99th percentile of its slices", value: percentile(this.#sliceMs, 0.99), unit: "ms" },
      { name: "all its slices together", value: totalMs, unit: "ms" },
      {
        name: "for comparison: longest pause of an empty loop in as much time",
        value: emptyLoopMaxMs(totalMs),
        unit: "ms",
      },
    ];
  }

  [Symbol.dispose](): void {
    this.#janitor.stop();
  }
}

/** Random gets, some in every turn of the event loop. */
class Gets {
  found = 0;
  /** The longest time from one turn's gets to the next one's. */
  longestGapMs = 0;
  readonly #load: EngineLoad;

  constructor(load: EngineLoad) {
    this.#load = load;
  }

  async until(isOver: () => boolean): Promise<void> {
    const firstMs = systemClock.nowMs();
    for (let lastMs = firstMs; !isOver();) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      for (let i = 0; i < GETS_A_TURN; i++) {
        if (this.#load.get(Math.floor(Math.random() * this.#load.count))) this.found++;
      }
      const nowMs = systemClock.nowMs();
      this.longestGapMs = Math.max(this.longestGapMs, nowMs - lastMs);
      if (nowMs - firstMs > GIVE_UP_MS) throw new Error(`Cannot go on: it takes more than ${GIVE_UP_MS} ms`);
      lastMs = nowMs;
    }
  }
}
