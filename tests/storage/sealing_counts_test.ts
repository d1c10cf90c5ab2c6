/**
 * The engine counts by key what it holds, whichever way entries come, change and go. `verify()` walks all entries and
 * counts anew.
 */

import { assert, assertEquals } from "@std/assert";
import { ByteRange, utf8 } from "../../lib/bytes.ts";
import { CryptomemError } from "../../lib/errors.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { POLICY_NAMES } from "../../lib/storage/eviction/policy.ts";
import { envelopeLike } from "../support/envelopes.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { Random } from "../support/random.ts";
import { bytes, text } from "../support/ranges.ts";

const NOTHING = { entries: 0, bytes: 0 };

function sealed(keyId: number, length?: number): ByteRange {
  return ByteRange.of(envelopeLike(keyId, length));
}

Deno.test("an empty engine has sealed nothing", () => {
  assertEquals(new Engine().sealing(), { keys: [], otherKeys: NOTHING, unsealed: NOTHING });
});

Deno.test("entries are counted by the key they were sealed with, and those that were not", () => {
  const engine = new Engine();
  engine.set(text("a"), sealed(7, 50), 0);
  engine.set(text("b"), sealed(7, 60), 0);
  engine.set(text("c"), sealed(8), 0);
  engine.set(text("d"), text("plain"), 0);
  engine.increment(text("e"), 12, 0);
  assertEquals(engine.sealing(), {
    keys: [{ id: 7, entries: 2, bytes: 110 }, { id: 8, entries: 1, bytes: 46 }],
    otherKeys: NOTHING,
    unsealed: { entries: 2, bytes: 7 },
  });
});

const OLD = 7, NEW = 8;
/** What one entry of 46 bytes, sealed with the old key, becomes. */
const CHANGES: Readonly<Record<string, (engine: Engine, clock: FakeClock) => unknown>> = {
  "set in place": (engine) => engine.set(text("k"), sealed(NEW), 0),
  "set to another size": (engine) => engine.set(text("k"), sealed(NEW, 500), 0),
  "set to what is no envelope": (engine) => engine.set(text("k"), bytes(46, 0x20), 0),
  "update in place": (engine) => engine.update(text("k"), sealed(NEW)),
  "update to another size": (engine) => engine.update(text("k"), sealed(NEW, 47)),
  "replace": (engine) => engine.replace(text("k"), sealed(NEW), 0),
  "swap": (engine) => engine.swap(text("k"), sealed(NEW), 0, new ByteRange()),
  "compareAndSet": (engine) => engine.compareAndSet(text("k"), engine.version(text("k")), sealed(NEW), 0),
  "append": (engine) => engine.append(text("k"), text("tail")),
  "setRange over the key id": (engine) => engine.setRange(text("k"), 1, bytes(4, 0xff)),
  "setRange over the mark": (engine) => engine.setRange(text("k"), 0, text("no")),
  "delete": (engine) => engine.delete(text("k")),
  "take": (engine) => engine.take(text("k"), new ByteRange()),
  "clear": (engine) => engine.clear(utf8("k")),
  "expiry, noticed by a set": (engine, clock) => {
    engine.touch(text("k"), 10);
    clock.advance(10);
    engine.set(text("k"), sealed(NEW), 0);
  },
  "expiry, noticed by tidy()": (engine, clock) => {
    engine.touch(text("k"), 10);
    clock.advance(1_000);
    while (engine.tidy(100));
  },
  "a large value": (engine) => engine.set(text("k"), sealed(NEW, 3_000_000), 0),
};

for (const [name, change] of Object.entries(CHANGES)) {
  Deno.test(`counts by key follow ${name}`, async () => {
    const clock = new FakeClock();
    const engine = new Engine({ clock, segmentBytes: 1024 });
    engine.set(text("k"), sealed(OLD), 0);
    engine.set(text("other"), sealed(OLD), 0);
    await change(engine, clock);
    engine.verify();
    const { keys, unsealed } = engine.sealing();
    const isThere = engine.exists(text("k"));
    assertEquals(keys.reduce((sum, { entries }) => sum + entries, unsealed.entries), isThere ? 2 : 1);
    assertEquals(keys.find(({ id }) => id === OLD)!.entries, name === "append" ? 2 : 1);
    engine.delete(text("other"));
    engine.delete(text("k"));
    assertEquals(engine.sealing(), { keys: [], otherKeys: NOTHING, unsealed: NOTHING });
  });
}

const STEPS = 30_000;
const STEPS_PER_VERIFY = 1_500;

for (const policy of POLICY_NAMES) {
  for (const ids of [2, 600]) {
    Deno.test(`counts by key are exact under random operations, ${ids} ids and policy ${policy}`, async () => {
      const random = new Random(), clock = new FakeClock(), found = new ByteRange();
      const engine = new Engine({ clock, maxMemoryBytes: 1024 * 1024, segmentBytes: 8192, policy });
      for (let step = 1; step <= STEPS; step++) {
        const key = text(`${random.below(7)}:${random.below(900)}`);
        const length = 40 + random.below(random.below(8) === 0 ? 6_000 : 60);
        const value = random.below(5) === 0 ? bytes(length, random.below(256)) : sealed(random.below(ids), length);
        const ttlMs = random.below(3) === 0 ? 1 + random.below(5_000) : 0;
        try {
          switch (random.below(12)) {
            case 0:
              engine.delete(key);
              break;
            case 1:
              engine.take(key, found);
              break;
            case 2:
              engine.swap(key, value, ttlMs, found);
              break;
            case 3:
              engine.update(key, value);
              break;
            case 4:
              engine.append(key, bytes(random.below(20)));
              break;
            case 5:
              engine.setRange(key, random.below(60), bytes(1 + random.below(8), 0xf5));
              break;
            case 6:
              engine.compareAndSet(key, engine.version(key), value, ttlMs);
              break;
            case 7:
              clock.advance(random.below(100));
              engine.tidy(20);
              break;
            case 8:
              if (random.below(100) === 0) await clearAll(engine, utf8(`${random.below(7)}:`));
              break;
            default:
              engine.set(key, value, ttlMs);
          }
        } catch (error) {
          if (!(error instanceof CryptomemError && error.code === "OUT_OF_MEMORY")) throw error;
        }
        if (step % STEPS_PER_VERIFY === 0) verify(engine, `seed ${random.seed}, step ${step}`);
      }
      const { evicted, expired } = engine.stats();
      assert(expired > 0 && (evicted > 0 || policy === "none"), `seed ${random.seed}: it met no expiry or no eviction`);
      await clearAll(engine, utf8(""));
      assertEquals(engine.sealing(), { keys: [], otherKeys: NOTHING, unsealed: NOTHING }, `seed ${random.seed}`);
    });
  }
}

function verify(engine: Engine, where: string): void {
  try {
    engine.verify();
  } catch (error) {
    throw new Error(where, { cause: error });
  }
}

/** Clears while others write. */
async function clearAll(engine: Engine, prefix: Uint8Array): Promise<void> {
  let isDone = false;
  const cleared = engine.clear(prefix).then(() => isDone = true);
  for (await Promise.resolve(); !isDone; await Promise.resolve()) engine.tidy(50);
  await cleared;
}
