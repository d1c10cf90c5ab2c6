/** What a data directory promises, on a disk that does what it is asked for. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { CryptomemError } from "../../lib/errors.ts";
import type { LogMode } from "../../lib/persistence/append_log.ts";
import { Persistence } from "../../lib/persistence/persistence.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { type DiskCall, FaultDisk } from "../support/fault_disk.ts";
import { assertSameEntries, datedOf, KeptEngine, type KeptOptions, range } from "../support/kept_engine.ts";
import { turns } from "../support/logged_map.ts";
import { Random } from "../support/random.ts";
import { LOADS } from "../support/random_changes.ts";
import type { ToldContent } from "../support/told_entries.ts";

const MODES = ["always", "everysec", "no", "off"] as const satisfies (LogMode | "off")[];
const LOG_1 = "log-0000000001.cryptomem", LOG_2 = "log-0000000002.cryptomem";
const LOG_3 = "log-0000000003.cryptomem", SNAPSHOT_3 = "snapshot-0000000003.cryptomem";
const SNAPSHOT_1 = "snapshot-0000000001.cryptomem", SNAPSHOT_2 = "snapshot-0000000002.cryptomem";

const isSync = ({ operation }: DiskCall): boolean => operation === "sync";

function open(disk: FaultDisk, options: KeptOptions = {}, seed: number = 1): Promise<KeptEngine> {
  return KeptEngine.open(disk, new Random(seed), options);
}

/** What is found after a power cut at this moment. */
function found(kept: KeptEngine, options: KeptOptions = {}): Promise<KeptEngine> {
  return kept.reopen(kept.disk.afterPowerCut("none"), new Random(1), options);
}

async function close(kept: KeptEngine): Promise<void> {
  await kept.persistence.close({ snapshot: false });
  assertEquals([kept.disk.openFiles, kept.clock.pendingTimers], [0, 0]);
}

function set(kept: KeptEngine, key: string, value: string = "v", ttlMs: number = 0): void {
  kept.operate(() => kept.engine.set(range(key), range(value), ttlMs));
}

for (const appendLog of MODES) {
  Deno.test(`${appendLog}: what is there at an orderly end is there at the next start, in every kind of directory`, async () => {
    const random = new Random(), what = `seed ${random.seed}`;
    for (const before of MODES) {
      const first = await KeptEngine.open(new FaultDisk(), random, { appendLog: before });
      for (let i = 0; i < 40; i++) first.change();
      await close(first);
      const second = await first.reopen(first.disk.afterPowerCut("none"), random, { appendLog });
      assertSameEntries(second, first.dated(), `${what}, ${before} before`);
      for (let i = 0; i < 40; i++) second.change();
      if (random.below(2) === 0) await second.persistence.save();
      for (let i = 0; i < 40; i++) second.change();
      await close(second);
      const third = await found(second, { appendLog: before });
      assertSameEntries(third, second.dated(), `${what}, ${before} afterwards`);
      await close(third);
    }
  });

  Deno.test(`${appendLog}: a snapshot and what came since are all there is, under random changes that evict and expire`, async () => {
    const { seed } = new Random();
    for (const load of LOADS) {
      const what = `seed ${seed}, ${load.name}`, random = new Random(seed);
      const kept = await KeptEngine.open(new FaultDisk(), random, { appendLog, load, remembersStates: false });
      let atSnapshot: ToldContent = new Map();
      const changeAtRandom = async (operations: number): Promise<void> => {
        for (let i = 0; i < operations; i++) {
          kept.rest();
          kept.change();
          kept.clock.advance(random.below(3));
          if (i % 20 === 0) await turns(1);
        }
      };
      for (let round = 0; round < 2; round++) {
        await changeAtRandom(500);
        const saved = kept.persistence.save();
        await Promise.resolve();
        assert(kept.persistence.status().isSnapshotUnderWay);
        atSnapshot = new Map(kept.told.entries);
        while (kept.persistence.status().isSnapshotUnderWay) {
          await changeAtRandom(1);
          kept.clock.advance(1);
        }
        await saved;
      }
      await changeAtRandom(200);
      await kept.persistence.pending();
      const isLogged = appendLog === "always";
      if (isLogged || appendLog === "off") {
        const again = await found(kept, { load: LOADS[0]! });
        assertSameEntries(
          again,
          datedOf(isLogged ? kept.told.entries : atSnapshot, kept.clock),
          `${what}, a power cut`,
        );
        await close(again);
      }
      await close(kept);
      const again = await found(kept, { load: LOADS[0]! });
      assertSameEntries(again, kept.dated(), `${what}, at the end`);
      await close(again);
    }
  });
}

