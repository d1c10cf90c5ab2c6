/**
 * `deno task bench:wires`: what the wires cost. The same load over plain connections, secure channels and TLS, against
 * one server in a process of its own; what opening channels and endless pipelines do to everybody else; memory of idle
 * connections. The wires take turns, run by run, so that a busy moment of the machine meets all.
 *
 * `deno task bench:wires Fairness` runs the groups whose title has the word.
 *
 * @module
 */

import type { ByteStream } from "../lib/channel/byte_stream.ts";
import { openChannel } from "../lib/channel/open_channel.ts";
import { parsePin } from "../lib/channel/pin.ts";
import { onStopSignal } from "../lib/cli/stop_signal.ts";
import { canMakeCertificates, makeCertificate } from "../tests/support/certificates.ts";
import { type Disturbance, HANDSHAKES_PER_SECOND, PIPELINE_DEPTH } from "./disturbance.ts";
import { idleCost } from "./idle_connections.ts";
import { type Load, LoadGenerator, type Outcome } from "./load_generator.ts";
import { type PacedOutcome, runPaced } from "./paced_load.ts";
import { ServerProcess } from "./server_process.ts";
import { digits, median, printTable, say } from "./table.ts";
import { CM } from "./wire.ts";
import type { Places } from "./wires_server.ts";

const HOSTNAME = "127.0.0.1";
const ROUNDS = 3;
const PACED_ROUNDS = 3;
const STARTING_MS = 1_500;
const LOADS: readonly Load[] = [1, 16].flatMap((depth) =>
  [1, 8, 50].flatMap((connections) => (["GET", "SET"] as const).map((question) => ({ question, depth, connections })))
);
const MIN_THROUGHPUT_RATIO = 0.6;
const MAX_P99_RATIO = 1.6;
const MAX_HANDSHAKES_P99_RATIO = 2;
const MAX_FAIR_P99_MS = 5;
const MAX_IDLE_BYTES = 30_000;
const BYTES_PER_KB = 1_000;

const WIRES = ["plain", "channel", "TLS"] as const;
type WireName = typeof WIRES[number];

/** How a client reaches the server over one of its wires. */
function connectorOf(wire: WireName, { port, tlsPort, pin }: Places, caCert: string): () => Promise<ByteStream> {
  const connect = async (port: number) => {
    const connection = await Deno.connect({ hostname: HOSTNAME, port });
    connection.setNoDelay();
    return connection;
  };
  if (wire === "plain") return () => connect(port);
  const pins = [parsePin(pin)];
  if (wire === "channel") {
    return async () => await openChannel(await connect(port), pins);
  }
  return async () => await Deno.startTls(await connect(tlsPort), { hostname: HOSTNAME, caCerts: [caCert] });
}

/** One server and the three ways to it. */
class Wired implements AsyncDisposable {
  readonly server: ServerProcess;
  readonly places: Places;
  readonly #cert: string;

  private constructor(server: ServerProcess, places: Places, cert: string) {
    this.server = server;
    this.places = places;
    this.#cert = cert;
  }

  static async start(signal: AbortSignal): Promise<Wired> {
    const { server, places } = await ServerProcess.wires(signal, certificate);
    return new Wired(server, places, certificate.cert);
  }

