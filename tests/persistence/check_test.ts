import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { binaryText } from "../../lib/bytes.ts";
import { CryptomemError } from "../../lib/errors.ts";
import { check, checkLines } from "../../lib/persistence/check.ts";
import { logName, snapshotName, unfinishedName } from "../../lib/persistence/data_directory.ts";
import { recover } from "../../lib/persistence/recovery.ts";
import { repair } from "../../lib/persistence/repair.ts";
import type { FaultDisk } from "../support/fault_disk.ts";
import {
  diskLike,
  filesOf,
  LoggedDirectory,
  range,
  withBitFlipped,
  writeSnapshot,
} from "../support/logged_directory.ts";
import { Random } from "../support/random.ts";
import { RecoveredMap } from "../support/recovered_map.ts";

async function load(disk: FaultDisk, { clock }: LoggedDirectory): Promise<string> {
  const map = new RecoveredMap();
  await recover(disk, map, clock);
  return map.state();
}

/** Log 1; snapshot 2 and log 2; snapshot 3 and log 3; each log goes on from the one before, 10 records each. */
async function severalGenerations(random: Random = new Random()): Promise<LoggedDirectory> {
  const directory = await LoggedDirectory.begin();
  await directory.recordAtRandom(random, 10);
  for (let generation = 2; generation <= 3; generation++) {
    await directory.nextGeneration();
    await directory.recordAtRandom(random, 10);
  }
  return directory;
}

/** Whether what a file held is still there, under whatever name. */
function isKept(disk: FaultDisk, bytes: Uint8Array): boolean {
  const text = binaryText(bytes);
  return disk.names().some((name) => binaryText(disk.bytesOf(name)) === text);
}

const LOCK = "lock";

// Check.

Deno.test("check says what each file holds, and that a server can start", async () => {
  const directory = await severalGenerations();
  const report = await check(directory.disk);
  assertEquals(report.files.map(({ name, state }) => `${name} ${state}`), [
    `${snapshotName(2)} whole`,
    `${snapshotName(3)} whole`,
    `${logName(1)} whole`,
    `${logName(2)} whole`,
    `${logName(3)} whole`,
  ]);
  for (const { name, bytes, goodBytes } of report.files) {
    assertEquals([bytes, goodBytes], [directory.disk.bytesOf(name).length, bytes]);
  }
  const lines = checkLines(report);
  assertMatch(
    lines[0]!,
    /^snapshot-0000000002\.cryptomem: whole, \d+ entries as of 2026-01-01T00:00:0.*Z \(\d+ bytes\)$/,
  );
  assertMatch(lines[4]!, /^log-0000000003\.cryptomem: whole, \d+ changes up to 2026-01-01T00:00:.*Z \(\d+ bytes\)$/);
  assertEquals(lines.at(-1), "A server can start from this.");
});

Deno.test("check of an empty directory finds nothing to say against it", async () => {
  const directory = await LoggedDirectory.begin();
  assertEquals(await check(diskLike(directory.disk, { [logName(1)]: undefined })), { files: [], problem: "" });
});

Deno.test("check finds every flipped bit, in files that a start would not look at too", async () => {
  const directory = await severalGenerations();
  for (const name of directory.disk.names()) {
    const bytes = directory.disk.bytesOf(name);
    for (let at = 0; at < bytes.length; at++) {
      const { files } = await check(diskLike(directory.disk, { [name]: withBitFlipped(bytes, 8 * at + at % 8) }));
      const found = files.find((file) => file.name === name)!;
      assert(
        found.state === "damaged" || (found.state === "torn" && name === logName(3)),
        `${name}, byte ${at}: ${found.state}`,
      );
      assert(found.goodBytes <= at);
      assertEquals(files.filter(({ state }) => state !== "whole").length, 1);
    }
  }
});

Deno.test("check says of a directory that a server would refuse what the server would say", async () => {
  const directory = await severalGenerations();
  const { disk, clock } = directory;
  const changed: Record<string, Uint8Array | undefined>[] = [
    { [snapshotName(3)]: disk.bytesOf(snapshotName(3)).subarray(0, 40) },
    { [logName(3)]: withBitFlipped(disk.bytesOf(logName(3)), 500) },
    { [logName(3)]: new Uint8Array(0) },
    { [logName(3)]: range("something else that is long enough to be a header").copy() },
    { [logName(4)]: disk.bytesOf(logName(3)) },
    { [logName(5)]: disk.bytesOf(logName(3)) },
    { [snapshotName(3)]: undefined, [logName(2)]: undefined },
    { [snapshotName(3)]: undefined, [logName(2)]: disk.bytesOf(logName(2)).slice(0, -1) },
  ];
  for (const changes of changed) {
    const { problem } = await check(diskLike(disk, changes));
    const refused = await assertRejects(
      () => recover(diskLike(disk, changes), new RecoveredMap(), clock),
      CryptomemError,
    );
    assertEquals(problem, refused.message);
  }
});

