import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { CryptomemError } from "../../lib/errors.ts";
import { writeU32 } from "../../lib/persistence/big_endian.ts";
import { crc32 } from "../../lib/persistence/checksum.ts";
import { logName, snapshotName } from "../../lib/persistence/data_directory.ts";
import { DenoDisk } from "../../lib/persistence/deno_disk.ts";
import { recover, type Recovery } from "../../lib/persistence/recovery.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { FaultDisk } from "../support/fault_disk.ts";
import {
  diskLike,
  filesOf,
  LoggedDirectory,
  range,
  withBitFlipped,
  writeSnapshot,
} from "../support/logged_directory.ts";
import { canWrite } from "../support/permissions.ts";
import { Random } from "../support/random.ts";
import { RecoveredMap } from "../support/recovered_map.ts";

type Loaded = Recovery & { readonly map: RecoveredMap };

async function load(disk: FaultDisk, clock: FakeClock): Promise<Loaded> {
  const map = new RecoveredMap();
  const { openFiles } = disk;
  const recovery = await recover(disk, map, clock);
  assertEquals(disk.openFiles, openFiles);
  return { ...recovery, map };
}

/** Loading is refused, in one line, and nothing has changed. Returns that line. */
async function refusal(disk: FaultDisk, clock: FakeClock): Promise<string> {
  const before = filesOf(disk);
  const { code, message } = await assertRejects(() => recover(disk, new RecoveredMap(), clock), CryptomemError);
  assertEquals(code, "STORAGE");
  assert(!message.includes("\n"));
  assertEquals(filesOf(disk), before);
  assertEquals(disk.openFiles, 0);
  return message;
}

/** Snapshot 2, log 2 that goes on from it, log 3 that goes on from that; 30 records in the last. */
async function severalFiles(random: Random): Promise<LoggedDirectory> {
  const directory = await LoggedDirectory.begin();
  await directory.recordAtRandom(random, 10);
  await directory.nextGeneration();
  await directory.recordAtRandom(random, 10);
  await directory.nextGeneration({ withoutSnapshot: true });
  await directory.recordAtRandom(random, 30);
  return directory;
}

const SNAPSHOT = snapshotName(2), LOG = logName(2), LAST_LOG = logName(3);

// What is loaded.

Deno.test("a directory with nothing in it is loaded as nothing", async () => {
  const { map, warnings, ...recovery } = await load(new FaultDisk(), new FakeClock());
  assertEquals([map.entries.size, warnings, recovery.snapshot, recovery.log, recovery.logBytes], [0, [], 0, 0, 0]);
});

Deno.test("a snapshot alone is loaded", async () => {
  const clock = new FakeClock();
  const disk = new FaultDisk();
  const map = new RecoveredMap();
  map.put(range("a"), range("one"), 0);
  await writeSnapshot(disk, 4, map, clock.wallMs());
  const loaded = await load(disk, clock);
  assertEquals(loaded.map.state(), map.state());
  assertEquals([loaded.snapshot, loaded.log, loaded.entries, loaded.changes], [4, 0, 1, 0]);
});

Deno.test("logs alone are loaded from the first on", async () => {
  const directory = await LoggedDirectory.begin();
  await directory.recordAtRandom(new Random(1), 20);
  await directory.nextGeneration({ withoutSnapshot: true });
  await directory.recordAtRandom(new Random(2), 20);
  const { map, snapshot, log } = await load(directory.disk, directory.clock);
  assertEquals(map.state(), directory.map.state());
  assertEquals([snapshot, log], [0, 2]);
});

Deno.test("a snapshot and all logs since are loaded, whatever the changes were", async () => {
  for (let round = 0; round < 30; round++) {
    const random = new Random();
    const directory = await severalFiles(random);
    if (round % 2 === 0) await directory.close();
    const loaded = await load(directory.disk, directory.clock);
    assertEquals(loaded.map.state(), directory.map.state(), `seed ${random.seed}`);
    assertEquals([loaded.snapshot, loaded.log, loaded.cutBytes, loaded.warnings], [2, 3, 0, []]);
    assertEquals(loaded.logBytes, directory.disk.bytesOf(LAST_LOG).length);
    const files = [SNAPSHOT, LOG, LAST_LOG].map((name) => directory.disk.bytesOf(name).length);
    assertEquals(loaded.bytes, files.reduce((sum, length) => sum + length));
  }
});

