import { assert, assertEquals } from "@std/assert";
import { paddedLength, padmeLength } from "../../lib/crypto/padding.ts";
import vectors from "../vectors/padme.json" with { type: "json" };

Deno.test("padmeLength() gives the lengths of the vectors", () => {
  for (const [length, padded] of vectors.padme) assertEquals(padmeLength(length!), padded, `${length}`);
});

Deno.test("paddedLength() gives the lengths of the vectors, and nothing below 64", () => {
  for (const [length, padded] of vectors.padlen) assertEquals(paddedLength(length!), padded, `${length}`);
  for (let length = 1; length <= 64; length++) assertEquals(paddedLength(length), 64);
});

Deno.test("paddedLength() never shrinks, adds at most 12 %, and leaves a padded length as it is", () => {
  let before = 0;
  for (let length = 1; length < 1_000_000; length += 1 + (length >> 8)) {
    const padded = paddedLength(length);
    assert(padded >= length && padded >= before);
    if (length > 64) assert(padded <= 1.12 * length, `${length} becomes ${padded}`);
    assertEquals(paddedLength(padded), padded);
    before = padded;
  }
});

Deno.test("paddedLength() leaves few lengths to tell values by", () => {
  const lengths = new Set<number>();
  for (let length = 1; length <= 65_536; length++) lengths.add(paddedLength(length));
  assertEquals(lengths.size, 1 + 2 * 8 + 8 * 16, "64; 8 for each power of two up to 256; 16 for each up to 65,536");
});

Deno.test("padmeLength() counts right where bitwise operators would not", () => {
  assertEquals(padmeLength(2 ** 31), 2 ** 31);
  assertEquals(padmeLength(2 ** 31 + 1), 2 ** 31 + 2 ** 26);
});
