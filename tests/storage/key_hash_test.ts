import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { ByteRange } from "../../lib/bytes.ts";
import { keyHash, randomSeed } from "../../lib/storage/key_hash.ts";

Deno.test("keyHash() depends on every byte, on the length and on the seed", () => {
  const bytes = Uint8Array.from({ length: 19 }, (_, i) => i * 7);
  for (let length = 0; length <= bytes.length; length++) {
    const range = new ByteRange();
    range.point(bytes, 0, length);
    const hash = keyHash(range, [1, 2]);
    assert(Number.isInteger(hash) && hash >= 0 && hash <= 0xffff_ffff);
    assertNotEquals(hash, keyHash(range, [1, 3]));
    assertNotEquals(hash, keyHash(range, [0, 2]));
    for (let i = 0; i < length; i++) {
      const changed = bytes.slice();
      changed[i]! ^= 0x80;
      range.point(changed, 0, length);
      assertNotEquals(keyHash(range, [1, 2]), hash, `byte ${i} of ${length}`);
    }
  }
});

Deno.test("keyHash() does not depend on where the bytes lie", () => {
  const bytes = Uint8Array.from({ length: 40 }, (_, i) => i % 10);
  const hashes = new Set<number>();
  for (const start of [0, 10, 20, 30]) {
    const range = new ByteRange();
    range.point(bytes, start, 10);
    hashes.add(keyHash(range, [5, 6]));
  }
  assertEquals(hashes.size, 1);
});

Deno.test("keyHash() spreads similar keys: each of the 32 bits is set in about half of 4,096 hashes", () => {
  const counts = new Array<number>(32).fill(0);
  for (let i = 0; i < 4_096; i++) {
    const hash = keyHash(ByteRange.of(Uint8Array.of(0x6b, i >>> 8, i)), [7, 8]);
    for (let bit = 0; bit < 32; bit++) counts[bit]! += hash >>> bit & 1;
  }
  // Six standard deviations of a fair coin are 192.
  for (const count of counts) assert(Math.abs(count - 2_048) < 192, `a bit was set ${count} times`);
});

Deno.test("randomSeed() differs from call to call", () => {
  assertNotEquals(randomSeed(), randomSeed());
});
