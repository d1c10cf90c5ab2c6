import { assertEquals } from "@std/assert";
import { ByteRange, utf8 } from "../../lib/bytes.ts";
import {
  type ChangeVisitor,
  CLEAR_BYTES,
  EXPIRY_BYTES,
  PUT_BYTES,
  readChanges,
  REMOVE_BYTES,
  RENAME_BYTES,
  writeClear,
  writeExpiry,
  writePut,
  writeRemove,
  writeRename,
} from "../../lib/persistence/changes.ts";
import { Random } from "../support/random.ts";
import { text, textIn } from "../support/ranges.ts";

/** Notes what it is told, as lines. */
class Notes implements ChangeVisitor {
  readonly lines: string[] = [];
  put(key: ByteRange, value: ByteRange, expiryUnixMs: number): void {
    this.lines.push(`put ${textIn(key)} ${textIn(value)} ${expiryUnixMs}`);
  }
  remove(key: ByteRange): void {
    this.lines.push(`remove ${textIn(key)}`);
  }
  expiry(key: ByteRange, expiryUnixMs: number): void {
    this.lines.push(`expiry ${textIn(key)} ${expiryUnixMs}`);
  }
  clear(prefix: ByteRange): void {
    this.lines.push(`clear ${textIn(prefix)}`);
  }
  rename(from: ByteRange, to: ByteRange): void {
    this.lines.push(`rename ${textIn(from)} ${textIn(to)}`);
  }
}

const DATE = 0x0102_0304_0506;

/** One of each kind, with its bytes. */
const EXAMPLES: [write: (bytes: Uint8Array, at: number) => number, line: string, hex: string][] = [
  [
    (bytes, at) => writePut(bytes, at, text("key"), text("value"), DATE),
    `put key value ${DATE}`,
    "01 010203040506 0003 00000005 6b6579 76616c7565",
  ],
  [(bytes, at) => writeRemove(bytes, at, text("key")), "remove key", "02 0003 6b6579"],
  [(bytes, at) => writeExpiry(bytes, at, text("key"), DATE), `expiry key ${DATE}`, "03 010203040506 0003 6b6579"],
  [(bytes, at) => writeClear(bytes, at, utf8("pre")), "clear pre", "04 0003 707265"],
  [(bytes, at) => writeRename(bytes, at, text("from"), text("to")), "rename from to", "05 0004 0002 66726f6d 746f"],
];

function allExamples(): Uint8Array {
  const bytes = new Uint8Array(256);
  let end = 7;
  for (const [write] of EXAMPLES) end = write(bytes, end);
  return bytes.subarray(7, end);
}

Deno.test("each change has the bytes that the layout says, wherever it lies", () => {
  for (const [write, line, hex] of EXAMPLES) {
    for (const at of [0, 5]) {
      const bytes = new Uint8Array(64).fill(0xee);
      const end = write(bytes, at);
      const expected = Uint8Array.fromHex(hex.replaceAll(" ", ""));
      assertEquals(bytes.subarray(at, end), expected, line);
      assertEquals(bytes[end], 0xee, line);
      const notes = new Notes();
      assertEquals(readChanges(bytes, at, end, notes), 1);
      assertEquals(notes.lines, [line]);
    }
  }
});

Deno.test("the sizes that room is made for are those that are written", () => {
  const bytes = new Uint8Array(64);
  const none = text("");
  assertEquals(writePut(bytes, 0, none, none, 0), PUT_BYTES);
  assertEquals(writeRemove(bytes, 0, none), REMOVE_BYTES);
  assertEquals(writeExpiry(bytes, 0, none, 0), EXPIRY_BYTES);
  assertEquals(writeClear(bytes, 0, new Uint8Array(0)), CLEAR_BYTES);
  assertEquals(writeRename(bytes, 0, none, none), RENAME_BYTES);
});

Deno.test("changes behind each other are told in order", () => {
  const bytes = allExamples();
  const notes = new Notes();
  assertEquals(readChanges(bytes, 0, bytes.length, notes), EXAMPLES.length);
  assertEquals(notes.lines, EXAMPLES.map(([, line]) => line));
});

Deno.test("the longest key and a value longer than 16 bits come back", () => {
  const key = ByteRange.of(new Uint8Array(65_535).fill(0x6b));
  const value = ByteRange.of(new Uint8Array(70_000).fill(0x76));
  const bytes = new Uint8Array(PUT_BYTES + key.length + value.length);
  assertEquals(writePut(bytes, 0, key, value, 2 ** 48 - 1), bytes.length);
  const notes = new Notes();
  assertEquals(readChanges(bytes, 0, bytes.length, notes), 1);
  assertEquals(notes.lines, [`put ${"k".repeat(65_535)} ${"v".repeat(70_000)} ${2 ** 48 - 1}`]);
});

Deno.test("changes cut anywhere are refused, and nothing is told of the one that is cut", () => {
  const bytes = allExamples();
  const ends = new Set<number>([0]);
  for (let at = 0; at < bytes.length; at++) {
    const notes = new Notes();
    const changes = readChanges(bytes, 0, at, notes);
    if (changes >= 0) ends.add(at);
    assertEquals(notes.lines, EXAMPLES.slice(0, notes.lines.length).map(([, line]) => line));
    // The same where the array ends there, not only the range.
    const cut = new Notes();
    assertEquals(readChanges(bytes.slice(0, at), 0, at, cut), changes);
    assertEquals(cut.lines, notes.lines);
  }
  assertEquals(ends.size, EXAMPLES.length, "only between changes is an end");
});

Deno.test("a kind that is none is refused", () => {
  for (const kind of [0, 6, 7, 255]) {
    const notes = new Notes();
    assertEquals(readChanges(Uint8Array.of(kind, 0, 0, 0, 0, 0, 0, 0), 0, 8, notes), -1);
    assertEquals(notes.lines, []);
  }
});

Deno.test("no bytes make reading go beyond them", () => {
  const random = new Random();
  for (let round = 0; round < 20_000; round++) {
    const bytes = random.bytes(random.below(60));
    // Most bytes are no kind of change: give the first a chance.
    if (bytes.length > 0) bytes[0] = random.below(6);
    let told = 0;
    const within = (range: ByteRange): void => {
      told++;
      if (range.start + range.length > bytes.length) throw new Error(`seed ${random.seed}: beyond the end`);
    };
    const visitor: ChangeVisitor = {
      put: (key, value) => (within(key), within(value)),
      remove: within,
      expiry: within,
      clear: within,
      rename: (from, to) => (within(from), within(to)),
    };
    const changes = readChanges(bytes, 0, bytes.length, visitor);
    if (changes > told) throw new Error(`seed ${random.seed}: counts more than it tells`);
  }
});