Deno.test("an empty directory gets a log; without one it stays empty until there is something to keep", async () => {
  const logged = await open(new FaultDisk());
  assertEquals(logged.disk.names(), ["lock", LOG_1]);
  await close(logged);
  assertEquals(logged.disk.names(), ["lock", LOG_1]);
  const plain = await open(new FaultDisk(), { appendLog: "off" });
  assertEquals(plain.persistence.status().log, undefined);
  set(plain, "k");
  assertEquals([plain.disk.names(), plain.persistence.pending()], [["lock"], undefined]);
  await close(plain);
  assertEquals(plain.disk.names(), ["lock", SNAPSHOT_1]);
});

Deno.test("always: nothing is pending without a change, and a change until it is synced, for whoever asks", async () => {
  const kept = await open(new FaultDisk());
  assertEquals(kept.persistence.pending(), undefined);
  kept.engine.delete(range("nothing"));
  assertEquals(kept.persistence.pending(), undefined);
  const hold = kept.disk.hold(isSync);
  set(kept, "k");
  let isTold = false;
  const pending = kept.persistence.pending()!.then(() => isTold = true);
  await hold.reached;
  await turns();
  assertEquals([isTold, kept.engine.exists(range("k")), kept.persistence.pending() === undefined], [
    false,
    true,
    false,
  ]);
  hold.lift();
  await pending;
  assertEquals(kept.persistence.pending(), undefined);
  const again = await found(kept);
  assert(again.engine.exists(range("k")));
  await close(again);
  await close(kept);
});

Deno.test("always: changes of one turn share one sync, and so do those of all turns that one sync lasts", async () => {
  const kept = await open(new FaultDisk());
  const hold = kept.disk.hold(isSync);
  for (let turn = 0; turn < 10; turn++) {
    for (let i = 0; i < 20; i++) set(kept, `k${turn}:${i}`);
    await turns(1);
  }
  hold.lift();
  const before = hold.met;
  await kept.persistence.pending();
  assertEquals([before, kept.disk.trace.filter(isSync).slice(-2).map(({ name }) => name)], [1, [LOG_1, LOG_1]]);
  await close(kept);
});

Deno.test("with snapshots only, a power cut leaves exactly the last snapshot", async () => {
  const kept = await open(new FaultDisk(), { appendLog: "off" });
  set(kept, "before");
  await kept.persistence.save();
  const atSnapshot = kept.dated();
  set(kept, "after");
  const again = await found(kept, { appendLog: "off" });
  assertSameEntries(again, atSnapshot, "the last snapshot");
  assertEquals(again.persistence.recovery.snapshot, 1);
  await close(again);
  await close(kept);
});

Deno.test("save() is of a moment after the call: it joins one that has not begun, and follows one that has", async () => {
  const kept = await open(new FaultDisk(), { appendLog: "off" });
  const hold = kept.disk.hold(({ operation }) => operation === "create");
  set(kept, "a");
  const first = kept.persistence.save(), same = kept.persistence.save();
  await hold.reached;
  assertEquals(kept.persistence.status().isSnapshotUnderWay, true);
  assertEquals(kept.persistence.saveInBackground(), false);
  set(kept, "b");
  const next = kept.persistence.save();
  hold.lift();
  await Promise.all([first, same]);
  assertEquals((await found(kept)).engine.exists(range("b")), false);
  await next;
  assertEquals((await found(kept)).engine.exists(range("b")), true);
  assertEquals(kept.persistence.status().generation, 2);
  assertEquals(kept.persistence.saveInBackground(), true);
  await turns();
  assertEquals(kept.persistence.status().generation, 3);
  await close(kept);
});

Deno.test("save() may be asked for in the middle of changes that belong together", async () => {
  const kept = await open(new FaultDisk());
  let saved: Promise<void> | undefined;
  kept.operate(() => {
    kept.engine.set(range("a"), range("1"), 0);
    saved = kept.persistence.save();
    kept.engine.set(range("b"), range("1"), 0);
  });
  await saved;
  assertEquals(kept.persistence.status().lastSnapshot!.entries, 3);
  await close(kept);
});

