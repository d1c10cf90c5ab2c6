import { concat } from "@std/bytes";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { utf8 } from "../../lib/bytes.ts";
import { CmDialect, decodeResponseHeader, encodeRequest, MAX_TTL_MS } from "../../lib/codec/cm.ts";
import { INCOMPLETE, INVALID, Request, Response, Status } from "../../lib/codec/message.ts";
import { OPCODE, OPERATIONS } from "../../lib/codec/operations.ts";
import protocolPage from "../../lib/codec/PROTOCOL.md" with { type: "text" };
import { frame, reply } from "../support/cm_frame.ts";
import { Random } from "../support/random.ts";

const MAX_VALUE_BYTES = 1_000;

function decode(bytes: Uint8Array): { consumed: number; request: Request } {
  const request = new Request();
  return { consumed: new CmDialect(MAX_VALUE_BYTES).decode(bytes, 0, bytes.length, request), request };
}

function encode(response: Response, opcode: number): Uint8Array {
  const dialect = new CmDialect(MAX_VALUE_BYTES);
  const request = new Request();
  request.opcode = opcode;
  const output = new Uint8Array(dialect.encodedBytes(response, request));
  return output.subarray(0, dialect.encode(response, request, output, 0));
}

function i64(value: bigint): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, value);
  return bytes;
}

function hex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text.split(" "), (byte) => parseInt(byte, 16));
}

Deno.test("the examples of the protocol page decode and encode byte for byte", () => {
  const value = new Response();
  value.value.point(utf8("v"), 0, 1);
  value.answerValue();
  const missing = new Response();
  missing.settle(Status.NOT_FOUND);
  const expected: { example: string; opcode: number; key: string; value: string; response: Response }[] = [
    { example: "SET k v", opcode: OPCODE.SET, key: "k", value: "v", response: new Response() },
    { example: "GET k", opcode: OPCODE.GET, key: "k", value: "", response: value },
    { example: "GET ?", opcode: OPCODE.GET, key: "?", value: "", response: missing },
  ];
  const examples = [...protocolPage.matchAll(/^([A-Z]+ .*?) +> ([0-9A-F ]+)\n +< ([0-9A-F ]+)$/gm)];
  assertEquals(examples.map(([, name]) => name), expected.map(({ example }) => example));
  for (const [i, { opcode, key, value, response }] of expected.entries()) {
    const [, name, requestHex, responseHex] = examples[i]!;
    const bytes = hex(requestHex!);
    const { consumed, request } = decode(bytes);
    assertEquals(consumed, bytes.length, name);
    assertEquals([request.opcode, request.ttlMs, request.errorCode], [opcode, 0, undefined]);
    assertEquals(request.key.copy(), utf8(key));
    assertEquals(request.value.copy(), utf8(value));
    assertEquals(encodeRequest(opcode, utf8(key), utf8(value), 0), bytes);
    assertEquals(encode(response, opcode), hex(responseHex!));
  }
});

Deno.test("a time to live becomes milliseconds, rounded up, exact over the whole range", () => {
  const cases: [bigint, number][] = [
    [0n, 0],
    [1n, 1],
    [999_999n, 1],
    [1_000_000n, 1],
    [1_000_001n, 2],
    [60_000_000_000n, 60_000],
    [4_294_967_295n, 4_295],
    [4_294_967_296n, 4_295],
    [8_589_934_592n * 1_000_000n, 8_589_934_592],
    [8_589_934_592n * 1_000_000n + 1n, 8_589_934_593],
    [2n ** 63n - 1n, 9_223_372_036_855],
  ];
  for (const [ttl, ttlMs] of cases) {
    const { request } = decode(frame({ opcode: OPCODE.SET, key: "k", ttl }));
    assertEquals(request.ttlMs, ttlMs, `${ttl} ns`);
    assertEquals(request.errorCode, undefined);
  }
});

Deno.test("encodeRequest() writes the longest time to live that decode() understands", () => {
  const { request } = decode(encodeRequest(OPCODE.SET, utf8("k"), utf8("v"), MAX_TTL_MS));
  assertEquals(request.ttlMs, MAX_TTL_MS);
  assertEquals(request.errorCode, undefined);
});

Deno.test("every command byte that is not in the table is refused as unknown and its frame consumed", () => {
  const known = new Set<number>(OPERATIONS.map((row) => row.opcode));
  for (let opcode = 0; opcode < 256; opcode++) {
    if (known.has(opcode)) continue;
    const bytes = frame({ opcode, key: "key", value: "value", ttl: 5n });
    const { consumed, request } = decode(bytes);
    assertEquals(consumed, bytes.length);
    assertEquals(request.errorCode, "UNKNOWN_COMMAND");
  }
});

