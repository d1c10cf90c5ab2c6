import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { ValueType } from "../../lib/crypto/envelope.ts";
import { decodeValue, encodeValue, type Value } from "../../lib/crypto/value.ts";

function roundTrip(value: unknown): Value {
  return decodeValue(encodeValue(value as Value));
}

const KEPT: Record<string, Value> = {
  "no bytes": new Uint8Array(0),
  "bytes that are not UTF-8": Uint8Array.of(0, 0xff, 0xc1),
  "an empty text": "",
  "text": "héllo wörld 🦕",
  "text that starts with a byte order mark": "\ufeffx",
  "text that looks like JSON": '{"a":1}',
  "null": null,
  "true": true,
  "false": false,
  "zero": 0,
  "the largest number": Number.MAX_VALUE,
  "the smallest number": Number.MIN_VALUE,
  "a fraction": 0.1 + 0.2,
  "an empty array": [],
  "an empty object": {},
  "nested arrays and objects": { a: [1, [2, { b: null }]], "": { "key with spaces": "\u0000\u2028" } },
  "one object twice": (() => {
    const part = { a: 1 };
    return [part, part, { part }];
  })(),
};

for (const [name, value] of Object.entries(KEPT)) {
  Deno.test(`encodeValue() and decodeValue() keep ${name}`, () => assertEquals(roundTrip(value), value));
}

Deno.test("encodeValue() gives each type its mark", () => {
  assertEquals(encodeValue("a"), { type: ValueType.UTF8, body: Uint8Array.of(0x61) });
  assertEquals(encodeValue(Uint8Array.of(1)), { type: ValueType.BYTES, body: Uint8Array.of(1) });
  assertEquals(encodeValue(1), { type: ValueType.JSON, body: Uint8Array.of(0x31) });
});

Deno.test("encodeValue() takes a property named __proto__ as data and touches no prototype", () => {
  const value = JSON.parse('{"__proto__":{"admin":true},"constructor":1}');
  const back = roundTrip(value) as Record<string, unknown>;
  assertEquals(Object.keys(back), ["__proto__", "constructor"]);
  assertStrictEquals(Object.getPrototypeOf(back), Object.prototype);
  assertEquals(back.admin, undefined);
  assertEquals(({} as Record<string, unknown>).admin, undefined);
});

Deno.test("encodeValue() leaves out properties that are undefined", () => {
  assertEquals(Object.keys(roundTrip({ a: undefined, b: 1 }) as object), ["b"]);
});

Deno.test("encodeValue() makes -0 a 0", () => {
  assertStrictEquals(roundTrip(-0), 0);
  assertEquals(roundTrip([-0]), [0]);
});

Deno.test("encodeValue() gives an object without prototype the ordinary one", () => {
  const bare = Object.assign(Object.create(null), { a: 1 });
  const back = roundTrip(bare) as object;
  assertEquals(back, { a: 1 });
  assertStrictEquals(Object.getPrototypeOf(back), Object.prototype);
});

Deno.test("encodeValue() takes a Buffer and shared memory as bytes", () => {
  const back = roundTrip(Buffer.from("abc"));
  assertEquals(back, new TextEncoder().encode("abc"));
  assertStrictEquals(Object.getPrototypeOf(back), Uint8Array.prototype);
  const shared = new Uint8Array(new SharedArrayBuffer(3)).fill(5);
  assert(encodeValue(shared).body.buffer instanceof ArrayBuffer);
});

Deno.test("encodeValue() takes the bytes as they are now", () => {
  for (const bytes of [Uint8Array.of(1, 2, 3), Buffer.from([1, 2, 3]), Uint8Array.of(0, 1, 2, 3).subarray(1)]) {
    const { body } = encodeValue(bytes);
    bytes.fill(9);
    assertEquals(body, Uint8Array.of(1, 2, 3));
  }
});

Deno.test("decodeValue() gives bytes a buffer of their own", () => {
  const opened = new Uint8Array([0, 1, 2, 3]).subarray(1);
  const value = decodeValue({ type: ValueType.BYTES, body: opened }) as Uint8Array;
  assertEquals([value.byteOffset, value.buffer.byteLength], [0, 3]);
});

