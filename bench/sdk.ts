/**
 * What the SDK does in a second, over loopback, against a server in a process of its own: values of 100 bytes, sealed and
 * opened, with 64 calls in flight and one after the other. Medians of several rounds, in this project's Markdown.
 *
 * `deno task bench:sdk`
 *
 * @module
 */

import { Client, type ClientOptions } from "../client.ts";
import { ServerProcess } from "./server_process.ts";
import { digits, median, printTable } from "./table.ts";

const IN_FLIGHT = 64;
const NAMES = 1_000;
const CALLS_PER_ROUND = 30_000;
const CALLS_ALONE = 3_000;
const ROUNDS = 5;

const value = crypto.getRandomValues(new Uint8Array(100));
const [key, names] = [0, 1].map(() => crypto.getRandomValues(new Uint8Array(32)));

const clients: [title: string, options: ClientOptions][] = [
  ["sealed", { key: key! }],
  ["padded, names blinded", { keys: { active: key!, names: names! }, blindNames: true, namespace: "app" }],
  ["monotonic", { key: key!, namespace: "monotonic", monotonic: true }],
];

const stop = new AbortController();
await using server = await ServerProcess.cryptomem(stop.signal);

const rows: string[][] = [];
for (const [title, options] of clients) {
  await using client = new Client(`127.0.0.1:${server.port}`, options);
  await atOnce(NAMES, (i) => client.set(`k${i}`, value));
  const gets: number[] = [], sets: number[] = [], alone: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    gets.push(CALLS_PER_ROUND / await atOnce(CALLS_PER_ROUND, (i) => client.get(`k${i % NAMES}`)));
    sets.push(CALLS_PER_ROUND / await atOnce(CALLS_PER_ROUND, (i) => client.set(`k${i % NAMES}`, value)));
    alone.push(await oneByOne(() => client.get("k1")) / CALLS_ALONE);
  }
  rows.push([title, digits(median(gets)), digits(median(sets)), `${digits(median(alone) * 1e6)} µs`]);
}
printTable(
  "The SDK: calls in a second, values of 100 bytes",
  ["client", `get, ${IN_FLIGHT} in flight`, `set, ${IN_FLIGHT} in flight`, "one get, alone"],
  rows,
);

/** Seconds that so many calls take, with a fixed number of them under way. */
async function atOnce(calls: number, call: (i: number) => Promise<unknown>): Promise<number> {
  let next = 0;
  const startMs = performance.now();
  await Promise.all(Array.from({ length: IN_FLIGHT }, async () => {
    while (next < calls) await call(next++);
  }));
  return (performance.now() - startMs) / 1_000;
}

/** Seconds that calls take one after the other. */
async function oneByOne(call: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  for (let i = 0; i < CALLS_ALONE; i++) await call();
  return (performance.now() - startMs) / 1_000;
}
