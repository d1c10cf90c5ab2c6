/** The promise of SCAN: a key that lives throughout is visited, whatever happens to the others meanwhile. */

import { assert, assertEquals } from "@std/assert";
import { utf8 } from "../../lib/bytes.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { Random } from "../support/random.ts";
import { bytes, text, textIn } from "../support/ranges.ts";

const ALL = utf8("");

function keys(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${name} ${i}`);
}

/** Walks from 0 to the end, with something done between any two calls. Returns what was visited. */
function walk(engine: Engine, count: number, prefix: Uint8Array, meanwhile: () => void = () => {}): Set<string> {
  const seen = new Set<string>();
  let cursor = 0, calls = 0;
  do {
    cursor = engine.scan(cursor, count, prefix, (key) => void seen.add(textIn(key)));
    meanwhile();
    assert(++calls < 1_000_000, "the walk does not end");
  } while (cursor !== 0);
  return seen;
}

function assertAllSeen(seen: Set<string>, staying: readonly string[], seed?: number): void {
  const missed = staying.filter((key) => !seen.has(key));
  assertEquals(missed, [], `missed${seed === undefined ? "" : `, seed ${seed}`}`);
}

Deno.test("scan() visits every key once when nothing happens meanwhile, and ends with 0", () => {
  for (const size of [0, 1, 10, 129, 1_000, 5_000]) {
    const engine = new Engine();
    for (const key of keys("key", size)) engine.set(text(key), bytes(3), 0);
    let visits = 0;
    let cursor = 0;
    const seen = new Set<string>();
    do {
      cursor = engine.scan(cursor, 10, ALL, (key) => (visits++, seen.add(textIn(key))));
      assert(Number.isInteger(cursor) && cursor >= 0 && cursor <= 0xffff_ffff);
    } while (cursor !== 0);
    assertEquals([visits, seen.size], [size, size]);
  }
});

Deno.test("scan() misses no key that stays while the index grows a hundredfold", () => {
  const engine = new Engine();
  const staying = keys("staying", 300);
  for (const key of staying) engine.set(text(key), bytes(3), 0);
  let added = 0;
  const seen = walk(engine, 5, ALL, () => {
    for (let i = 0; i < 50 && added < 30_000; i++) engine.set(text(`new ${added++}`), bytes(3), 0);
  });
  assert(added > 10_000);
  assertAllSeen(seen, staying);
  engine.verify();
});

Deno.test("scan() misses no key that stays while all others are deleted and their memory is compacted", () => {
  const engine = new Engine({ segmentBytes: 4096 });
  const staying = keys("staying", 300);
  for (const key of [...keys("others", 15_000), ...staying, ...keys("more", 15_000)]) {
    engine.set(text(key), bytes(9), 0);
  }
  const { indexBytes, segmentBytes } = engine.stats();
  let deleted = 0;
  const seen = walk(engine, 20, ALL, () => {
    for (let i = 0; i < 100 && deleted < 15_000; i++, deleted++) {
      engine.delete(text(`others ${deleted}`));
      engine.delete(text(`more ${deleted}`));
    }
    engine.tidy(50);
  });
  assertAllSeen(seen, staying);
  const after = engine.stats();
  assert(after.indexBytes < indexBytes / 3 && after.segmentBytes < segmentBytes / 3, "index and segments have shrunk");
  engine.verify();
});

Deno.test("scan() misses no key that stays while others are evicted", () => {
  const engine = new Engine({ maxMemoryBytes: 1024 * 1024, policy: "ttl", segmentBytes: 4096 });
  const staying = keys("staying", 500);
  for (const key of staying) engine.set(text(key), bytes(100), 0);
  let added = 0;
  const seen = walk(engine, 10, ALL, () => {
    for (let i = 0; i < 200; i++) engine.set(text(`new ${added++}`), bytes(100 + added % 900), 1_000_000);
  });
  assert(engine.stats().evicted > 1_000);
  assertAllSeen(seen, staying);
  engine.verify();
});

Deno.test("scan() misses no key that stays under random growth and shrinking", () => {
  const random = new Random();
  for (let round = 0; round < 30; round++) {
    const engine = new Engine({ segmentBytes: 4096 });
    const staying = keys("staying", random.below(400));
    for (const key of staying) engine.set(text(key), bytes(3), 0);
    let size = random.below(8_000);
    for (let i = 0; i < size; i++) engine.set(text(`other ${i}`), bytes(3), 0);
    let target = random.below(8_000);
    const seen = walk(engine, 1 + random.below(50), ALL, () => {
      if (random.below(40) === 0) target = random.below(8_000);
      for (let i = 0; i < 60 && size !== target; i++) {
        if (size < target) engine.set(text(`other ${size++}`), bytes(3), 0);
        else engine.delete(text(`other ${--size}`));
      }
    });
    assertAllSeen(seen, staying, random.seed);
  }
});

Deno.test("scan() keeps nothing between calls: two walks may interleave, and a cursor may be used twice", () => {
  const engine = new Engine();
  const all = keys("key", 3_000);
  for (const key of all) engine.set(text(key), bytes(3), 0);
  const seen = [new Set<string>(), new Set<string>()];
  const cursors = [0, 0];
  const done = [false, false];
  for (let turn = 0; !done[0] || !done[1]; turn++) {
    const walker = turn % 3 === 0 ? 0 : 1;
    if (done[walker]) continue;
    const start = cursors[walker]!;
    const once: string[] = [], again: string[] = [];
    const next = engine.scan(start, 7, ALL, (key) => void once.push(textIn(key)));
    assertEquals(engine.scan(start, 7, ALL, (key) => void again.push(textIn(key))), next);
    assertEquals(again, once);
    for (const key of once) seen[walker]!.add(key);
    cursors[walker] = next;
    done[walker] = next === 0;
  }
  for (const keysSeen of seen) assertAllSeen(keysSeen, all);
});

Deno.test("scan() takes any cursor of 32 bits, and a walk from it ends", () => {
  const random = new Random();
  for (const size of [0, 5, 1_000, 3_333]) {
    const engine = new Engine();
    for (const key of keys("key", size)) engine.set(text(key), bytes(3), 0);
    const start = [
      0xffff_ffff,
      0x8000_0000,
      0x7fff_ffff,
      1,
      ...Array.from({ length: 50 }, () => random.below(2 ** 32)),
    ];
    for (let cursor of start) {
      for (let calls = 0;; calls++) {
        cursor = engine.scan(cursor, 100, ALL, () => {});
        if (cursor === 0) break;
        assert(calls < 500, `seed ${random.seed}`);
      }
    }
  }
});

Deno.test("scan() with a prefix visits the keys that start with it and no others", () => {
  const engine = new Engine();
  for (const key of [...keys("user", 200), ...keys("users", 200), "user", "use", "u", "", "User 1"]) {
    engine.set(text(key), bytes(3), 0);
  }
  const under = (prefix: string) => [...walk(engine, 9, utf8(prefix))].sort();
  assertEquals(under("user "), keys("user", 200).sort());
  assertEquals(under("user").length, 401);
  assertEquals(under("user 199"), ["user 199"]);
  assertEquals(under("user 1999"), []);
  assertEquals(under("").length, 405);
});

Deno.test("scan() visits no entry that is over", () => {
  const engine = new Engine();
  for (const key of keys("gone", 100)) engine.set(text(key), bytes(3), 0);
  engine.clear(utf8("gone"));
  engine.set(text("here"), bytes(3), 0);
  assertEquals([...walk(engine, 10, ALL)], ["here"]);
});

Deno.test("scan() looks at about as many entries as it is told, also where the index is almost empty", () => {
  const engineOf100_000 = new Engine();
  for (const key of keys("key", 100_000)) engineOf100_000.set(text(key), bytes(3), 0);
  let most = 0, calls = 0;
  for (let cursor = 0, isFirst = true; isFirst || cursor !== 0; isFirst = false) {
    let visits = 0;
    cursor = engineOf100_000.scan(cursor, 100, ALL, () => visits++);
    most = Math.max(most, visits);
    calls++;
  }
  // One bucket's chain may go beyond the count.
  assert(most < 140 && calls > 700, `${most} in one call, ${calls} calls`);

  // CLEAR leaves the index larger than what is in it; it shrinks later.
  const barely = new Engine();
  for (const key of keys("key", 100_000)) barely.set(text(key), bytes(3), 0);
  barely.clear(ALL);
  barely.set(text("one"), bytes(3), 0);
  while (barely.stats().entries > 1) barely.tidy(100);
  const buckets = barely.stats().entries / barely.stats().indexLoad / 10;
  assert(buckets > 1_000, `${buckets} buckets for one entry`);
  for (const [engine, prefix, steps] of [[engineOf100_000, "none", 100_000], [barely, "", buckets]] as const) {
    let calls = 0;
    for (let cursor = 0, isFirst = true; isFirst || cursor !== 0; isFirst = false) {
      cursor = engine.scan(cursor, 50, utf8(prefix), () => {});
      calls++;
    }
    assert(calls >= Math.floor(steps / 100), `${steps} entries or buckets in ${calls} calls`);
  }
});
