/**
 * The append log on a disk that works, or is slow: when changes are written and synced, and what belongs together.
 *
 * @module
 */

import { assert, assertEquals, assertFalse, assertRejects, assertThrows } from "@std/assert";
import { type ByteRange, utf8 } from "../../lib/bytes.ts";
import { CryptomemError } from "../../lib/errors.ts";
import {
  LOG_BUFFER_BYTES,
  LOG_GATHER_MS,
  LOG_RECORD_BYTES,
  LOG_RETRY_MS,
  LOG_SYNC_INTERVAL_MS,
  MAX_LOG_BACKLOG_BYTES,
} from "../../lib/persistence/limits.ts";
import { AppendLog, type LogMode } from "../../lib/persistence/append_log.ts";
import { LOG_HEADER_BYTES } from "../../lib/persistence/log_layout.ts";
import { LogReader } from "../../lib/persistence/log_reader.ts";
import { UnixTime } from "../../lib/unix_time.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { type DiskCall, FaultDisk } from "../support/fault_disk.ts";
import { LoggedMap, MapVisitor, recoverMap, stateOf, turns } from "../support/logged_map.ts";
import { Random } from "../support/random.ts";
import { bytes, codeOf, text } from "../support/ranges.ts";

const LOG_1 = "log-0000000001.cryptomem";
const LOG_2 = "log-0000000002.cryptomem";
const isSync = ({ operation }: DiskCall): boolean => operation === "sync";
const isAppend = ({ operation }: DiskCall): boolean => operation === "append";

interface Rig {
  readonly disk: FaultDisk;
  readonly clock: FakeClock;
  readonly log: AppendLog;
  /** What the log has told. */
  readonly lines: string[];
  /** How often the next generation was asked for, and what it then does. */
  readonly next: { asked: number; start: () => Promise<void> };
  /** How many calls of a kind there were since the beginning. */
  count(operation: DiskCall["operation"]): number;
}

async function begin(mode: LogMode, startDate?: number): Promise<Rig> {
  const disk = new FaultDisk();
  const clock = new FakeClock(startDate === undefined ? {} : { wallMs: startDate });
  const lines: string[] = [];
  const next = { asked: 0, start: (): Promise<void> => Promise.reject(new Error("no snapshot today")) };
  const log = await AppendLog.begin({
    disk,
    mode,
    clock,
    unixTime: new UnixTime(clock),
    startNextGeneration: () => (next.asked++, next.start()),
    log: (line) => lines.push(line),
  }, 1);
  const before = disk.calls;
  const count = (operation: DiskCall["operation"]): number =>
    disk.trace.slice(before).filter((call) => call.operation === operation).length;
  return { disk, clock, log, lines, next, count };
}

/** What a log holds, one line for each record. */
async function recordsOf(disk: FaultDisk, name = LOG_1): Promise<{ lines: string[]; previousBytes: number }> {
  const lines: string[] = [];
  const file = await disk.openRead(name);
  const reader = await LogReader.open(file);
  const say = (kind: string) => (...ranges: (ByteRange | number)[]): void => {
    const words = ranges.map((range) => typeof range === "number" ? range : short(range));
    lines.push([kind, ...words].join(" "));
  };
  const end = await reader.replay({
    put: say("put"),
    remove: say("remove"),
    expiry: say("expiry"),
    clear: say("clear"),
    rename: say("rename"),
  });
  file.close();
  assertEquals(end.state, "whole");
  lines.push(`${end.records} records`);
  return { lines, previousBytes: reader.header.previousBytes };
}

function short(range: ByteRange): string {
  const content = new TextDecoder().decode(range.copy());
  return content.length > 20 ? `${content.length} bytes` : content;
}

function put(log: AppendLog, key: string, value: string | number = "v"): void {
  log.journal.put(text(key), typeof value === "string" ? text(value) : bytes(value, 0x76), 0);
}

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const note = (): void => void (settled = true);
  promise.then(note, note);
  await turns();
  return settled;
}

// always

Deno.test("always: a change is acknowledged when it is written and synced, not before", async () => {
  const { disk, log } = await begin("always");
  assertEquals(log.pending(), undefined);
  const sync = disk.hold(isSync);
  put(log, "a");
  const kept = log.pending()!;
  await sync.reached;
  assertFalse(await isSettled(kept));
  assertEquals(disk.durableBytesOf(LOG_1)!.length, LOG_HEADER_BYTES);
  sync.lift();
  await kept;
  assertEquals(disk.durableBytesOf(LOG_1)!.length, disk.bytesOf(LOG_1).length);
  assertEquals(log.pending(), undefined);
  await log.close();
});