Deno.test("a snapshot of many entries goes in slices, and what changes meanwhile is none of it", async () => {
  const kept = await open(new FaultDisk(), { appendLog: "off" });
  for (let i = 0; i < 20_000; i++) kept.engine.set(range(`k${i}`), range("old"), 0);
  const saved = kept.persistence.save();
  let slices = 0;
  for (let isDone = false; !isDone; slices++) {
    kept.engine.set(range(`k${slices * 1_000}`), range("new"), 0);
    kept.clock.advance(1);
    await turns(2);
    isDone = kept.persistence.status().lastSnapshot !== undefined;
  }
  await saved;
  assert(slices >= 9, `${slices} slices`);
  const again = await found(kept, { appendLog: "off" });
  assertEquals([again.engine.stats().entries >= 20_000, again.told.entries.get("k5000")!.value], [true, "old"]);
  await close(again);
  await close(kept);
});

Deno.test("snapshots come at the interval, if anything has changed, and after so many changes", async () => {
  const kept = await open(new FaultDisk(), { appendLog: "off", snapshotIntervalMs: 300_000, snapshotChanges: 100 });
  const generationAfter = async (ms: number): Promise<number> => {
    kept.clock.advance(ms);
    await turns();
    return kept.persistence.status().generation;
  };
  assertEquals(await generationAfter(1_000_000), 0);
  set(kept, "k");
  assertEquals(await generationAfter(1_000), 1);
  set(kept, "k2");
  assertEquals(kept.persistence.status().changesSinceSnapshot, 2);
  assertEquals(await generationAfter(298_000), 1);
  assertEquals(await generationAfter(3_000), 2);
  for (let i = 0; i < 49; i++) set(kept, "k");
  assertEquals(await generationAfter(2_000), 2);
  set(kept, "k");
  assertEquals(await generationAfter(1_000), 3);
  await close(kept);
});

Deno.test("the last snapshots stay, with the logs since the older of them", async () => {
  const kept = await open(new FaultDisk(), { keptSnapshots: 2 });
  const names: string[][] = [];
  for (let snapshot = 0; snapshot < 3; snapshot++) {
    set(kept, "k", String(snapshot));
    await kept.persistence.save();
    await turns(4);
    names.push(kept.disk.names().slice(1));
  }
  assertEquals(names, [
    [LOG_1, LOG_2, SNAPSHOT_2],
    [LOG_2, LOG_3, SNAPSHOT_2, SNAPSHOT_3],
    [LOG_3, "log-0000000004.cryptomem", SNAPSHOT_3, "snapshot-0000000004.cryptomem"],
  ]);
  await close(kept);
});

Deno.test("close() during a snapshot ends it: gives it up where the log has all, and else takes the last state", async () => {
  for (
    const [appendLog, snapshot, names] of [
      ["everysec", false, ["lock", LOG_1, LOG_2]],
      ["everysec", true, ["lock", LOG_2, LOG_3, SNAPSHOT_2, SNAPSHOT_3]],
      ["off", false, ["lock", SNAPSHOT_1, SNAPSHOT_2]],
    ] as const
  ) {
    const kept = await open(new FaultDisk(), { appendLog });
    for (let i = 0; i < 10_000; i++) kept.engine.set(range(`k${i}`), range("v"), 0);
    const saved = kept.persistence.save().catch((error) => error);
    await turns();
    set(kept, "meanwhile");
    await kept.persistence.close({ snapshot });
    const error = await saved;
    assertEquals(
      error instanceof CryptomemError && error.code,
      appendLog === "everysec" && !snapshot ? "STORAGE" : false,
    );
    assertEquals(kept.disk.names(), [...names]);
    assertEquals([kept.disk.openFiles, kept.clock.pendingTimers], [0, 0]);
    const again = await found(kept);
    assertSameEntries(again, kept.dated(), appendLog);
    await close(again);
  }
});

Deno.test("after close() changes are refused, snapshots too, and the directory can be opened again", async () => {
  for (const appendLog of MODES) {
    const kept = await open(new FaultDisk(), { appendLog });
    set(kept, "k");
    await Promise.all([close(kept), close(kept)]);
    assertEquals(assertThrows(() => set(kept, "late"), CryptomemError).code, "STORAGE");
    await assertRejects(() => kept.persistence.save(), CryptomemError, "closed");
    assertEquals(kept.persistence.saveInBackground(), false);
    assert(kept.engine.exists(range("k")));
    await close(await kept.reopen(kept.disk, new Random(1), { appendLog }));
  }
});