Deno.test("keys and values of any bytes come back, from a snapshot and from a log", async () => {
  const directory = await LoggedDirectory.begin();
  const names = ["__proto__", "constructor", "toString", "hasOwnProperty", "", "a\nb\r\n"];
  for (const name of names) directory.put(name, `snapshot ${name}`);
  for (let byte = 0; byte < 256; byte++) directory.put(Uint8Array.of(byte), Uint8Array.of(byte, 255 - byte));
  await directory.nextGeneration();
  for (const name of names) directory.put(`${name}!`, name);
  for (let byte = 0; byte < 256; byte++) directory.put(Uint8Array.of(1, byte), Uint8Array.of(byte));
  directory.rename("__proto__", "constructor");
  directory.expiry("toString", 1000);
  await directory.record();
  assertEquals((await load(directory.disk, directory.clock)).map.state(), directory.map.state());
});

Deno.test("an older snapshot and older logs are not looked at", async () => {
  const directory = await severalFiles(new Random(1));
  directory.disk.put(snapshotName(1), Uint8Array.of(1, 2, 3));
  directory.disk.put(logName(1), Uint8Array.of(1, 2, 3));
  assertEquals((await load(directory.disk, directory.clock)).map.state(), directory.map.state());
});

// Torn.

Deno.test("the last log, cut at any byte, gives its longest whole beginning, and can be written on", async () => {
  const random = new Random();
  const directory = await severalFiles(random);
  const bytes = directory.disk.bytesOf(LAST_LOG);
  let whole = { logBytes: bytes.length, records: 50 };
  for (let length = bytes.length; length >= 40; length--) {
    const disk = diskLike(directory.disk, { [LAST_LOG]: bytes.subarray(0, length) });
    const what = `seed ${random.seed}, cut at ${length}`;
    const loaded = await load(disk, directory.clock);
    const records = directory.states.indexOf(loaded.map.state());
    assertEquals(loaded.logBytes + loaded.cutBytes, length, what);
    assertEquals(disk.bytesOf(LAST_LOG).length, loaded.logBytes, what);
    if (length === bytes.length) assertEquals([records, loaded.logBytes], [50, length], what);
    if (loaded.cutBytes === 0) assertEquals(loaded.warnings, []);
    else {
      assertEquals(loaded.warnings, [
        `/fault-disk/${LAST_LOG}: the last write was torn; cut off ${loaded.cutBytes} bytes behind the last whole ` +
        `record, at offset ${loaded.logBytes}`,
      ]);
    }
    // The longest: one record is missing when its last byte is, and not before.
    if (loaded.logBytes !== whole.logBytes) {
      assertEquals([length, records], [whole.logBytes - 1, whole.records - 1], what);
      whole = { logBytes: loaded.logBytes, records };
    }
    assertEquals(records, whole.records, what);
    const resumed = await LoggedDirectory.resume(disk, directory.clock, loaded);
    await resumed.recordAtRandom(new Random(length), 10);
    const again = await load(disk.afterPowerCut("none"), directory.clock);
    assertEquals(again.map.state(), resumed.map.state(), what);
    assertEquals(again.warnings, [], what);
  }
});

Deno.test("a power cut while a torn end is cut off leaves a log that is loaded to the same state", async () => {
  const directory = await severalFiles(new Random(3));
  const torn = directory.disk.bytesOf(LAST_LOG).slice(0, -5);
  const disk = diskLike(directory.disk, { [LAST_LOG]: torn });
  const found: FaultDisk[] = [];
  disk.onCall = () =>
    found.push(disk.afterPowerCut("none"), disk.afterPowerCut("all"), disk.afterPowerCut(found.length));
  const { map } = await load(disk, directory.clock);
  for (const after of [...found, disk.afterPowerCut("none")]) {
    assertEquals((await load(after, directory.clock)).map.state(), map.state());
  }
});

// Damaged.

