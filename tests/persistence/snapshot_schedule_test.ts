/** When snapshots are due for the length of the log; the rest of the schedule is seen in persistence_test.ts. */

import { assertEquals } from "@std/assert";
import { MIN_COMPACTED_LOG_BYTES, SNAPSHOT_LOOK_MS } from "../../lib/persistence/limits.ts";
import type { AppendLog } from "../../lib/persistence/append_log.ts";
import { ChangeJournal } from "../../lib/persistence/change_journal.ts";
import { DataDirectory } from "../../lib/persistence/data_directory.ts";
import { SnapshotSchedule } from "../../lib/persistence/snapshot_schedule.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { UnixTime } from "../../lib/unix_time.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { FaultDisk } from "../support/fault_disk.ts";
import { range } from "../support/kept_engine.ts";
import { turns } from "../support/logged_map.ts";

/** A schedule beside a log of which a test says how long it is. Returns what looks, and tells which generation it is. */
async function scheduled(log: { bytes: number }, snapshotBytes: number, changes: number) {
  const clock = new FakeClock(), engine = new Engine({ clock });
  const directory = await DataDirectory.open(new FaultDisk());
  const schedule = new SnapshotSchedule({
    directory,
    engine,
    clock,
    unixTime: new UnixTime(clock),
    intervalMs: 0,
    maxChanges: 0,
    keptSnapshots: 2,
    log: () => {},
  }, { generation: 1, changes, snapshotBytes });
  engine.journal = new ChangeJournal(undefined, undefined);
  const switchTo = (): Promise<void> => {
    log.bytes = 0;
    return Promise.resolve();
  };
  schedule.start(
    engine.journal as ChangeJournal,
    { switchTo, status: () => ({ state: "ok", ...log }) } as unknown as AppendLog,
  );
  const look = async (): Promise<number> => {
    clock.advance(SNAPSHOT_LOOK_MS);
    await turns();
    return schedule.generation;
  };
  return { engine, schedule, look };
}

Deno.test("the log is compacted when it is as long as the last snapshot, and long enough to be worth it", async () => {
  for (const [snapshotBytes, dueBytes] of [[0, MIN_COMPACTED_LOG_BYTES], [1e9, 1e9]] as const) {
    const log = { bytes: dueBytes - 1 };
    const { schedule, look } = await scheduled(log, snapshotBytes, 5);
    assertEquals(await look(), 1);
    log.bytes = dueBytes;
    assertEquals([await look(), await look()], [2, 2]);
    // The new one holds nothing, so the bound is the lower one again.
    log.bytes = MIN_COMPACTED_LOG_BYTES;
    assertEquals(await look(), 2, "nothing has changed since");
    await schedule.close(false);
  }
});

Deno.test("after a compaction the new snapshot is the measure", async () => {
  const log = { bytes: 1e9 };
  const { engine, schedule, look } = await scheduled(log, 0, 0);
  engine.set(range("k"), range("v"), 0);
  assertEquals(await look(), 2);
  engine.set(range("k"), range("w"), 0);
  log.bytes = MIN_COMPACTED_LOG_BYTES;
  assertEquals(await look(), 3);
  await schedule.close(false);
});
