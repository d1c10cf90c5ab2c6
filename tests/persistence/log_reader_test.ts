/**
 * Reading an append log: every way in which its bytes can be wrong is found, and told apart.
 *
 * @module
 */

import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { LOG_READ_BYTES } from "../../lib/persistence/limits.ts";
import { type LogEnd, LogReader } from "../../lib/persistence/log_reader.ts";
import {
  LOG_HEADER_BYTES,
  RECORD_HEADER_BYTES,
  writeLogHeader,
  writeRecordHeader,
} from "../../lib/persistence/log_layout.ts";
import { UnusableFileError } from "../../lib/persistence/unusable_file.ts";
import { FaultDisk } from "../support/fault_disk.ts";
import { LoggedMap, MapVisitor, recoverMap, stateOf } from "../support/logged_map.ts";
import { Random } from "../support/random.ts";

const NAME = "log-0000000001.cryptomem";
const RECORDS = 30;

interface Example {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where each record begins, and the last ends. */
  readonly edges: readonly number[];
  /** The state after so many records. */
  readonly states: readonly string[];
}

/** A log of 30 records, each synced before the next. */
async function example(seed: number, isClosed = false): Promise<Example> {
  const disk = new FaultDisk();
  const map = await LoggedMap.begin(disk, "always", new Random(seed));
  const edges = [LOG_HEADER_BYTES];
  for (let record = 0; record < RECORDS; record++) {
    assert(await map.acknowledgedChange());
    edges.push(disk.bytesOf(NAME).length);
  }
  const opened = disk.bytesOf(NAME);
  await map.log.close();
  return { bytes: isClosed ? disk.bytesOf(NAME) : opened, edges, states: map.states };
}

/** Reads bytes as a log. */
async function read(bytes: Uint8Array): Promise<LogEnd & { state: string; entries: string }> {
  const disk = new FaultDisk();
  disk.put(NAME, bytes);
  const file = await disk.openRead(NAME);
  try {
    const visitor = new MapVisitor();
    const end = await (await LogReader.open(file)).replay(visitor);
    return { ...end, entries: stateOf(visitor.entries) };
  } finally {
    file.close();
  }
}

/** What is the matter with the header of these bytes. */
async function trouble(bytes: Uint8Array): Promise<string> {
  return (await assertRejects(() => read(bytes), UnusableFileError)).trouble;
}

Deno.test("a whole log is told to its end", async () => {
  const { bytes, states } = await example(1);
  const end = await read(bytes);
  assertEquals(end.state, "whole");
  assertEquals([end.wholeBytes, end.restBytes, end.records], [bytes.length, 0, RECORDS]);
  assertEquals(end.entries, states[RECORDS]);
  assertEquals(end.lastUnixMs, Date.UTC(2026, 0, 1));
  assert(end.changes >= RECORDS);
});

Deno.test("a log cut at any byte gives its longest whole prefix, and ten more writes go behind it", async () => {
  const random = new Random();
  const { bytes, edges, states } = await example(random.seed);
  for (let length = 0; length <= bytes.length; length++) {
    const what = `seed ${random.seed}, cut at ${length}`;
    const cut = bytes.subarray(0, length);
    if (length < LOG_HEADER_BYTES) {
      // A log has its name only when its header is synced: this no crash has done.
      assertEquals(await trouble(cut), "damaged", what);
      continue;
    }
    const whole = edges.findLastIndex((edge) => edge <= length);
    const end = await read(cut);
    assertEquals([end.wholeBytes, end.restBytes], [edges[whole]!, length - edges[whole]!], what);
    assertEquals(end.state, length === edges[whole] ? "whole" : "torn", what);
    assertEquals(end.entries, states[whole], what);

    const disk = new FaultDisk();
    disk.put(NAME, cut);
    const map = await LoggedMap.resume(disk, "always", random);
    for (let write = 0; write < 10; write++) assert(await map.acknowledgedChange(), what);
    const found = await recoverMap(disk.afterPowerCut("none"));
    assertEquals(found.end.state, "whole", what);
    assertEquals(found.end.records, whole + 10, what);
    assertEquals(stateOf(found.entries), map.states.at(-1), what);
    await map.log.close();
  }
});

Deno.test("any flipped bit of an open log is refused, or cut where the last record was hit; never a wrong change", async () => {
  const { bytes, edges, states } = await example(new Random().seed);
  const last = edges[RECORDS - 1]!;
  const counts = { header: 0, damaged: 0, torn: 0 };
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const at = bit >> 3;
    const what = `bit ${bit % 8} of byte ${at}`;
    const flipped = bytes.slice();
    flipped[at]! ^= 1 << bit % 8;
    if (at < LOG_HEADER_BYTES) {
      await assertRejects(() => read(flipped), UnusableFileError, "", what);
      counts.header++;
      continue;
    }
    const end = await read(flipped);
    const record = edges.findLastIndex((edge) => edge <= at);
    // Each later record says that what lies before it was safe on the disk; behind the last there is none to say so.
    assertEquals(end.state, at < last ? "damaged" : "torn", what);
    assertEquals(end.wholeBytes, edges[record], what);
    assertEquals(end.entries, states[record], what);
    counts[end.state as "damaged" | "torn"]++;
  }
  assert(counts.header === 8 * LOG_HEADER_BYTES && counts.damaged > 5_000 && counts.torn > 100, JSON.stringify(counts));
});

