/**
 * D1, D2, D12 and D13: a server that is killed, or asked to end, at random moments under load. Its argument is how many
 * rounds of each; 200 without.
 *
 * @module
 */

import { type CrashOptions, crashRounds } from "../support/crash_rounds.ts";
import { Random } from "../support/random.ts";
import { ServerProcess } from "../support/server_process.ts";
import { expect, judge, say } from "./report.ts";

const ROUNDS = Number(Deno.args[0] ?? 200);
/** What `everysec` may lose. */
const EVERYSEC_MS = 1_100;
const MAX_END_MS = 2_000;
const random = new Random();

async function crash(what: string, options: Omit<CrashOptions, "folder">): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "cryptomem-faults-" });
  const { rounds, answered, lost, lostMs, phantom, torn, strays, slowestStartMs } = await crashRounds(random, {
    folder,
    ...options,
  });
  say(`${what}: ${rounds} rounds, ${answered} writes answered (seed ${random.seed})`);
  judge(`${what}: answered writes lost`, { figure: lost, atMost: 0 }, "writes");
  if (options.allowedMs > 0) {
    judge(`${what}: the oldest that was lost, before the end`, { figure: lostMs, atMost: options.allowedMs }, "ms");
  }
  judge(`${what}: values that nobody sent`, { figure: phantom, atMost: 0 }, "values");
  judge(`${what}: transactions of which a part is there`, { figure: torn, atMost: 0 }, "transactions");
  expect(`${what}: nothing unfinished lies about ${strays.join()}`, strays.length === 0);
  say(`       ${what}: the slowest start took ${Math.round(slowestStartMs)} ms, with that of the process`);
  if (Deno.exitCode === 0) await Deno.remove(folder, { recursive: true });
  else say(`       ${folder} is kept`);
}

/** Asks politely, and again where `isTwice`. */
function ending(isTwice: boolean, slowest: { ms: number; codes: Set<number> }) {
  return async (server: ServerProcess): Promise<void> => {
    const startMs = performance.now();
    server.signal("SIGTERM");
    if (isTwice) server.signal("SIGTERM");
    const { code } = await server.ended();
    slowest.ms = Math.max(slowest.ms, performance.now() - startMs);
    slowest.codes.add(code);
  };
}

const always = ["--append-log", "always", "--snapshot-interval", "none"];
await crash("D1 kill -9, always", { rounds: ROUNDS, flags: always, allowedMs: -Infinity });
for (const mode of ["everysec", "no"]) {
  const flags = ["--append-log", mode, "--snapshot-interval", "none"];
  await crash(`D2 kill -9, ${mode}`, { rounds: Math.ceil(ROUNDS / 4), flags, allowedMs: EVERYSEC_MS });
}
await crash("D12 kill -9 while snapshots are made, always", {
  rounds: Math.ceil(ROUNDS / 2),
  flags: ["--append-log", "always", "--snapshot-changes", "200"],
  allowedMs: -Infinity,
});
for (const mode of ["always", "everysec", "no", "off"]) {
  const slowest = { ms: 0, codes: new Set<number>() };
  const flags = ["--append-log", mode];
  const rounds = Math.ceil(ROUNDS / 16);
  await crash(`D13 SIGTERM, ${mode}`, { rounds, flags, allowedMs: -Infinity, end: ending(false, slowest) });
  judge(`D13 SIGTERM, ${mode}: the slowest end`, { figure: slowest.ms, atMost: MAX_END_MS }, "ms");
  expect(`D13 SIGTERM, ${mode}: exit codes ${[...slowest.codes].join()}`, [...slowest.codes].join() === "0");
}
await crash("D13 SIGTERM twice, always", {
  rounds: Math.ceil(ROUNDS / 16),
  flags: always,
  allowedMs: -Infinity,
  end: ending(true, { ms: 0, codes: new Set() }),
});
await snapshotOnly(Math.ceil(ROUNDS / 10));

/** Without a log, exactly the last snapshot is there. */
async function snapshotOnly(rounds: number): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "cryptomem-faults-" });
  const flags = ["--data-dir", folder, "--append-log", "off", "--snapshot-interval", "none"];
  const permissions = [`--allow-read=${folder}`, `--allow-write=${folder}`];
  const { CrashLoad } = await import("../support/crash_load.ts");
  const { RespConnection } = await import("../support/redis_server.ts");
  let wrong = 0;
  const loads: InstanceType<typeof CrashLoad>[] = [];
  for (let round = 0; round <= rounds; round++) {
    await using server = await ServerProcess.start(permissions, flags);
    for (const load of loads.splice(0)) {
      // Nothing was in doubt at the time of the snapshot, so all of it must be there, and nothing else.
      const { lost, phantom, torn } = await load.verify(server, Infinity, -Infinity);
      wrong += lost + phantom + torn;
    }
    if (round === rounds) break;
    const kept = new CrashLoad(random), unkept = new CrashLoad(random);
    {
      using connection = await RespConnection.connect(server.port);
      await connection.ask([["FLUSHALL"]]);
      const running = kept.run(server);
      await new Promise((resolve) => setTimeout(resolve, 100));
      kept.stop();
      await running;
      await connection.ask([["SAVE"]]);
    }
    void unkept.run(server);
    await new Promise((resolve) => setTimeout(resolve, 20 + random.below(100)));
    server.signal("SIGKILL");
    await server.ended();
    loads.push(kept);
  }
  judge(`snapshot only: after ${rounds} rounds, entries unlike the last snapshot`, { figure: wrong, atMost: 0 }, "");
  await Deno.remove(folder, { recursive: true });
}
