/**
 * The disk of the tests itself: that it forgets what it should forget, fails where it should fail, and finds out a program
 * that trusts a disk too much.
 *
 * @module
 */
import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { appendAll } from "../../lib/persistence/disk.ts";
import { SECTOR_BYTES } from "../support/cached_file.ts";
import { type DiskCall, FaultDisk, type Unsynced } from "../support/fault_disk.ts";
import { Random } from "../support/random.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const textAt = (disk: FaultDisk, name: string): string => new TextDecoder().decode(disk.bytesOf(name));
const isSync = ({ operation }: DiskCall): boolean => operation === "sync";
const isAppend = ({ operation }: DiskCall): boolean => operation === "append";

const EVERY_WAY: readonly Unsynced[] = ["none", "names", "all"];

Deno.test("a power cut takes bytes that were not synced", async () => {
  const disk = new FaultDisk();
  const file = await disk.create("a");
  await disk.syncDirectory();
  await file.append(encode("one "));
  await file.sync();
  await file.append(encode("two"));
  assertEquals(textAt(disk.afterPowerCut("none"), "a"), "one ");
  assertEquals(textAt(disk.afterPowerCut("names"), "a"), "one ");
  assertEquals(textAt(disk.afterPowerCut("all"), "a"), "one two");
  assertEquals(new TextDecoder().decode(disk.durableBytesOf("a")), "one ");
  assertEquals(textAt(disk, "a"), "one two");
});

Deno.test("a power cut takes names that were not synced, and the bytes with them", async () => {
  const disk = new FaultDisk();
  const file = await disk.create("a");
  await file.append(encode("one"));
  await file.sync();
  assertEquals(disk.afterPowerCut("none").names(), []);
  assertEquals(disk.durableBytesOf("a"), undefined);
  assertEquals(textAt(disk.afterPowerCut("names"), "a"), "one");

  await disk.syncDirectory();
  await disk.rename("a", "b");
  assertEquals(disk.afterPowerCut("none").names(), ["a"]);
  assertEquals(disk.afterPowerCut("all").names(), ["b"]);
  await disk.syncDirectory();
  await disk.remove("b");
  assertEquals(textAt(disk.afterPowerCut("none"), "b"), "one");
  assertEquals(disk.afterPowerCut("all").names(), []);
  await disk.syncDirectory();
  assertEquals(disk.afterPowerCut("none").names(), []);
});

Deno.test("a rename may survive whose file has lost its bytes", async () => {
  const disk = new FaultDisk();
  disk.put("a", encode("old"));
  const file = await disk.create("a.new");
  await file.append(encode("new"));
  await disk.rename("a.new", "a");
  assertEquals(textAt(disk.afterPowerCut("names"), "a"), "");
});

Deno.test("a cut that was not synced may not have happened", async () => {
  const disk = new FaultDisk();
  disk.put("a", encode("one two"));
  const file = await disk.openAppend("a");
  await file.truncate(4);
  assertEquals(textAt(disk.afterPowerCut("none"), "a"), "one two");
  assertEquals(textAt(disk.afterPowerCut("all"), "a"), "one ");
  await file.append(encode("x"));
  assertEquals(textAt(disk.afterPowerCut("all"), "a"), "one x");
  await file.sync();
  assertEquals(textAt(disk.afterPowerCut("none"), "a"), "one x");
});

Deno.test("a sync covers what was written before it, and not what was written meanwhile", async () => {
  const disk = new FaultDisk();
  const file = await disk.create("a");
  const held = disk.hold((call) => isSync(call) || call.operation === "syncDirectory");
  await file.append(encode("one "));
  const syncing = Promise.all([file.sync(), disk.syncDirectory()]);
  await held.reached;
  await file.append(encode("two"));
  await disk.create("b");
  held.lift();
  await syncing;
  assertEquals(disk.afterPowerCut("none").names(), ["a"]);
  assertEquals(textAt(disk.afterPowerCut("none"), "a"), "one ");
  assertEquals(textAt(disk.afterPowerCut("all"), "a"), "one two");
  await file.sync();
  assertEquals(textAt(disk.afterPowerCut("none"), "a"), "one two");
});