Deno.test("always: what comes during a sync shares the next one", async () => {
  const { disk, log, count } = await begin("always");
  const sync = disk.hold(isSync);
  put(log, "first");
  const first = log.pending()!;
  await sync.reached;
  const later: Promise<void>[] = [];
  for (let turn = 0; turn < 50; turn++) {
    put(log, `key ${turn}`);
    later.push(log.pending()!);
    await turns(1);
  }
  assertEquals([count("append"), count("sync")], [1, 1], "one write and sync at a time");
  assertEquals(new Set(later).size, 1, "they wait for the same");
  sync.lift();
  await first;
  await later[0];
  assertEquals([count("append"), count("sync")], [2, 2]);
  assertEquals((await recordsOf(disk)).lines.at(-1), "51 records");
  await log.close();
});

Deno.test("always: who asks without a change of his own waits for what was made before", async () => {
  const { disk, log } = await begin("always");
  const sync = disk.hold(isSync);
  put(log, "a");
  await sync.reached;
  const asked = log.pending()!;
  assertFalse(await isSettled(asked));
  sync.lift();
  await asked;
  await log.close();
});

// What is one record

Deno.test("all changes of one turn are one record, those of two turns are two", async () => {
  const { disk, log } = await begin("always");
  put(log, "a");
  log.journal.remove(text("b"));
  log.journal.expiry(text("c"), 0);
  log.journal.clear(utf8("d"));
  log.journal.rename(text("e"), text("f"));
  await turns();
  assertEquals((await recordsOf(disk)).lines, [
    "put a v 0",
    "remove b",
    "expiry c 0",
    "clear d",
    "rename e f",
    "1 records",
  ]);
  put(log, "g");
  await turns();
  assertEquals((await recordsOf(disk)).lines.at(-1), "2 records");
  await log.close();
});

Deno.test("a turn with more than a record takes is several, unless they are a group", async () => {
  const changes = Math.ceil(3 * LOG_BUFFER_BYTES / 1_000);
  for (const isGroup of [false, true]) {
    const { disk, log } = await begin("always");
    put(log, "before", 1_000);
    if (isGroup) log.journal.begin();
    for (let change = 0; change < changes; change++) {
      if (isGroup && change % 100 === 0) log.journal.begin();
      put(log, `key ${change}`, 1_000);
      if (isGroup && change % 100 === 0) log.journal.end();
    }
    if (isGroup) log.journal.end();
    put(log, "after", 1_000);
    await log.pending();
    const { lines } = await recordsOf(disk);
    assertEquals(lines.length, changes + 3);
    assertEquals([lines[0], lines.at(-2)], ["put before 1000 bytes 0", "put after 1000 bytes 0"]);
    const records = Number(lines.at(-1)!.split(" ")[0]);
    if (isGroup) assert(records <= 2, `${records}`);
    else assert(records >= 3 * LOG_BUFFER_BYTES / LOG_RECORD_BYTES, `${records}`);
    await log.close();
  }
});

Deno.test("changes of every size come back in order, whatever buffers they need", async () => {
  const random = new Random();
  const { disk, log } = await begin("always");
  const expected: string[] = [];
  const sizes = [0, 10, 1_000, LOG_RECORD_BYTES - 30, LOG_RECORD_BYTES, LOG_BUFFER_BYTES, 3 * LOG_BUFFER_BYTES];
  for (let change = 0; change < 300; change++) {
    const size = sizes[random.below(random.below(5) === 0 ? sizes.length : 3)]! + random.below(30);
    if (random.below(3) === 0) log.journal.begin();
    else log.journal.begin(size);
    put(log, `key ${change}`, size);
    expected.push(`put key ${change} ${size > 20 ? `${size} bytes` : "v".repeat(size)} 0`);
    log.journal.end();
    if (random.below(4) === 0) await turns(random.below(3));
  }
  await log.pending();
  assertEquals((await recordsOf(disk)).lines.slice(0, -1), expected, `seed ${random.seed}`);
  await log.close();
});