class Point {
  x = 1;
}

const cycle: { self?: unknown; list: unknown[] } = { list: [] };
cycle.list.push({ cycle });
// deno-lint-ignore no-sparse-arrays
const sparse = [1, , 3];
const REFUSED: [name: string, value: unknown, where: string][] = [
  ["undefined", undefined, "value is undefined"],
  ["a function", () => 1, "value is a function"],
  ["a symbol", Symbol("s"), "value is a symbol"],
  ["a bigint", 1n, "value is a bigint"],
  ["NaN", NaN, "value is NaN"],
  ["an infinity in an array", [1, -Infinity], "value[1] is -Infinity"],
  ["undefined in an array", [1, undefined], "value[1] is undefined"],
  ["a hole in an array", sparse, "value[1] is undefined"],
  ["a function in an object", { run() {} }, "value.run is a function"],
  ["a symbol in an object", { a: { b: Symbol() } }, "value.a.b is a symbol"],
  ["a bigint in an object", { users: [{ id: 1n }] }, "value.users[0].id is a bigint"],
  ["a name that is no identifier", { "two words": NaN }, 'value["two words"] is NaN'],
  ["a Date", new Date(0), "value is an instance of Date"],
  ["a Date in an object", { at: new Date(0) }, "value.at is an instance of Date"],
  ["a Map", new Map([[1, 2]]), "value is an instance of Map"],
  ["a Set", { a: new Set() }, "value.a is an instance of Set"],
  ["a RegExp", /x/, "value is an instance of RegExp"],
  ["an Error", new Error("x"), "value is an instance of Error"],
  ["a Promise", Promise.resolve(1), "value is an instance of Promise"],
  ["a boxed number", Object(1), "value is an instance of Number"],
  ["a class instance", [new Point()], "value[0] is an instance of Point"],
  ["an instance of a class without a name", new (class {})(), "value is an instance of a class"],
  ["a subclass of Array", new (class List extends Array {})(), "value is an instance of List"],
  ["an ArrayBuffer", new ArrayBuffer(1), "value is an instance of ArrayBuffer"],
  ["another typed array", new Uint16Array(1), "value is an instance of Uint16Array"],
  ["a DataView", new DataView(new ArrayBuffer(1)), "value is an instance of DataView"],
  ["bytes in an object", { bytes: new Uint8Array(1) }, "value.bytes is an instance of Uint8Array"],
  ["an object with toJSON", { a: { toJSON: () => 1 } }, "value.a has a toJSON method"],
  ["a property named by a symbol", { [Symbol("s")]: 1 }, "value has a property named by a symbol"],
  ["a match of a pattern", "ab".match(/b/), "value has properties beside its elements"],
  ["a cycle", cycle, "value.list[0].cycle contains itself"],
  ["text with a lone surrogate", "a\ud83e", "value has a lone surrogate"],
  ["text within with a lone surrogate", ["\udd95"], "value[0] has a lone surrogate"],
  ["a name with a lone surrogate", { a: { "\ud83e": 1 } }, "value.a has a property with a lone surrogate"],
];

for (const [name, value, where] of REFUSED) {
  Deno.test(`encodeValue() refuses ${name} and says where it is`, () => {
    assertThrows(() => encodeValue(value as Value), TypeError, `Cannot store value: ${where}`);
  });
}

Deno.test("encodeValue() takes 1,000 levels and refuses 1,001", () => {
  const nested = (levels: number) => {
    let value: Value = [];
    for (let level = 1; level < levels; level++) value = [value];
    return value;
  };
  assertEquals(roundTrip(nested(1_000)), nested(1_000));
  assertThrows(() => encodeValue(nested(1_001)), TypeError, "deeper than 1000 levels");
  assertThrows(() => encodeValue(nested(200_000)), TypeError, "deeper than 1000 levels");
});

Deno.test("encodeValue() takes toJSON as data when it is no function", () => {
  assertEquals(roundTrip({ toJSON: "text" }), { toJSON: "text" });
});
