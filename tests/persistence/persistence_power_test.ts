/**
 * Power cuts, with everything at work: at every call of a disk, all that was acknowledged must be found, and what is found
 * must be a state that the engine once had.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { LogMode } from "../../lib/persistence/append_log.ts";
import { FaultDisk, type Unsynced } from "../support/fault_disk.ts";
import { assertSameEntries, KeptEngine } from "../support/kept_engine.ts";
import { turns } from "../support/logged_map.ts";
import { Random } from "../support/random.ts";

interface Cut {
  readonly what: string;
  readonly disk: FaultDisk;
  readonly wallMs: number;
  readonly acknowledged: number;
}

const OPERATIONS_PER_SNAPSHOT = 50;
/** Of so many cuts, one is gone on from: the second recovery is as good as the first. */
const CUTS_PER_SECOND_RECOVERY = 15;

/**
 * Runs a script of two clients, with a snapshot every some operations, and looks at what is found after a power cut before
 * each call of the disk, in three ways. Returns how many there were.
 */
async function cutEverywhere(mode: LogMode, operations: number): Promise<number> {
  const random = new Random(), seed = random.seed;
  const disk = new FaultDisk();
  const kept = await KeptEngine.open(disk, random, { appendLog: mode });
  let cuts: Cut[] = [];
  disk.onCall = ({ number, operation, name }) => {
    for (const way of ["none", "all", random.below(2 ** 32)] satisfies Unsynced[]) {
      const what = `seed ${seed}, before call ${number} (${operation} ${name}), unsynced: ${way}`;
      const acknowledged = mode === "always" ? kept.acknowledged : 0;
      cuts.push({ what, disk: disk.afterPowerCut(way), wallMs: kept.clock.wallMs(), acknowledged });
    }
  };
  disk.latency = () => random.below(4) === 0 ? turns(random.below(2)) : Promise.resolve();
  let snapshots = 0, nextSnapshot = OPERATIONS_PER_SNAPSHOT;
  const client = async (): Promise<void> => {
    while (kept.operations < operations) {
      kept.rest();
      if (random.below(8) === 0) kept.change();
      else assert(await kept.acknowledgedChange());
      if (kept.operations >= nextSnapshot && kept.persistence.saveInBackground()) {
        snapshots++;
        nextSnapshot += OPERATIONS_PER_SNAPSHOT;
      }
      kept.clock.advance(random.below(4));
      if (mode !== "always") await turns(1);
    }
  };
  let isRunning = true, checked = 0;
  const clients = Promise.all([client(), client()]).finally(() => isRunning = false);
  while (isRunning || cuts.length > 0) {
    const taken = cuts;
    cuts = [];
    for (const cut of taken) await check(cut, kept, checked++ % CUTS_PER_SECOND_RECOVERY === 0 ? random : undefined);
    await turns(1);
  }
  await clients;
  await kept.persistence.close({ snapshot: false });
  assertEquals(kept.lines, []);
  const { generation } = kept.persistence.status();
  assert(snapshots > operations / 150 && generation > snapshots, `${snapshots} snapshots, generation ${generation}`);
  for (const cut of cuts) await check(cut, kept, undefined);
  assertEquals([disk.openFiles, kept.clock.pendingTimers], [0, 0]);
  const end = await kept.reopen(disk.afterPowerCut("none"), random);
  assertSameEntries(end, kept.dated(), `seed ${seed}, after the end`);
  await end.persistence.close({ snapshot: false });
  return checked + cuts.length;
}

async function check(
  { what, disk, wallMs, acknowledged }: Cut,
  kept: KeptEngine,
  random: Random | undefined,
): Promise<void> {
  const found = await kept.reopen(disk, random ?? new Random(1), { wallMs }).catch((error) => {
    throw new Error(`${what}: ${error.message}`, { cause: error });
  });
  assert(found.operations >= acknowledged, `${what}: ${acknowledged} were acknowledged, ${found.operations} are there`);
  assert(kept.states.has(found.operations), `${what}: ${found.operations} never was`);
  assertSameEntries(found, kept.dated(found.operations, wallMs), what);
  if (random === undefined) return await found.persistence.close({ snapshot: false });
  for (let i = 0; i < 10; i++) assert(await found.acknowledgedChange(), what);
  const again = await found.reopen(disk.afterKill().afterPowerCut(random), random);
  assertSameEntries(again, found.dated(), `${what}, recovered a second time`);
  await again.persistence.close({ snapshot: false });
  await found.persistence.close({ snapshot: false });
}

Deno.test("always: a power cut at any call loses nothing that was acknowledged, and leaves a state that was", async () => {
  const cuts = await cutEverywhere("always", 2_000);
  assert(cuts >= 6_000, `only ${cuts} cuts`);
});

for (const mode of ["everysec", "no"] as const) {
  Deno.test(`${mode}: a power cut at any call leaves a state that was, and is never taken for damage`, async () => {
    await cutEverywhere(mode, 500);
  });
}