Deno.test("an expiry is kept as a date, to the millisecond", async () => {
  const date = Date.UTC(2026, 5, 1);
  const { disk, clock, log } = await begin("always", date);
  clock.advance(1_000);
  log.journal.put(text("a"), text("v"), 61_000);
  log.journal.expiry(text("b"), 1_001);
  log.journal.put(text("c"), text("v"), 0);
  log.journal.put(text("d"), text("v"), 2 ** 50);
  await log.pending();
  assertEquals((await recordsOf(disk)).lines.slice(0, 4), [
    `put a v ${date + 61_000}`,
    `expiry b ${date + 1_001}`,
    "put c v 0",
    `put d v ${2 ** 48 - 1}`,
  ]);
  await log.close();
});

Deno.test("what expired before 1970, by a clock set wrong, is not kept as without expiry", async () => {
  const { disk, clock, log } = await begin("always", 500);
  clock.advance(10_000);
  clock.setWall(5);
  log.journal.put(text("a"), text("v"), 1_000);
  await log.pending();
  assertEquals((await recordsOf(disk)).lines[0], "put a v 1");
  await log.close();
});

// everysec and no

Deno.test("everysec: nobody waits; changes are written some milliseconds later, in one write", async () => {
  const { disk, clock, log, count } = await begin("everysec");
  for (let turn = 0; turn < 20; turn++) {
    put(log, `key ${turn}`);
    assertEquals(log.pending(), undefined);
    await turns(1);
  }
  assertEquals(count("append"), 0);
  clock.advance(LOG_GATHER_MS);
  await turns();
  assertEquals([count("append"), count("sync")], [1, 0]);
  assertEquals((await recordsOf(disk)).lines.at(-1), "20 records");
  await log.close();
});

Deno.test("everysec: much is written at once", async () => {
  const { log, count } = await begin("everysec");
  put(log, "large", LOG_RECORD_BYTES);
  await turns();
  assertEquals(count("append"), 1);
  await log.close();
});

Deno.test("everysec: each change is synced within a second, and nothing is synced without one", async () => {
  const { disk, clock, log, count } = await begin("everysec");
  put(log, "a");
  await turns(1);
  clock.advance(LOG_SYNC_INTERVAL_MS - 1);
  await turns();
  assertEquals(disk.durableBytesOf(LOG_1)!.length, LOG_HEADER_BYTES);
  put(log, "b");
  await turns(1);
  clock.advance(1);
  await turns();
  assertEquals(disk.durableBytesOf(LOG_1), disk.bytesOf(LOG_1), "b is written for this sync, too");
  assertEquals(log.status().unsyncedBytes, 0);
  assertEquals(log.status().lastSyncUnixMs, clock.wallMs());
  for (let second = 0; second < 10; second++) {
    clock.advance(LOG_SYNC_INTERVAL_MS);
    await turns();
  }
  assertEquals(count("sync"), 1);
  assertEquals(clock.pendingTimers, 0, "an idle log sets no timers");
  await log.close();
});

Deno.test("everysec: what is written at once is synced within a second, too", async () => {
  const { disk, clock, log } = await begin("everysec");
  for (let turn = 0; turn < 11; turn++) {
    put(log, "large", LOG_RECORD_BYTES);
    await turns(2);
    clock.advance(LOG_SYNC_INTERVAL_MS / 10);
    await turns();
  }
  assert(disk.durableBytesOf(LOG_1)!.length > 9 * LOG_RECORD_BYTES);
  await log.close();
});

Deno.test("everysec: a slow sync stops nobody until the backlog is full; then changes are refused, and taken again", async () => {
  const { disk, clock, log } = await begin("everysec");
  put(log, "a");
  await turns(1);
  const sync = disk.hold(isSync);
  clock.advance(LOG_SYNC_INTERVAL_MS);
  await sync.reached;
  const megabyte = 1024 * 1024;
  let taken = 0;
  while (codeOf(() => log.journal.check()) === undefined && taken < 100) {
    put(log, `key ${taken++}`, megabyte);
    await turns(1);
  }
  assertEquals(codeOf(() => log.journal.check()), "STORAGE");
  assertEquals(taken, MAX_LOG_BACKLOG_BYTES / megabyte);
  assertEquals(log.status().state, "ok", "it is only slow");
  const { waitingBytes, bytes } = log.status();
  assert(waitingBytes >= MAX_LOG_BACKLOG_BYTES && waitingBytes < MAX_LOG_BACKLOG_BYTES + 2 * megabyte);
  assert(bytes > waitingBytes);
  sync.lift();
  while (log.status().waitingBytes > 0) await turns(1);
  log.journal.check();
  assertEquals((await recordsOf(disk)).lines.length, taken + 2);
  await log.close();
});

