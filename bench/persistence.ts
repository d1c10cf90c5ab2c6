/**
 * `deno task bench:persistence`: what it costs to keep the entries: the time to load a million of them, how long requests
 * wait while a snapshot is made, and the throughput with each mode of the append log, beside Redis on the same disk, which
 * is that of the temporary folder. The servers take turns, run by run, so that a busy moment of the machine meets all.
 *
 * @module
 */

import { ByteRange, utf8 } from "../lib/bytes.ts";
import { onStopSignal } from "../lib/cli/stop_signal.ts";
import { systemClock } from "../lib/clock.ts";
import { openPersistence } from "../lib/server/open_persistence.ts";
import { type Load, LoadGenerator, type Outcome } from "./load_generator.ts";
import { redisVersion, ServerProcess } from "./server_process.ts";
import { digits, median, percentile, printTable, say } from "./table.ts";
import { array, CM, RESP, type Wire } from "./wire.ts";

const ENTRIES = 1_000_000;
const VALUE = new Uint8Array(100).fill(0x76);
const LOADS = 3;
const ROUNDS = 5;
const MIN_LOADED_PER_SECOND = 1_000_000;
const MAX_ADDED_WAIT_MS = 5;
const MAX_EVERYSEC_COST = 0.1;
const SNAPSHOTS = 5;
const QUIET_MS = 1_500;
const LOADS_OF_SETS: readonly Load[] = [{ question: "SET", depth: 1 }, { question: "SET", depth: 16 }];
const UNKNOWN = "-";

/** Runs something with a folder of its own. */
async function withFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await Deno.makeTempDir({ prefix: "cryptomem-bench-" });
  try {
    return await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Leaves a snapshot of a million entries. */
async function fill(folder: string): Promise<void> {
  const persistence = await openPersistence(folder, { appendLog: "off" });
  const value = ByteRange.of(VALUE);
  for (let i = 0; i < ENTRIES; i++) persistence.engine.set(ByteRange.of(keyOf(i)), value, 0);
  await persistence.close({ snapshot: true });
}

function keyOf(i: number): Uint8Array {
  return utf8(`key:${String(i).padStart(12, "0")}`);
}

async function loading(folder: string): Promise<void> {
  const perSecond: number[] = [];
  for (let i = 0; i < LOADS; i++) {
    const persistence = await openPersistence(folder, { appendLog: "off" });
    const { entries, durationMs } = persistence.status().recovery;
    perSecond.push(entries / durationMs * 1e3);
    await persistence.close({ snapshot: false });
  }
  printTable(
    `Loading ${digits(ENTRIES)} entries of 100 B from a snapshot`,
    ["Start", "slowest", "median", "bound", "held"],
    [[
      "entries/s",
      digits(Math.min(...perSecond)),
      digits(median(perSecond)),
      `≥ ${digits(MIN_LOADED_PER_SECOND)}`,
      Math.min(...perSecond) >= MIN_LOADED_PER_SECOND ? "yes" : "NO",
    ]],
  );
}

/** How long requests wait: one connection that reads and writes by turns, one request a millisecond. */
class Waits {
  readonly #connection: Deno.TcpConn;
  readonly #buffer = new Uint8Array(1024);

  constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    connection.setNoDelay(true);
  }

  /** Asks until told to stop. Returns all waits in milliseconds. */
  async until(isOver: () => boolean): Promise<number[]> {
    const waitsMs: number[] = [];
    while (!isOver()) {
      const key = keyOf(Math.floor(Math.random() * ENTRIES));
      const startMs = systemClock.nowMs();
      await this.ask(RESP.request(waitsMs.length % 2 === 0 ? "GET" : "SET", key, VALUE));
      waitsMs.push(systemClock.nowMs() - startMs);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return waitsMs;
  }

  async ask(request: Uint8Array): Promise<void> {
    await this.#connection.write(request);
    await this.#connection.read(this.#buffer);
  }
}

async function waiting(folder: string, signal: AbortSignal): Promise<void> {
  await using server = await ServerProcess.cryptomem(signal, {
    folder,
    flags: ["--append-log", "everysec", "--snapshot-interval", "none"],
  });
  using asking = await server.connect();
  using saving = await server.connect();
  const waits = new Waits(asking), saver = new Waits(saving);
  const quiet: number[][] = [], during: number[][] = [], tookMs: number[] = [];
  for (let i = 0; i < SNAPSHOTS; i++) {
    const quietEndMs = systemClock.nowMs() + QUIET_MS;
    quiet.push(await waits.until(() => systemClock.nowMs() >= quietEndMs));
    const startMs = systemClock.nowMs();
    let isSaved = false;
    const saved = saver.ask(array([utf8("SAVE")])).then(() => isSaved = true);
    during.push(await waits.until(() => isSaved));
    await saved;
    tookMs.push(systemClock.nowMs() - startMs);
  }
  const longest = (all: number[][]) => median(all.map((ms) => Math.max(...ms)));
  const p99 = (all: number[][]) => percentile(all.flat(), 0.99);
  const addedMs = longest(during) - longest(quiet);
  printTable(
    `Wait of a request while a snapshot of ${digits(ENTRIES)} entries is made, in ${
      digits(median(tookMs))
    } ms; medians of ` +
      `${SNAPSHOTS}`,
    ["Wait", "without", "meanwhile", "more", "bound", "held"],
    [
      ["p99", ms(p99(quiet)), ms(p99(during)), ms(p99(during) - p99(quiet)), "", ""],
      [
        "longest",
        ms(longest(quiet)),
        ms(longest(during)),
        ms(addedMs),
        `≤ ${MAX_ADDED_WAIT_MS} ms more`,
        addedMs <= MAX_ADDED_WAIT_MS ? "yes" : "NO",
      ],
    ],
  );
}

function ms(value: number): string {
  return `${digits(value)} ms`;
}

interface Contestant {
  readonly name: string;
  readonly wire: Wire;
  start(signal: AbortSignal, folder: string): Promise<ServerProcess>;
}

function ours(name: string, wire: Wire, mode: string | undefined): Contestant {
  return {
    name,
    wire,
    start: (signal, folder) =>
      ServerProcess.cryptomem(signal, mode === undefined ? undefined : { folder, flags: ["--append-log", mode] }),
  };
}

function redis(name: string, mode: string | undefined): Contestant {
  const settings = (folder: string) =>
    mode === undefined ? [] : ["--dir", folder, "--appendonly", "yes", "--appendfsync", mode];
  return { name, wire: RESP, start: (signal, folder) => ServerProcess.redis(signal, settings(folder)) };
}

async function compare(contestants: readonly Contestant[], signal: AbortSignal): Promise<Outcome[][][]> {
  await using stack = new AsyncDisposableStack();
  const generators: LoadGenerator[] = [];
  for (const { wire, start } of contestants) {
    const folder = await Deno.makeTempDir({ prefix: "cryptomem-bench-" });
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    const generator = new LoadGenerator(stack.use(await start(signal, folder)), wire);
    await generator.prefill();
    generators.push(generator);
  }
  const results = generators.map(() => LOADS_OF_SETS.map((): Outcome[] => []));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [l, load] of LOADS_OF_SETS.entries()) {
      for (const [g, generator] of generators.entries()) results[g]![l]!.push(await generator.run(load));
    }
  }
  return results;
}

