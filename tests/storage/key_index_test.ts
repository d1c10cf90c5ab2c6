import { assert, assertEquals } from "@std/assert";
import type { ByteRange } from "../../lib/bytes.ts";
import { KeyIndex, type KeyReader, taggable } from "../../lib/storage/key_index.ts";

/** Entries that are their own address: the key is never looked at, the hash is a mix of the address. */
class Numbers implements KeyReader {
  hashesRead = 0;
  matches(): boolean {
    return true;
  }
  hashOf(address: number): number {
    this.hashesRead++;
    return hashOf(address);
  }
}

function hashOf(address: number): number {
  return taggable(Math.imul(address ^ address >>> 15, 0x9e3779b1) >>> 0);
}

const anyKey = undefined as unknown as ByteRange;

Deno.test("an insertion splits at most two buckets, however large the index is", () => {
  const numbers = new Numbers();
  const index = new KeyIndex(numbers);
  let most = 0;
  for (let address = 1; address <= 100_000; address++) {
    numbers.hashesRead = 0;
    index.insert(hashOf(address), address);
    most = Math.max(most, numbers.hashesRead);
  }
  // Two chains of a bucket and its overflow: a long chain has some thirty entries.
  assert(most <= 80, `one insertion read ${most} hashes`);
  assertEquals(index.size, 100_000);
});

Deno.test("the index costs at most 16 bytes an entry when it has grown", () => {
  const index = new KeyIndex(new Numbers());
  for (let address = 1; address <= 1_000_000; address++) {
    index.insert(hashOf(address), address);
    if (address === 100_000 || address === 1_000_000) {
      assert(index.bytes / address <= 16.5, `${index.bytes / address} bytes an entry at ${address}`);
    }
  }
});

Deno.test("the index shrinks again, step by step, and gives its chunks back", () => {
  const index = new KeyIndex(new Numbers());
  for (let address = 1; address <= 100_000; address++) index.insert(hashOf(address), address);
  const grown = index.bytes;
  for (let address = 1; address <= 100_000; address++) index.remove(hashOf(address), address);
  assertEquals(index.size, 0);
  assertEquals([...index.entries()], []);
  assert(index.bytes < grown / 10, `${index.bytes} of ${grown} bytes are left`);
});

Deno.test("entries whose hashes are all alike are found, replaced and removed", () => {
  const index = new KeyIndex({ matches: (address) => address === wanted, hashOf: () => 0x10005 });
  let wanted = 0;
  for (let address = 1; address <= 500; address++) index.insert(0x10005, address);
  for (wanted = 1; wanted <= 500; wanted++) assertEquals(index.find(0x10005, anyKey), wanted);
  index.replace(0x10005, 77, 9_077);
  wanted = 9_077;
  assertEquals(index.find(0x10005, anyKey), 9_077);
  for (let address = 1; address <= 500; address++) index.remove(0x10005, address === 77 ? 9_077 : address);
  wanted = 3;
  assertEquals(index.find(0x10005, anyKey), 0);
  assertEquals(index.size, 0);
});

Deno.test("a hash whose high half is 0 is made taggable: an empty slot has tag 0", () => {
  assertEquals(taggable(0x0000_1234) >>> 16, 1);
  assertEquals(taggable(0xabcd_1234), 0xabcd_1234);
});

Deno.test("an index that was about to grow when everything went shrinks all the same", () => {
  const index = new KeyIndex(new Numbers());
  // Growth begins at 65,537 and would take 4,096 insertions.
  for (let address = 1; address <= 65_600; address++) index.insert(hashOf(address), address);
  const grown = index.bytes;
  for (let address = 1; address <= 65_600; address++) index.remove(hashOf(address), address);
  assert(index.bytes < grown / 4, `${index.bytes} of ${grown} bytes are left`);
  index.insert(hashOf(1), 1);
  assertEquals(index.load, 1 / 160, "and does not go on growing");
});
