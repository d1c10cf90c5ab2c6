import { assert, assertEquals, assertRejects } from "@std/assert";
import { concat } from "@std/bytes";
import { binaryText, type ByteRange } from "../../lib/bytes.ts";
import { CryptomemError } from "../../lib/errors.ts";
import { MAX_KEY_BYTES } from "../../lib/limits.ts";
import { SNAPSHOT_BLOCK_BYTES, SNAPSHOT_IN_FLIGHT_BYTES } from "../../lib/persistence/limits.ts";
import { writeU32 } from "../../lib/persistence/big_endian.ts";
import { crc32 } from "../../lib/persistence/checksum.ts";
import { snapshotName, unfinishedName } from "../../lib/persistence/data_directory.ts";
import { withFile } from "../../lib/persistence/disk.ts";
import { MAX_EXPIRY_UNIX_MS } from "../../lib/persistence/snapshot_layout.ts";
import { SnapshotReader } from "../../lib/persistence/snapshot_reader.ts";
import { SnapshotWriter } from "../../lib/persistence/snapshot_writer.ts";
import { type FileTrouble, UnusableFileError } from "../../lib/persistence/unusable_file.ts";
import { FaultDisk } from "../support/fault_disk.ts";
import { diskLike, range, withBitFlipped, writeSnapshot } from "../support/logged_directory.ts";
import { Random } from "../support/random.ts";
import { RecoveredMap } from "../support/recovered_map.ts";

const NAME = snapshotName(1);
const TAKEN_UNIX_MS = Date.UTC(2026, 0, 1);

async function readInto(disk: FaultDisk, map: RecoveredMap, name = NAME): Promise<number> {
  return await withFile(disk, name, async (file) => {
    const reader = await SnapshotReader.open(file);
    return await reader.read((key, value, expiryUnixMs) => map.put(key, value, expiryUnixMs));
  });
}

async function troubleOf(bytes: Uint8Array, told: RecoveredMap = new RecoveredMap()): Promise<UnusableFileError> {
  const disk = new FaultDisk();
  disk.put(NAME, bytes);
  const error = await assertRejects(() => readInto(disk, told), UnusableFileError);
  assertEquals(disk.openFiles, 0);
  return error;
}

/** Three blocks: of an entry that is longer than a block, and of two that do not fit into one. */
async function severalBlocks(): Promise<{ disk: FaultDisk; map: RecoveredMap }> {
  const map = new RecoveredMap();
  map.put(range("large"), range(new Uint8Array(SNAPSHOT_BLOCK_BYTES).fill(7)), 0);
  map.put(range("half"), range(new Uint8Array(SNAPSHOT_BLOCK_BYTES / 2)), 0);
  map.put(range("other half"), range(new Uint8Array(SNAPSHOT_BLOCK_BYTES / 2)), 5);
  const disk = new FaultDisk();
  await writeSnapshot(disk, 1, map, TAKEN_UNIX_MS);
  return { disk, map };
}

async function smallSnapshot(): Promise<{ bytes: Uint8Array; map: RecoveredMap }> {
  const map = new RecoveredMap();
  map.put(range("a"), range("one"), 0);
  map.put(range("b"), range(""), TAKEN_UNIX_MS + 1000);
  map.put(range(Uint8Array.of(0, 255)), range(Uint8Array.of(0xc1, 0)), 1);
  const disk = new FaultDisk();
  await writeSnapshot(disk, 1, map, TAKEN_UNIX_MS);
  return { bytes: disk.bytesOf(NAME), map };
}

Deno.test("a snapshot has these bytes", async () => {
  const disk = new FaultDisk();
  const writer = new SnapshotWriter(disk, { generation: 3, takenUnixMs: 0x0102030405 });
  writer.add(range("key"), range("value"), 0x0a0b0c0d0e0f);
  await writer.finish();
  const hex = disk.bytesOf(snapshotName(3)).toHex();
  const header = "434d454d534e5001" + "0000000000000003" + "0000000102030405";
  const entry = "0a0b0c0d0e0f" + "0003" + "00000005" + "6b6579" + "76616c7565";
  const end = "0000000000000001" + "0000000000000001";
  const checksum = (...parts: string[]) => crc32(Uint8Array.fromHex(parts.join(""))).toString(16).padStart(8, "0");
  const place = (number: string, length: string) => checksum("0000000000000003", number, length);
  assertEquals(
    hex,
    header + checksum(header) +
      "00000014" + place("0000000000000000", "00000014") + checksum(entry) + entry +
      "ffffffff" + place("0000000000000001", "ffffffff") + checksum(end) + end,
  );
});