Deno.test("whatever bit of the files is flipped: refused, or a state that was, and never another", async () => {
  const random = new Random(7);
  const directory = await severalFiles(random);
  const outcomes = { refused: 0, cut: 0 };
  for (const name of [SNAPSHOT, LOG, LAST_LOG]) {
    const bytes = directory.disk.bytesOf(name);
    for (let at = 0; at < bytes.length; at++) {
      const disk = diskLike(directory.disk, { [name]: withBitFlipped(bytes, 8 * at + random.below(8)) });
      const before = filesOf(disk);
      const what = `${name}, byte ${at}`;
      const map = new RecoveredMap();
      const outcome = await recover(disk, map, directory.clock).catch((error) => error);
      if (outcome instanceof CryptomemError) {
        assertEquals(filesOf(disk), before, what);
        const told = outcome.message.match(
          /^Cannot load \/fault-disk\/(.*): damaged at offset (\d+), .*server\.ts check --repair \/fault-disk$/,
        );
        assertEquals(told?.[1], name, `${what}: ${outcome.message}`);
        assert(Number(told![2]) <= at, `${what}: ${outcome.message}`);
        outcomes.refused++;
      } else {
        // Only the record that was written last may be taken for torn.
        assertEquals(name, LAST_LOG, what);
        assertEquals(map.state(), directory.states.at(-2), what);
        assertEquals(outcome.warnings.length, 1, what);
        outcomes.cut++;
      }
    }
  }
  assert(outcomes.refused > 10 * outcomes.cut && outcomes.cut > 0, JSON.stringify(outcomes));
});

Deno.test("a snapshot, or a log that another goes on from, is refused when it is cut anywhere", async () => {
  const directory = await severalFiles(new Random(4));
  for (const name of [SNAPSHOT, LOG]) {
    const bytes = directory.disk.bytesOf(name);
    for (let length = 0; length < bytes.length; length++) {
      const message = await refusal(diskLike(directory.disk, { [name]: bytes.subarray(0, length) }), directory.clock);
      assertMatch(message, /damaged at offset \d+/, `${name} cut at ${length}`);
    }
    const longer = Uint8Array.of(...bytes, 1);
    assertMatch(await refusal(diskLike(directory.disk, { [name]: longer }), directory.clock), /damaged at offset/);
  }
});

Deno.test("a file that is missing between others is missed", async () => {
  const directory = await severalFiles(new Random(4));
  await directory.nextGeneration({ withoutSnapshot: true });
  const without = (name: string) => refusal(diskLike(directory.disk, { [name]: undefined }), directory.clock);
  assertMatch(await without(LOG), new RegExp(`^Cannot load /fault-disk: ${LOG} is missing\\. .*check --repair`));
  assertMatch(await without(LAST_LOG), new RegExp(`${LAST_LOG} is missing`));
  // Log 1 is still there: everything since is in the logs.
  await load(diskLike(directory.disk, { [SNAPSHOT]: undefined }), directory.clock);
  const logsOnly = diskLike(directory.disk, { [SNAPSHOT]: undefined, [logName(1)]: undefined });
  assertMatch(await refusal(logsOnly, directory.clock), new RegExp(`${SNAPSHOT} is missing`));
});

Deno.test("a file that was given the name of another is refused", async () => {
  const directory = await severalFiles(new Random(5));
  const renamed = diskLike(directory.disk, { [snapshotName(3)]: directory.disk.bytesOf(SNAPSHOT) });
  assertMatch(await refusal(renamed, directory.clock), /snapshot-0000000003.*it says that it is generation 2/);
  const log = diskLike(directory.disk, { [logName(4)]: directory.disk.bytesOf(LAST_LOG) });
  assertMatch(await refusal(log, directory.clock), /log-0000000004.*it says that it is generation 3/);
});

// Not ours.

Deno.test("a stranger's file, a newer format and an empty file are refused in one line, and stay as they are", async () => {
  const { disk, clock } = await severalFiles(new Random(6));
  const newer = (name: string, checksumAt: number) => {
    const bytes = disk.bytesOf(name);
    bytes[7] = 9;
    writeU32(crc32(bytes.subarray(0, checksumAt)), bytes, checksumAt);
    return bytes;
  };
  for (const [name, checksumAt] of [[SNAPSHOT, 24], [LOG, 36], [LAST_LOG, 36]] as const) {
    const told = (bytes: Uint8Array) => refusal(diskLike(disk, { [name]: bytes }), clock);
    assertEquals(
      await told(range("SQLite format 3\0 and whatever comes behind that").copy()),
      `Cannot load /fault-disk/${name}: it is no file of Cryptomem. Move it away, or name another directory`,
    );
    assertEquals(
      await told(newer(name, checksumAt)),
      `Cannot load /fault-disk/${name}: its format is version 9, and this program reads version 1. ` +
        "Use the version that wrote it, or name another directory",
    );
    assertMatch(await told(new Uint8Array(0)), /damaged at offset 0, it is empty\. .*check --repair/);
  }
});