Deno.test("a power cut in the middle of writing leaves every mixture of sectors, and what was synced", async () => {
  const random = new Random();
  const seed = `seed ${random.seed}`;
  const synced = random.bytes(2 * SECTOR_BYTES + 100);
  const unsynced = random.bytes(3 * SECTOR_BYTES);
  const whole = new Uint8Array([...synced, ...unsynced]);
  const disk = new FaultDisk();
  disk.put("other", random.bytes(8 * SECTOR_BYTES));
  const file = await disk.create("a");
  await disk.syncDirectory();
  await appendAll(file, synced);
  await file.sync();
  await file.append(unsynced.subarray(0, 700));
  await file.append(unsynced.subarray(700));

  const kinds = new Map<string, number>();
  const lengths = new Set<number>();
  for (let i = 0; i < 2_000; i++) {
    const found = disk.afterPowerCut(random).bytesOf("a");
    assertEquals(found.subarray(0, synced.length), synced, seed);
    assert(found.length <= whole.length, seed);
    lengths.add(found.length);
    for (let at = 3 * SECTOR_BYTES; at + SECTOR_BYTES <= found.length; at += SECTOR_BYTES) {
      const sector = found.subarray(at, at + SECTOR_BYTES);
      const is = (other: Uint8Array): boolean =>
        sector.every((byte, index) => byte === other.subarray(at, at + SECTOR_BYTES)[index]);
      const kind = is(whole)
        ? "written"
        : is(disk.bytesOf("other"))
        ? "stale"
        : sector.every((byte) => byte === 0)
        ? "zeros"
        : "garbage";
      const place = `${kind} at ${at / SECTOR_BYTES}`;
      kinds.set(place, (kinds.get(place) ?? 0) + 1);
    }
  }
  for (const kind of ["written", "stale", "zeros", "garbage"]) {
    for (const sector of [3, 4]) assert(kinds.has(`${kind} at ${sector}`), `${seed}: never ${kind} at ${sector}`);
  }
  for (const length of [synced.length, synced.length + 700, whole.length, 4 * SECTOR_BYTES]) {
    assert(lengths.has(length), `${seed}: never ${length} bytes long`);
  }
});

Deno.test("bytes that were cut away before a sync may be found again, until the next sync", async () => {
  const disk = new FaultDisk();
  const file = await disk.create("a");
  await disk.syncDirectory();
  await file.append(new Uint8Array(SECTOR_BYTES).fill(1));
  await file.truncate(0);
  await file.append(new Uint8Array(SECTOR_BYTES).fill(2));
  const found = (): Set<string> =>
    new Set(Array.from({ length: 300 }, (_, seed) => disk.afterPowerCut(seed).bytesOf("a").join("")));
  const [first, second] = ["1".repeat(SECTOR_BYTES), "2".repeat(SECTOR_BYTES)];
  assert(found().has(first) && found().has(second));
  await file.sync();
  assertEquals(found(), new Set([second]));
});

Deno.test("a power cut keeps some of the changes of names, or the first of them", async () => {
  const disk = new FaultDisk();
  disk.put("a", encode("a"));
  await disk.rename("a", "b");
  await disk.create("c");
  await disk.remove("c");
  await disk.create("d");
  const found = new Set<string>();
  for (let seed = 0; seed < 500; seed++) found.add(disk.afterPowerCut(seed).names().join(" "));
  assertEquals([...found].sort(), ["a", "a c", "a c d", "a d", "b", "b c", "b c d", "b d"]);
});

Deno.test("a file has one name, whichever of its renames a power cut keeps", async () => {
  const disk = new FaultDisk();
  disk.put("a", encode("a"));
  await disk.rename("a", "b");
  await disk.rename("b", "c");
  for (let seed = 0; seed < 100; seed++) assertEquals(disk.afterPowerCut(seed).names().length, 1, `seed ${seed}`);
});