Deno.test("a snapshot gives back every key and value as it was", async () => {
  const map = new RecoveredMap();
  const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  for (const name of ["__proto__", "constructor", "toString", "", "\ufeffmark", "ключ"]) {
    map.put(range(name), range(name), 0);
  }
  for (const byte of everyByte) map.put(range(Uint8Array.of(byte)), range(Uint8Array.of(byte)), byte);
  map.put(range(everyByte), range(everyByte), MAX_EXPIRY_UNIX_MS);
  map.put(range(new Uint8Array(MAX_KEY_BYTES).fill(1)), range(new Uint8Array(0)), TAKEN_UNIX_MS);
  for (const length of [SNAPSHOT_BLOCK_BYTES - 25, SNAPSHOT_BLOCK_BYTES - 24, SNAPSHOT_BLOCK_BYTES, 1_000_000]) {
    map.put(range(`value of ${length}`), range(new Uint8Array(length).fill(length)), 0);
  }
  const disk = new FaultDisk();
  await writeSnapshot(disk, 1, map, TAKEN_UNIX_MS);
  const loaded = new RecoveredMap();
  assertEquals(await readInto(disk, loaded), map.entries.size);
  assertEquals(loaded.state(), map.state());
});

Deno.test("a snapshot of nothing is one", async () => {
  const disk = new FaultDisk();
  await writeSnapshot(disk, 1, new RecoveredMap(), TAKEN_UNIX_MS);
  assertEquals(await readInto(disk, new RecoveredMap()), 0);
});

Deno.test("an expiry that 48 bits cannot tell does not become none, nor another", async () => {
  const disk = new FaultDisk();
  const writer = new SnapshotWriter(disk, { generation: 1, takenUnixMs: TAKEN_UNIX_MS });
  writer.add(range("never"), range(""), Infinity);
  writer.add(range("long ago"), range(""), -5);
  await writer.finish();
  const loaded = new RecoveredMap();
  await readInto(disk, loaded);
  assertEquals(loaded.entries.get("never")?.expiryUnixMs, MAX_EXPIRY_UNIX_MS);
  assertEquals(loaded.entries.get("long ago")?.expiryUnixMs, 1);
});

Deno.test("entries of random sizes come back, in any number of blocks", async () => {
  const random = new Random();
  const map = new RecoveredMap();
  for (let i = 0; i < 800; i++) {
    const length = random.below(10) === 0 ? random.below(20_000) : random.below(200);
    map.put(range(`key ${i}`), range(new Uint8Array(length).fill(i)), random.below(2) * random.below(2 ** 40));
  }
  const disk = new FaultDisk();
  await writeSnapshot(disk, 1, map, TAKEN_UNIX_MS);
  const loaded = new RecoveredMap();
  await readInto(disk, loaded);
  assertEquals(loaded.state() === map.state(), true, `seed ${random.seed}`);
});

// Damage.

Deno.test("a snapshot that is cut at any byte, or has one too many, is refused", async () => {
  const { bytes } = await smallSnapshot();
  for (let length = 0; length < bytes.length; length++) {
    assertEquals((await troubleOf(bytes.subarray(0, length))).trouble, "damaged", `cut at ${length}`);
  }
  const { offset } = await troubleOf(Uint8Array.of(...bytes, 0));
  assertEquals(offset, bytes.length);
});

Deno.test("a snapshot of which any bit is flipped is refused, and tells no wrong entry before that is seen", async () => {
  const { bytes, map } = await smallSnapshot();
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const told = new RecoveredMap();
    const { trouble, offset } = await troubleOf(withBitFlipped(bytes, bit), told);
    assertEquals(trouble, "damaged", `bit ${bit}`);
    assert(offset <= bit >> 3, `bit ${bit}: the damage is before offset ${offset}`);
    for (const [key, entry] of told.entries) assertEquals(entry, map.entries.get(key), `bit ${bit}`);
  }
});

Deno.test("a byte of several blocks that is wrong is found, wherever it is", async () => {
  const { disk } = await severalBlocks();
  const bytes = disk.bytesOf(NAME);
  for (let at = 0; at < bytes.length; at += 4999) await troubleOf(withBitFlipped(bytes, 8 * at + at % 8));
});

Deno.test("blocks that have changed places are refused", async () => {
  const { disk } = await severalBlocks();
  const bytes = disk.bytesOf(NAME);
  const first = 28 + 12 + 12 + 5 + SNAPSHOT_BLOCK_BYTES;
  const middle = first + 12 + 12 + 4 + SNAPSHOT_BLOCK_BYTES / 2;
  const last = bytes.length - 28;
  const parts = {
    first: bytes.subarray(0, first),
    second: bytes.subarray(first, middle),
    third: bytes.subarray(middle, last),
  };
  const { offset } = await troubleOf(concat([parts.first, parts.third, parts.second, bytes.subarray(last)]));
  assertEquals(offset, first);
  // One that is left out is missed as well.
  await troubleOf(concat([parts.first, bytes.subarray(middle)]));
});