Deno.test("a folder in the place of a file is refused in one line", { ignore: !canWrite }, async () => {
  const path = await Deno.makeTempDir();
  try {
    const disk = await DenoDisk.open(path);
    for (const name of [snapshotName(1), logName(1)]) {
      await Deno.mkdir(`${path}/${name}`);
      const error = await assertRejects(() => recover(disk, new RecoveredMap(), new FakeClock()), CryptomemError);
      assertMatch(error.message, new RegExp(`^Cannot load ${path}.*${name} is no regular file$`));
      await Deno.remove(`${path}/${name}`);
    }
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});

Deno.test("whichever call of the disk fails, loading fails in one line, and succeeds later", async () => {
  const directory = await severalFiles(new Random(8));
  const torn = directory.disk.bytesOf(LAST_LOG).slice(0, -5);
  for (let call = 1;; call++) {
    const disk = diskLike(directory.disk, { [LAST_LOG]: torn });
    const fault = disk.fail(call, "EIO");
    const outcome = await recover(disk, new RecoveredMap(), directory.clock).catch((error) => error);
    assertEquals(disk.openFiles, 0, `call ${call}`);
    if (fault.met === 0) break;
    assert(outcome instanceof CryptomemError && outcome.code === "STORAGE", `call ${call}: ${outcome}`);
    assertMatch(outcome.message, /^Cannot load \/fault-disk.*Input\/output error/);
    assertEquals((await load(disk, directory.clock)).map.state(), directory.states.at(-2));
  }
});

Deno.test("a disk that cannot be written refuses a torn log, and loads a whole one", async () => {
  const directory = await severalFiles(new Random(9));
  const readOnly = ({ operation }: { operation: string }) => ["openAppend", "truncate", "rename"].includes(operation);
  const disk = diskLike(directory.disk);
  disk.fail(readOnly, "EROFS");
  assertEquals((await load(disk, directory.clock)).map.state(), directory.map.state());
  const torn = diskLike(directory.disk, { [LAST_LOG]: directory.disk.bytesOf(LAST_LOG).slice(0, -5) });
  torn.fail(readOnly, "EROFS");
  assertMatch(await refusal(torn, directory.clock), /log-0000000003\.cryptomem: Read-only file system/);
});

Deno.test("an entry for which there is no room stops the loading, and the line says where", async () => {
  const directory = await severalFiles(new Random(10));
  class FullMap extends RecoveredMap {
    override put(): void {
      throw new CryptomemError("OUT_OF_MEMORY", "there is no room for 7 bytes more");
    }
  }
  const disk = diskLike(directory.disk);
  const { code, message } = await assertRejects(() => recover(disk, new FullMap(), directory.clock), CryptomemError);
  assertEquals(code, "OUT_OF_MEMORY");
  assertEquals(message, `Cannot load /fault-disk/${SNAPSHOT}: there is no room for 7 bytes more`);
  assertEquals(disk.openFiles, 0);
});

// A generation that never came to be.

Deno.test("a log that was begun after a failure, whose snapshot was not finished, is left out and kept", async () => {
  const directory = await severalFiles(new Random(11));
  const other = await LoggedDirectory.begin();
  other.put("loose", "entry");
  await other.record();
  const disk = diskLike(directory.disk, { [logName(4)]: asGeneration(other.disk.bytesOf(logName(1)), 4) });
  const { map, warnings, log } = await load(disk, directory.clock);
  assertEquals(map.state(), directory.map.state());
  assertEquals(log, 3);
  const aside = `${logName(4)}.damaged-${Math.floor(directory.clock.wallMs() / 1000)}`;
  assertEquals(warnings.length, 1);
  assertMatch(warnings[0]!, new RegExp(`^/fault-disk/${logName(4)}: not loaded, .* is now called ${aside}$`));
  assert(disk.afterPowerCut("none").names().includes(aside));
  assertEquals((await load(disk, directory.clock)).warnings, []);
});

/** A log without a predecessor, as if it were of another generation; its records are of no use then. */
function asGeneration(log: Uint8Array, generation: number): Uint8Array {
  const bytes = log.slice();
  bytes[15] = generation;
  writeU32(crc32(bytes.subarray(0, 36)), bytes, 36);
  return bytes;
}

// Expiry.

Deno.test("what is over when it is loaded is not there, and what is not expires when it should", async () => {
  const directory = await LoggedDirectory.begin();
  const { clock } = directory;
  directory.put("snapshot, over", "1", 5_000);
  directory.put("snapshot, over just now", "2", 60_000);
  directory.put("snapshot, not yet", "3", 60_001);
  directory.put("snapshot, never", "4");
  await directory.nextGeneration();
  directory.put("log, over", "5", 5_000);
  directory.put("log, not yet", "6", 60_001);
  await directory.record();
  const expiryUnixMs = clock.wallMs() + 60_001;
  clock.advance(60_000);
  const { map, dropped, warnings } = await load(directory.disk, clock);
  assertEquals([...map.entries.keys()].sort(), ["log, not yet", "snapshot, never", "snapshot, not yet"]);
  assertEquals(map.entries.get("snapshot, not yet")?.expiryUnixMs, expiryUnixMs);
  assertEquals([dropped, warnings], [3, []]);
});

Deno.test("an entry that was given more time in the log is there, also if its first time is over", async () => {
  const directory = await LoggedDirectory.begin();
  directory.put("prolonged", "1", 5_000);
  directory.put("for ever", "2", 5_000);
  directory.put("renamed", "3", 5_000);
  await directory.nextGeneration();
  directory.expiry("prolonged", 100_000);
  directory.expiry("for ever", 0);
  directory.rename("renamed", "new name");
  directory.expiry("new name", 100_000);
  await directory.record();
  directory.clock.advance(60_000);
  const { map } = await load(directory.disk, directory.clock);
  assertEquals(map.state(), directory.map.state());
  assertEquals(map.entries.size, 3);
});

Deno.test("a value that is over does not uncover an older one", async () => {
  const directory = await LoggedDirectory.begin();
  for (const key of ["a", "b", "c"]) directory.put(key, "old, for ever");
  await directory.nextGeneration();
  directory.put("a", "new", 1_000);
  directory.expiry("b", 1_000);
  directory.put("short", "moves over c", 1_000);
  directory.rename("short", "c");
  await directory.record();
  directory.clock.advance(5_000);
  const { map, dropped } = await load(directory.disk, directory.clock);
  assertEquals([map.entries.size, dropped], [0, 3]);
});

Deno.test("1,000 entries that live 1 to 3 seconds, loaded after 5: none comes back, also with the clock an hour back", async () => {
  const random = new Random();
  const directory = await LoggedDirectory.begin();
  for (let i = 0; i < 1000; i++) {
    directory.put(`key ${i}`, "session", 1_000 + random.below(2_001));
    if (i === 500) await directory.nextGeneration();
  }
  directory.put("without expiry", "stays");
  await directory.record();
  directory.clock.advance(5_000);
  for (const jumpMs of [0, -3_600_000]) {
    directory.clock.jumpWall(jumpMs);
    const { map, dropped, warnings } = await load(directory.disk, directory.clock);
    assertEquals([...map.entries.keys()], ["without expiry"], `seed ${random.seed}, clock ${jumpMs}`);
    assertEquals(dropped, 1000);
    assertEquals(
      warnings,
      jumpMs === 0 ? [] : [
        "/fault-disk: the clock is 3595000 ms behind what was last written, so nobody can tell whether entries with an " +
        "expiry are over: 1000 were not loaded",
      ],
    );
  }
});

Deno.test("a clock that is a second behind is trusted, by what was last written", async () => {
  const directory = await LoggedDirectory.begin();
  directory.put("over", "1", 500);
  directory.put("not yet", "2", 1_001);
  await directory.record();
  directory.clock.advance(500);
  directory.put("later", "3", 1_000);
  await directory.record();
  directory.clock.jumpWall(-1_000);
  const { map, warnings } = await load(directory.disk, directory.clock);
  assertEquals([...map.entries.keys()].sort(), ["later", "not yet"]);
  assertEquals(warnings, []);
});

Deno.test("entries without expiry do not care about the clock", async () => {
  const directory = await LoggedDirectory.begin();
  directory.put("a", "1");
  await directory.nextGeneration();
  directory.put("b", "2");
  await directory.record();
  directory.clock.jumpWall(-86_400_000);
  const { map, warnings } = await load(directory.disk, directory.clock);
  assertEquals(map.state(), directory.map.state());
  assertEquals(warnings, []);
});