Deno.test("check describes what is not whole", async () => {
  const directory = await severalGenerations();
  const { disk } = directory;
  const torn = disk.bytesOf(logName(3)).slice(0, -5);
  const damaged = withBitFlipped(disk.bytesOf(snapshotName(3)), 8 * 30);
  const changes = { [logName(3)]: torn, [snapshotName(3)]: damaged, [logName(1)]: new Uint8Array(0) };
  const changed = diskLike(disk, {
    ...changes,
    [snapshotName(2)]: range("not ours at all, but somebody else's").copy(),
  });
  const lines = checkLines(await check(changed));
  assertEquals(lines[0], `${snapshotName(2)}: stranger, it is no file of Cryptomem`);
  assertMatch(
    lines[1]!,
    /^snapshot-.*3\.cryptomem: damaged at offset 28 of \d+, no block begins there; before that 0 entries/,
  );
  assertEquals(lines[2], `${logName(1)}: damaged at offset 0 of 0, it is empty; nothing of it can be used`);
  assertMatch(
    lines[4]!,
    /^log-.*3\.cryptomem: torn at offset \d+ of \d+, \d+ bytes behind the last whole record; before that/,
  );
});

Deno.test("check changes nothing, and asks the disk for nothing but to read", async () => {
  const directory = await severalGenerations();
  const torn = directory.disk.bytesOf(logName(3)).slice(0, -5);
  const disk = diskLike(directory.disk, { [logName(3)]: torn, [unfinishedName(logName(4))]: torn });
  const before = filesOf(disk);
  await check(disk);
  assertEquals(filesOf(disk), before);
  assertEquals(disk.openFiles, 0);
  assertEquals([...new Set(disk.trace.map(({ operation }) => operation))].sort(), ["list", "openRead", "read", "size"]);
});

Deno.test("check tells of a file that the disk cannot read", async () => {
  const directory = await severalGenerations();
  const disk = diskLike(directory.disk);
  disk.fail(({ operation, name }) => operation === "read" && name === logName(3), "EIO");
  const { files, problem } = await check(disk);
  assertEquals(files.at(-1)!.state, "unreadable");
  assertMatch(problem, /Input\/output error/);
  assertEquals(disk.openFiles, 0);
});

// Repair.

Deno.test("repair of what is whole changes nothing", async () => {
  const directory = await severalGenerations();
  const disk = diskLike(directory.disk);
  assertEquals(await repair(disk, directory.clock), ["Nothing had to be repaired."]);
  assertEquals(filesOf(diskLike(disk, { [LOCK]: undefined })), filesOf(directory.disk));
});

Deno.test("repair tells of damage that is older than what a server starts from, and leaves it", async () => {
  const directory = await severalGenerations();
  const damaged = withBitFlipped(directory.disk.bytesOf(snapshotName(2)), 8 * 45);
  const disk = diskLike(directory.disk, { [snapshotName(2)]: damaged });
  assertEquals(await repair(disk, directory.clock), [
    "Nothing had to be repaired.",
    `${snapshotName(2)}: damaged, but older than what a server starts from; left as it is`,
  ]);
  assertEquals(disk.bytesOf(snapshotName(2)), damaged);
});

Deno.test("repair after any flipped bit leaves a state that was, and keeps what there was", async () => {
  const random = new Random();
  const directory = await severalGenerations(random);
  for (const name of directory.disk.names()) {
    const bytes = directory.disk.bytesOf(name);
    for (let at = 0; at < bytes.length; at++) {
      const what = `seed ${random.seed}: ${name}, byte ${at}`;
      const damaged = withBitFlipped(bytes, 8 * at + random.below(8));
      const disk = diskLike(directory.disk, { [name]: damaged });
      await repair(disk, directory.clock);
      const state = await load(disk, directory);
      const records = directory.states.indexOf(state);
      if (name === logName(3) && at >= 40) assert(records >= 20, `${what}: ${records}`);
      // All else can be got from other files, or put right.
      else assertEquals(records, 30, what);
      assert(isKept(disk, damaged), `${what}: what was there is gone`);
      const { problem } = await check(disk);
      assertEquals(problem, "", what);
      const again = filesOf(disk);
      await repair(disk, directory.clock);
      assertEquals(filesOf(disk), again, what);
    }
  }
});

