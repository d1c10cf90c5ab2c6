/**
 * What goes on between a log that fails and the generation that makes it whole, at its narrow places: each of these lost
 * or brought back something when it was left out.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { CryptomemError } from "../../lib/errors.ts";
import { LOG_RETRY_MS, LOG_SYNC_INTERVAL_MS } from "../../lib/persistence/limits.ts";
import { RecoveredEngine } from "../../lib/persistence/recovered_engine.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { UnixTime } from "../../lib/unix_time.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { type DiskCall, FaultDisk } from "../support/fault_disk.ts";
import { assertSameEntries, KeptEngine, range } from "../support/kept_engine.ts";
import { turns } from "../support/logged_map.ts";
import { Random } from "../support/random.ts";

const LOG_1 = "log-0000000001.cryptomem", LOG_2 = "log-0000000002.cryptomem";

const isLogSync = ({ operation, name }: DiskCall): boolean => operation === "sync" && name === LOG_1;

async function begun(appendLog: "always" | "everysec"): Promise<{ disk: FaultDisk; kept: KeptEngine }> {
  const disk = new FaultDisk(), kept = await KeptEngine.open(disk, new Random(1), { appendLog });
  set(kept, "k", "old");
  assert(await kept.acknowledge());
  await later(kept, LOG_SYNC_INTERVAL_MS);
  return { disk, kept };
}

function set(kept: KeptEngine, key: string, value: string): void {
  kept.operate(() => kept.engine.set(range(key), range(value), 0));
}

async function later(kept: KeptEngine, ms: number): Promise<void> {
  await turns(2);
  kept.clock.advance(ms);
  await turns();
}

async function assertFound(kept: KeptEngine, disk: FaultDisk, operation: number): Promise<void> {
  const found = await kept.reopen(disk, new Random(1));
  assertSameEntries(found, kept.dated(operation), `operation ${operation}`);
  await found.persistence.close({ snapshot: false });
}

Deno.test("a snapshot gets no name while what came before it is not kept, and none if that is lost", async () => {
  const { disk, kept } = await begun("always");
  const hold = disk.hold(isLogSync), fault = disk.fail(isLogSync, "EIO");
  set(kept, "k", "refused");
  const refused = kept.acknowledge(), saved = kept.persistence.save();
  await later(kept, 10);
  assertEquals(disk.names().filter((name) => name.startsWith("snapshot") && !name.endsWith(".new")), []);
  hold.lift();
  await assertRejects(() => saved, CryptomemError, "Input/output error");
  assertEquals(await refused, false);
  await turns();
  await assertFound(kept, disk.afterPowerCut("all"), 1);
  fault.lift();
  await later(kept, LOG_RETRY_MS);
  assert(await kept.acknowledgedChange());
  await kept.persistence.close({ snapshot: false });
});

Deno.test("what is refused is taken back before the moment of the next generation, however long the cutting back takes", async () => {
  const { disk, kept } = await begun("always");
  const hold = disk.hold(({ operation }) => operation === "truncate"), fault = disk.fail(isLogSync, "EIO");
  set(kept, "k", "refused");
  const refused = kept.acknowledge();
  await hold.reached;
  await later(kept, LOG_RETRY_MS);
  await later(kept, LOG_RETRY_MS);
  fault.lift();
  hold.lift();
  assertEquals(await refused, false);
  await later(kept, LOG_RETRY_MS);
  assertEquals(kept.persistence.status().log!.state, "ok");
  await assertFound(kept, disk.afterPowerCut("none"), 1);
  await kept.persistence.close({ snapshot: false });
});

Deno.test("a directory loads although the name of a snapshot that counts as failed is there, and its log is not", async () => {
  const { disk, kept } = await begun("always");
  const logFault = disk.fail(isLogSync, "EIO");
  const isNameSync = ({ operation, number }: DiskCall): boolean =>
    operation === "syncDirectory" && disk.trace[number - 2]!.to?.startsWith("snapshot") === true;
  const nameFault = disk.fail(isNameSync, "EIO");
  assertEquals(await kept.acknowledgedChange(), false);
  const cuts: FaultDisk[] = [];
  disk.onCall = () => cuts.push(disk.afterPowerCut("none"), disk.afterPowerCut("all"));
  for (let attempt = 0; attempt < 3; attempt++) await later(kept, LOG_RETRY_MS);
  assertEquals(nameFault.met, 3);
  logFault.lift();
  nameFault.lift();
  await later(kept, LOG_RETRY_MS);
  disk.onCall = undefined;
  assertEquals(kept.persistence.status().log!.state, "ok");
  for (const cut of cuts) await assertFound(kept, cut, 1);
  assert(await kept.acknowledgedChange());
  await kept.persistence.close({ snapshot: false });
});

Deno.test("the log of a snapshot stays although it failed before the snapshot was there", async () => {
  const { disk, kept } = await begun("everysec");
  disk.fail(({ operation, name }) => operation === "append" && name === LOG_1, "EIO");
  set(kept, "k", "lost");
  await later(kept, 50);
  const hold = disk.hold(({ operation, name }) => operation === "create" && name.startsWith("snapshot-0000000002"));
  kept.clock.advance(LOG_RETRY_MS);
  await hold.reached;
  set(kept, "k", "synced in the second log");
  await later(kept, LOG_SYNC_INTERVAL_MS);
  const { operations } = kept;
  assertEquals(disk.durableBytesOf(LOG_2)!.length > 100, true);
  disk.fail(({ operation, name }) => operation === "append" && name === LOG_2, "EIO");
  set(kept, "k", "not kept before the third");
  await later(kept, 50);
  hold.lift();
  await turns();
  await assertFound(kept, disk.afterPowerCut("none"), operations);
  const third = disk.hold(({ operation, name }) => operation === "create" && name.startsWith("snapshot-0000000003"));
  kept.clock.advance(LOG_RETRY_MS);
  await third.reached;
  await turns();
  await assertFound(kept, disk.afterPowerCut("none"), operations);
  third.lift();
  await turns();
  assertEquals(kept.persistence.status().log!.state, "ok");
  await assertFound(kept, disk.afterPowerCut("none"), kept.operations);
  await kept.persistence.close({ snapshot: false });
});

Deno.test("a RENAME of an entry that was not loaded still removes what the other key has", () => {
  const clock = new FakeClock({ nowMs: 9 }), engine = new Engine({ clock });
  const recovered = new RecoveredEngine(engine, new UnixTime(clock));
  recovered.put(range("to"), range("v"), 0);
  recovered.rename(range("evicted"), range("to"));
  assertEquals(engine.stats().entries, 0);
});

Deno.test("an expiry at the clock's very zero does not become none", () => {
  const clock = new FakeClock({ nowMs: 0, wallMs: 1_000_000 }), engine = new Engine({ clock });
  const recovered = new RecoveredEngine(engine, new UnixTime(clock));
  recovered.put(range("k"), range("v"), 1_000_000);
  clock.advance(5);
  assertEquals(engine.exists(range("k")), false);
});
