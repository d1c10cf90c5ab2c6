import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { binaryText, ByteRange, bytesOfBinaryText, textOf, utf8 } from "../../lib/bytes.ts";
import { CryptomemError } from "../../lib/errors.ts";
import { EXPORT_PIECE_CHARACTERS } from "../../lib/persistence/limits.ts";
import { snapshotName } from "../../lib/persistence/data_directory.ts";
import { exportEntries } from "../../lib/persistence/export.ts";
import { type Import, importEntries } from "../../lib/persistence/import.ts";
import { recover } from "../../lib/persistence/recovery.ts";
import { MAX_EXPIRY_UNIX_MS } from "../../lib/persistence/snapshot_layout.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { FaultDisk } from "../support/fault_disk.ts";
import { filesOf, range, writeSnapshot } from "../support/logged_directory.ts";
import { Random } from "../support/random.ts";
import { RecoveredMap } from "../support/recovered_map.ts";

const END = '{"entries":0}\n';

async function exported(map: RecoveredMap): Promise<string> {
  let text = "";
  const rest = [...map.entries];
  const entries = await exportEntries(
    (visit) => {
      for (const [key, { value, expiryUnixMs }] of rest.splice(0, 10)) {
        visit(ByteRange.of(bytesOfBinaryText(key)), ByteRange.of(bytesOfBinaryText(value)), expiryUnixMs);
      }
      return rest.length > 0;
    },
    (lines) => {
      text += textOf(lines);
      return Promise.resolve();
    },
  );
  assertEquals(entries, map.entries.size);
  return text;
}

/** Imports a text, in pieces of so many bytes, and loads what came of it. */
async function imported(
  text: string | Uint8Array,
  pieceBytes: number = Infinity,
): Promise<Import & { map: RecoveredMap; disk: FaultDisk }> {
  const disk = new FaultDisk();
  const clock = new FakeClock();
  const result = await importEntries(disk, inPieces(typeof text === "string" ? utf8(text) : text, pieceBytes), clock);
  const map = new RecoveredMap();
  await recover(disk, map, clock);
  assertEquals(disk.openFiles, 0);
  return { ...result, map, disk };
}

async function* inPieces(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  // One buffer for all of them, as somebody who reads a file has.
  const buffer = new Uint8Array(Math.min(pieceBytes, bytes.length));
  for (let at = 0; at < bytes.length; at += buffer.length) {
    const piece = bytes.subarray(at, at + buffer.length);
    buffer.set(piece);
    await Promise.resolve();
    yield buffer.subarray(0, piece.length);
  }
}

/** What is said of lines that are refused; nothing has come of them. */
async function refusal(text: string | Uint8Array): Promise<string> {
  const disk = new FaultDisk();
  const input = inPieces(typeof text === "string" ? utf8(text) : text, 7);
  const { code, message } = await assertRejects(() => importEntries(disk, input, new FakeClock()), CryptomemError);
  assertEquals(code, "BAD_REQUEST");
  assertEquals(disk.names(), ["lock"]);
  assertEquals(disk.openFiles, 0);
  (await disk.lock()).release();
  return message;
}

Deno.test("an export has these lines", async () => {
  const map = new RecoveredMap();
  map.put(range("user:7"), range("ada"), Date.UTC(2026, 0, 1, 12, 0, 0, 5));
  map.put(range("session:7"), range(Uint8Array.of(0xc1, 0x70, 0xb9, 0x53)), 0);
  map.put(range(Uint8Array.of(255)), range('quote " and\nline'), 0);
  assertEquals(
    await exported(map),
    '{"key":"user:7","value":"ada","expires":"2026-01-01T12:00:00.005Z"}\n' +
      '{"key":"session:7","value":{"base64":"wXC5Uw=="},"expires":null}\n' +
      '{"key":{"base64":"/w=="},"value":"quote \\" and\\nline","expires":null}\n' +
      '{"entries":3}\n',
  );
});

Deno.test("what was exported is imported as it was: any bytes, any name, any expiry, any length", async () => {
  const random = new Random();
  const map = new RecoveredMap();
  for (const name of ["__proto__", "constructor", "toString", "", "\ufeffmark", "ключ", "\u2028\n", "🗝"]) {
    map.put(range(name), range(name), 0);
  }
  for (let byte = 0; byte < 256; byte++) map.put(range(Uint8Array.of(byte)), range(Uint8Array.of(byte)), 0);
  for (let i = 0; i < 200; i++) map.put(range(random.bytes(20)), range(random.bytes(random.below(200))), 0);
  map.put(range("late"), range("x"), MAX_EXPIRY_UNIX_MS);
  map.put(range("soon"), range("x"), new FakeClock().wallMs() + 1);
  map.put(range("long text"), range("ä".repeat(EXPORT_PIECE_CHARACTERS)), 0);
  map.put(range("long"), range(new Uint8Array(300_000).fill(0xff)), 0);
  const text = await exported(map);
  const result = await imported(text);
  assertEquals(result.map.state(), map.state(), `seed ${random.seed}`);
  assertEquals([result.entries, result.expired, result.isWhole], [map.entries.size, 0, true]);
  assertEquals(await exported(result.map), text);
});

