/**
 * What the append log costs a request that changes something, without the disk: 16 PUTs of a key of 16 bytes and a value of
 * 100 in one turn of the event loop, their record and its checksums included; and what it takes to read them again.
 * `deno bench bench/append_log_bench.ts`
 *
 * @module
 */

import { ByteRange } from "../lib/bytes.ts";
import { systemClock, turnClock } from "../lib/clock.ts";
import { AppendLog, type LogMode } from "../lib/persistence/append_log.ts";
import type { Disk, DiskFile } from "../lib/persistence/disk.ts";
import { LogReader } from "../lib/persistence/log_reader.ts";
import { UnixTime } from "../lib/unix_time.ts";

const PUTS_PER_TURN = 16;
const KEY_BYTES = 16;
const VALUE_BYTES = 100;
const READ_PUTS = 160_000;

/** A file in memory, or one that forgets everything. */
class MemoryFile implements DiskFile {
  readonly name = "log-0000000001.cryptomem";
  readonly #bytes: Uint8Array;
  #length = 0;

  constructor(capacityBytes: number) {
    this.#bytes = new Uint8Array(capacityBytes);
  }

  size(): Promise<number> {
    return Promise.resolve(this.#length);
  }

  read(position: number, into: Uint8Array): Promise<number> {
    const bytes = this.#bytes.subarray(position, Math.min(this.#length, position + into.length));
    into.set(bytes);
    return Promise.resolve(bytes.length);
  }

  append(bytes: Uint8Array): Promise<number> {
    return Promise.resolve(this.appendSync(bytes));
  }

  appendSync(bytes: Uint8Array): number {
    if (this.#length + bytes.length <= this.#bytes.length) {
      this.#bytes.set(bytes, this.#length);
      this.#length += bytes.length;
    }
    return bytes.length;
  }

  sync(): Promise<void> {
    return Promise.resolve();
  }

  syncSync(): void {}

  truncate(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}
}

async function begin(mode: LogMode, file: DiskFile): Promise<AppendLog> {
  const done = (): Promise<void> => Promise.resolve();
  const disk: Disk = {
    path: "/memory",
    list: () => Promise.resolve([]),
    create: () => Promise.resolve(file),
    openAppend: () => Promise.resolve(file),
    openRead: () => Promise.resolve(file),
    rename: done,
    remove: done,
    syncDirectory: done,
    lock: () => Promise.resolve({ release: () => {} }),
  };
  const clock = turnClock(systemClock);
  return await AppendLog.begin(
    { disk, mode, clock, unixTime: new UnixTime(clock), startNextGeneration: done, log: () => {} },
    1,
  );
}

const source = crypto.getRandomValues(new Uint8Array(64 * 1024));
const key = new ByteRange();
const value = new ByteRange();
let at = 0;

/** One turn of a connection that has sent 16 SETs. */
async function turn({ journal }: AppendLog, expiryMs: number): Promise<void> {
  for (let put = 0; put < PUTS_PER_TURN; put++) {
    at = at + 1_543 & 0x7fff;
    key.point(source, at, KEY_BYTES);
    value.point(source, at + KEY_BYTES, VALUE_BYTES);
    journal.check();
    journal.put(key, value, expiryMs);
  }
  await undefined;
}

for (const mode of ["everysec", "always"] as const) {
  const log = await begin(mode, new MemoryFile(0));
  for (const expiryMs of [0, 60_000]) {
    const what = expiryMs === 0 ? "without expiry" : "with expiry";
    Deno.bench(`${mode}: a turn of ${PUTS_PER_TURN} PUTs ${what}`, async () => {
      await turn(log, expiryMs);
      await log.pending();
    });
  }
}

const written = new MemoryFile(READ_PUTS * 200);
const log = await begin("no", written);
for (let puts = 0; puts < READ_PUTS; puts += PUTS_PER_TURN) {
  await turn(log, 0);
  if (log.status().waitingBytes > 1e6) await log.whenIdle(() => {});
}
await log.close();
Deno.bench(`read ${READ_PUTS} PUTs`, async () => {
  const none = (): void => {};
  const reader = await LogReader.open(written);
  await reader.replay({ put: none, remove: none, expiry: none, clear: none, rename: none });
});