/** Values that fit what some commands read numbers from. */
const SOUND_VALUES: Record<string, string> = {
  INCR: "12345678",
  DECR: "12345678",
  CAS: "12345678",
  SCAN: "123456789012",
};

for (const { name, opcode, takes: { key, value, ttl } } of OPERATIONS.filter(({ opcode }) => opcode > 0)) {
  const keyText = key === "optional" ? "perhaps a" : key ? "a" : "no";
  Deno.test(`${name} takes ${keyText} key, ${value ? "a" : "no"} value and ${ttl ? "a" : "no"} ttl`, () => {
    const sound = {
      opcode,
      ...(key && { key: "k" }),
      ...(value && { value: SOUND_VALUES[name] ?? "v" }),
      ...(ttl && { ttl: 1n }),
    };
    assertEquals(decode(frame(sound)).request.errorCode, undefined);
    if (key === "optional") assertEquals(decode(frame({ ...sound, key: "" })).request.errorCode, undefined);
    const flawed = [
      ...(key === "optional" ? [] : [{ ...sound, key: key ? "" : "k" }]),
      { ...sound, ttl: -1n },
      ...(value ? [] : [{ ...sound, value: "v" }]),
      ...(ttl ? [] : [{ ...sound, ttl: 1n }]),
    ];
    for (const fields of flawed) {
      const bytes = frame(fields);
      const { consumed, request } = decode(bytes);
      assertEquals(consumed, bytes.length);
      assertEquals(request.errorCode, "BAD_REQUEST");
    }
  });
}

Deno.test("INCR and DECR read their delta, an empty one is 1", () => {
  for (const opcode of [OPCODE.INCR, OPCODE.DECR]) {
    assertEquals(decode(frame({ opcode, key: "k" })).request.delta, 1);
    for (const delta of [0n, 1n, -1n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)]) {
      const { request } = decode(frame({ opcode, key: "k", value: i64(delta) }));
      assertEquals([BigInt(request.delta), request.errorCode], [delta, undefined]);
    }
  }
});

Deno.test("CAS reads the version before its value, SCAN its cursor and count", () => {
  const { request: cas } = decode(frame({ opcode: OPCODE.CAS, key: "k", value: concat([i64(7n), utf8("value")]) }));
  assertEquals([cas.version, cas.value.copy()], [7, utf8("value")]);
  const { request: scan } = decode(
    frame({ opcode: OPCODE.SCAN, value: concat([i64(2n ** 40n), Uint8Array.of(0, 1, 0, 2)]) }),
  );
  assertEquals([scan.cursor, scan.count, scan.key.length], [2 ** 40, 0x10002, 0]);
});

Deno.test("GETV's version stands before the value, TTL is told in nanoseconds, SCAN counts each key's bytes", () => {
  const versioned = new Response();
  versioned.value.point(utf8("v"), 0, 1);
  versioned.answerValue(258);
  assertEquals(encode(versioned, OPCODE.GETV), reply(1, concat([i64(258n), utf8("v")])));

  const ttl = new Response();
  const cases: [number, bigint][] = [[-1, -1n], [1, 1_000_000n], [2 ** 45, 2n ** 45n * 1_000_000n]];
  for (const [ttlMs, nanoseconds] of cases.filter(([, it]) => it < 2n ** 63n)) {
    ttl.answerInteger(ttlMs);
    assertEquals(encode(ttl, OPCODE.TTL), reply(1, i64(nanoseconds)));
  }
  ttl.answerInteger(5);
  assertEquals(encode(ttl, OPCODE.INCR), reply(1, i64(5n)));

  const scan = new Response();
  scan.answer([0, [utf8("a"), new Uint8Array(0), utf8("b".repeat(258))]]);
  const keys = [Uint8Array.of(0, 1, 0x61, 0, 0, 1, 2), utf8("b".repeat(258))];
  assertEquals(encode(scan, OPCODE.SCAN), reply(1, concat([i64(0n), ...keys])));
});

Deno.test("a push is a frame of status 5 with channel and message; a confirmation is none", () => {
  const dialect = new CmDialect(MAX_VALUE_BYTES);
  const [channel, message, subscription] = [utf8("news"), utf8("hello"), utf8("n*")];
  for (const kind of ["message", "pmessage"] as const) {
    const push = dialect.encodePush({ kind, subscription, channel, message });
    assertEquals(push, reply(5, concat([Uint8Array.of(0, 4), channel, message])));
  }
  assertEquals(dialect.encodePush({ kind: "subscribe", subscription, count: 1 }), undefined);
});

