/**
 * Power cuts: at every call of a disk, everything acknowledged must be found, and what is found must be a state that the
 * store once had.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { LogMode } from "../../lib/persistence/append_log.ts";
import { FaultDisk, type Unsynced } from "../support/fault_disk.ts";
import { LoggedMap, recoverMap, turns } from "../support/logged_map.ts";
import { Random } from "../support/random.ts";

interface Cut {
  readonly disk: FaultDisk;
  readonly what: string;
  readonly acknowledged: number;
  readonly states: readonly string[];
}

/** Runs a script of several clients; takes the disk before each call in three ways. */
async function cutEverywhere(mode: LogMode, groups: number, random: Random, check: (cut: Cut) => Promise<void>) {
  const disk = new FaultDisk();
  const map = await LoggedMap.begin(disk, mode, random);
  map.maxValueBytes = 400;
  let cuts: Cut[] = [];
  disk.onCall = (call) => {
    for (const way of ["none", "all", random.below(2 ** 32)] satisfies Unsynced[]) {
      const what = `seed ${random.seed}, before call ${call.number} (${call.operation} ${call.name}), unsynced: ${way}`;
      cuts.push({ disk: disk.afterPowerCut(way), what, acknowledged: map.acknowledged, states: map.states });
    }
  };
  disk.latency = () => random.below(3) === 0 ? turns(random.below(2)) : Promise.resolve();
  let checked = 0;
  const client = async (): Promise<void> => {
    while (map.groups < groups) {
      if (random.below(4) > 0) await map.acknowledgedChange();
      else map.change();
      if (random.below(60) === 0) void map.switchLog();
      map.clock.advance(random.below(30));
      if (mode !== "always") await Promise.resolve();
    }
  };
  const clients = Promise.all([client(), client(), client()]);
  let isRunning = true;
  void clients.then(() => isRunning = false);
  while (isRunning || cuts.length > 0) {
    const taken = cuts;
    cuts = [];
    for (const cut of taken) await check(cut);
    checked += taken.length;
    await turns(1);
  }
  await clients;
  await map.log.close();
  for (const cut of cuts) await check(cut);
  assertEquals(map.log.status().state, "ok");
  assertEquals(disk.openFiles, 0);
  assertEquals((await recoverMap(disk.afterPowerCut("none"))).groups, map.groups, "after the end nothing is lost");
  return checked + cuts.length;
}

async function checkCut({ disk, what, acknowledged, states }: Cut): Promise<void> {
  const { entries, groups } = await recoverMap(disk).catch((error) => {
    throw new Error(`${what}: ${error.message}`, { cause: error });
  });
  assert(groups >= acknowledged, `${what}: ${acknowledged} groups were acknowledged, ${groups} are there`);
  const found = JSON.stringify([...entries].sort(([a], [b]) => a < b ? -1 : 1));
  assertEquals(found, states[groups], `${what}: this is not how the store was after ${groups} groups`);
}

Deno.test("always: a power cut at any call loses nothing that was acknowledged, and leaves a state that was", async () => {
  const cuts = await cutEverywhere("always", 1_200, new Random(), checkCut);
  assert(cuts >= 1_500, `only ${cuts} cuts`);
});

for (const mode of ["everysec", "no"] as const) {
  Deno.test(`${mode}: a power cut at any call leaves a state that was, and is never taken for damage`, async () => {
    // Nothing is waited for, so nothing is acknowledged in the sense of this test.
    await cutEverywhere(mode, 1_000, new Random(), (cut) => checkCut({ ...cut, acknowledged: 0 }));
  });
}
