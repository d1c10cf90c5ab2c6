/**
 * A disk that fails while the log is written: nothing is acknowledged that is not kept, nothing half-written is ever read,
 * and when the disk works again so does the log.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { CryptomemError } from "../../lib/errors.ts";
import { LOG_RETRY_MS, LOG_SYNC_INTERVAL_MS } from "../../lib/persistence/limits.ts";
import type { LogMode } from "../../lib/persistence/append_log.ts";
import { findChain } from "../../lib/persistence/chain.ts";
import { listGenerations } from "../../lib/persistence/data_directory.ts";
import { PLANS } from "../support/disk_plans.ts";
import { type DiskCall, FaultDisk } from "../support/fault_disk.ts";
import { LoggedMap, recoverMap, stateOf, turns } from "../support/logged_map.ts";
import { Random } from "../support/random.ts";

const GROUPS = 24;

/** A script that ends whatever the disk does: changes, a switch, and time for it to heal. */
async function run(map: LoggedMap, liftFault: () => void): Promise<void> {
  for (let group = 1; group <= GROUPS; group++) {
    const both = [map.acknowledgedChange(), map.acknowledgedChange()];
    if (group === GROUPS / 2) await map.switchLog().catch(() => {});
    map.clock.advance(LOG_SYNC_INTERVAL_MS / 2);
    await Promise.all(both);
    await turns(2);
  }
  liftFault();
  for (let retry = 0; retry < 3; retry++) {
    map.clock.advance(LOG_RETRY_MS);
    await turns(6);
  }
}

async function checkDisk(map: LoggedMap, disk: FaultDisk, acknowledged: number, what: string): Promise<void> {
  const { entries, groups } = await recoverMap(disk).catch((error) => {
    throw new Error(`${what}: ${error.message}`, { cause: error });
  });
  assert(groups >= acknowledged, `${what}: ${acknowledged} were acknowledged, ${groups} are there`);
  assertEquals(stateOf(entries), map.states[groups], `${what}: not a state that was`);
}

for (const mode of ["always", "everysec", "no"] as const) {
  for (const [name, plan] of Object.entries(PLANS)) {
    Deno.test(`${mode}: ${name}, at any call: no wrong acknowledgement, nothing half-written, and it heals`, async () => {
      const seed = new Random().seed;
      for (let call = 1;; call++) {
        const what = `seed ${seed}, call ${call}`;
        const disk = new FaultDisk();
        const fault = plan(disk, call);
        // deno-lint-ignore prefer-const -- onCall, set before it is made, looks at it
        let map: LoggedMap | undefined;
        // The power may go at any moment after the failure: healing must not be what makes an acknowledgement true.
        const cuts: [disk: FaultDisk, acknowledged: number][] = [];
        disk.onCall = ({ number }) => {
          if (fault.met === 0 || map === undefined) return;
          const way = (["none", "all", number] as const)[number % 3]!;
          cuts.push([disk.afterPowerCut(way), map.acknowledged]);
        };
        map = await LoggedMap.begin(disk, mode, new Random(seed)).catch(() => undefined);
        if (map === undefined) continue;
        await run(map, fault.lift);
        disk.onCall = undefined;
        if (fault.met === 0) {
          await map.log.close();
          if (call <= disk.calls) continue; // it was none that this fault can meet
          assert(call > 25, `${what}: the script is short`);
          break;
        }
        const status = map.log.status();
        assertEquals(status.state, "ok", `${what}: ${status.reason}; calls: ${disk.lines().join(", ")}`);
        assert(await map.acknowledgedChange(), `${what}: it must work again`);
        // What `everysec` and `no` call acknowledged is nothing a power cut has to keep.
        const kept = mode === "always" ? map.acknowledged : 0;
        for (const [cut, acknowledged] of cuts) {
          await checkDisk(map, cut, mode === "always" ? acknowledged : 0, `${what}, while failing`);
        }
        for (const way of ["none", "all", call] as const) {
          await checkDisk(map, disk.afterPowerCut(way), kept, `${what}, unsynced: ${way}`);
        }
        await map.log.close();
        await checkDisk(map, disk.afterPowerCut("none"), map.groups, `${what}, closed`);
        assertEquals(disk.openFiles, 0, what);
        assertEquals(map.clock.pendingTimers, 0, what);
      }
    });
  }
}

const TEXTS = { ENOSPC: "No space left on device", EIO: "Input/output error" };
const LOG_1 = "log-0000000001.cryptomem";
const isAppend = ({ operation }: DiskCall): boolean => operation === "append";
const isSync = ({ operation }: DiskCall): boolean => operation === "sync";

async function begun(mode: LogMode): Promise<{ disk: FaultDisk; map: LoggedMap }> {
  const disk = new FaultDisk();
  const map = await LoggedMap.begin(disk, mode, new Random(1));
  assert(await map.acknowledgedChange());
  await map.log.whenIdle(() => {});
  return { disk, map };
}

for (const code of ["ENOSPC", "EIO"] as const) {
  for (const [what, which] of [["append", isAppend], ["sync", isSync]] as const) {
    Deno.test(`always: after ${code} from ${what} the file is cut back to what is synced, and changes are refused`, async () => {
      const { disk, map } = await begun("always");
      const good = disk.bytesOf(LOG_1);
      // Half of the record is on the disk before the error comes.
      const next = disk.calls + 1;
      disk.shorten(next);
      const fault = disk.fail((call) => which(call) && call.number > next, code);
      map.change();
      const error = await assertRejects(() => map.log.pending()!, CryptomemError, TEXTS[code]);
      assertEquals(error.code, "STORAGE");
      fault.lift();
      // The error may have kept the cut from being made, too.
      if (what === "append") assertEquals(disk.bytesOf(LOG_1), good);
      assertEquals(map.log.status().state, "failing");
      assertEquals(assertThrows(() => map.log.journal.check(), CryptomemError).code, "STORAGE");
      assertEquals(map.log.pending(), undefined, "who only reads need not wait");
      map.clock.advance(LOG_RETRY_MS);
      await turns();
      assertEquals(map.log.status().state, "ok");
      assert(await map.acknowledgedChange());
      await map.log.close();
    });
  }
}

Deno.test("a directory loads although attempts at a next generation came to nothing, and left a gap", async () => {
  const { disk, map } = await begun("everysec");
  const fault = disk.fail(isAppend, "EIO");
  map.change();
  await map.log.whenIdle(() => {});
  fault.lift();
  const noSnapshot = disk.fail(
    ({ operation, name }) => operation === "create" && name.startsWith("snapshot"),
    "ENOSPC",
  );
  for (let attempt = 0; attempt < 2; attempt++) {
    map.clock.advance(LOG_RETRY_MS);
    await turns();
  }
  assertEquals(noSnapshot.met, 2);
  assertEquals(disk.names(), [LOG_1, "log-0000000003.cryptomem"]);
  const chain = await findChain(disk, await listGenerations(disk));
  assertEquals([chain.logs.map(({ generation }) => generation), chain.loose], [[1], [3]]);
  noSnapshot.lift();
  map.clock.advance(LOG_RETRY_MS);
  await turns();
  assertEquals(map.log.status().state, "ok");
  await map.log.close();
});
