import { assertEquals, assertThrows } from "@std/assert";
import { decodeInner, ValueType } from "../../lib/crypto/envelope.ts";
import { IntegrityError } from "../../lib/errors.ts";

const hex = (text: string) => Uint8Array.fromHex(text);

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
  Deno.test(`decodeInner() reads ${name}`, () => {
    const expected = { type: ValueType.BYTES, compressed: false, notAfterMs, body: hex(body) };
    assertEquals(decodeInner(hex(inner)), expected);
  });
}

const REFUSED: [name: string, inner: string, reason: string][] = [
  ["nothing", "", "too-short"],
  ["a notAfter of five bytes", "080000000003", "too-short"],
  ["padding without a mark", "04" + "aa0000", "bad-padding"],
  ["padding of no bytes", "04", "bad-padding"],
  ["a mark that belongs to notAfter", "0c" + "000000000080" + "0000", "bad-padding"],
  ["compression 2", "02", "reserved-flag"],
  ["compression 3", "03", "reserved-flag"],
  ["type 3", "30", "reserved-flag"],
  ["bit 6", "40", "reserved-flag"],
  ["bit 7", "80", "reserved-flag"],
];

for (const [name, inner, reason] of REFUSED) {
  Deno.test(`decodeInner() refuses ${name} as ${reason}`, () => {
    assertEquals(assertThrows(() => decodeInner(hex(inner)), IntegrityError).reason, reason);
  });
}