Deno.test("repair after a cut at any byte leaves a state that was, and keeps what there was", async () => {
  const random = new Random();
  const directory = await severalGenerations(random);
  for (const name of directory.disk.names()) {
    const bytes = directory.disk.bytesOf(name);
    for (let length = 0; length < bytes.length; length++) {
      const what = `seed ${random.seed}: ${name}, cut at ${length}`;
      const disk = diskLike(directory.disk, { [name]: bytes.slice(0, length) });
      await repair(disk, directory.clock);
      const records = directory.states.indexOf(await load(disk, directory));
      if (name === logName(3)) assert(records >= 20, what);
      else assertEquals(records, 30, what);
      assert(isKept(disk, bytes.subarray(0, length)), `${what}: what was there is gone`);
    }
  }
});

Deno.test("repair goes back to the snapshot before a damaged one and loses nothing if its logs are there", async () => {
  const directory = await severalGenerations();
  const damaged = withBitFlipped(directory.disk.bytesOf(snapshotName(3)), 8 * 45);
  const disk = diskLike(directory.disk, { [snapshotName(3)]: damaged });
  const lastUnixMs = (await check(disk)).files.at(-1)!.unixMs;
  const lines = await repair(disk, directory.clock);
  const aside = `${snapshotName(3)}.damaged-${Math.floor(directory.clock.wallMs() / 1000)}`;
  assertEquals(lines, [
    `${snapshotName(3)}: damaged at offset 28, the checksum of this block does not fit; it is now called ${aside}`,
    `A server now starts from /fault-disk as of ${new Date(lastUnixMs).toISOString()}.`,
  ]);
  assertEquals(await load(disk, directory), directory.map.state());
  assertEquals(disk.bytesOf(aside), damaged);
  assertEquals(disk.afterPowerCut("none").names(), disk.names());
});

Deno.test("repair says what is lost where the logs between two snapshots are not kept", async () => {
  const directory = await severalGenerations();
  const { disk: whole, clock } = directory;
  const older = new RecoveredMap();
  await recover(
    diskLike(whole, { [snapshotName(3)]: undefined, [logName(2)]: undefined, [logName(3)]: undefined }),
    older,
    clock,
  );
  const disk = diskLike(whole, {
    [snapshotName(3)]: withBitFlipped(whole.bytesOf(snapshotName(3)), 8 * 45),
    [logName(1)]: undefined,
    [logName(2)]: undefined,
  });
  const lines = await repair(disk, clock);
  assertEquals(await load(disk, directory), older.state());
  assertMatch(
    lines[1]!,
    /^log-.*3\.cryptomem: \d+ changes of it cannot be applied, for log-.*2\.cryptomem is missing; it is now/,
  );
  assertMatch(lines[2]!, /^snapshot-.*3\.cryptomem: what changed after 2026-.* and before 2026-.* is lost$/);
});

Deno.test("repair takes off what lies behind the end of a snapshot, and loses nothing", async () => {
  const directory = await severalGenerations();
  const { disk: whole } = directory;
  const longer = Uint8Array.of(...whole.bytesOf(snapshotName(3)), 1, 2, 3);
  const disk = diskLike(whole, { [snapshotName(3)]: longer, [logName(2)]: undefined });
  const lines = await repair(disk, directory.clock);
  assertMatch(lines[0]!, /^snapshot-.*3\.cryptomem: 3 bytes from offset \d+ on cut off; the whole is kept as/);
  assertEquals(await load(disk, directory), directory.map.state());
  assert(isKept(disk, longer));
});

Deno.test("repair keeps the good blocks of a snapshot that nothing is before, and what the logs say since", async () => {
  const directory = await LoggedDirectory.begin();
  for (let i = 0; i < 4; i++) directory.put(`key ${i}`, new Uint8Array(150_000).fill(i));
  await directory.nextGeneration();
  directory.put("key 3", "new");
  directory.put("late", "entry");
  directory.rename("key 2", "key 1");
  await directory.record();
  const bytes = directory.disk.bytesOf(snapshotName(2));
  const damaged = withBitFlipped(bytes, 8 * 300_000);
  const disk = diskLike(directory.disk, { [snapshotName(2)]: damaged, [logName(1)]: undefined });
  const lines = await repair(disk, directory.clock);
  assertMatch(lines[0]!, /^snapshot-.*2\.cryptomem: \d+ bytes from offset \d+ on cut off; the whole is kept as /);
  assertEquals(lines[1], `${snapshotName(2)}: 1 entries of it are left, and there is no snapshot before it`);
  const map = new RecoveredMap();
  await recover(disk, map, directory.clock);
  // Key 1 was replaced by what is lost: it must not have its old value.
  assertEquals([...map.entries.keys()].sort(), ["key 0", "key 3", "late"]);
  for (const [key, entry] of map.entries) assertEquals(entry, directory.map.entries.get(key));
  assert(isKept(disk, damaged));
});

