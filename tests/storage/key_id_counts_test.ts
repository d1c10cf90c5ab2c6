import { assertEquals } from "@std/assert";
import { ByteRange } from "../../lib/bytes.ts";
import { MAX_COUNTED_KEY_IDS } from "../../lib/limits.ts";
import { KeyIdCounts } from "../../lib/storage/key_id_counts.ts";
import { envelopeLike } from "../support/envelopes.ts";
import { Random } from "../support/random.ts";

const NOTHING = { entries: 0, bytes: 0 };

function add(counts: KeyIdCounts, value: Uint8Array): void {
  counts.add(value, 0, value.length);
}

function remove(counts: KeyIdCounts, value: Uint8Array): void {
  counts.remove(value, 0, value.length);
}

/** Makes up ids until no more get counts of their own. */
function fill(counts: KeyIdCounts): void {
  for (let id = 0; id < MAX_COUNTED_KEY_IDS; id++) add(counts, envelopeLike(id));
}

Deno.test("KeyIdCounts tells entries and bytes of each id, the most entries first", () => {
  const counts = new KeyIdCounts();
  add(counts, envelopeLike(7, 50));
  add(counts, envelopeLike(0xffff_ffff, 46, 0xf5));
  add(counts, envelopeLike(0xffff_ffff, 100));
  assertEquals(counts.keys, [{ id: 0xffff_ffff, entries: 2, bytes: 146 }, { id: 7, entries: 1, bytes: 50 }]);
  assertEquals(counts.others, NOTHING);
});

Deno.test("KeyIdCounts does not count what is no envelope", () => {
  const counts = new KeyIdCounts();
  for (const value of [new Uint8Array(0), envelopeLike(7, 45), new Uint8Array(100).fill(0xc2)]) {
    add(counts, value);
    remove(counts, value);
  }
  const inside = new Uint8Array(200);
  inside.set(envelopeLike(7), 100);
  counts.add(inside, 0, 200);
  assertEquals([counts.keys, counts.others], [[], NOTHING]);
  counts.add(inside, 100, 46);
  assertEquals(counts.keys, [{ id: 7, entries: 1, bytes: 46 }]);
});

Deno.test("KeyIdCounts forgets an id with its last entry", () => {
  const counts = new KeyIdCounts();
  const value = envelopeLike(7);
  add(counts, value);
  add(counts, value);
  remove(counts, value);
  assertEquals(counts.keys, [{ id: 7, entries: 1, bytes: 46 }]);
  remove(counts, value);
  assertEquals(counts.keys, []);
});

Deno.test("KeyIdCounts moves an entry from one id to another, from and to no envelope", () => {
  const counts = new KeyIdCounts();
  const values = [
    envelopeLike(7, 50),
    envelopeLike(8, 60),
    new Uint8Array(3),
    envelopeLike(8, 70),
    envelopeLike(8, 46),
  ];
  add(counts, values[0]!);
  const seen = values.slice(1).map((value, i) => {
    counts.replace(values[i]!, 0, values[i]!.length, ByteRange.of(value));
    return counts.keys.map(({ id, entries, bytes }) => [id, entries, bytes]);
  });
  assertEquals(seen, [[[8, 1, 60]], [], [[8, 1, 70]], [[8, 1, 46]]]);
});

Deno.test("KeyIdCounts counts ids beyond its bound together, until the last of them has gone", () => {
  const counts = new KeyIdCounts();
  fill(counts);
  add(counts, envelopeLike(1_000, 50));
  add(counts, envelopeLike(1_001, 60));
  assertEquals([counts.keys.length, counts.others], [MAX_COUNTED_KEY_IDS, { entries: 2, bytes: 110 }]);

  // A place has come free, but 1,000 has an entry that is counted together with others: its next ones are too.
  remove(counts, envelopeLike(0));
  add(counts, envelopeLike(1_000, 50));
  assertEquals([counts.keys.length, counts.others], [MAX_COUNTED_KEY_IDS - 1, { entries: 3, bytes: 160 }]);

  // An id that has its own keeps it.
  add(counts, envelopeLike(1));
  assertEquals(counts.keys[0], { id: 1, entries: 2, bytes: 92 });

  remove(counts, envelopeLike(1_000, 50));
  remove(counts, envelopeLike(1_000, 50));
  remove(counts, envelopeLike(1_001, 60));
  assertEquals(counts.others, NOTHING);
  add(counts, envelopeLike(1_000, 50));
  add(counts, envelopeLike(1_000, 50));
  assertEquals(counts.keys.find(({ id }) => id === 1_000), { id: 1_000, entries: 2, bytes: 100 });
});

Deno.test("KeyIdCounts stays small under a stream of ids that never ends", () => {
  const counts = new KeyIdCounts();
  for (let id = 0; id < 100_000; id++) {
    add(counts, envelopeLike(id));
    remove(counts, envelopeLike(id));
  }
  assertEquals([counts.keys, counts.others], [[], NOTHING]);
  for (let id = 0; id < 100_000; id++) add(counts, envelopeLike(id));
  const together = 100_000 - MAX_COUNTED_KEY_IDS;
  assertEquals(
    [counts.keys.length, counts.others],
    [MAX_COUNTED_KEY_IDS, { entries: together, bytes: together * 46 }],
  );
});

Deno.test("KeyIdCounts is exact under random changes, whichever ids have counts of their own", () => {
  const random = new Random();
  for (const ids of [1, 3, 200, 400]) {
    const counts = new KeyIdCounts();
    const held: Uint8Array[] = [];
    const draw = () => {
      const length = 40 + random.below(60);
      return random.below(4) === 0 ? random.bytes(length) : envelopeLike(random.below(ids) * 0x00ff_ffff, length);
    };
    for (let step = 0; step < 20_000; step++) {
      // Grows, then shrinks, then grows: so places come free while others are counted together.
      const grows = Math.floor(step / 2_500) % 2 === 0;
      const at = random.below(held.length), choice = random.below(10);
      if (held.length === 0 || choice < (grows ? 6 : 2)) {
        held.push(draw());
        add(counts, held.at(-1)!);
      } else if (choice < 8) {
        remove(counts, held[at]!);
        held[at] = held.at(-1)!;
        held.pop();
      } else {
        const value = draw();
        counts.replace(held[at]!, 0, held[at]!.length, ByteRange.of(value));
        held[at] = value;
      }
      if (step % 500 === 499) assertCounts(counts, held, `seed ${random.seed}, ${ids} ids, step ${step}`);
    }
  }
});

function assertCounts(counts: KeyIdCounts, held: readonly Uint8Array[], where: string): void {
  const counted = new Map<number, { entries: number; bytes: number }>();
  for (const value of held) {
    if (value.length < 46 || value[0] !== 0xc1 && value[0] !== 0xf5) continue;
    const id = new DataView(value.buffer).getUint32(1);
    const { entries, bytes } = counted.get(id) ?? NOTHING;
    counted.set(id, { entries: entries + 1, bytes: bytes + value.length });
  }
  for (const { id, entries, bytes } of counts.keys) {
    assertEquals({ entries, bytes }, counted.get(id), `id ${id}, ${where}`);
    counted.delete(id);
  }
  let entries = 0, bytes = 0;
  for (const one of counted.values()) {
    entries += one.entries;
    bytes += one.bytes;
  }
  assertEquals(counts.others, { entries, bytes }, where);
}