Deno.test("an import does not care how its input is cut into pieces", async () => {
  const map = new RecoveredMap();
  map.put(range("ключ"), range("one"), 0);
  map.put(range("b"), range(Uint8Array.of(0xc1)), 0);
  const text = await exported(map);
  for (let pieceBytes = 1; pieceBytes <= utf8(text).length; pieceBytes++) {
    assertEquals((await imported(text, pieceBytes)).map.state(), map.state(), `pieces of ${pieceBytes}`);
  }
});

Deno.test("an import takes what others write: fields in any order, no expiry, other time zones, empty lines, no last line", async () => {
  const { map, entries, isWhole } = await imported(
    '{"value":"1","key":"a"}\r\n\n  \t\r\n' +
      ' { "key" : "b", "expires" : "2026-01-01T14:30:00+02:00", "value" : "\\u00e4" }\n' +
      '{"key":"c","value":{"base64":""},"expires":"2026-01-01T12:30:00.5Z"}',
  );
  assertEquals([...map.entries], [
    ["a", { value: "1", expiryUnixMs: 0 }],
    ["b", { value: binaryText(utf8("ä")), expiryUnixMs: Date.UTC(2026, 0, 1, 12, 30) }],
    ["c", { value: "", expiryUnixMs: Date.UTC(2026, 0, 1, 12, 30, 0, 500) }],
  ]);
  assertEquals([entries, isWhole], [3, false]);
});

Deno.test("of several entries with one key the last is imported", async () => {
  const { map } = await imported('{"key":"a","value":"1"}\n{"key":"a","value":"2"}\n');
  assertEquals(map.entries.get("a")?.value, "2");
});

Deno.test("an import leaves out what is over, and counts it", async () => {
  const result = await imported(
    '{"key":"a","value":"1","expires":"2025-12-31T23:59:59.999Z"}\n{"key":"b","value":"1"}\n{"entries":2}\n',
  );
  assertEquals([...result.map.entries.keys()], ["b"]);
  assertEquals([result.entries, result.expired, result.isWhole], [1, 1, true]);
});

Deno.test("an import of nothing is a directory with nothing in it", async () => {
  assertEquals((await imported(END)).map.entries.size, 0);
  assertEquals((await imported("")).isWhole, false);
});

Deno.test("a bad line is refused by its number, and nothing comes of the others", async () => {
  const good = '{"key":"a","value":"1"}\n';
  const bad: [line: string | Uint8Array, state: string][] = [
    ["hello", "it is no JSON"],
    ['{"key":"a","value":"1"', "it is no JSON"],
    [Uint8Array.of(0x22, 0xff, 0x22), "it is not UTF-8"],
    ["[]", "it is no JSON object"],
    ["null", "it is no JSON object"],
    ['"key"', "it is no JSON object"],
    ["{}", "its key is missing"],
    ['{"key":"a"}', "its value is missing"],
    ['{"key":"a","value":1}', 'its value is neither a text nor {"base64":"…"}'],
    ['{"key":null,"value":""}', 'its key is neither a text nor {"base64":"…"}'],
    ['{"key":"a","value":{"base64":"wQ="}}', 'its value is neither a text nor {"base64":"…"}'],
    ['{"key":"a","value":{"base64":"wQ==","x":1}}', 'its value is neither a text nor {"base64":"…"}'],
    ['{"key":"a","value":{"hex":"c1"}}', 'its value is neither a text nor {"base64":"…"}'],
    ['{"key":"a","value":"\\ud800"}', "its value is no text: it has half a surrogate pair"],
    ['{"key":"a","value":"1","ttl":5}', 'it has a field "ttl", which is unknown'],
    ['{"key":"a","value":"1","__proto__":5}', 'it has a field "__proto__", which is unknown'],
    [`{"key":"${"k".repeat(65_536)}","value":"1"}`, "its key has 65536 bytes, and may have 65535"],
    ['{"entries":2}', "there were 1 entries before it, and it says 2"],
    ['{"entries":-1}', "its entries is no whole number"],
    ...['"soon"', "5", '"2026-13-01T00:00:00Z"', '"2026-01-01"', '"1969-12-31T23:59:59Z"', '""', "false"].map((
      expires,
    ): [string, string] => [
      `{"key":"a","value":"1","expires":${expires}}`,
      'its expires is neither null nor a moment such as "2026-01-01T00:00:00.000Z"',
    ]),
  ];
  for (const [line, state] of bad) {
    const bytes = typeof line === "string" ? utf8(line) : line;
    const text = Uint8Array.of(...utf8(good), ...bytes, ...utf8(`\n${good}`));
    assertEquals(await refusal(text), `Cannot import line 2: ${state}`);
  }
  assertMatch(await refusal(`${good}{"entries":1}\n${good}`), /^Cannot import line 3: nothing may come behind/);
});

