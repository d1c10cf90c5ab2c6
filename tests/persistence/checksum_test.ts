import { assertEquals, assertNotEquals } from "@std/assert";
import { crc32 } from "../../lib/persistence/checksum.ts";
import { Random } from "../support/random.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

Deno.test("crc32() is the CRC-32 of zlib", () => {
  assertEquals(crc32(encode("123456789")), 0xcbf43926);
  assertEquals(crc32(encode("The quick brown fox jumps over the lazy dog")), 0x414fa339);
  assertEquals(crc32(new Uint8Array(0)), 0);
  assertEquals(crc32(new Uint8Array(32)), 0x190a55ad);
  assertEquals(crc32(new Uint8Array(32).fill(0xff)), 0xff6cab0b);
});

Deno.test("crc32() goes on from the checksum of what came before", () => {
  const random = new Random();
  const bytes = random.bytes(1000);
  for (let cut = 0; cut <= bytes.length; cut++) {
    assertEquals(
      crc32(bytes.subarray(cut), crc32(bytes.subarray(0, cut))),
      crc32(bytes),
      `seed ${random.seed}, cut at ${cut}`,
    );
  }
});

Deno.test("crc32() sees each single bit", () => {
  const bytes = new Random(1).bytes(130);
  const whole = crc32(bytes);
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    assertNotEquals(crc32(bytes), whole, `bit ${bit}`);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
  }
});

Deno.test("crc32() looks only at the bytes of a view, wherever it begins", () => {
  const bytes = encode("..123456789..");
  assertEquals(crc32(bytes.subarray(2, 11)), 0xcbf43926);
});
