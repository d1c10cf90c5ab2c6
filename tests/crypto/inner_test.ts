import { assert, assertEquals, assertThrows } from "@std/assert";
import { type SealedBody, type SealOptions, ValueType } from "../../lib/crypto/envelope.ts";
import { LAYOUT_1, LAYOUT_2 } from "../../lib/crypto/envelope_header.ts";
import { checkOptions, decodeInner, encodeInner, layoutFor, maxEnvelopeBytes } from "../../lib/crypto/inner.ts";
import { IntegrityError } from "../../lib/errors.ts";
import vectors from "../vectors/envelope_v1.json" with { type: "json" };
import { hex } from "./sealers.ts";

const NOTHING_ELSE = { compressed: false, notAfterMs: undefined, sequence: undefined, name: undefined };
const NAME = new TextEncoder().encode("user:1");

const ACCEPTED: [name: string, inner: string, notAfterMs: number | undefined, body: string][] = [
  ["nothing but flags", "00", undefined, ""],
  ["a body that looks padded and is not", "00" + "aa800000", undefined, "aa800000"],
  ["padding of the mark alone", "04" + "aa" + "80", undefined, "aa"],
  ["padding around an empty body", "04" + "800000", undefined, ""],
  ["padding behind a body that ends like padding", "04" + "aa8000" + "8000", undefined, "aa8000"],
  ["a notAfter and no body", "08" + "0000000003e8", 1000, ""],
  ["the latest notAfter", "08" + "ffffffffffff" + "aa", 2 ** 48 - 1, "aa"],
  ["a notAfter and padding", "0c" + "0000000003e8" + "aa" + "8000", 1000, "aa"],
];

for (const [name, inner, notAfterMs, body] of ACCEPTED) {
  Deno.test(`decodeInner() reads ${name}, in both layouts`, () => {
    const expected = { type: ValueType.BYTES, ...NOTHING_ELSE, notAfterMs, body: hex(body) };
    assertEquals(decodeInner(hex(inner), LAYOUT_1), expected);
    assertEquals(decodeInner(hex(inner), LAYOUT_2), expected);
  });
}

Deno.test("decodeInner() reads all that layout 2 can hold, in its order", () => {
  const inner = hex("ec" + "0000000003e8" + "0000000000000007" + "0002" + "6b31" + "7b7d" + "80");
  assertEquals(decodeInner(inner, LAYOUT_2), {
    type: ValueType.JSON,
    compressed: false,
    notAfterMs: 1000,
    sequence: 7,
    name: hex("6b31"),
    body: hex("7b7d"),
  });
});

const REFUSED: [name: string, layout: typeof LAYOUT_1 | typeof LAYOUT_2, inner: string, reason: string][] = [
  ["nothing", LAYOUT_1, "", "too-short"],
  ["a notAfter of five bytes", LAYOUT_1, "080000000003", "too-short"],
  ["padding without a mark", LAYOUT_1, "04" + "aa0000", "bad-padding"],
  ["padding of no bytes", LAYOUT_1, "04", "bad-padding"],
  ["a mark that belongs to notAfter", LAYOUT_1, "0c" + "000000000080" + "0000", "bad-padding"],
  ["compression 2", LAYOUT_1, "02", "reserved-flag"],
  ["compression 3", LAYOUT_1, "03", "reserved-flag"],
  ["type 3", LAYOUT_1, "30", "reserved-flag"],
  ["a sequence in layout 1", LAYOUT_1, "40" + "00".repeat(8), "reserved-flag"],
  ["a name in layout 1", LAYOUT_1, "80" + "0000", "reserved-flag"],
  ["compression 2 in layout 2", LAYOUT_2, "02", "reserved-flag"],
  ["type 3 in layout 2", LAYOUT_2, "30", "reserved-flag"],
  ["a sequence of seven bytes", LAYOUT_2, "40" + "00".repeat(7), "too-short"],
  ["a sequence of 2^53", LAYOUT_2, "40" + "0020000000000000", "reserved-flag"],
  ["a sequence of 2^64 - 1", LAYOUT_2, "40" + "ff".repeat(8), "reserved-flag"],
  ["half the length of a name", LAYOUT_2, "80" + "00", "too-short"],
  ["a name that is longer than what is left", LAYOUT_2, "80" + "0003" + "6b31", "too-short"],
  ["a mark that belongs to the name", LAYOUT_2, "84" + "0001" + "80" + "0000", "bad-padding"],
];