Deno.test("a group that has begun is not refused in its middle if it said how large it would be", async () => {
  const { disk, log } = await begin("always");
  const sync = disk.hold(isSync);
  put(log, "a");
  await sync.reached;
  const half = MAX_LOG_BACKLOG_BYTES / 2;
  log.journal.begin(3 * half);
  for (let change = 0; change < 3; change++) {
    log.journal.check();
    put(log, `key ${change}`, half);
  }
  log.journal.end();
  assertEquals(codeOf(() => log.journal.check()), "STORAGE");
  assertEquals(codeOf(() => log.journal.begin(1)), "STORAGE", "the next one does not begin");
  sync.lift();
  await log.pending();
  log.journal.begin();
  for (let change = 0; codeOf(() => log.journal.check()) === undefined; change++) put(log, `key ${change}`, half);
  log.journal.end();
  assertEquals(codeOf(() => log.journal.check()), "STORAGE", "one that did not is bounded like everybody");
  await log.pending();
  await log.close();
});

Deno.test("a group of many small changes, and of evictions for them, is not refused in its middle either", async () => {
  const { disk, log } = await begin("always");
  const sync = disk.hold(isSync);
  put(log, "large", MAX_LOG_BACKLOG_BYTES - 1_000_000);
  await sync.reached;
  const pairs = 100_000;
  log.journal.begin(6 * pairs);
  for (let pair = 0; pair < pairs; pair++) {
    log.journal.check();
    put(log, "k", "value");
    log.journal.remove(text("evicted"));
  }
  log.journal.end();
  sync.lift();
  await log.pending();
  await log.close();
});

Deno.test("no: what is written is not synced, except at the end", async () => {
  const { disk, clock, log, count } = await begin("no");
  put(log, "a");
  await turns(1);
  for (let second = 0; second < 100; second++) {
    clock.advance(LOG_SYNC_INTERVAL_MS);
    await turns(1);
  }
  assertEquals([count("append"), count("sync")], [1, 0]);
  await log.close();
  assertEquals(disk.durableBytesOf(LOG_1), disk.bytesOf(LOG_1));
});

// The next log

Deno.test("switchTo() goes on in another log without a pause, and none is named before the old one is synced", async () => {
  for (const mode of ["always", "everysec", "no"] as const) {
    const { disk, clock, log } = await begin(mode);
    put(log, "old");
    await turns();
    put(log, "last of the old");
    const before = disk.calls;
    const sync = disk.hold(isSync);
    const switched = log.switchTo(2);
    assertEquals(log.status().generation, 2);
    put(log, "first of the new");
    const kept = log.pending();
    await sync.reached;
    put(log, "second of the new");
    await turns();
    clock.advance(LOG_GATHER_MS);
    await turns();
    assertEquals(disk.names(), [LOG_1]);
    assertFalse(await isSettled(switched));
    sync.lift();
    await switched;
    await kept;
    await turns();
    clock.advance(LOG_GATHER_MS);
    await turns();
    const old = await recordsOf(disk);
    assertEquals(old.lines.slice(0, -1), ["put old v 0", "put last of the old v 0"]);
    const next = await recordsOf(disk, LOG_2);
    assertEquals(next.lines.slice(0, -1), ["put first of the new v 0", "put second of the new v 0"]);
    assertEquals(next.previousBytes, disk.durableBytesOf(LOG_1)!.length);
    assertEquals(disk.durableBytesOf(LOG_1), disk.bytesOf(LOG_1));
    const changes = disk.lines().slice(before).filter((line) => !/size|read|Read|list/.test(line));
    const creation = changes.indexOf(`create ${LOG_2}.new`);
    assertEquals(changes[creation - 1], `sync ${LOG_1}`);
    assertEquals(changes.slice(creation, creation + 5), [
      `create ${LOG_2}.new`,
      `append ${LOG_2}.new`,
      `sync ${LOG_2}.new`,
      `rename ${LOG_2}.new ${LOG_2}`,
      "syncDirectory",
    ]);
    await log.close();
    assertEquals(disk.openFiles, 0);
  }
});