Deno.test("one directory serves one server at a time, and is free again when a start is refused", async () => {
  const kept = await open(new FaultDisk());
  const options = { ...optionsFor(kept.disk), engine: new Engine() };
  assertEquals((await assertRejects(() => Persistence.open(options), CryptomemError)).code, "STORAGE");
  set(kept, "k");
  await close(kept);
  kept.disk.put(LOG_1, new Uint8Array(100));
  const error = await assertRejects(() => Persistence.open(options), CryptomemError, LOG_1);
  assert(!error.message.includes("\n"), error.message);
  assertEquals(options.engine.journal, undefined);
  (await kept.disk.lock()).release();
  await assertRejects(() => Persistence.open({ ...options, keptSnapshots: 0 }), RangeError);
});

function optionsFor(disk: FaultDisk) {
  return {
    disk,
    clock: new FakeClock(),
    appendLog: "always" as const,
    snapshotIntervalMs: 0,
    snapshotChanges: 0,
    keptSnapshots: 2,
    log: () => {},
  };
}

Deno.test("1,000 entries that live 1 to 3 seconds are gone 5 s later, also when the clock is an hour back", async () => {
  const random = new Random();
  for (const isSaved of [false, true]) {
    const kept = await KeptEngine.open(new FaultDisk(), random);
    for (let i = 0; i < 1_000; i++) set(kept, `k${i}`, "v", 1_000 + random.below(2_000));
    set(kept, "stays", "v", 3_600_000);
    if (isSaved) await kept.persistence.save();
    await kept.persistence.pending();
    const wallMs = kept.clock.wallMs();
    for (const afterMs of [1_500, 5_000, -3_600_000]) {
      const again = await kept.reopen(kept.disk.afterPowerCut("none"), random, { wallMs: wallMs + afterMs });
      const what = `seed ${random.seed}, ${afterMs} ms later`;
      if (afterMs > 0) assertSameEntries(again, kept.dated(undefined, wallMs + afterMs), what);
      else {
        assertEquals([...again.told.entries.keys()], ["count"], what);
        assert(again.lines[0]!.includes("the clock is"), again.lines[0]);
        // Nor when the clock is right again: they were answered as missing meanwhile.
        const third = await again.reopen(again.disk.afterPowerCut("none"), random, { wallMs: wallMs + 10 });
        assertEquals([...third.told.entries.keys()], ["count"], what);
        await close(third);
      }
      await close(again);
    }
    await close(kept);
  }
});

Deno.test("what a smaller limit evicts at a start does not come back at the next with a larger one", async () => {
  const kept = await open(new FaultDisk());
  for (let i = 0; i < 500; i++) set(kept, `k${i}`, "v".repeat(4_000));
  await kept.persistence.pending();
  const load = { name: "", keys: 1, maxValueBytes: 1, engine: { segmentBytes: 8192, maxMemoryBytes: 1024 * 1024 } };
  const small = await found(kept, { load });
  assert(small.engine.stats().entries < 300, `${small.engine.stats().entries}`);
  const large = await found(small);
  assertSameEntries(large, small.dated(), "with a larger limit");
  for (const one of [large, small, kept]) await close(one);
});

Deno.test("the status tells what operators ask for", async () => {
  const kept = await open(new FaultDisk(), { appendLog: "everysec" });
  const begin = kept.persistence.status();
  assertEquals([begin.mode, begin.generation, begin.lastSnapshot, begin.snapshotFailure], [
    "everysec",
    1,
    undefined,
    "",
  ]);
  set(kept, "k");
  assertEquals(kept.persistence.status().changesSinceSnapshot, 2);
  kept.clock.advance(50);
  const takenUnixMs = kept.clock.wallMs();
  await kept.persistence.save();
  const { lastSnapshot, changesSinceSnapshot, log, isSnapshotUnderWay } = kept.persistence.status();
  assertEquals({ ...lastSnapshot, bytes: 0 }, { entries: 2, bytes: 0, generation: 2, takenUnixMs, durationMs: 0 });
  assertEquals([changesSinceSnapshot, log!.generation, isSnapshotUnderWay], [0, 2, false]);
  set(kept, "k2");
  await close(kept);
  const again = await found(kept, { appendLog: "everysec" });
  assertEquals(again.persistence.status().changesSinceSnapshot, 2);
  const { snapshot, log: read, entries, changes } = again.persistence.recovery;
  assertEquals({ snapshot, read, entries, changes }, { snapshot: 2, read: 2, entries: 2, changes: 2 });
  await close(again);
});
