/**
 * A disk that fails while a server uses it: under `always` a change is either kept or refused, and a refused one leaves
 * memory as it was; in every mode the server goes on, says what it cannot keep, and works again when the disk does.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { ByteRange } from "../../lib/bytes.ts";
import { CryptomemError } from "../../lib/errors.ts";
import { LOG_RETRY_MS, SNAPSHOT_RETRY_MS } from "../../lib/persistence/limits.ts";
import type { LogMode } from "../../lib/persistence/append_log.ts";
import { PLANS } from "../support/disk_plans.ts";
import { type DiskCall, FaultDisk } from "../support/fault_disk.ts";
import { assertSameEntries, KeptEngine, range } from "../support/kept_engine.ts";
import { turns } from "../support/logged_map.ts";
import { Random } from "../support/random.ts";

const ROUNDS = 12;

/** A script that ends whatever the disk does: two clients, snapshots, and time for the disk to heal. */
async function run(kept: KeptEngine, random: Random, liftFault: () => void): Promise<void> {
  for (let round = 1; round <= ROUNDS; round++) {
    kept.rest();
    const both = [kept.acknowledgedChange(), kept.acknowledgedChange()];
    if (round % 4 === 0) kept.persistence.saveInBackground();
    kept.clock.advance(random.below(700));
    await turns(2);
    await Promise.all(both);
  }
  liftFault();
  await heal(kept);
}

/** Two seconds. */
async function heal(kept: KeptEngine): Promise<void> {
  for (let passedMs = 0; passedMs < 2_000; passedMs += 200) {
    kept.clock.advance(200);
    await turns(3);
  }
}

for (const mode of ["always", "everysec", "no", "off"] as const) {
  for (const [name, plan] of Object.entries(PLANS)) {
    Deno.test(`${mode}: ${name}, at any call: no wrong acknowledgement, memory as it was, a clean start`, async () => {
      const { seed } = new Random();
      for (let call = 1;; call++) {
        const what = `seed ${seed}, call ${call}`, random = new Random(seed), disk = new FaultDisk();
        const fault = plan(disk, call);
        let kept: KeptEngine;
        try {
          kept = await KeptEngine.open(disk, random, { appendLog: mode });
        } catch (error) {
          assert(error instanceof CryptomemError && error.code === "STORAGE", `${what}: ${error}`);
          assert(!error.message.includes("\n"), what);
          fault.lift();
          const { persistence } = await KeptEngine.open(disk, random, { appendLog: mode });
          await persistence.close({ snapshot: false });
          continue;
        }
        await run(kept, random, fault.lift);
        const wasMet = fault.met > 0;
        if (!wasMet) assertEquals(kept.lines, [], what);
        assertEquals(kept.persistence.status().log?.state ?? "ok", "ok", what);
        kept.assertMemory();
        assert(await kept.acknowledgedChange(), `${what}: it works again`);
        if (mode === "always") {
          for (const way of ["none", "all", call] as const) {
            const found = await kept.reopen(disk.afterPowerCut(way), random);
            assertSameEntries(found, kept.dated(), `${what}, unsynced: ${way}`);
            await found.persistence.close({ snapshot: false });
          }
        }
        await kept.persistence.close({ snapshot: false });
        assertEquals([disk.openFiles, kept.clock.pendingTimers], [0, 0], what);
        const found = await kept.reopen(disk.afterPowerCut("none"), random, { appendLog: mode });
        assertSameEntries(found, kept.dated(), `${what}, closed`);
        await found.persistence.close({ snapshot: false });
        kept.engine.verify();
        if (!wasMet && call > disk.calls) {
          assert(call > 30, `${what}: the script is short`);
          break;
        }
      }
    });
  }
}

