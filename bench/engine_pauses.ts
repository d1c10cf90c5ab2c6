/**
 * How long the engine's own work keeps others waiting: a million entries that expire at once, CLEAR of a million, and a
 * snapshot of a million, while gets and sets go on in turns of the same event loop, as sessions' requests do.
 *
 * @module
 */

import type { ByteRange } from "../lib/bytes.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import { BLOCK_HEADER_BYTES, ENTRY_HEADER_BYTES, writeEntry } from "../lib/persistence/snapshot_layout.ts";
import { SNAPSHOT_BLOCK_BYTES } from "../lib/persistence/limits.ts";
import { Janitor } from "../lib/storage/janitor.ts";
import type { SnapshotSink } from "../lib/storage/snapshots.ts";
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
/** How long requests are watched without a snapshot, about as long as one takes. */
const QUIET_MS = 1_000;

const MAX_SLICE_MS = 1;
const MAX_EXPIRY_MS = 2_000;
const MAX_STALL_MS = 50;
/** What a snapshot may add to the longest wait. */
const MAX_SNAPSHOT_STALL_MS = 5;
/** As lib/persistence/snapshot_run.ts gives it: so many entries between two looks at the clock, until a slice is over. */
const ENTRIES_PER_LOOK = 32;
const SNAPSHOT_SLICE_MS = 1;
const NS_PER_MS = 1e6;

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

/** A snapshot into blocks that nobody writes: what the engine and the encoding take, and the disk does not. */
export async function snapshot(): Promise<Figure[]> {
  const load = new EngineLoad({ count: ENTRIES, withTtl: true });
  load.insertAll();
  const before = new Gets(load);
  before.sets = true;
  const quietEndMs = systemClock.nowMs() + QUIET_MS;
  await before.until(() => systemClock.nowMs() >= quietEndMs);

  const gets = new Gets(load), sliceMs: number[] = [];
  gets.sets = true;
  const startMs = systemClock.nowMs();
  const blocks = new EncodedBlocks();
  const under = load.engine.beginSnapshot(blocks);
  const beginMs = systemClock.nowMs() - startMs;
  let isDone = false;
  const slice = () => {
    const sliceStartMs = systemClock.nowMs();
    let hasMore = true;
    while (hasMore && systemClock.nowMs() < sliceStartMs + SNAPSHOT_SLICE_MS) hasMore = under.step(ENTRIES_PER_LOOK);
    sliceMs.push(systemClock.nowMs() - sliceStartMs);
    if (hasMore) setTimeout(slice, 0);
    else isDone = true;
  };
  setTimeout(slice, 0);
  await gets.until(() => isDone);
  const doneMs = systemClock.nowMs() - startMs;
  if (blocks.entries !== ENTRIES) throw new Error(`Cannot go on: ${blocks.entries} entries were given`);
  const totalMs = sliceMs.reduce((sum, ms) => sum + ms, 0);
  return [
    { name: "the begin", value: beginMs, unit: "ms", atMost: MAX_SLICE_MS },
    { name: "an entry, with its encoding", value: totalMs * NS_PER_MS / ENTRIES, unit: "ns" },
    { name: "done after", value: doneMs, unit: "ms" },
    { name: "longest slice", value: percentile(sliceMs, 1), unit: "ms" },
    { name: "99th percentile of the slices", value: percentile(sliceMs, 0.99), unit: "ms" },
    {
      name: "longest wait of a request, beyond that without a snapshot",
      value: Math.max(0, gets.longestGapMs - before.longestGapMs),
      unit: "ms",
      atMost: MAX_SNAPSHOT_STALL_MS,
    },
    { name: "longest wait of a request", value: gets.longestGapMs, unit: "ms" },
    {
      name: "for comparison: longest pause of an empty loop in as much time",
      value: emptyLoopMaxMs(doneMs),
      unit: "ms",
    },
  ];
}

/** Blocks as a snapshot file has them, in one buffer that is used again and again. */
class EncodedBlocks implements SnapshotSink {
  entries = 0;
  readonly #block = new Uint8Array(SNAPSHOT_BLOCK_BYTES);
  #end = BLOCK_HEADER_BYTES;

  add(key: ByteRange, value: ByteRange, expiryMs: number): void {
    if (this.#end + ENTRY_HEADER_BYTES + key.length + value.length > this.#block.length) this.#end = BLOCK_HEADER_BYTES;
    this.#end = writeEntry(this.#block, this.#end, key, value, expiryMs);
    this.entries++;
  }
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
  /** Whether each is followed by a set. */
  sets = false;
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
        if (this.sets) this.#load.set(Math.floor(Math.random() * this.#load.count));
      }
      const nowMs = systemClock.nowMs();
      this.longestGapMs = Math.max(this.longestGapMs, nowMs - lastMs);
      if (nowMs - firstMs > GIVE_UP_MS) throw new Error(`Cannot go on: it takes more than ${GIVE_UP_MS} ms`);
      lastMs = nowMs;
    }
  }
}
