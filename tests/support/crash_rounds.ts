/**
 * A server that is killed again and again under load, and what was found after each restart, all together.
 *
 * @module
 */

import { CrashLoad, type Verdict } from "./crash_load.ts";
import type { Random } from "./random.ts";
import { type Around, ServerProcess } from "./server_process.ts";

/** What to do how often. */
export interface CrashOptions {
  readonly rounds: number;
  /** The data directory, and the flags of the server. */
  readonly folder: string;
  readonly flags: readonly string[];
  /** What was answered so long before the end must be there; -Infinity for all that was answered. */
  readonly allowedMs: number;
  /** How a life ends. Default: SIGKILL, after 20 to 250 ms. */
  readonly end?: (server: ServerProcess) => Promise<void>;
  readonly around?: Around;
  /** No round begins later than so. */
  readonly maxMs?: number;
}

/** What was found. */
export interface CrashReport extends Verdict {
  rounds: number;
  answered: number;
  /** The longest that a start took, with that of the process, in milliseconds. */
  slowestStartMs: number;
  /** Files that are neither of ours nor finished, after a start. */
  strays: string[];
}

/** Runs the rounds; the last life is only looked at. */
export async function crashRounds(random: Random, options: CrashOptions): Promise<CrashReport> {
  const { rounds, folder, flags, allowedMs, end = killSoon, maxMs = Infinity } = options;
  const load = new CrashLoad(random);
  const report: CrashReport = {
    rounds: 0,
    answered: 0,
    lost: 0,
    lostMs: 0,
    phantom: 0,
    torn: 0,
    slowestStartMs: 0,
    strays: [],
  };
  const beginMs = performance.now();
  let endMs = beginMs;
  for (let round = 0; round <= rounds; round++) {
    const startMs = performance.now();
    await using server = await ServerProcess.start(
      [`--allow-read=${folder}`, `--allow-write=${folder}`],
      ["--data-dir", folder, ...flags],
      options.around,
    );
    report.slowestStartMs = Math.max(report.slowestStartMs, performance.now() - startMs);
    for await (const { name } of Deno.readDir(folder)) {
      if (!/^(lock|(snapshot|log)-\d{10}\.cryptomem)$/.test(name)) report.strays.push(name);
    }
    const verdict = await load.verify(server, endMs, allowedMs);
    report.lost += verdict.lost;
    report.phantom += verdict.phantom;
    report.torn += verdict.torn;
    report.lostMs = Math.max(report.lostMs, verdict.lostMs);
    if (round === rounds || performance.now() - beginMs > maxMs) break;
    const running = load.run(server);
    await new Promise((resolve) => setTimeout(resolve, 20 + random.below(230)));
    await end(server);
    endMs = performance.now();
    await running;
    await server.ended();
    report.rounds++;
  }
  report.answered = load.answered;
  return report;
}

function killSoon(server: ServerProcess): Promise<void> {
  server.signal("SIGKILL");
  return Promise.resolve();
}