  /** The server as it is reached over one wire. */
  over(wire: WireName) {
    return {
      connect: connectorOf(wire, this.places, this.#cert),
      cpuMicroseconds: () => this.server.cpuMicroseconds(),
      residentBytes: () => this.server.residentBytes(),
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.server[Symbol.asyncDispose]();
  }
}

async function compareLoads(signal: AbortSignal): Promise<void> {
  await using wired = await Wired.start(signal);
  const generators = WIRES.map((wire) => new LoadGenerator(wired.over(wire), CM));
  await generators[0]!.prefill();
  const results = LOADS.map(() => WIRES.map((): Outcome[] => []));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [l, load] of LOADS.entries()) {
      for (const [w, generator] of generators.entries()) results[l]![w]!.push(await generator.run(load));
    }
  }
  const middle = (l: number, w: number, figure: keyof Outcome) =>
    median(results[l]![w]!.map((one) => one[figure] ?? NaN));
  const isPipelined = (l: number) => LOADS[l]!.depth > 1;
  const indices = LOADS.map((_, l) => l);
  printTable(
    `Throughput, ${HEAD_NOTE}`,
    ["op/s", ...WIRES, "channel / plain", "TLS / plain", "bound", "held"],
    indices.map((l) => {
      const [plain, channel, tls] = WIRES.map((_, w) => middle(l, w, "operationsPerSecond"));
      const bound = isPipelined(l)
        ? [`≥ ${MIN_THROUGHPUT_RATIO}`, held(channel! / plain! >= MIN_THROUGHPUT_RATIO)]
        : ["", ""];
      return [
        labelOf(LOADS[l]!),
        ...[plain, channel, tls].map((value) => digits(value!)),
        ...ratios(plain!, channel!, tls!),
        ...bound,
      ];
    }),
  );
  printTable(
    "Time from sending a batch to its last reply, in µs",
    ["p50 and p99", ...WIRES.flatMap((wire) => [wire, "p99"]), "channel / plain, p99", "TLS / plain", "bound", "held"],
    indices.map((l) => {
      const p99s = WIRES.map((_, w) => middle(l, w, "batchP99Microseconds"));
      const [plain, channel, tls] = p99s;
      const bound = isPipelined(l) ? ["", ""] : [`≤ ${MAX_P99_RATIO}`, held(channel! / plain! <= MAX_P99_RATIO)];
      const times = WIRES.flatMap((_, w) => [digits(middle(l, w, "batchP50Microseconds")), digits(p99s[w]!)]);
      return [labelOf(LOADS[l]!), ...times, ...ratios(plain!, channel!, tls!), ...bound];
    }),
  );
  printTable(
    "Processor time of the server for an operation, all threads",
    ["", ...WIRES, "channel / plain", "TLS / plain"],
    indices.map((l) => {
      const [plain, channel, tls] = WIRES.map((_, w) => middle(l, w, "cpuMicrosecondsPerOperation"));
      return [
        labelOf(LOADS[l]!),
        ...[plain, channel, tls].map((value) => `${digits(value!)} µs`),
        ...ratios(plain!, channel!, tls!),
      ];
    }),
  );
}

/** 10,000 GETs a second of others, without and with what somebody else does. */
async function disturb(
  title: string,
  disturbance: Disturbance,
  isHeld: (without: PacedOutcome, withIt: PacedOutcome) => boolean,
  bound: string,
  signal: AbortSignal,
): Promise<void> {
  await using wired = await Wired.start(signal);
  const rows: string[][] = [];
  for (const wire of WIRES) {
    const without: PacedOutcome[] = [], withIt: PacedOutcome[] = [], done: number[] = [];
    for (let round = 0; round < PACED_ROUNDS; round++) {
      without.push(await runPaced(wired.over(wire)));
      const { outcome, said } = await during(disturbance, wired.places, signal, () => runPaced(wired.over(wire)));
      withIt.push(outcome);
      if (said !== "") done.push(Number(said));
    }
    const [before, after] = [without, withIt].map((outcomes) => ({
      requestsPerSecond: median(outcomes.map((one) => one.requestsPerSecond)),
      p50Ms: median(outcomes.map((one) => one.p50Ms)),
      p99Ms: median(outcomes.map((one) => one.p99Ms)),
    }));
    rows.push([
      wire,
      done.length === 0 ? "" : digits(median(done)),
      digits(after!.requestsPerSecond),
      ...[before!.p50Ms, before!.p99Ms, after!.p50Ms, after!.p99Ms].map((ms) => `${digits(ms)} ms`),
      digits(after!.p99Ms / before!.p99Ms),
      bound,
      held(isHeld(before!, after!)),
    ]);
  }
  printTable(
    title,
    [
      "others over",
      "channels/s",
      "GET/s",
      "p50 without",
      "p99 without",
      "p50 with",
      "p99 with",
      "ratio of p99",
      "bound",
      "held",
    ],
    rows,
  );
}