Deno.test("a frame that does not start with CM is invalid from its first wrong byte on", () => {
  for (const start of ["X", "GET / HTTP/1.1", "CN", "cM", "\0"]) {
    const { consumed, request } = decode(utf8(start));
    assertEquals(consumed, INVALID);
    assertEquals(request.errorCode, "BAD_MAGIC");
  }
  assertEquals(decode(utf8("C")).consumed, INCOMPLETE);
  assertEquals(decode(utf8("")).consumed, INCOMPLETE);
});

Deno.test("a value above the limit is refused by its header alone", () => {
  for (const valueLength of [MAX_VALUE_BYTES + 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
    const { consumed, request } = decode(frame({ opcode: OPCODE.SET, key: "k", valueLength }));
    assertEquals(consumed, INVALID);
    assertEquals(request.errorCode, "TOO_LARGE");
  }
  const fits = frame({ opcode: OPCODE.SET, key: "k", value: new Uint8Array(MAX_VALUE_BYTES) });
  assertEquals(decode(fits).consumed, fits.length);
});

Deno.test("an incomplete frame tells its whole length as soon as its header is there", () => {
  const bytes = frame({ opcode: OPCODE.SET, key: "key", value: "value" });
  for (let cut = 0; cut < bytes.length; cut++) {
    const { consumed, request } = decode(bytes.subarray(0, cut));
    assertEquals(consumed, INCOMPLETE);
    assertEquals(request.neededBytes, cut < 17 ? 0 : bytes.length);
  }
});

Deno.test("a pipeline decodes alike wherever it lies in its buffer", () => {
  const frames = [
    frame({ opcode: OPCODE.SET, key: "a", value: "1", ttl: 1_000_000n }),
    frame({ opcode: OPCODE.GET, key: "a" }),
    frame({ opcode: OPCODE.PING, value: "CM" }),
    frame({ opcode: 99, value: "?" }),
  ];
  const pipeline = concat(frames);
  for (const offset of [0, 1, 7, 100]) {
    const buffer = concat([new Uint8Array(offset).fill(0xff), pipeline, utf8("CM")]);
    const dialect = new CmDialect(MAX_VALUE_BYTES);
    const request = new Request();
    const opcodes: number[] = [];
    let at = offset;
    for (;;) {
      const consumed = dialect.decode(buffer, at, buffer.length, request);
      if (consumed === INCOMPLETE) break;
      assertEquals(consumed, frames[opcodes.length]!.length);
      opcodes.push(request.opcode);
      at += consumed;
    }
    assertEquals(opcodes, [OPCODE.SET, OPCODE.GET, OPCODE.PING, 99]);
  }
});

Deno.test("an error is `CODE message`; commands 1 to 3 know no status beyond 2", () => {
  const response = new Response();
  response.fail("BAD_REQUEST", "the key is émpty");
  assertEquals(encode(response, OPCODE.SET), reply(2, "BAD_REQUEST the key is émpty"));
  response.status = Status.DENIED;
  assertEquals(encode(response, OPCODE.GET)[2], 2);
  assertEquals(encode(response, OPCODE.PING)[2], 4);
});

Deno.test("decodeResponseHeader() waits for seven bytes and refuses what is not CM", () => {
  const header = { status: 0, valueLength: 0 };
  const bytes = reply(1, "value");
  for (let cut = 0; cut < 7; cut++) assertEquals(decodeResponseHeader(bytes, 0, cut, header), INCOMPLETE);
  assertEquals(decodeResponseHeader(bytes, 0, 7, header), 7);
  assertEquals(header, { status: 1, valueLength: 5 });
  assertEquals(decodeResponseHeader(utf8("X"), 0, 1, header), INVALID);
  assertEquals(decodeResponseHeader(utf8("CX"), 0, 2, header), INVALID);
});

Deno.test("encodeRequest() refuses a key that the header cannot count", () => {
  assertThrows(() => encodeRequest(OPCODE.GET, new Uint8Array(65_536), new Uint8Array(0), 0), RangeError, "65535");
});

Deno.test("decode() never throws and never consumes more than there is, whatever the bytes", () => {
  const random = new Random();
  const dialect = new CmDialect(MAX_VALUE_BYTES);
  const request = new Request();
  const start = frame({ opcode: OPCODE.SET, key: "key", value: "value", ttl: 77n });
  for (let i = 0; i < 100_000; i++) {
    const bytes = random.below(2) === 0
      ? random.bytes(random.below(40))
      : start.slice(0, random.below(start.length + 1));
    for (let flips = random.below(4); flips > 0 && bytes.length > 0; flips--) {
      bytes[random.below(bytes.length)] = random.below(256);
    }
    const consumed = dialect.decode(bytes, 0, bytes.length, request);
    assert(consumed >= INVALID && consumed <= bytes.length, `seed ${random.seed}, round ${i}`);
    if (consumed > 0) assert(request.value.start + request.value.length <= bytes.length, `seed ${random.seed}`);
  }
});
