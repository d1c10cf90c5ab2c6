import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { CryptomemError } from "../../lib/errors.ts";
import { MAX_GENERATION } from "../../lib/persistence/limits.ts";
import {
  DataDirectory,
  latestGeneration,
  listGenerations,
  logName,
  snapshotName,
  unfinishedName,
} from "../../lib/persistence/data_directory.ts";
import { FaultDisk } from "../support/fault_disk.ts";
import { Random } from "../support/random.ts";

/** A disk with empty files of these names. */
function diskWith(...names: string[]): FaultDisk {
  const disk = new FaultDisk();
  for (const name of names) disk.put(name, new Uint8Array(0));
  return disk;
}

/** A disk with snapshots and logs of these generations. */
function diskOf(snapshots: readonly number[], logs: readonly number[]): FaultDisk {
  return diskWith(...snapshots.map(snapshotName), ...logs.map(logName));
}

Deno.test("names carry the generation in ten digits, so that they sort as they follow each other", () => {
  assertEquals(snapshotName(1), "snapshot-0000000001.cryptomem");
  assertEquals(logName(4_711), "log-0000004711.cryptomem");
  assertEquals(logName(MAX_GENERATION), "log-9999999999.cryptomem");
  assertEquals(unfinishedName(logName(2)), "log-0000000002.cryptomem.new");
  for (const generation of [0, -1, 1.5, NaN, Infinity, MAX_GENERATION + 1]) {
    assertThrows(() => logName(generation), RangeError);
    assertThrows(() => snapshotName(generation), RangeError);
  }
});

Deno.test("generations are listed in rising order, whatever the order of the files", async () => {
  const disk = diskOf([10, 9, 100], [100, 9, 11, 10]);
  const generations = await listGenerations(disk);
  assertEquals(generations, { snapshots: [9, 10, 100], logs: [9, 10, 11, 100] });
  assertEquals(latestGeneration(generations), 100);
  assertEquals(await listGenerations(diskOf([MAX_GENERATION], [1])), { snapshots: [MAX_GENERATION], logs: [1] });
});

Deno.test("an empty directory has no generation", async () => {
  const directory = await DataDirectory.open(diskWith());
  const generations = await directory.generations();
  assertEquals(generations, { snapshots: [], logs: [] });
  assertEquals(latestGeneration(generations), 0);
  assertEquals(await directory.prune(1), []);
  directory.close();
});

Deno.test("what was not finished is removed at the start", async () => {
  const disk = diskWith(
    snapshotName(1),
    logName(1),
    unfinishedName(snapshotName(2)),
    unfinishedName(logName(2)),
    unfinishedName(snapshotName(1)),
  );
  const directory = await DataDirectory.open(disk);
  assertEquals(disk.names(), ["lock", logName(1), snapshotName(1)]);
  directory.close();
});

Deno.test("files of others are neither touched nor seen", async () => {
  const names = [
    "notes.txt",
    "lost+found",
    "x.new",
    "snapshot.new",
    "snapshot-1.new",
    "log-0000000000.cryptomem.new",
    "log-0000000001.cryptomem.damaged-20260101T000000",
    "log-0000000001.cryptomem.bak",
    ".log-0000000001.cryptomem.swp",
    "cryptomem",
  ];
  const disk = diskWith(...names);
  const directory = await DataDirectory.open(disk);
  assertEquals(await directory.generations(), { snapshots: [], logs: [] });
  assertEquals(await directory.prune(1), []);
  directory.close();
  assertEquals(disk.names(), [...names, "lock"].sort());
});

Deno.test("a file that is called almost as ours are is refused, and nothing is changed", async () => {
  for (
    const name of [
      "snapshot-1.cryptomem",
      "snapshot-00000000001.cryptomem",
      "log-0000000000.cryptomem",
      "log-000000000x.cryptomem",
      "Log-0000000001.cryptomem",
      "log-0000000001.CRYPTOMEM",
      "snapshot-0000000001 (1).cryptomem",
      "backup.cryptomem",
      ".cryptomem",
      "log-0000000001.cryptomem\n.cryptomem",
    ]
  ) {
    const disk = diskWith(unfinishedName(logName(3)));
    disk.put(name, new Uint8Array(0));
    const error = await assertRejects(() => DataDirectory.open(disk), CryptomemError, JSON.stringify(name));
    assertEquals(error.code, "STORAGE");
    assertEquals(error.message.split("\n").length, 1);
    assertEquals(disk.names(), [unfinishedName(logName(3)), name, "lock"].sort());
    await assertRejects(() => listGenerations(disk), CryptomemError);
    (await disk.lock()).release();
  }
});