/**
 * Does something while another program does something else. Returns what that says at its end, too. That program gets the
 * time that nobody else wants (nice): where there are two cores, it would else take it from who measures, and the figure is
 * about what the server gives to whom.
 */
async function during<T>(
  disturbance: Disturbance,
  places: Places,
  signal: AbortSignal,
  run: () => Promise<T>,
): Promise<{ outcome: T; said: string }> {
  const program = new URL("disturbance.ts", import.meta.url).href;
  const words = ["run", "--no-prompt", `--allow-net=${HOSTNAME}`, program, disturbance, JSON.stringify(places)];
  await using child = new Deno.Command("nice", {
    args: ["-n", "19", Deno.execPath(), ...words],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
    signal,
  }).spawn();
  // Starting a program takes all cores for a moment.
  await new Promise((resolve) => setTimeout(resolve, STARTING_MS));
  const outcome = await run();
  child.kill("SIGTERM");
  return { outcome, said: (await new Response(child.stdout).text()).trim() };
}

async function compareIdle(signal: AbortSignal): Promise<void> {
  const rows: string[][] = [];
  for (const wire of WIRES) {
    await using wired = await Wired.start(signal);
    const { openBytes, closedBytes, reopenedBytes } = await idleCost(wired.over(wire), CM);
    const isBound = wire === "plain" && openBytes !== undefined;
    rows.push([
      wire,
      ...[openBytes, closedBytes, reopenedBytes].map((bytes) =>
        bytes === undefined ? "-" : `${digits(bytes / BYTES_PER_KB)} kB`
      ),
      isBound ? `≤ ${MAX_IDLE_BYTES / BYTES_PER_KB} kB open` : "",
      isBound ? held(openBytes <= MAX_IDLE_BYTES) : "",
    ]);
  }
  printTable(
    "Memory (RSS) for each of 2,000 idle connections",
    ["", "open", "closed", "open again", "bound", "held"],
    rows,
  );
}

function labelOf({ question, depth, connections }: Load): string {
  const where = connections === 1 ? "1 connection" : `${connections} connections`;
  return `${question}, ${depth === 1 ? "no pipelining" : `${depth} deep`}, ${where}`;
}

function ratios(plain: number, channel: number, tls: number): string[] {
  return [digits(channel / plain), digits(tls / plain)];
}

function held(isHeld: boolean): string {
  return isHeld ? "yes" : "NO";
}

const HEAD_NOTE = `values of 100 bytes; medians of ${ROUNDS} rounds`;
const stop = new AbortController();
using _signals = onStopSignal(() => stop.abort());
if (!canMakeCertificates) throw new Error("Cannot measure TLS: there is no openssl to make a certificate");
const certificate = await makeCertificate();

const GROUPS: Readonly<Record<string, () => Promise<void>>> = {
  Load: () => compareLoads(stop.signal),
  Handshakes: () =>
    disturb(
      `10,000 GET/s while somebody else opens ${HANDSHAKES_PER_SECOND} channels a second`,
      "handshakes",
      (without, withIt) => withIt.p99Ms <= MAX_HANDSHAKES_P99_RATIO * without.p99Ms,
      `ratio ≤ ${MAX_HANDSHAKES_P99_RATIO}`,
      stop.signal,
    ),
  Fairness: () =>
    disturb(
      `10,000 GET/s while one connection sends pipelines of ${PIPELINE_DEPTH} requests over and over`,
      "pipelines",
      (_, withIt) => withIt.p99Ms <= MAX_FAIR_P99_MS,
      `≤ ${MAX_FAIR_P99_MS} ms`,
      stop.signal,
    ),
  Idle: () => compareIdle(stop.signal),
};
const [word = ""] = Deno.args;
const titles = Object.keys(GROUPS).filter((title) => title.includes(word));
if (titles.length === 0) say(`There is no group with ${word} in its title: ${Object.keys(GROUPS).join(", ")}`);
for (const title of titles) await GROUPS[title]!();