Deno.test("always: a power cut while the disk fails loses nothing that was acknowledged", async () => {
  const { seed } = new Random();
  let cuts = 0;
  for (let call = 12; call < 60; call++) {
    const random = new Random(seed), disk = new FaultDisk();
    const kept = await KeptEngine.open(disk, random);
    const fault = disk.fail(call, "EIO", { onward: true });
    const found: [what: string, disk: FaultDisk, wallMs: number, acknowledged: number][] = [];
    disk.onCall = ({ number }) => {
      if (fault.met === 0) return;
      const way = (["none", "all", number] as const)[number % 3]!;
      found.push([
        `seed ${seed}, call ${call}, before ${number}, unsynced: ${way}`,
        disk.afterPowerCut(way),
        kept.clock.wallMs(),
        kept.acknowledged,
      ]);
    };
    await run(kept, random, fault.lift);
    disk.onCall = undefined;
    for (const [what, cut, wallMs, acknowledged] of found) {
      const again = await kept.reopen(cut, random, { wallMs });
      assert(again.operations >= acknowledged, `${what}: ${acknowledged} acknowledged, ${again.operations} there`);
      assertSameEntries(again, kept.dated(again.operations, wallMs), what);
      await again.persistence.close({ snapshot: false });
      cuts++;
    }
    await kept.persistence.close({ snapshot: false });
  }
  assert(cuts > 500, `${cuts} cuts`);
});

const isLogAppend = ({ operation, name }: DiskCall): boolean => operation === "append" && name.startsWith("log");
const isSync = ({ operation }: DiskCall): boolean => operation === "sync";

Deno.test("always: a full disk refuses changes and answers reads, and takes changes within 2 s of space coming back", async () => {
  const disk = new FaultDisk(), kept = await KeptEngine.open(disk, new Random(1));
  kept.operate(() => kept.engine.set(range("k"), range("old"), 0));
  assert(await kept.acknowledge());
  disk.capacityBytes = 300;
  let refused = 0;
  for (let i = 0; i < 30; i++) {
    kept.clock.advance(300);
    await turns(3);
    if (!(await kept.acknowledgedChange())) refused++;
    kept.assertMemory();
  }
  assert(refused > 15, `${refused} were refused`);
  assertEquals(kept.persistence.status().log!.state, "failing");
  disk.capacityBytes = Infinity;
  await heal(kept);
  assertEquals(kept.persistence.status().log!.state, "ok");
  assert(await kept.acknowledgedChange());
  assertEquals(kept.lines.filter((line) => line.startsWith("The append log")).length, 2);
  const found = await kept.reopen(disk.afterPowerCut("none"), new Random(1));
  assertSameEntries(found, kept.dated(), "after the disk was full");
  await found.persistence.close({ snapshot: false });
  await kept.persistence.close({ snapshot: false });
});

for (const mode of ["everysec", "no"] as const satisfies LogMode[]) {
  Deno.test(`${mode}: a full disk keeps no change from being made; it is said, and over within 2 s of space coming back`, async () => {
    const disk = new FaultDisk(), kept = await KeptEngine.open(disk, new Random(1), { appendLog: mode });
    disk.capacityBytes = 500;
    for (let i = 0; i < 30; i++) {
      kept.change();
      kept.clock.advance(300);
      await turns(3);
    }
    const status = kept.persistence.status();
    assertEquals([status.log!.state, status.log!.reason.includes("No space left")], ["failing", true]);
    assert(kept.lines[0]!.includes("CHANGES ARE NOT KEPT"), kept.lines[0]);
    disk.capacityBytes = Infinity;
    await heal(kept);
    assertEquals(kept.persistence.status().log!.state, "ok");
    kept.change();
    await kept.persistence.close({ snapshot: false });
    const found = await kept.reopen(disk.afterPowerCut("none"), new Random(1));
    assertSameEntries(found, kept.dated(), "after the disk was full");
    await found.persistence.close({ snapshot: false });
  });
}