Deno.test("several switches at once make several logs, each from where the one before ends", async () => {
  const { disk, log } = await begin("always");
  const switched: Promise<void>[] = [];
  for (let generation = 2; generation <= 4; generation++) {
    put(log, `in ${generation - 1}`);
    switched.push(log.switchTo(generation));
  }
  put(log, "in 4");
  await Promise.all([...switched, log.pending()]);
  for (let generation = 1; generation <= 4; generation++) {
    const { lines, previousBytes } = await recordsOf(disk, `log-000000000${generation}.cryptomem`);
    assertEquals(lines, [`put in ${generation} v 0`, "1 records"]);
    const previous = `log-000000000${generation - 1}.cryptomem`;
    assertEquals(previousBytes, generation === 1 ? 0 : disk.bytesOf(previous).length);
  }
  await log.close();
});

Deno.test("switchTo() in the middle of a group is a mistake", async () => {
  const { log } = await begin("always");
  log.journal.begin();
  assertThrows(() => log.switchTo(2), Error, "group");
  log.journal.end();
  await log.close();
});

// Writing through

Deno.test("writeThrough() has everything on the disk when it returns, in order, before anything else happens", async () => {
  for (const mode of ["always", "everysec", "no"] as const) {
    const { disk, log } = await begin(mode);
    put(log, "before");
    const kept = log.pending();
    const result = await log.whenIdle(() => {
      log.journal.clear(utf8(""));
      log.writeThrough();
      return disk.durableBytesOf(LOG_1)!.length;
    });
    assertEquals(result, disk.bytesOf(LOG_1).length);
    await kept;
    assertEquals(log.pending(), undefined);
    assertEquals((await recordsOf(disk)).lines.slice(0, -1), ["put before v 0", "clear "]);
    await log.close();
  }
});

Deno.test("a job finds written what was made before it was asked for, each time", async () => {
  const { disk, log } = await begin("everysec");
  for (let round = 1; round <= 3; round++) {
    put(log, `key ${round}`);
    await log.whenIdle(() => {});
    assertEquals(log.status().waitingBytes, 0);
    assertEquals((await recordsOf(disk)).lines.at(-1), `${round} records`);
  }
  await log.close();
});

Deno.test("a job waits for the write that is under way, and not for more than what there was then", async () => {
  const { disk, log } = await begin("always");
  const sync = disk.hold(isSync);
  put(log, "a");
  await sync.reached;
  put(log, "b");
  let done = false;
  const job = log.whenIdle(() => void (done = true));
  await turns();
  assertFalse(done);
  // As busy clients do: there is always something to write.
  let isBusy = true;
  const busy = (async () => {
    while (isBusy) {
      put(log, "busy");
      await Promise.resolve();
    }
  })();
  sync.lift();
  await job;
  isBusy = false;
  await busy;
  await log.close();
});

Deno.test("writeThrough() that fails throws STORAGE, and what it should have kept is not in the log", async () => {
  for (const which of [isAppend, isSync]) {
    const { disk, log } = await begin("always");
    put(log, "a");
    await log.pending();
    const good = disk.bytesOf(LOG_1);
    let after = false;
    const fault = disk.fail((call) => which(call) && !after, "EIO");
    const cleared = log.whenIdle(() => {
      log.journal.clear(utf8(""));
      try {
        log.writeThrough();
      } finally {
        after = true;
      }
    });
    assertEquals((await assertRejects(() => cleared, CryptomemError)).code, "STORAGE");
    assertEquals(fault.met, 1);
    await turns();
    assertEquals(disk.bytesOf(LOG_1), good);
    assertEquals(disk.durableBytesOf(LOG_1), good);
    assertEquals(log.status().state, "failing");
    assertEquals(codeOf(() => log.journal.check()), "STORAGE");
    const again = log.whenIdle(() => log.writeThrough());
    assertEquals((await assertRejects(() => again, CryptomemError)).code, "STORAGE");
    await assertRejects(() => log.close(), CryptomemError);
  }
});

Deno.test("writeThrough() outside of a job is a mistake, and what a job throws comes out", async () => {
  const { log } = await begin("always");
  assertThrows(() => log.writeThrough(), Error, "whenIdle");
  await assertRejects(() => log.whenIdle(() => JSON.parse("{")), SyntaxError);
  assertThrows(() => log.writeThrough(), Error, "whenIdle");
  await log.close();
});

// Beginning and ending

