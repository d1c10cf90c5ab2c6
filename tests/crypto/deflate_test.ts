import { assert, assertEquals } from "@std/assert";
import { deflateRaw } from "../../lib/crypto/deflate.ts";
import { inflateRaw } from "../../lib/crypto/inflate.ts";
import { Random } from "../support/random.ts";

Deno.test("deflateRaw() and inflateRaw() keep every size, of what compresses and what does not", async () => {
  const random = new Random();
  for (const size of [0, 1, 2, 100, 4_095, 4_096, 4_097, 65_535, 65_536, 1_000_000]) {
    for (const bytes of [random.bytes(size), new Uint8Array(size).fill(0x61)]) {
      assertEquals(await inflateRaw(await deflateRaw(bytes), size), bytes, `${size} bytes, seed ${random.seed}`);
    }
  }
});

Deno.test("deflateRaw() makes what repeats smaller, and what does not hardly longer", async () => {
  const random = new Random();
  const session = new TextEncoder().encode(JSON.stringify(Array(20).fill({ user: "user:1", role: "admin" })));
  assert((await deflateRaw(session)).length < session.length / 10);
  const noise = random.bytes(10_000);
  assert((await deflateRaw(noise)).length < 10_100, `seed ${random.seed}`);
});