Deno.test("always: several turns under way are taken back together, from the last to the first, before anybody is told", async () => {
  const disk = new FaultDisk(), kept = await KeptEngine.open(disk, new Random(1));
  const { engine } = kept;
  kept.operate(() => {
    engine.set(range("a"), range("1"), 0);
    engine.set(range("b"), range("1"), 5_000_000);
    engine.set(range("c:1"), range("1"), 0);
  });
  assert(await kept.acknowledge());
  const before = kept.dated();
  const hold = disk.hold(isLogAppend), fault = disk.fail(isSync, "EIO");
  const told: [number, string][] = [];
  const works: (() => void)[] = [
    () => engine.set(range("a"), range("2"), 0),
    () => engine.touch(range("b"), 9_000_000),
    () => void engine.clear(range("c:").copy()).catch(() => {}),
    () => engine.set(range("c:1"), range("2"), 0),
    () => engine.rename(range("a"), range("b")),
    () => engine.delete(range("b")),
  ];
  for (const [turn, work] of works.entries()) {
    kept.operate(work);
    const ended = kept.persistence.pending()!.catch(() => told.push([turn, kept.told.entries.size > 0 ? found() : ""]));
    void ended;
    await turns(1);
  }
  function found(): string {
    return [...["a", "b", "c:1"].map((key) => `${key} ${engine.exists(range(key))} ${engine.ttlMs(range(key)) > 0}`)]
      .join(",");
  }
  assertEquals([engine.exists(range("b")), told], [false, []]);
  hold.lift();
  await turns(4);
  const state = "a true false,b true true,c:1 true false";
  assertEquals(told, works.map((_, turn) => [turn, state]));
  kept.told.entries = new Map(kept.states.get(1)!);
  kept.assertMemory();
  assertEquals(kept.dated(), before);
  fault.lift();
  await heal(kept);
  await kept.persistence.close({ snapshot: false });
});

Deno.test("always: a turn of any size is taken back, whatever its changes are", async () => {
  const random = new Random(), disk = new FaultDisk(), kept = await KeptEngine.open(disk, random);
  for (let round = 0; round < 100; round++) {
    if (random.below(2) === 0) assert(await kept.acknowledgedChange(), `seed ${random.seed}`);
    const fault = disk.fail(isSync, "EIO");
    for (let i = random.below(200); i >= 0; i--) {
      const key = range("k".repeat(1 + random.below(300)));
      kept.operate(() => {
        if (random.below(3) > 0) kept.engine.set(key, ByteRange.of(random.bytes(random.below(200))), 0);
        else if (random.below(2) === 0) kept.engine.delete(key);
        else kept.engine.touch(key, random.below(2) * 1e9);
      });
    }
    assertEquals(await kept.acknowledge(), false, `seed ${random.seed}`);
    fault.lift();
    await heal(kept);
  }
  await kept.persistence.close({ snapshot: false });
});

Deno.test("always: a CLEAR hides its entries at once, resolves when it is synced, and gives them back if it cannot be", async () => {
  const disk = new FaultDisk(), kept = await KeptEngine.open(disk, new Random(1));
  const { engine } = kept;
  for (let i = 0; i < 2_000; i++) engine.set(range(`k${i}`), range("v"), 0);
  await kept.persistence.pending();
  const hold = disk.hold(isSync);
  const cleared = engine.clear(range("k1").copy());
  await hold.reached;
  assertEquals([engine.exists(range("k1")), engine.exists(range("k2")), engine.stats().entries], [false, true, 2_000]);
  hold.lift();
  await kept.persistence.pending();
  while (engine.tidy(1_000));
  assertEquals([await cleared, engine.stats().entries], [1_111, 889]);
  const fault = disk.fail(isSync, "EIO");
  const refused = engine.clear(range("").copy());
  engine.set(range("k2"), range("written after"), 0);
  const pending = kept.persistence.pending()!;
  assertEquals(engine.exists(range("k3")), false);
  assertEquals((await assertRejects(() => refused, CryptomemError)).code, "STORAGE");
  await assertRejects(() => pending, CryptomemError, "Input/output error");
  assertEquals([engine.exists(range("k3")), engine.stats().entries], [true, 889]);
  fault.lift();
  await heal(kept);
  await kept.persistence.close({ snapshot: false });
  const found = await kept.reopen(disk.afterPowerCut("none"), new Random(1));
  assertEquals(found.engine.stats().entries, 889);
  await found.persistence.close({ snapshot: false });
});