Deno.test("a log goes on where it ended, however often", async () => {
  const random = new Random();
  let disk = new FaultDisk();
  let map = await LoggedMap.begin(disk, "always", random);
  for (let round = 0; round < 5; round++) {
    for (let change = 0; change < 10; change++) assert(await map.acknowledgedChange());
    if (round % 2 === 0) await map.log.close();
    const state = map.states.at(-1);
    disk = disk.afterPowerCut("none");
    map = await LoggedMap.resume(disk, "always", random);
    assertEquals(map.states.at(-1), state, `seed ${random.seed}`);
  }
  await map.log.close();
});

Deno.test("resuming cuts off what is torn and syncs what was read", async () => {
  const random = new Random();
  const map = await LoggedMap.begin(new FaultDisk(), "no", random);
  map.change();
  await map.log.whenIdle(() => {});
  // As the system has it after a process was killed: written, not synced.
  const disk = (map.disk as FaultDisk).afterKill();
  const written = disk.bytesOf(LOG_1).length;
  const file = await disk.openAppend(LOG_1);
  await file.append(new Uint8Array(100));
  file.close();
  const resumed = await LoggedMap.resume(disk, "always", random);
  assertEquals(disk.durableBytesOf(LOG_1)!.length, written);
  assertEquals(resumed.log.status().unsyncedBytes, 0);
  await resumed.log.close();
  await map.log.close();
});

Deno.test("a log that is not the one that was read is not resumed", async () => {
  const disk = new FaultDisk();
  const map = await LoggedMap.begin(disk, "always", new Random(1));
  const options = {
    disk,
    mode: "always",
    clock: map.clock,
    unixTime: new UnixTime(map.clock),
    startNextGeneration: () => Promise.resolve(),
    log: () => {},
  } as const;
  await map.log.close();
  await assertRejects(() => AppendLog.resume(options, 1, 10_000), CryptomemError, "changed");
  disk.put(LOG_2, disk.bytesOf(LOG_1));
  await assertRejects(() => AppendLog.resume(options, 2, LOG_HEADER_BYTES), CryptomemError, "changed");
  assertEquals(disk.openFiles, 0);
});

Deno.test("a log that is there is never begun again, nor lost by it", async () => {
  const { disk, clock, log } = await begin("always");
  put(log, "a");
  await log.close();
  const before = disk.bytesOf(LOG_1);
  const options = { mode: "always", clock, unixTime: new UnixTime(clock), log: () => {} } as const;
  const startNextGeneration = (): Promise<void> => Promise.resolve();
  const again = AppendLog.begin({ ...options, disk, startNextGeneration }, 1);
  await assertRejects(() => again, CryptomemError, "there already");
  assertEquals(disk.bytesOf(LOG_1), before);
});

Deno.test("close() writes and syncs everything in every mode; later changes go by, and are refused if anybody asks", async () => {
  for (const mode of ["always", "everysec", "no"] as const) {
    const { disk, clock, log } = await begin(mode);
    put(log, "a");
    const closed = log.close();
    put(log, "too late");
    assertEquals(codeOf(() => log.journal.check()), "STORAGE");
    await closed;
    assertEquals(log.close(), closed, "closing twice is closing once");
    assertEquals((await recordsOf(disk)).lines, ["put a v 0", "2 records"]);
    assertEquals(disk.durableBytesOf(LOG_1), disk.bytesOf(LOG_1));
    assertEquals(disk.openFiles, 0);
    assertEquals(clock.pendingTimers, 0);
    assertEquals((await assertRejects(() => log.switchTo(2), CryptomemError)).code, "STORAGE");
  }
});

// While it fails; at every call in append_log_failure_test.ts

