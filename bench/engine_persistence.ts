/**
 * What keeping its entries costs the engine, disks aside: to tell a journal of every change, and to load entries.
 *
 * @module
 */

import type { ByteRange } from "../lib/bytes.ts";
import { systemClock, turnClock } from "../lib/clock.ts";
import { SNAPSHOT_BLOCK_BYTES } from "../lib/persistence/limits.ts";
import { LogFile } from "../lib/persistence/log_file.ts";
import { LogJournal } from "../lib/persistence/log_journal.ts";
import { LOG_HEADER_BYTES } from "../lib/persistence/log_layout.ts";
import { ENTRY_HEADER_BYTES, readEntries, writeEntry } from "../lib/persistence/snapshot_layout.ts";
import { Engine } from "../lib/storage/engine.ts";
import type { Journal } from "../lib/storage/journal.ts";
import { UnixTime } from "../lib/unix_time.ts";
import { EngineLoad } from "./engine_load.ts";
import { type Figure, nsPerOperation } from "./figure.ts";

const FEW = 1_000;
const MANY = 1_000_000;
const IN_CACHE_PASSES = 2_000;
const WARM_UP_ENTRIES = 50_000;
/** A million entries of 100 B a second. */
const MAX_LOAD_NS = 1_000;

/** Makes the records of an append log, which nobody writes. */
function encodingJournal(): Journal {
  const log = LogFile.plan({ generation: 1, begunUnixMs: 0, previousBytes: 0 });
  const onRecord = (): void => {
    for (const buffer of journal.take()) {
      journal.takenBytes -= buffer.length;
      journal.recycle(buffer);
    }
  };
  const journal = new LogJournal({ unixTime: new UnixTime(turnClock(systemClock)), onRecord }, log, LOG_HEADER_BYTES);
  return journal;
}

/** In cache, so that nothing hides what is told. */
export function journaledInCache(): Figure[] {
  const figures: Figure[] = [];
  for (const isTold of [false, true]) {
    const load = new EngineLoad({ count: FEW }), counters = new EngineLoad({ count: FEW });
    if (isTold) load.engine.journal = counters.engine.journal = encodingJournal();
    const setAll = () => {
      for (let i = 0; i < IN_CACHE_PASSES; i++) load.setAll();
    };
    const incrementAll = () => {
      for (let i = 0; i < IN_CACHE_PASSES; i++) counters.incrementAll();
    };
    load.insertAll();
    setAll();
    incrementAll();
    const how = isTold ? "recorded" : "told nobody";
    figures.push({ name: `set in place, ${how}`, value: nsPerOperation(FEW * IN_CACHE_PASSES, setAll), unit: "ns" });
    figures.push({ name: `increment, ${how}`, value: nsPerOperation(FEW * IN_CACHE_PASSES, incrementAll), unit: "ns" });
  }
  return figures;
}

/** A million entries, each change recorded. */
export function journaledMillion(): Figure[] {
  const make = (count: number) => {
    const load = new EngineLoad({ count, withTtl: true });
    load.engine.journal = encodingJournal();
    return load;
  };
  const warmUp = make(WARM_UP_ENTRIES);
  warmUp.insertAll();
  for (let i = 0; i < 3; i++) warmUp.setAll();
  warmUp.deleteAll();
  const load = make(MANY);
  const insert = nsPerOperation(MANY, () => load.insertAll());
  load.shuffle();
  const set = nsPerOperation(MANY, () => load.setAll());
  load.shuffle();
  const remove = nsPerOperation(MANY, () => load.deleteAll());
  return [
    { name: "insert, from empty", value: insert, unit: "ns" },
    { name: "random set in place, with another expiry", value: set, unit: "ns" },
    { name: "random delete", value: remove, unit: "ns" },
  ];
}

/** As a recovery does it: entries from the bytes of a snapshot, whose order means nothing to who loads them. */
export function loading(): Figure[] {
  const blocks = encodedEntries();
  const measured = () => {
    const engine = new Engine({ clock: turnClock(systemClock) });
    const put = (key: ByteRange, value: ByteRange, expiryMs: number) => engine.replay.put(key, value, expiryMs);
    const ns = nsPerOperation(MANY, () => {
      for (const bytes of blocks) readEntries(bytes, bytes.length, put);
    });
    if (engine.stats().entries !== MANY) throw new Error("Cannot go on: not all entries were loaded");
    return ns;
  };
  measured();
  return [{
    name: "an entry, without reading and checking the file",
    value: measured(),
    unit: "ns",
    atMost: MAX_LOAD_NS,
  }];
}

function encodedEntries(): Uint8Array[] {
  const load = new EngineLoad({ count: MANY, withTtl: true });
  load.insertAll();
  const blocks: Uint8Array[] = [];
  const block = new Uint8Array(SNAPSHOT_BLOCK_BYTES);
  let end = 0;
  const snapshot = load.engine.beginSnapshot({
    add(key, value, expiryMs) {
      if (end + ENTRY_HEADER_BYTES + key.length + value.length > block.length) {
        blocks.push(block.slice(0, end));
        end = 0;
      }
      end = writeEntry(block, end, key, value, expiryMs);
    },
  });
  while (snapshot.step(MANY));
  blocks.push(block.slice(0, end));
  return blocks;
}