Deno.test("a block of another generation is refused", async () => {
  const { bytes } = await smallSnapshot();
  const disk = new FaultDisk();
  const map = new RecoveredMap();
  map.put(range("a"), range("other"), 0);
  await writeSnapshot(disk, 2, map, TAKEN_UNIX_MS);
  const { offset } = await troubleOf(
    Uint8Array.of(...bytes.subarray(0, 28), ...disk.bytesOf(snapshotName(2)).subarray(28)),
  );
  assertEquals(offset, 28);
});

Deno.test("a block that claims more than the file has costs no memory", async () => {
  const { bytes } = await smallSnapshot();
  const forged = bytes.slice();
  const place = new Uint8Array(20);
  place[7] = 1;
  writeU32(0xffff_0000, place, 16);
  writeU32(0xffff_0000, forged, 28);
  writeU32(crc32(place), forged, 32);
  const before = Deno.memoryUsage().external;
  assertEquals((await troubleOf(forged)).finding, "it ends in this block");
  assert(Deno.memoryUsage().external - before < 16 * 1024 * 1024);
});

Deno.test("whose file it is, is seen by its header", async () => {
  const { bytes } = await smallSnapshot();
  const trouble = async (change: (bytes: Uint8Array) => Uint8Array): Promise<FileTrouble> =>
    (await troubleOf(change(bytes.slice()))).trouble;
  assertEquals(await trouble(() => new Uint8Array(0)), "damaged");
  assertEquals(await trouble(() => range("CMEM").copy()), "damaged");
  assertEquals(await trouble(() => range("SQLi").copy()), "stranger");
  assertEquals(await trouble(() => range("SQLite format 3, and so on for a while").copy()), "stranger");
  assertEquals(await trouble(() => new Uint8Array(1000)), "stranger");
  // The checksum still tells that these 8 bytes were others.
  assertEquals(await trouble((bytes) => bytes.fill(0, 0, 8)), "damaged");
  const newer = (bytes: Uint8Array) => {
    bytes[7] = 2;
    writeU32(crc32(bytes.subarray(0, 24)), bytes, 24);
    return bytes;
  };
  assertEquals(await trouble(newer), "other version");
  const { message } = await troubleOf(newer(bytes.slice()));
  assertEquals(message, `Cannot read ${NAME}: its format is version 2, and this program reads version 1`);
});

// Writing.

Deno.test("a snapshot gets its name when it is synced, and the name is synced before anybody relies on it", async () => {
  const { disk } = await severalBlocks();
  const unfinished = unfinishedName(NAME);
  assertEquals(disk.lines().slice(0, 1), [`create ${unfinished}`]);
  assertEquals(disk.lines().filter((line) => !line.startsWith("append")).slice(-3), [
    `sync ${unfinished}`,
    `rename ${unfinished} ${NAME}`,
    "syncDirectory",
  ]);
  assertEquals(disk.lines().filter((line) => line.startsWith("append")).at(-1), `append ${unfinished}`);
  assertEquals(disk.lines().findLastIndex((line) => line.startsWith("append")), disk.calls - 4);
});

Deno.test("a power cut at any call leaves the old snapshot or the new one, and never half of one", async () => {
  const random = new Random();
  const old = new RecoveredMap();
  old.put(range("old"), range("entry"), 0);
  const before = new FaultDisk();
  await writeSnapshot(before, 1, old, TAKEN_UNIX_MS);
  const { map } = await severalBlocks();
  const disk = diskLike(before);
  const found: FaultDisk[] = [];
  const cut = () => {
    found.push(disk.afterPowerCut("none"), disk.afterPowerCut("all"), disk.afterKill());
    for (let i = 0; i < 20; i++) found.push(disk.afterPowerCut(random));
  };
  disk.onCall = cut;
  await writeSnapshot(disk, 2, map, TAKEN_UNIX_MS);
  disk.onCall = undefined;
  assert(found.length >= 200, `only ${found.length} cuts`);
  let withNew = 0;
  for (const after of found) {
    const loaded = new RecoveredMap();
    await readInto(after, loaded);
    assertEquals(loaded.state(), old.state(), `seed ${random.seed}`);
    if (!after.names().includes(snapshotName(2))) continue;
    withNew++;
    const latest = new RecoveredMap();
    await readInto(after, latest, snapshotName(2));
    assertEquals(latest.state(), map.state(), `seed ${random.seed}`);
  }
  assert(withNew > 0);
  // Once it is finished it is there, whatever becomes of what was not synced.
  assert(disk.afterPowerCut("none").names().includes(snapshotName(2)));
});