Deno.test("always: what is evicted for a refused change is back when its refusal is told", async () => {
  const load = {
    name: "",
    keys: 500,
    maxValueBytes: 4_000,
    engine: { segmentBytes: 8192, maxMemoryBytes: 1024 * 1024 },
  };
  const { seed } = new Random(), disk = new FaultDisk();
  const kept = await KeptEngine.open(disk, new Random(seed), { load });
  const value = "v".repeat(4_000);
  for (let i = 0; i < 400; i++) kept.operate(() => kept.engine.set(range(`full ${i}`), range(value), 0));
  assert(await kept.acknowledge());
  assert(kept.engine.stats().evicted > 0);
  const fault = disk.fail(isSync, "EIO");
  const { evicted } = kept.engine.stats();
  for (let i = 0; i < 100; i++) kept.operate(() => kept.engine.set(range(`more ${i}`), range(value), 0));
  assert(kept.engine.stats().evicted > evicted + 50);
  assertEquals(await kept.acknowledge(), false, `seed ${seed}`);
  fault.lift();
  await heal(kept);
  kept.engine.verify();
  assert(await kept.acknowledgedChange());
  kept.assertMemory();
  await kept.persistence.close({ snapshot: false });
});

Deno.test("a snapshot that cannot be written refuses no change; it is said once, shown, and tried again", async () => {
  const disk = new FaultDisk();
  const kept = await KeptEngine.open(disk, new Random(1), { appendLog: "everysec", snapshotIntervalMs: 60_000 });
  const fault = disk.fail(({ operation, name }) => operation === "create" && name.startsWith("snapshot"), "ENOSPC");
  kept.change();
  await assertRejects(() => kept.persistence.save(), CryptomemError, "No space left");
  for (let i = 0; i < 3 * SNAPSHOT_RETRY_MS / 1_000; i++) {
    kept.change();
    kept.clock.advance(1_000);
    await turns(4);
  }
  assert(fault.met >= 3 && fault.met <= 5, `${fault.met} attempts`);
  assert(kept.persistence.status().snapshotFailure.includes("No space left"));
  assertEquals(kept.lines.length, 1);
  fault.lift();
  kept.clock.advance(SNAPSHOT_RETRY_MS + 1_000);
  await turns();
  assertEquals([kept.persistence.status().snapshotFailure, kept.lines[1]], ["", "Snapshots can be written again"]);
  await kept.persistence.close({ snapshot: false });
  const found = await kept.reopen(disk.afterPowerCut("none"), new Random(1));
  assertSameEntries(found, kept.dated(), "after snapshots had failed");
  await found.persistence.close({ snapshot: false });
});

Deno.test("a log that cannot be closed leaves nothing behind if the last snapshot has all of it, and says so if not", async () => {
  for (const isSnapshotPossible of [true, false]) {
    const disk = new FaultDisk(), kept = await KeptEngine.open(disk, new Random(1), { appendLog: "everysec" });
    kept.change();
    const fault = disk.fail(({ name }) => name.startsWith("log-0000000001"), "EIO");
    const snapshots = disk.fail(({ name }) => !isSnapshotPossible && name.startsWith("snapshot"), "EIO");
    await turns(1);
    kept.clock.advance(LOG_RETRY_MS - 1);
    await turns();
    kept.change();
    assertEquals(kept.persistence.status().log!.state, "failing");
    if (!isSnapshotPossible) {
      await assertRejects(() => kept.persistence.close({ snapshot: false }), CryptomemError);
    } else {
      await kept.persistence.close({ snapshot: false });
      const found = await kept.reopen(disk.afterPowerCut("none"), new Random(1));
      assertSameEntries(found, kept.dated(), "closed while failing");
      await found.persistence.close({ snapshot: false });
    }
    fault.lift();
    snapshots.lift();
    assertEquals([disk.openFiles, kept.clock.pendingTimers], [0, 0]);
    (await disk.lock()).release();
  }
});