Deno.test("of a log that was closed, the last change is safe from being taken for a torn tail, too", async () => {
  const { bytes, edges, states } = await example(2, true);
  const end = await read(bytes);
  assertEquals([end.state, end.records, end.entries], ["whole", RECORDS + 1, states[RECORDS]]);
  for (let at = edges[RECORDS - 1]!; at < edges[RECORDS]!; at++) {
    const flipped = bytes.slice();
    flipped[at]! ^= 1;
    assertEquals((await read(flipped)).state, "damaged");
  }
  // The record at the end holds nothing that could be lost.
  const flipped = bytes.slice();
  flipped[edges[RECORDS]! + 3]! ^= 1;
  assertEquals((await read(flipped)).entries, states[RECORDS]);
});

Deno.test("bytes overwritten anywhere, by zeros or by chance, never give a state that was not", async () => {
  const random = new Random();
  const { bytes, edges, states } = await example(random.seed);
  for (let round = 0; round < 3_000; round++) {
    const changed = bytes.slice();
    const start = LOG_HEADER_BYTES + random.below(bytes.length - LOG_HEADER_BYTES);
    const length = 1 + random.below(80);
    const filler = random.below(2) === 0 ? new Uint8Array(length) : random.bytes(length);
    changed.set(filler.subarray(0, bytes.length - start), start);
    const end = await read(changed);
    const records = edges.indexOf(end.wholeBytes);
    assertEquals(end.entries, states[records], `seed ${random.seed}, round ${round}`);
  }
});

Deno.test("a record is none at another place, nor in another log", async () => {
  const { bytes, edges } = await example(3);
  const other = await example(3);
  const [first, second, third] = [edges[0]!, edges[1]!, edges[2]!];
  // The second record in the place of the first.
  const moved = new Uint8Array([...bytes.subarray(0, first), ...bytes.subarray(second, third)]);
  assertEquals((await read(moved)).wholeBytes, first);
  // The same records, byte for byte, of another log that began with the same changes.
  const foreign = new Uint8Array([...bytes.subarray(0, second), ...other.bytes.subarray(second)]);
  const end = await read(foreign);
  assertEquals([end.state, end.wholeBytes], ["torn", second]);
});

/** A log made by hand: the body of each record, and how much of the log was synced when it was written. */
function log(records: readonly { body: Uint8Array; synced: (position: number) => number }[]): Uint8Array<ArrayBuffer> {
  const size = LOG_HEADER_BYTES + records.reduce((sum, { body }) => sum + RECORD_HEADER_BYTES + body.length, 0);
  const bytes = new Uint8Array(size);
  const seed = writeLogHeader({ generation: 1, begunUnixMs: 1, previousBytes: 0 }, 0x5eed, bytes);
  let at = LOG_HEADER_BYTES;
  for (const { body, synced } of records) {
    const end = at + RECORD_HEADER_BYTES + body.length;
    bytes.set(body, at + RECORD_HEADER_BYTES);
    writeRecordHeader(bytes, at, end, at, synced(at), seed);
    at = end;
  }
  return bytes;
}

const TIME = [0, 0, 0, 0, 0, 1];
/** REMOVE of a key of one letter. */
const removeOf = (letter: string): Uint8Array => Uint8Array.of(...TIME, 2, 0, 1, letter.charCodeAt(0));
const all = (position: number): number => position;
const nothing = (): number => LOG_HEADER_BYTES;

Deno.test("a log has the bytes that the layout says", () => {
  const bytes = log([{ body: removeOf("k"), synced: (position) => position - 5 }]);
  assertEquals(
    bytes.toHex(),
    "434d454d4c4f47" + "01" + "0000000000000001" + "0000000000000001" + "0000000000000000" + "00005eed" + "e568dee3" +
      "0000000a" + "00000005" + "e51e1ebb" + "b2aa9e79" + "000000000001" + "02" + "0001" + "6b",
  );
});