for (const [name, layout, inner, reason] of REFUSED) {
  Deno.test(`decodeInner() refuses ${name} as ${reason}`, () => {
    assertEquals(assertThrows(() => decodeInner(hex(inner), layout), IntegrityError).reason, reason);
  });
}

for (const vector of vectors.positive) {
  Deno.test(`encodeInner() makes the bytes of the vector "${vector.comment}"`, () => {
    const isCompressed = vector.compression === 1;
    // Encoders may deflate differently, so what was deflated is taken from the vector.
    const body = isCompressed ? decodeInner(hex(vector.inner), LAYOUT_1).body : hex(vector.value);
    const options = vector.notAfterMs === null ? {} : { notAfterMs: vector.notAfterMs };
    assertEquals(layoutFor(options), LAYOUT_1);
    const value = { type: vector.valueType as ValueType, body };
    assertEquals(encodeInner(value, isCompressed, vector.padded, options).toHex(), vector.inner);
  });
}

Deno.test("encodeInner() and decodeInner() keep every combination of options", () => {
  const body = hex("aa8000");
  let combinations = 0;
  for (const type of Object.values(ValueType)) {
    for (const isCompressed of [false, true]) {
      for (const isPadded of [false, true]) {
        for (const notAfterMs of [undefined, 0, 1_893_456_000_000, 2 ** 48 - 1]) {
          for (const sequence of [undefined, 0, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
            for (const name of [undefined, new Uint8Array(0), NAME, new Uint8Array(65_535).fill(0x61)]) {
              const options: SealOptions = {
                ...(notAfterMs !== undefined && { notAfterMs }),
                ...(sequence !== undefined && { sequence }),
                ...(name !== undefined && { name }),
              };
              const value: SealedBody = { type, body };
              const inner = encodeInner(value, isCompressed, isPadded, options);
              const expected = { type, compressed: isCompressed, notAfterMs, sequence, name, body };
              assertEquals(decodeInner(inner, layoutFor(options)), expected);
              combinations++;
            }
          }
        }
      }
    }
  }
  assertEquals(combinations, 3 * 2 * 2 * 4 * 4 * 4);
});

Deno.test("layoutFor() takes layout 2 only for what layout 1 does not hold", () => {
  assertEquals(layoutFor({}), LAYOUT_1);
  assertEquals(layoutFor({ notAfterMs: 1 }), LAYOUT_1);
  assertEquals(layoutFor({ sequence: 0 }), LAYOUT_2);
  assertEquals(layoutFor({ name: new Uint8Array(0) }), LAYOUT_2);
});

Deno.test("checkOptions() refuses what the fields have no room for, and shows it", () => {
  for (const notAfterMs of [-1, 0.5, NaN, Infinity, 2 ** 48]) {
    assertThrows(() => checkOptions({ notAfterMs }), RangeError, `notAfterMs is ${notAfterMs}`);
  }
  for (const sequence of [-1, 0.5, NaN, Infinity, 2 ** 53]) {
    assertThrows(() => checkOptions({ sequence }), RangeError, `sequence is ${sequence}`);
  }
  assertThrows(() => checkOptions({ name: new Uint8Array(65_536) }), RangeError, "65536 bytes");
  checkOptions({ notAfterMs: 2 ** 48 - 1, sequence: 2 ** 53 - 1, name: new Uint8Array(65_535) });
});

Deno.test("maxEnvelopeBytes() is what an envelope with every option takes", () => {
  const options: SealOptions = { notAfterMs: 0, sequence: 0, name: new Uint8Array(65_535) };
  for (const size of [0, 1, 1_000, 100_000]) {
    const inner = encodeInner({ type: ValueType.BYTES, body: new Uint8Array(size) }, false, true, options);
    assertEquals(maxEnvelopeBytes(size), inner.length + 45);
    assert(maxEnvelopeBytes(size) < 1.12 * (size + 66_000));
  }
});