Deno.test("whichever call fails, the writer says so, leaves nothing behind, and the next snapshot can be written", async () => {
  const { map } = await severalBlocks();
  for (const code of ["EIO", "ENOSPC"] as const) {
    for (let call = 1;; call++) {
      const disk = new FaultDisk();
      const fault = disk.fail(call, code);
      const written = writeSnapshot(disk, 1, map, TAKEN_UNIX_MS);
      const error = await written.then(() => undefined, (error) => error);
      assertEquals(disk.openFiles, 0, `call ${call}`);
      if (fault.met === 0) {
        assert(call > 8);
        assertEquals(error, undefined);
        break;
      }
      assert(error instanceof CryptomemError && error.code === "STORAGE", `call ${call}: ${error}`);
      assert(error.message.startsWith(`Cannot write ${NAME}: `));
      // The name stands if it was the last call, which syncs the name, that failed.
      assertEquals(disk.names().filter((name) => name !== NAME), [], `call ${call}`);
      await writeSnapshot(disk, 2, map, TAKEN_UNIX_MS);
    }
  }
});

Deno.test("a disk that takes little at a time gets all of it", async () => {
  const { map } = await severalBlocks();
  const disk = new FaultDisk();
  disk.shorten(1, { onward: true });
  await writeSnapshot(disk, 1, map, TAKEN_UNIX_MS);
  const loaded = new RecoveredMap();
  await readInto(disk, loaded);
  assertEquals(loaded.state(), map.state());
});

Deno.test("what an earlier attempt left on a failing disk is no obstacle", async () => {
  const { bytes, map } = await smallSnapshot();
  const disk = new FaultDisk();
  disk.put(unfinishedName(NAME), bytes.subarray(0, 50));
  await writeSnapshot(disk, 1, map, TAKEN_UNIX_MS);
  assertEquals(disk.names(), [NAME]);
  assertEquals(disk.bytesOf(NAME), bytes);
});

Deno.test("an entry is copied when it is given: what is changed afterwards does not matter", async () => {
  const disk = new FaultDisk();
  const writer = new SnapshotWriter(disk, { generation: 1, takenUnixMs: TAKEN_UNIX_MS });
  const value: ByteRange = range("before");
  writer.add(range("key"), value, 0);
  value.bytes.fill(0);
  await writer.finish();
  const loaded = new RecoveredMap();
  await readInto(disk, loaded);
  assertEquals(loaded.entries.get("key")?.value, binaryText(range("before").bytes));
});

Deno.test("who can wait is asked to while the disk is behind", async () => {
  const disk = new FaultDisk();
  const hold = disk.hold(({ operation }) => operation === "append");
  const writer = new SnapshotWriter(disk, { generation: 1, takenUnixMs: TAKEN_UNIX_MS });
  const value = range(new Uint8Array(100_000));
  let entries = 0;
  while (writer.room() === undefined) writer.add(range(`key ${entries++}`), value, 0);
  assert(entries * value.length <= SNAPSHOT_IN_FLIGHT_BYTES + 2 * SNAPSHOT_BLOCK_BYTES);
  hold.lift();
  await writer.room();
  assertEquals(writer.room(), undefined);
  assertEquals((await writer.finish()).entries, entries);
});

Deno.test("a snapshot is given up when the disk is too far behind, and the changes that gave entries never see it", async () => {
  const disk = new FaultDisk();
  const hold = disk.hold(({ operation }) => operation === "append");
  const writer = new SnapshotWriter(disk, { generation: 1, takenUnixMs: TAKEN_UNIX_MS });
  const value = range(new Uint8Array(1_000_000));
  for (let i = 0; i < 100; i++) writer.add(range(`key ${i}`), value, 0);
  const error = await assertRejects(async () => await writer.room(), CryptomemError);
  assertEquals(error.message, `Cannot write ${NAME}: the disk is 67108864 bytes behind`);
  hold.lift();
  assertEquals(await assertRejects(() => writer.finish(), CryptomemError), error);
  assertEquals(disk.names(), []);
});

Deno.test("a snapshot that is given up leaves nothing", async () => {
  const disk = new FaultDisk();
  const writer = new SnapshotWriter(disk, { generation: 1, takenUnixMs: TAKEN_UNIX_MS });
  for (let i = 0; i < 10; i++) writer.add(range(`key ${i}`), range(new Uint8Array(100_000)), 0);
  await writer.abort();
  writer.add(range("late"), range(""), 0);
  await writer.abort();
  assertEquals(disk.names(), []);
  assertEquals(disk.openFiles, 0);
});

Deno.test("giving up what is being finished waits for it, and what is finished stays", async () => {
  const disk = new FaultDisk();
  const writer = new SnapshotWriter(disk, { generation: 1, takenUnixMs: TAKEN_UNIX_MS });
  writer.add(range("key"), range("value"), 0);
  const finished = writer.finish();
  await writer.abort();
  assertEquals((await finished).entries, 1);
  assertEquals(disk.names(), [NAME]);
});