Deno.test("a bad record is torn while all behind it was not synced either, and damaged once one says it was", async () => {
  const body = removeOf("k");
  const second = LOG_HEADER_BYTES + RECORD_HEADER_BYTES + body.length;
  const flip = (bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> => (bytes[second + 20]! ^= 1, bytes);

  const torn = await read(flip(log([0, 1, 2, 3].map(() => ({ body, synced: nothing })))));
  assertEquals([torn.state, torn.wholeBytes, torn.hasRecordsInRest], ["torn", second, true]);

  const synced = [nothing, nothing, nothing, all];
  const damaged = await read(flip(log(synced.map((synced) => ({ body, synced })))));
  assertEquals([damaged.state, damaged.wholeBytes], ["damaged", second]);

  // What was synced up to exactly the bad record says nothing of it.
  const upToIt = await read(
    flip(log([0, 1, 2, 3].map((index) => ({ body, synced: index < 2 ? nothing : () => second })))),
  );
  assertEquals(upToIt.state, "torn");
  const beyond = await read(
    flip(log([0, 1, 2, 3].map((index) => ({ body, synced: index < 2 ? nothing : () => second + 1 })))),
  );
  assertEquals(beyond.state, "damaged");
});

Deno.test("a value that looks like a record is no evidence", async () => {
  const genuine = log([0, 1, 2].map(() => ({ body: removeOf("k"), synced: all })));
  const record = genuine.subarray(genuine.length - RECORD_HEADER_BYTES - 10);
  // The record that a client copied lies, in its value, just where it was made for.
  const padding = genuine.length - record.length - LOG_HEADER_BYTES - RECORD_HEADER_BYTES;
  const body = new Uint8Array([...TIME, ...new Uint8Array(padding - TIME.length), ...record, ...new Uint8Array(50)]);
  const bytes = log([{ body, synced: nothing }]);
  assertEquals(bytes.subarray(genuine.length - record.length, genuine.length), record);
  bytes[LOG_HEADER_BYTES + RECORD_HEADER_BYTES]! ^= 1;
  assertEquals((await read(bytes)).state, "torn");
});

Deno.test("later records are found behind a bad place that is longer than the part of the file in memory", async () => {
  const long = new Uint8Array([...TIME, ...new Uint8Array(3 * LOG_READ_BYTES)]);
  const bytes = log([{ body: long, synced: nothing }, { body: removeOf("k"), synced: all }]);
  bytes[LOG_HEADER_BYTES]! ^= 1; // so that its length is not known
  const end = await read(bytes);
  assertEquals([end.state, end.wholeBytes], ["damaged", LOG_HEADER_BYTES]);
});

Deno.test("records longer than the part of the file in memory are read, and those behind them", async () => {
  const value = 2 * LOG_READ_BYTES + 17;
  const put = new Uint8Array([...TIME, 1, ...TIME, 0, 1, value >>> 24, value >>> 16, value >>> 8, value, 0x6b]);
  const long = new Uint8Array(put.length + value);
  long.set(put);
  const bytes = log([long, removeOf("a"), long, removeOf("b")].map((body) => ({ body, synced: all })));
  const end = await read(bytes);
  assertEquals([end.state, end.records, end.changes], ["whole", 4, 4]);
});

Deno.test("no length is believed that the file does not have", async () => {
  const bytes = log([{ body: removeOf("k"), synced: all }]);
  for (const length of [0, 1, 5, 0x7fff_ffff, 0xffff_ffff]) {
    const lying = bytes.slice();
    new DataView(lying.buffer).setUint32(LOG_HEADER_BYTES, length);
    assertEquals((await read(lying)).state, "torn");
  }
});

Deno.test("garbage behind the last record is torn, whatever it is", async () => {
  const random = new Random();
  const { bytes } = await example(random.seed);
  for (const tail of [new Uint8Array(1), new Uint8Array(5_000), random.bytes(5_000), new Uint8Array(5_000).fill(1)]) {
    const end = await read(new Uint8Array([...bytes, ...tail]));
    assertEquals(
      [end.state, end.wholeBytes, end.restBytes],
      ["torn", bytes.length, tail.length],
      `seed ${random.seed}`,
    );
  }
});

Deno.test("a whole record with a change of no known kind is refused", async () => {
  const unknown = Uint8Array.of(...TIME, 99, 0, 1, 0x6b);
  const error = await assertRejects(() => read(log([{ body: unknown, synced: all }])), UnusableFileError);
  assertEquals([error.trouble, error.offset], ["damaged", LOG_HEADER_BYTES]);
});

Deno.test("a stranger's file, a newer version and an empty file are refused for what they are", async () => {
  const { bytes } = await example(4);
  assertEquals(await trouble(new TextEncoder().encode("#!/bin/sh\n" + "echo hello\n".repeat(9))), "stranger");
  assertEquals(await trouble(new Uint8Array(0)), "damaged");
  const newer = bytes.slice();
  newer[7] = 2;
  newer[39]! ^= 1; // what it covers is up to that version
  assertEquals(await trouble(newer), "other version");
});

Deno.test("a file that becomes shorter while it is read is an error, not an end", async () => {
  const { bytes } = await example(5);
  const disk = new FaultDisk();
  disk.put(NAME, new Uint8Array([...bytes, ...new Uint8Array(2 * LOG_READ_BYTES)]));
  const file = await disk.openAppend(NAME);
  const reader = await LogReader.open(file);
  await file.truncate(bytes.length);
  await assertRejects(() => reader.replay(new MapVisitor()), Error, "shorter");
  file.close();
});

Deno.test("two logs never have the same checksums", async () => {
  const [one, two] = [await example(6), await example(6)];
  assertNotEquals(one.bytes.subarray(LOG_HEADER_BYTES, 80), two.bytes.subarray(LOG_HEADER_BYTES, 80));
});