Deno.test("the same seed finds the same disk", async () => {
  const disk = new FaultDisk();
  for (const name of ["a", "b", "c"]) await (await disk.create(name)).append(new Random(1).bytes(5_000));
  const found = (seed: number): unknown => {
    const after = disk.afterPowerCut(seed);
    return after.names().map((name) => [name, after.bytesOf(name)]);
  };
  for (let seed = 0; seed < 20; seed++) assertEquals(found(seed), found(seed));
  assertNotEquals(found(1), found(2));
});

Deno.test("the disk that is found is one of its own", async () => {
  const disk = new FaultDisk();
  const file = await disk.create("a");
  await file.append(encode("one"));
  const images = [...EVERY_WAY, 1, 2, 3].map((way) => disk.afterPowerCut(way));
  const before = images.map((image) => image.names().map((name) => textAt(image, name)));
  await file.append(encode(" two"));
  await file.sync();
  await disk.syncDirectory();
  assertEquals(images.map((image) => image.names().map((name) => textAt(image, name))), before);
  const found = disk.afterPowerCut("all");
  await (await found.openAppend("a")).append(encode(" three"));
  assertEquals([textAt(found, "a"), textAt(disk, "a")], ["one two three", "one two"]);
  assertEquals(found.calls, 2);
});

Deno.test("a killed process loses nothing, and a power cut after it what was not synced", async () => {
  const disk = new FaultDisk();
  disk.put("a", encode("one "));
  await disk.lock();
  const file = await disk.openAppend("a");
  await file.append(encode("two"));
  await disk.rename("a", "b");
  const found = disk.afterKill();
  await file.append(encode(" and three"));
  assertEquals(found.names(), ["b", "lock"]);
  assertEquals(textAt(found, "b"), "one two");
  assertEquals(found.openFiles, 0);
  await found.lock();
  assertEquals(found.afterPowerCut("none").names(), ["a"]);
  assertEquals(textAt(found.afterPowerCut("none"), "a"), "one ");
  const again = await found.openAppend("b");
  await again.sync();
  await found.syncDirectory();
  assertEquals(textAt(found.afterPowerCut("none"), "b"), "one two");
});

Deno.test("a call that fails does nothing; the next one does", async () => {
  const disk = new FaultDisk();
  const file = await disk.create("a");
  const fault = disk.fail(2, "EIO");
  const error = await assertRejects(() => file.append(encode("x")), Error, "Input/output error (os error 5)");
  assertEquals((error as Error & { code: string }).code, "EIO");
  assertEquals(await file.append(encode("one")), 3);
  assertEquals(textAt(disk, "a"), "one");
  assertEquals(fault.met, 1);
  assertEquals(disk.trace.map(({ number, outcome }) => [number, outcome]), [[1, "done"], [2, "EIO"], [3, "done"]]);
});

Deno.test("every operation can fail", async () => {
  const disk = new FaultDisk();
  disk.put("a", encode("one"));
  const file = await disk.openAppend("a");
  const fault = disk.fail(1, "EIO", { onward: true });
  const operations = [
    () => disk.list(),
    () => disk.create("b"),
    () => disk.openRead("a"),
    () => disk.openAppend("a"),
    () => disk.rename("a", "b"),
    () => disk.remove("a"),
    () => disk.syncDirectory(),
    () => disk.lock(),
    () => file.size(),
    () => file.read(0, new Uint8Array(3)),
    () => file.append(encode("x")),
    () => file.sync(),
    () => file.truncate(0),
  ];
  for (const operation of operations) await assertRejects(operation, Error, "os error 5", String(operation));
  assertThrows(() => file.appendSync(encode("x")), Error, "os error 5");
  assertThrows(() => file.syncSync(), Error, "os error 5");
  assertEquals([disk.names(), textAt(disk, "a")], [["a"], "one"]);
  assertEquals(fault.met, operations.length + 2);
  fault.lift();
  for (const operation of operations.slice(6)) await operation();
});