Deno.test("repair begins with nothing where nothing can be read, and keeps it all", async () => {
  const directory = await severalGenerations();
  const { disk: whole } = directory;
  const headless = (name: string) => whole.bytesOf(name).fill(0, 8, 20);
  const disk = diskLike(whole, {
    [snapshotName(2)]: headless(snapshotName(2)),
    [snapshotName(3)]: headless(snapshotName(3)),
    [logName(1)]: undefined,
  });
  const before = disk.names().map((name) => disk.bytesOf(name));
  const lines = await repair(disk, directory.clock);
  assertEquals(await load(disk, directory), "[]");
  for (const bytes of before) assert(isKept(disk, bytes));
  assertMatch(
    lines[2]!,
    /^log-.*2\.cryptomem: \d+ changes of it cannot be applied, for there is nothing before it; it is now/,
  );
  assertEquals(lines.at(-1), "A server now starts from /fault-disk without entries.");
});

Deno.test("repair cuts a log at its damage and leaves out the logs that go on from there", async () => {
  const directory = await severalGenerations();
  const { disk: whole } = directory;
  const damaged = withBitFlipped(whole.bytesOf(logName(2)), 8 * 200);
  const disk = diskLike(whole, { [logName(2)]: damaged, [snapshotName(3)]: undefined });
  const lines = await repair(disk, directory.clock);
  const records = directory.states.indexOf(await load(disk, directory));
  assert(records >= 10 && records < 20);
  assert(isKept(disk, damaged) && isKept(disk, whole.bytesOf(logName(3))));
  assertMatch(
    lines[0]!,
    /^log-.*2\.cryptomem: \d+ bytes from offset \d+ on cut off; the whole is kept as log-.*2\.cryptomem\.damaged-\d+$/,
  );
  assertMatch(
    lines[1]!,
    /^log-.*3\.cryptomem: \d+ changes of it cannot be applied, for \d+ bytes are missing at the end of log-.*2/,
  );
});

Deno.test("repair takes off what lies behind the end of a log that another goes on from, and loses nothing", async () => {
  const directory = await severalGenerations();
  const { disk: whole } = directory;
  const longer = Uint8Array.of(...whole.bytesOf(logName(2)), 1, 2, 3);
  const disk = diskLike(whole, { [logName(2)]: longer, [snapshotName(3)]: undefined });
  await repair(disk, directory.clock);
  assertEquals(await load(disk, directory), directory.map.state());
  assert(isKept(disk, longer));
});

Deno.test("repair does not touch what is not ours, nor anything beside it", async () => {
  const directory = await severalGenerations();
  const { disk: whole } = directory;
  const newer = whole.bytesOf(snapshotName(3));
  newer.fill(0, 24, 28)[7] = 2;
  for (const foreign of [range("a whole different thing that somebody put here").copy(), newer]) {
    const disk = diskLike(whole, {
      [snapshotName(3)]: foreign,
      [logName(3)]: withBitFlipped(whole.bytesOf(logName(3)), 500),
      [LOCK]: new Uint8Array(0),
    });
    const before = filesOf(disk);
    const { code, message } = await assertRejects(() => repair(disk, directory.clock), CryptomemError);
    assertEquals(code, "STORAGE");
    assertMatch(
      message,
      /^Cannot repair \/fault-disk: snapshot-.*3\.cryptomem: .*\. Move it away first; nothing was changed$/,
    );
    assertEquals(filesOf(disk), before);
  }
});

Deno.test("repair leaves a directory alone that a server uses, and can be run when it has ended", async () => {
  const directory = await severalGenerations();
  const disk = diskLike(directory.disk, { [logName(3)]: directory.disk.bytesOf(logName(3)).slice(0, -5) });
  const lock = await disk.lock();
  const before = filesOf(disk);
  await assertRejects(() => repair(disk, directory.clock), CryptomemError, "another process uses it");
  assertEquals(filesOf(disk), before);
  lock.release();
  await repair(disk, directory.clock);
  (await disk.lock()).release();
});