Deno.test("a directory is used by one at a time", async () => {
  const disk = diskWith(unfinishedName(logName(1)));
  const directory = await DataDirectory.open(disk);
  disk.put(unfinishedName(logName(2)), new Uint8Array(0));
  await assertRejects(() => DataDirectory.open(disk), CryptomemError, "another process uses it");
  assertEquals(disk.names(), ["lock", unfinishedName(logName(2))], "who has no lock removes nothing");
  directory.close();
  directory.close();
  (await DataDirectory.open(disk)).close();
});

Deno.test("a start that fails lets the lock go", async () => {
  for (let call = 1; call <= 3; call++) {
    const disk = diskWith(unfinishedName(logName(1)));
    disk.fail(call, "EIO");
    await assertRejects(() => DataDirectory.open(disk), Error, "Input/output error");
    (await DataDirectory.open(disk)).close();
  }
});

Deno.test("pruning keeps the latest snapshots and every log since the oldest of them", async () => {
  const cases: [snapshots: number[], logs: number[], kept: number, snapshotsLeft: number[], logsLeft: number[]][] = [
    [[1, 2, 3], [1, 2, 3], 2, [2, 3], [2, 3]],
    [[1, 2, 3], [1, 2, 3], 1, [3], [3]],
    [[1, 2, 3], [1, 2, 3], 3, [1, 2, 3], [1, 2, 3]],
    // Snapshots 4 and 5 were never made: their logs go on from snapshot 3.
    [[1, 3, 6], [1, 2, 3, 4, 5, 6, 7], 2, [3, 6], [3, 4, 5, 6, 7]],
    // The first start was an empty one: log 1 goes on from nothing.
    [[2], [1, 2], 2, [2], [1, 2]],
    [[2, 3], [1, 2, 3], 2, [2, 3], [2, 3]],
    // Without logs.
    [[1, 2, 3], [], 2, [2, 3], []],
    // Without snapshots.
    [[], [1, 2], 2, [], [1, 2]],
    // What an interrupted pruning has left.
    [[1, 3, 4], [3, 4], 2, [3, 4], [3, 4]],
  ];
  for (const [snapshots, logs, kept, snapshotsLeft, logsLeft] of cases) {
    const disk = diskOf(snapshots, logs);
    const directory = await DataDirectory.open(disk);
    const removed = await directory.prune(kept);
    assertEquals(await directory.generations(), { snapshots: snapshotsLeft, logs: logsLeft });
    assertEquals(removed, [
      ...logs.filter((generation) => !logsLeft.includes(generation)).map(logName),
      ...snapshots.filter((generation) => !snapshotsLeft.includes(generation)).map(snapshotName),
    ]);
    assertEquals(await listGenerations(disk.afterPowerCut("none")), await directory.generations());
    directory.close();
  }
});

Deno.test("pruning keeps at least one snapshot", async () => {
  const directory = await DataDirectory.open(diskOf([1, 2], []));
  for (const kept of [0, -1, NaN]) await assertRejects(() => directory.prune(kept), RangeError);
  assertEquals((await directory.generations()).snapshots, [1, 2]);
  directory.close();
});

Deno.test("a power cut during pruning leaves no log without its snapshot, and everything that is to be kept", async () => {
  const random = new Random();
  const disk = diskOf([1, 2, 4, 6], [1, 2, 3, 4, 5, 6, 7]);
  const directory = await DataDirectory.open(disk);
  const found: Promise<void>[] = [];
  disk.onCall = () => {
    for (let i = 0; i < 100; i++) found.push(check(disk.afterPowerCut(random)));
  };
  async function check(disk: FaultDisk): Promise<void> {
    const { snapshots, logs } = await listGenerations(disk);
    assertEquals(snapshots.slice(-2), [4, 6], `seed ${random.seed}`);
    assertEquals(logs.slice(-4), [4, 5, 6, 7], `seed ${random.seed}`);
    if (logs.some((log) => log < 4)) assertEquals(snapshots, [1, 2, 4, 6], `seed ${random.seed}`);
  }
  await directory.prune(2);
  await disk.list();
  await Promise.all(found);
  directory.close();
});

Deno.test("pruning that fails can be done again", async () => {
  for (let call = 1, isMet = true; isMet; call++) {
    const disk = diskOf([1, 2, 3], [1, 2, 3]);
    const directory = await DataDirectory.open(disk);
    const fault = disk.fail(disk.calls + call, "EIO");
    await directory.prune(1).catch(() => {});
    isMet = fault.met > 0;
    fault.lift();
    await directory.prune(1);
    assertEquals(await directory.generations(), { snapshots: [3], logs: [3] });
    directory.close();
  }
});
