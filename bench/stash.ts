/**
 * `deno run --no-prompt bench/stash.ts`: what a whole GoStash handler costs in process: decode, execute, encode, on one
 * hot key, beside the figures that GoStash publishes for its own. Each is the median of several runs in this process,
 * after a warm-up with all of them, so that no call site has seen one command alone.
 *
 * @module
 */

import { systemClock, turnClock } from "../lib/clock.ts";
import { utf8 } from "../lib/bytes.ts";
import { Request, Response } from "../lib/codec/message.ts";
import { StashDialect } from "../lib/codec/stash.ts";
import { ClientState } from "../lib/commands/client_state.ts";
import { execute } from "../lib/commands/execute.ts";
import { ServerState } from "../lib/commands/server_state.ts";
import { DEFAULT_MAX_VALUE_BYTES } from "../lib/limits.ts";
import { Engine } from "../lib/storage/engine.ts";
import { digits, median, printTable } from "./table.ts";

const ROUNDS = 11;
const SET_ROW = 1;
const CALLS_PER_ROUND = 500_000;
const NS_PER_MS = 1_000_000;

const SET = "SET\x005\0mykey\x007\0myvalue\r\n";

/**
 * What is asked for, before it what makes it possible, and GoStash's published time. DEL removes the entry that the SET
 * before each made; what SET took is subtracted.
 */
const HANDLERS = [
  { name: "GET", before: SET, request: "GET\x005\0mykey\r\n", atMostNs: 89 },
  { name: "SET", before: "", request: SET, atMostNs: 116 },
  { name: "INC", before: "SET\x005\0mykey\x001\x000\r\n", request: "INC\x005\0mykey\r\n", atMostNs: 126 },
  { name: "DEC", before: "SET\x005\0mykey\x001\x000\r\n", request: "DEC\x005\0mykey\r\n", atMostNs: 127 },
  { name: "DEL", before: "", request: "DEL\x005\0mykey\r\n", atMostNs: 136, each: SET },
] as const;

const clock = turnClock(systemClock);
const store = new Engine({ clock });
const server = new ServerState({
  store,
  clock,
  maxValueBytes: DEFAULT_MAX_VALUE_BYTES,
  port: 0,
  settings: new Map(),
  shutdown: () => {},
  authenticator: undefined,
});
const where = { address: "", localAddress: "", network: "", isSecure: true };
const client = new ClientState({ id: 1, ...where, nowMs: 0, push: () => {}, kill: () => {} });
const context = { store, server, client };
const dialect = new StashDialect(DEFAULT_MAX_VALUE_BYTES);
const request = new Request();
const response = new Response();
const output = new Uint8Array(4096);

function report(error: unknown): void {
  throw error;
}

/** One request, from its bytes to those of its reply. Returns where the reply ends. */
function handle(bytes: Uint8Array): number {
  dialect.decode(bytes, 0, bytes.length, request);
  execute(request, response, context, report);
  if (dialect.encodedBytes(response) > output.length) throw new Error("the reply is longer than expected");
  return dialect.encode(response, request, output, 0);
}

/** Nanoseconds of one call, with that of `each` before it if there is one. */
function measure({ before, request, each }: typeof all[number]): number {
  if (before.length > 0) handle(before);
  const startMs = performance.now();
  for (let i = 0; i < CALLS_PER_ROUND; i++) {
    if (each !== undefined) handle(each);
    handle(request);
  }
  return (performance.now() - startMs) * NS_PER_MS / CALLS_PER_ROUND;
}

const all = HANDLERS.map((row) => ({
  before: utf8(row.before),
  request: utf8(row.request),
  each: "each" in row ? utf8(row.each) : undefined,
}));
const times: number[][] = all.map(() => []);
for (let round = -2; round < ROUNDS; round++) {
  const setNs = measure(all[SET_ROW]!);
  for (const [i, row] of all.entries()) {
    const ns = measure(row);
    if (round >= 0) times[i]!.push(row.each === undefined ? ns : ns - setNs);
    // Lets the clock be read anew, as it is in every turn of a server.
    await Promise.resolve();
  }
}

printTable(
  "A whole handler, in process, one hot key",
  ["GoStash", "median, ns", "lowest", "highest", "bound", "held"],
  HANDLERS.map(({ name, atMostNs }, i) => {
    const middle = median(times[i]!);
    const [lowest, highest] = [Math.min(...times[i]!), Math.max(...times[i]!)];
    return [name, digits(middle), digits(lowest), digits(highest), `≤ ${atMostNs}`, middle <= atMostNs ? "yes" : "NO"];
  }),
);