/** Damage of every kind that one repair can meet: a header, a snapshot, the middle of a log, a torn end. */
async function severalDamages(): Promise<{ directory: LoggedDirectory; disks: FaultDisk[] }> {
  const directory = await severalGenerations(new Random(12));
  const { disk: whole } = directory;
  const flipped = (name: string, at: number) => withBitFlipped(whole.bytesOf(name), 8 * at);
  const disks = [
    { [logName(3)]: whole.bytesOf(logName(3)).slice(0, -5) },
    { [logName(3)]: flipped(logName(3), 10) },
    { [snapshotName(3)]: Uint8Array.of(...whole.bytesOf(snapshotName(3)), 1), [logName(2)]: undefined },
    { [snapshotName(3)]: flipped(snapshotName(3), 100), [logName(2)]: flipped(logName(2), 200) },
    { [snapshotName(3)]: flipped(snapshotName(3), 100), [snapshotName(2)]: undefined, [logName(1)]: undefined },
    { [snapshotName(3)]: flipped(snapshotName(3), 10), [snapshotName(2)]: flipped(snapshotName(2), 99) },
  ].map((changes) => diskLike(whole, changes));
  return { directory, disks };
}

Deno.test("a repair that is cut short at any call can be run again, and comes to the same state", async () => {
  const { directory, disks } = await severalDamages();
  for (const [index, damaged] of disks.entries()) {
    const disk = diskLike(damaged);
    const found: FaultDisk[] = [];
    disk.onCall = () => {
      found.push(disk.afterPowerCut("none"), disk.afterPowerCut("all"), disk.afterKill());
      for (let i = 0; i < 5; i++) found.push(disk.afterPowerCut(found.length));
    };
    await repair(disk, directory.clock);
    const state = await load(disk, directory);
    for (const after of found) {
      await repair(after, directory.clock);
      assertEquals(await load(after, directory), state, `damage ${index}`);
      for (const name of damaged.names()) {
        // A torn end is cut off at any start too.
        if (index > 0) assert(isKept(after, damaged.bytesOf(name)), `damage ${index}: ${name} is gone`);
      }
    }
  }
});

Deno.test("a repair on a disk that fails at any call says so, and can be run again", async () => {
  const { directory, disks } = await severalDamages();
  for (const [index, damaged] of disks.entries()) {
    const repaired = diskLike(damaged);
    await repair(repaired, directory.clock);
    const state = await load(repaired, directory);
    for (const code of ["EIO", "ENOSPC"] as const) {
      for (let call = 1;; call++) {
        const disk = diskLike(damaged);
        const fault = disk.fail(call, code);
        const outcome = await repair(disk, directory.clock).catch((error) => error);
        assertEquals(disk.openFiles, 0, `damage ${index}, call ${call}`);
        if (fault.met === 0) break;
        const isRefused = outcome instanceof CryptomemError && outcome.code === "STORAGE";
        assert(
          isRefused || Array.isArray(outcome),
          `damage ${index}, call ${call}: ${outcome}`,
        );
        await repair(disk, directory.clock);
        assertEquals(await load(disk, directory), state, `damage ${index}, call ${call}`);
        for (const name of damaged.names()) {
          assert(isKept(disk, damaged.bytesOf(name)), `damage ${index}: ${name} is gone`);
        }
      }
    }
  }
});

Deno.test("what an earlier repair kept is never overwritten", async () => {
  const directory = await severalGenerations();
  const { disk: whole, clock } = directory;
  const damaged = withBitFlipped(whole.bytesOf(logName(3)), 8 * 300);
  const seconds = Math.floor(clock.wallMs() / 1000);
  const taken = `${logName(3)}.damaged-${seconds}`;
  const disk = diskLike(whole, { [logName(3)]: damaged, [taken]: Uint8Array.of(1) });
  await repair(disk, clock);
  assertEquals(disk.bytesOf(taken), Uint8Array.of(1));
  assertEquals(disk.bytesOf(`${logName(3)}.damaged-${seconds + 1}`), damaged);
});

Deno.test("a directory that was repaired can be written on", async () => {
  const directory = await severalGenerations();
  const { disk: whole, clock } = directory;
  const disk = diskLike(whole, { [snapshotName(3)]: whole.bytesOf(snapshotName(3)).slice(0, 50) });
  await repair(disk, clock);
  const map = new RecoveredMap();
  const recovery = await recover(disk, map, clock);
  const resumed = await LoggedDirectory.resume(disk, clock, { map, ...recovery });
  await resumed.recordAtRandom(new Random(1), 5);
  await writeSnapshot(disk, 4, map, clock.wallMs());
  await resumed.close();
  assertEquals(await load(disk, directory), map.state());
});