Deno.test("everysec: on a full disk changes go on and are said not to be kept, once, until a new generation stands", async () => {
  const { disk, clock, log, lines, next } = await begin("everysec");
  put(log, "kept");
  await turns(1);
  clock.advance(LOG_SYNC_INTERVAL_MS);
  await turns();
  // Room for one more record and a half.
  disk.capacityBytes = disk.bytesOf(LOG_1).length + 60;
  put(log, "first");
  await turns(1);
  put(log, "second");
  await turns(1);
  clock.advance(LOG_GATHER_MS);
  await turns();
  assertEquals(lines.length, 1);
  assert(lines[0]!.includes("NOT KEPT") && lines[0]!.includes("No space"), lines[0]);
  const status = log.status();
  assertEquals([status.state, status.waitingBytes], ["failing", 0]);
  assert(status.reason.includes("No space"), status.reason);
  assertEquals((await recordsOf(disk)).lines, ["put kept v 0", "put first v 0", "2 records"], "what is whole is kept");
  log.journal.check();
  put(log, "lost");
  assertEquals(log.pending(), undefined);
  for (let second = 1; second <= 5; second++) {
    clock.advance(LOG_RETRY_MS);
    await turns();
    assertEquals(next.asked, second);
  }
  assertEquals(lines.length, 1, "once");

  disk.capacityBytes = Infinity;
  next.start = () => log.switchTo(2);
  clock.advance(LOG_RETRY_MS);
  await turns();
  assertEquals(log.status().state, "ok");
  assertEquals(lines.length, 2);
  put(log, "kept again");
  await turns(1);
  clock.advance(LOG_GATHER_MS);
  await turns();
  const { lines: records, previousBytes } = await recordsOf(disk, LOG_2);
  assertEquals([previousBytes, records[0]], [0, "put kept again v 0"]);
  await log.close();
});

Deno.test("a generation that was begun before the failure does not end it", async () => {
  const { disk, clock, log, next } = await begin("always");
  const fault = disk.fail(isSync, "EIO");
  put(log, "a");
  await assertRejects(() => log.pending()!, CryptomemError);
  fault.lift();
  next.start = () => Promise.resolve();
  clock.advance(LOG_RETRY_MS);
  await turns();
  assertEquals([log.status().state, next.asked], ["failing", 1]);
  // Nor one whose log stands, but whose snapshot fails; that log is removed again.
  next.start = async () => {
    await log.switchTo(2);
    throw new Error("no snapshot");
  };
  clock.advance(LOG_RETRY_MS);
  await turns();
  assertEquals([log.status().state, next.asked, log.status().reason], ["failing", 2, "no snapshot"]);
  assertEquals(disk.names(), [LOG_1, LOG_2]);
  next.start = () => log.switchTo(3);
  clock.advance(LOG_RETRY_MS);
  await turns();
  assertEquals([log.status().state, log.status().generation], ["ok", 3]);
  assertEquals(disk.names(), [LOG_1, "log-0000000003.cryptomem"]);
  await log.close();
});

Deno.test("always: what could not even be cut back is in the log, and nothing is acknowledged before a generation replaces it", async () => {
  const disk = new FaultDisk();
  const map = await LoggedMap.begin(disk, "always", new Random(1));
  assert(await map.acknowledgedChange());
  const faults = [disk.fail(isSync, "EIO"), disk.fail(({ operation }) => operation === "truncate", "EIO")];
  assertFalse(await map.acknowledgedChange());
  assertEquals((await recoverMap(disk)).groups, 2, "the reader finds it");
  assert(map.lines.some((line) => line.includes("cut back")), map.lines.join("\n"));
  assertFalse(await map.acknowledgedChange());
  for (const fault of faults) fault.lift();
  assertFalse(await map.acknowledgedChange(), "working again is not enough");
  map.clock.advance(LOG_RETRY_MS);
  await turns(20);
  assert(await map.acknowledgedChange());
  const found = await recoverMap(disk.afterPowerCut("none"));
  assertEquals(stateOf(found.entries), map.states.at(-1));
  assertEquals(found.generation, 2);
  await map.log.close();
});

Deno.test("closing a log that fails says so, and lets it go", async () => {
  const { disk, clock, log } = await begin("everysec");
  put(log, "a");
  await turns(1);
  disk.fail(isAppend, "EIO");
  const error = await assertRejects(() => log.close(), CryptomemError);
  assertEquals(error.code, "STORAGE");
  assertEquals(disk.openFiles, 0);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("MapVisitor and LoggedMap agree on what a change is", async () => {
  const random = new Random();
  const disk = new FaultDisk();
  const map = await LoggedMap.begin(disk, "no", random);
  for (let change = 0; change < 500; change++) {
    map.change();
    map.clock.advance(random.below(5));
    await Promise.resolve();
  }
  await map.log.close();
  const visitor = new MapVisitor();
  const file = await disk.openRead(LOG_1);
  await (await LogReader.open(file)).replay(visitor);
  file.close();
  assertEquals(stateOf(visitor.entries), map.states.at(-1), `seed ${random.seed}`);
});