Deno.test("a failing sync keeps what it should have written for the next one", async () => {
  const disk = new FaultDisk();
  const file = await disk.create("a");
  await disk.syncDirectory();
  const fault = disk.fail(isSync, "EIO");
  await file.append(encode("one"));
  await assertRejects(() => file.sync());
  fault.lift();
  await file.sync();
  assertEquals(textAt(disk.afterPowerCut("none"), "a"), "one");
});

Deno.test("a failing sync can lose what it should have written, while everybody still reads it", async () => {
  const disk = new FaultDisk();
  const file = await disk.create("a");
  await disk.syncDirectory();
  const fault = disk.fail(isSync, "EIO", { dropsUnsynced: true });
  await file.append(new Uint8Array(SECTOR_BYTES).fill(1));
  await assertRejects(() => file.sync());
  fault.lift();
  await file.append(new Uint8Array(SECTOR_BYTES).fill(2));
  await file.sync();
  assertEquals(disk.bytesOf("a")[0], 1);
  const found = disk.afterPowerCut("all").bytesOf("a");
  assertEquals([found.length, found[0], found[SECTOR_BYTES]], [2 * SECTOR_BYTES, 0, 2]);
});

Deno.test("a short write takes the first half and says so", async () => {
  const disk = new FaultDisk();
  const file = await disk.create("a");
  const fault = disk.shorten(isAppend);
  assertEquals(await file.append(encode("12345")), 2);
  assertEquals(file.appendSync(encode("3")), 1);
  assertEquals(await file.size(), 3);
  assertEquals(textAt(disk, "a"), "123");
  assertEquals(fault.met, 1);
});

Deno.test("a full disk writes what fits, then fails, and goes on once there is room", async () => {
  const disk = new FaultDisk();
  disk.put("old", new Uint8Array(6));
  disk.capacityBytes = 10;
  const file = await disk.create("a");
  assertEquals(await file.append(encode("012345")), 4);
  const error = await assertRejects(() => file.append(encode("45")), Error);
  assertEquals((error as Error & { code: string }).code, "ENOSPC");
  assertThrows(() => file.appendSync(encode("45")), Error, "No space left");
  disk.capacityBytes = 11;
  assertEquals(await file.append(encode("45")), 1);
  await disk.remove("old");
  assertEquals(await file.append(encode("5")), 1);
  assertEquals(textAt(disk, "a"), "012345");
});

Deno.test("a held call waits until it is lifted, and others do not", async () => {
  const disk = new FaultDisk();
  const file = await disk.create("a");
  const held = disk.hold(isSync);
  await file.append(encode("one"));
  let isSynced = false;
  const syncing = file.sync().then(() => void (isSynced = true));
  await held.reached;
  await file.append(encode("two"));
  assertEquals([isSynced, held.met, disk.trace[2]!.outcome], [false, 1, "under way"]);
  held.lift();
  await syncing;
  await file.sync();
  assertEquals(held.met, 1);
});

Deno.test("latency lets calls end in later turns", async () => {
  const disk = new FaultDisk();
  const waiting: (() => void)[] = [];
  disk.latency = () => new Promise((resolve) => void waiting.push(resolve));
  let isCreated = false;
  const creating = disk.create("a").then(() => void (isCreated = true));
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals([isCreated, disk.names()], [false, []]);
  waiting[0]!();
  await creating;
  assertEquals(disk.names(), ["a"]);
});

Deno.test("the trace shows what came before what", async () => {
  const disk = new FaultDisk();
  const seen: number[] = [];
  disk.onCall = ({ number }) => void seen.push(number);
  const file = await disk.create("a.new");
  await file.append(encode("one"));
  await file.sync();
  await disk.rename("a.new", "a");
  await disk.syncDirectory();
  await file.append(encode("two"));
  assertEquals(disk.lines(), [
    "create a.new",
    "append a.new",
    "sync a.new",
    "rename a.new a",
    "syncDirectory",
    "append a",
  ]);
  assertEquals(seen, [1, 2, 3, 4, 5, 6]);
});

