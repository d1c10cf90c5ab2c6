/**
 * The program of the experiments: a server as serve() makes it, in a process of its own, with an engine that can be
 * asked from outside what no protocol tells. `process.ts` starts it.
 *
 * Its one argument is an {@linkcode Order} with the engine's options. It says its port in a line, then answers each
 * order that comes in a line with a line.
 *
 * @module
 */

import { ByteRange, utf8 } from "../../lib/bytes.ts";
import { systemClock, turnClock } from "../../lib/clock.ts";
import { serve } from "../../lib/server/serve.ts";
import { Engine } from "../../lib/storage/engine.ts";
import type { PolicyName } from "../../lib/storage/eviction/policy.ts";
import type { StoreStats } from "../../lib/storage/store.ts";

/** What the program may be told. */
export interface Order {
  /** Stores so many entries of 8 bytes, all with this time to live, or none if it is 0. */
  readonly fill?: number;
  readonly ttlMs?: number;
  /** Clears everything. */
  readonly clear?: boolean;
}

/** What it answers. */
export interface Report {
  readonly stats: StoreStats;
  /** What its wall clock says. */
  readonly wallMs: number;
  /** Entries that a `clear` removed. */
  readonly cleared?: number;
}

/** What it is started with. */
export interface Start {
  readonly maxMemoryBytes?: number;
  readonly policy?: PolicyName;
}

function fill(engine: Engine, count: number, ttlMs: number): void {
  const value = ByteRange.of(new Uint8Array(8));
  for (let i = 0; i < count; i++) engine.set(ByteRange.of(utf8(`filled ${i}`)), value, ttlMs);
}

if (import.meta.main) {
  const start: Start = JSON.parse(Deno.args[0] ?? "{}");
  const engine = new Engine({ ...start, clock: turnClock(systemClock) });
  const server = serve({ port: 0, store: engine });
  tell({ port: server.address.port });
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
  let rest = "";
  for await (const part of lines) {
    const orders = (rest + part).split("\n");
    rest = orders.pop()!;
    for (const line of orders) {
      const order: Order = JSON.parse(line);
      if (order.fill !== undefined) fill(engine, order.fill, order.ttlMs ?? 0);
      const cleared = order.clear ? await engine.clear(new Uint8Array(0)) : undefined;
      tell({ stats: engine.stats(), wallMs: systemClock.wallMs(), ...(cleared !== undefined && { cleared }) });
    }
  }
  await server.shutdown();
}

function tell(answer: { port: number } | Report): void {
  Deno.stdout.writeSync(utf8(JSON.stringify(answer) + "\n"));
}