function printThroughput(title: string, contestants: readonly Contestant[], results: Outcome[][][]): void {
  const middle = (g: number, l: number, figure: keyof Outcome) =>
    median(results[g]![l]!.map((outcome) => outcome[figure]).filter((value) => value !== undefined));
  printTable(
    title,
    ["50 connections", "SET op/s", "p99", "CPU", "SET op/s, 16 deep", "p99 of 16", "CPU"],
    contestants.map(({ name }, g) => [
      name,
      ...LOADS_OF_SETS.flatMap((_, l) => [
        digits(middle(g, l, "operationsPerSecond")),
        `${digits(middle(g, l, "batchP99Microseconds"))} µs`,
        Number.isNaN(middle(g, l, "cpuMicrosecondsPerOperation"))
          ? UNKNOWN
          : `${digits(middle(g, l, "cpuMicrosecondsPerOperation"))} µs`,
      ]),
    ]),
  );
}

const stop = new AbortController();
using _signals = onStopSignal(() => stop.abort());
await withFolder(async (folder) => {
  await fill(folder);
  await loading(folder);
  await waiting(folder, stop.signal);
});
const hasRedis = await redisVersion() !== undefined;
if (!hasRedis) say("", "No Redis to compare with: apt-get install redis-server");

const lazy = [
  ours("CM, in memory only", CM, undefined),
  ours("CM, everysec", CM, "everysec"),
  ours("CM, no", CM, "no"),
  ...hasRedis ? [redis("Redis, in memory only", undefined), redis("Redis, everysec", "everysec")] : [],
];
const lazyResults = await compare(lazy, stop.signal);
printThroughput(`Where nobody waits for the disk; medians of ${ROUNDS} rounds`, lazy, lazyResults);
// Round by round, so that what the machine does besides meets both.
const costs = lazyResults[0]![1]!.map(({ operationsPerSecond }, round) =>
  1 - lazyResults[1]![1]![round]!.operationsPerSecond / operationsPerSecond
);
say(
  "",
  `everysec costs ${digits(median(costs) * 100)} % of the throughput at 16 deep (bound ${
    MAX_EVERYSEC_COST * 100
  } %): ` +
    (median(costs) <= MAX_EVERYSEC_COST ? "held" : "NOT HELD"),
);

const strict = [
  ours("CM, always", CM, "always"),
  ours("our RESP, always", RESP, "always"),
  ...hasRedis ? [redis("Redis, always", "always")] : [],
];
const strictResults = await compare(strict, stop.signal);
printThroughput(`Where every reply waits for its sync; medians of ${ROUNDS} rounds`, strict, strictResults);
