/** How much of the memory taken is alive after ten turnovers of entries of very different sizes. */

import { assert } from "@std/assert";
import { ByteRange } from "../../lib/bytes.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { Random } from "../support/random.ts";
import { text } from "../support/ranges.ts";

const TURNOVERS = 10;
const MAX_MEMORY_BYTES = 64 * 1024 * 1024;
const MAX_VALUE_BYTES = 64 * 1024;
const MIN_LIVE_SHARE = 0.85;

for (const policy of ["s3-fifo", "lru", "lfu", "ttl", "random"] as const) {
  Deno.test(`${policy}: after ten turnovers of values of 1 B to 64 KiB, 85 % of the memory taken is alive`, () => {
    const random = new Random();
    const engine = new Engine({ maxMemoryBytes: MAX_MEMORY_BYTES, policy });
    const value = new ByteRange(), bytes = new Uint8Array(MAX_VALUE_BYTES);
    let lowest = 1;
    for (let written = 0, i = 0; written < (TURNOVERS + 2) * MAX_MEMORY_BYTES; i++) {
      value.point(bytes, 0, 1 + random.below(MAX_VALUE_BYTES));
      engine.set(text(`key ${i}`), value, 1_000_000 + random.below(1_000_000));
      written += value.length;
      if (written < TURNOVERS * MAX_MEMORY_BYTES) continue;
      // Entries, with their headers, of all that was taken: segments, index, what the policy keeps.
      const { keyBytes, valueBytes, overheadBytes, memoryBytes } = engine.stats();
      lowest = Math.min(lowest, (keyBytes + valueBytes + overheadBytes) / memoryBytes);
    }
    assert(lowest >= MIN_LIVE_SHARE, `seed ${random.seed}: ${lowest} at the lowest of two turnovers`);
    engine.verify();
  });
}
