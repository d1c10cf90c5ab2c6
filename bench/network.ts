/**
 * `deno task bench:network`: this server beside Redis on the same machine, driven by the same load generator over
 * loopback: processor time of the server for an operation, throughput, latency, and memory of idle connections. The
 * two take turns, run by run, so that a busy moment of the machine meets both.
 *
 * @module
 */

import { onStopSignal } from "../lib/cli/stop_signal.ts";
import { idleCost } from "./idle_connections.ts";
import { type Load, LoadGenerator, type Outcome } from "./load_generator.ts";
import { redisVersion, ServerProcess } from "./server_process.ts";
import { digits, median, printTable, say } from "./table.ts";
import { CM, RESP, type Wire } from "./wire.ts";

const ROUNDS = 3;
/** Each with the most processor time that it may cost, Redis = 1. */
const LOADS: readonly (Load & { readonly maxRatio: number })[] = [
  { question: "SET", depth: 1, maxRatio: 1.3 },
  { question: "GET", depth: 1, maxRatio: 1.3 },
  { question: "SET", depth: 16, maxRatio: 1 },
  { question: "GET", depth: 16, maxRatio: 1 },
  { question: "SET", depth: 64, maxRatio: 1 },
  { question: "GET", depth: 64, maxRatio: 1 },
];
const MAX_IDLE_CONNECTION_BYTES = 16_000;
const BYTES_PER_KB = 1_000;
const UNKNOWN = "-";

interface Contestant {
  readonly name: string;
  readonly wire: Wire;
  start(signal: AbortSignal): Promise<ServerProcess>;
}

const CRYPTOMEM: Contestant = { name: "CM", wire: CM, start: ServerProcess.cryptomem };
const CRYPTOMEM_RESP: Contestant = { name: "our RESP", wire: RESP, start: ServerProcess.cryptomem };
const REDIS: Contestant = { name: "Redis", wire: RESP, start: ServerProcess.redis };

/** For each contestant, for each load, the outcomes of all rounds. */
type Results = readonly (readonly Outcome[][])[];

async function compare(contestants: readonly Contestant[], signal: AbortSignal): Promise<Results> {
  await using processes = new AsyncDisposableStack();
  const generators: LoadGenerator[] = [];
  for (const { wire, start } of contestants) {
    const generator = new LoadGenerator(processes.use(await start(signal)), wire);
    await generator.prefill();
    generators.push(generator);
  }
  const results = generators.map(() => LOADS.map((): Outcome[] => []));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [l, load] of LOADS.entries()) {
      for (const [g, generator] of generators.entries()) results[g]![l]!.push(await generator.run(load));
    }
  }
  return results;
}

function printComparison(contestants: readonly Contestant[], results: Results): void {
  const middle = (g: number, l: number, figure: keyof Outcome): number | undefined => {
    const values = results[g]?.[l]?.map((outcome) => outcome[figure]).filter((value) => value !== undefined) ?? [];
    return values.length === 0 ? undefined : median(values);
  };
  printTable(
    `Processor time of the server for an operation; medians of ${ROUNDS} rounds`,
    ["Network", ...contestants.map(({ name }) => name), "CM / Redis", "our RESP / Redis", "bound", "held"],
    LOADS.map((load, l) => {
      const [cm, resp, redis] = contestants.map((_, g) => middle(g, l, "cpuMicrosecondsPerOperation"));
      const ratios = [cm, resp].map((ours) => ours === undefined || redis === undefined ? undefined : ours / redis);
      return [
        labelOf(load),
        ...[cm, resp, redis].slice(0, contestants.length).map((time) => figure(time, "µs")),
        ...ratios.map((ratio) => figure(ratio)),
        `≤ ${load.maxRatio}`,
        ratios.map((ratio) => held(ratio, load.maxRatio)).join(" "),
      ];
    }),
  );
  printTable(
    "Throughput, and time from sending a batch to its last reply",
    ["Network", ...contestants.flatMap(({ name }) => [`${name} op/s`, "p50", "p99"])],
    LOADS.map((load, l) => [
      labelOf(load),
      ...contestants.flatMap((_, g) => [
        figure(middle(g, l, "operationsPerSecond")),
        figure(middle(g, l, "batchP50Microseconds"), "µs"),
        figure(middle(g, l, "batchP99Microseconds"), "µs"),
      ]),
    ]),
  );
}

async function compareIdle(contestants: readonly Contestant[], signal: AbortSignal): Promise<void> {
  const rows: string[][] = [];
  for (const { name, wire, start } of contestants) {
    await using server = await start(signal);
    const { openBytes, closedBytes, reopenedBytes } = await idleCost(server, wire);
    const isOurs = name === CRYPTOMEM.name;
    rows.push([
      name,
      kilobytes(openBytes),
      kilobytes(closedBytes),
      kilobytes(reopenedBytes),
      isOurs ? `≤ ${kilobytes(MAX_IDLE_CONNECTION_BYTES)} open` : "",
      isOurs ? held(openBytes, MAX_IDLE_CONNECTION_BYTES) : "",
    ]);
  }
  printTable("Memory (RSS) for each of 2,000 idle connections", [
    "Network",
    "open",
    "closed",
    "open again",
    "bound",
    "held",
  ], rows);
}

function labelOf({ question, depth }: Load): string {
  return depth === 1 ? `${question}, no pipelining` : `${question}, ${depth} deep`;
}

function figure(value: number | undefined, unit = ""): string {
  return value === undefined ? UNKNOWN : `${digits(value)} ${unit}`.trimEnd();
}

function kilobytes(bytes: number | undefined): string {
  return figure(bytes === undefined ? undefined : bytes / BYTES_PER_KB, "kB");
}

function held(value: number | undefined, atMost: number): string {
  return value === undefined ? UNKNOWN : value <= atMost ? "yes" : "NO";
}

const stop = new AbortController();
using _signals = onStopSignal(() => stop.abort());
const contestants = [CRYPTOMEM, CRYPTOMEM_RESP];
if (await redisVersion() === undefined) say("", "No Redis to compare with: apt-get install redis-server");
else contestants.push(REDIS);
printComparison(contestants, await compare(contestants, stop.signal));
await compareIdle(contestants.filter(({ name }) => name !== CRYPTOMEM_RESP.name), stop.signal);
