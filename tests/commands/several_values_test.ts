import { assertEquals } from "@std/assert";
import { Asker } from "../support/asker.ts";
import { Random } from "../support/random.ts";

const LIMIT_BYTES = 1024 * 1024;

Deno.test("MSET at the memory limit stores all of its pairs or none", () => {
  const random = new Random();
  const asker = new Asker({ maxMemoryBytes: LIMIT_BYTES, policy: "none" });
  const key = () => `key:${random.below(600)}`;
  // Sizes that share segments, and those that get a buffer of their own.
  const value = (i: number) => `${i}:`.padEnd(random.below(4) === 0 ? random.below(20_000) : random.below(1_500), "x");
  let stored = 0, refused = 0;
  for (let i = 0; i < 3_000; i++) {
    const pairs = new Map(Array.from({ length: 1 + random.below(12) }, () => [key(), value(i)]));
    const before = [...pairs.keys()].map((name) => asker.value(name));
    const reply = asker.askWords(["MSET", ...[...pairs].flat()]);
    const after = [...pairs.keys()].map((name) => asker.value(name));
    if (reply === "OK") stored++;
    else refused++;
    assertEquals(after, reply === "OK" ? [...pairs.values()] : before, `seed ${random.seed}, step ${i}`);
    if (random.below(3) === 0) asker.ask(`DEL ${key()} ${key()} ${key()}`);
  }
  // Otherwise it was no test of the limit.
  assertEquals(
    [stored > 100, refused > 100],
    [true, true],
    `seed ${random.seed}: ${stored} stored, ${refused} refused`,
  );
  asker.engine.verify();
});

Deno.test("MSET of very many small pairs at the memory limit stores all or none, the index's growth included", () => {
  for (let others = 0; others < 40; others++) {
    const asker = new Asker({ maxMemoryBytes: LIMIT_BYTES, policy: "none" });
    for (let i = 0; i < others * 500; i++) asker.askWords(["SETNX", `other:${i}`, "v"]);
    const pairs = Array.from({ length: 4_000 }, (_, i) => [`k${i}`, "v"]);
    const reply = asker.askWords(["MSET", ...pairs.flat()]);
    const count = pairs.filter(([key]) => asker.value(key!) !== undefined).length;
    assertEquals(count, reply === "OK" ? pairs.length : 0, `with ${others * 500} others`);
  }
});

Deno.test("a key that is too long for an entry stops MSET before it has stored anything", () => {
  const asker = new Asker();
  const reply = asker.askWords(["MSET", "k", "v", "x".repeat(65_536), "v"]);
  assertEquals(reply, "! TOO_LARGE the key has 65536 bytes, the limit is 65535");
  assertEquals(asker.value("k"), undefined);
});

Deno.test("RENAME at the memory limit leaves everything as it was", () => {
  const asker = new Asker({ maxMemoryBytes: LIMIT_BYTES, policy: "none" });
  asker.askWords(["SET", "large", "x".repeat(600_000)]);
  assertEquals(String(asker.ask("RENAME large other")).slice(0, 15), "! OUT_OF_MEMORY");
  assertEquals([asker.value("large")?.length, asker.value("other")], [600_000, undefined]);
});