Deno.test("what no program may do to a disk fails the test", async () => {
  const disk = new FaultDisk();
  const file = await disk.create("a");
  await file.append(encode("one"));
  const reader = await disk.openRead("a");
  const closed = await disk.openRead("a");
  closed.close();
  const uses: Record<string, () => unknown> = {
    "append twice at a time": () => Promise.all([file.append(encode("x")), file.append(encode("y"))]),
    "append between": () => Promise.all([file.append(encode("x")), file.appendSync(encode("y"))]),
    "truncate meanwhile": () => Promise.all([file.append(encode("x")), file.truncate(0)]),
    "read meanwhile": () => Promise.all([file.append(encode("x")), file.read(0, new Uint8Array(1))]),
    "read twice at a time": () => Promise.all([1, 2].map(() => reader.read(0, new Uint8Array(1)))),
    "append to what is read": () => reader.append(encode("x")),
    "cut beyond the end": () => file.truncate(1_000),
    "read what is closed": () => closed.read(0, new Uint8Array(1)),
    "sync what is closed": () => closed.syncSync(),
    "close in the middle": () => Promise.all([file.sync(), Promise.try(() => file.close())]),
    "change bytes that are being written"() {
      const bytes = encode("x");
      const appending = file.append(bytes);
      bytes[0] = 0;
      return appending;
    },
  };
  const reported: string[] = [];
  const listen = (event: ErrorEvent): void => {
    event.preventDefault();
    reported.push(event.message);
  };
  addEventListener("error", listen);
  try {
    for (const [name, use] of Object.entries(uses)) {
      await assertRejects(async () => await use(), TypeError, "Cannot", name);
      await new Promise((resolve) => setTimeout(resolve));
      assertEquals(reported.splice(0).length, 1, name);
    }
  } finally {
    removeEventListener("error", listen);
  }
});

/** Replaces a file as a whole, in the one order that is right; a test can leave a step out. */
async function replace(disk: FaultDisk, text: string, without?: string): Promise<void> {
  const file = await disk.create("a.new");
  try {
    await appendAll(file, encode(text));
    if (without !== "sync") await file.sync();
    await disk.rename("a.new", "a");
    if (without !== "syncDirectory") await disk.syncDirectory();
  } finally {
    file.close();
  }
}

/** What goes wrong with {@linkcode replace} at some power cut: none of it may. */
async function mistakes(without: string | undefined, random: Random): Promise<Set<string>> {
  const [before, after] = ["old".repeat(1_000), "new!".repeat(1_000)];
  const found = new Set<string>();
  const disk = new FaultDisk();
  disk.put("a", encode(before));
  let isAcknowledged = false;
  disk.onCall = () => {
    for (const way of [...EVERY_WAY, ...Array<Random>(100).fill(random)]) {
      const text = textAt(disk.afterPowerCut(way), "a");
      if (text !== before && text !== after) found.add("neither old nor new");
      if (isAcknowledged && text !== after) found.add("acknowledged and lost");
    }
  };
  await replace(disk, after, without);
  isAcknowledged = true;
  await disk.list();
  return found;
}

Deno.test("a power cut at every call finds out a program that leaves a sync out", async () => {
  const random = new Random();
  const seed = `seed ${random.seed}`;
  assertEquals(await mistakes(undefined, random), new Set(), seed);
  assertEquals(await mistakes("sync", random), new Set(["neither old nor new", "acknowledged and lost"]), seed);
  assertEquals(await mistakes("syncDirectory", random), new Set(["acknowledged and lost"]), seed);
});

Deno.test("failing call 1, 2, 3 and so on ends with a run that met no fault", async () => {
  let calls = 0;
  for (let isMet = true; isMet; calls++) {
    const disk = new FaultDisk();
    disk.put("a", encode("old"));
    const fault = disk.fail(calls + 1, "EIO");
    const isDone = await replace(disk, "new").then(() => true, () => false);
    isMet = fault.met > 0;
    assertEquals(isDone, !isMet);
    assertEquals(textAt(disk, "a"), calls < 4 ? "old" : "new");
    assertEquals(disk.openFiles, 0);
  }
  assertEquals(calls, 6);
});