Deno.test("an export that was cut short is refused, or said to lack its end", async () => {
  const map = new RecoveredMap();
  for (let i = 0; i < 3; i++) map.put(range(`key ${i}`), range("value"), 0);
  const bytes = utf8(await exported(map));
  for (let length = 0; length < bytes.length - 1; length++) {
    const text = bytes.subarray(0, length);
    const atEndOfLine = length === 0 || text.at(-1) === 0x0a || bytes[length] === 0x0a;
    if (atEndOfLine) assertEquals((await imported(text)).isWhole, false);
    else await refusal(text);
  }
});

Deno.test("a message about a line never quotes its value", async () => {
  assert(!(await refusal('{"key":"a","value":"secret')).includes("secret"));
  assert(!(await refusal('{"key":"a","value":"secret","x":1}')).includes("secret"));
});

Deno.test("an import into a directory that holds something is refused, and changes nothing", async () => {
  const disk = new FaultDisk();
  await writeSnapshot(disk, 3, new RecoveredMap(), 1);
  (await disk.lock()).release();
  const before = filesOf(disk);
  const { message } = await assertRejects(
    () => importEntries(disk, inPieces(utf8(END), 5), new FakeClock()),
    CryptomemError,
  );
  assertEquals(message, "Cannot import into /fault-disk: it holds entries; name an empty directory");
  assertEquals(filesOf(disk), before);
});

Deno.test("an import whose input fails leaves nothing", async () => {
  const disk = new FaultDisk();
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield utf8('{"key":"a","value":"1"}\n');
    await Promise.resolve();
    throw new Error("the pipe has broken");
  }
  await assertRejects(() => importEntries(disk, failing(), new FakeClock()), Error, "the pipe has broken");
  assertEquals(disk.names(), ["lock"]);
  assertEquals(disk.openFiles, 0);
});

Deno.test("a power cut at any call of an import leaves nothing, or all of it", async () => {
  const map = new RecoveredMap();
  for (let i = 0; i < 5; i++) map.put(range(`key ${i}`), range(new Uint8Array(100_000).fill(i)), 0);
  const text = utf8(await exported(map));
  const disk = new FaultDisk();
  const found: FaultDisk[] = [];
  disk.onCall = () =>
    found.push(disk.afterPowerCut("none"), disk.afterPowerCut("all"), disk.afterPowerCut(found.length));
  await importEntries(disk, inPieces(text, 10_000), new FakeClock());
  for (const after of [...found, disk.afterPowerCut("none")]) {
    const loaded = new RecoveredMap();
    await recover(after, loaded, new FakeClock());
    assert(loaded.entries.size === 0 || loaded.state() === map.state());
    assertEquals(loaded.entries.size > 0, after.names().includes(snapshotName(1)));
  }
});

Deno.test("an import reads no more than the disk keeps up with", async () => {
  const disk = new FaultDisk();
  const hold = disk.hold(({ operation }) => operation === "append");
  let read = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    const line = utf8(`{"key":"a","value":"${"v".repeat(100_000)}"}\n`);
    for (; read < 200; read++) {
      await Promise.resolve();
      yield line;
    }
  }
  const importing = importEntries(disk, endless(), new FakeClock());
  await hold.reached;
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
  assert(read < 40, `${read} lines were read`);
  hold.lift();
  assertEquals((await importing).entries, 200);
});

Deno.test("an export gathers no more than some lines before it writes them", async () => {
  const value = range("v".repeat(1000));
  let given = 0, written = 0, most = 0;
  await exportEntries(
    (visit) => {
      for (let i = 0; i < 10; i++) visit(range(`key ${given++}`), value, 0);
      most = Math.max(most, given - written);
      return given < 10_000;
    },
    (lines) => {
      written += textOf(lines).split("\n").length - 1;
      return Promise.resolve();
    },
  );
  assertEquals(written, 10_001);
  assert(most < 100, `${most} lines were gathered`);
});
