/**
 * The bytes of a file as a machine has them: those in its page cache, which every process sees, and those on the disk,
 * which alone are there after a power cut. What has not been synced may have reached the disk or not, each 512-byte
 * sector for itself, and so may the file's length.
 *
 * @module
 */
import type { Random } from "./random.ts";

/** What a disk writes as a whole or not at all. */
export const SECTOR_BYTES = 512;

/** What a sync will have made durable when it ends: everything as it was when it began. */
export interface SyncPoint {
  readonly stamp: number;
  readonly length: number;
  readonly sectors: readonly { readonly sector: number; readonly stamp: number; readonly bytes: Uint8Array }[];
}

/** A file that is kept in memory twice. */
export class CachedFile {
  /** Counts the changes, to tell those before a sync began from those after. */
  #stamp = 0;
  /** What processes see, with room behind it. */
  #cache: Uint8Array<ArrayBuffer> = new Uint8Array(SECTOR_BYTES);
  #length = 0;
  #durable: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** Sectors that differ from the disk's, with the stamp of their last change. */
  #dirty = new Map<number, number>();
  /** Lengths that the file has had since the last sync. */
  #lengths: { stamp: number; length: number }[] = [];
  /** What unsynced sectors held before they were cut away: the system may have written them in the meantime. */
  #cut: { stamp: number; sector: number; bytes: Uint8Array }[] = [];

  /** A file with these bytes, all of them durable. */
  static of(bytes: Uint8Array): CachedFile {
    const file = new CachedFile();
    file.#durable = new Uint8Array(bytes);
    file.#cache = new Uint8Array(Math.max(bytes.length, SECTOR_BYTES));
    file.#cache.set(bytes);
    file.#length = bytes.length;
    return file;
  }

  /** The same file in the same state, as it goes on when only its process has ended. */
  clone(): CachedFile {
    const copy = CachedFile.of(this.bytes());
    copy.#durable = this.#durable.slice();
    copy.#stamp = this.#stamp;
    copy.#dirty = new Map(this.#dirty);
    copy.#lengths = [...this.#lengths];
    copy.#cut = [...this.#cut];
    return copy;
  }

  get length(): number {
    return this.#length;
  }

  /** A copy of what processes see. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#cache.slice(0, this.#length);
  }

  /** A copy of what is certain to be on the disk. */
  durableBytes(): Uint8Array<ArrayBuffer> {
    return this.#durable.slice();
  }

  read(position: number, into: Uint8Array): number {
    const bytes = this.#cache.subarray(
      Math.min(position, this.#length),
      Math.min(position + into.length, this.#length),
    );
    into.set(bytes);
    return bytes.length;
  }

  append(bytes: Uint8Array): void {
    const end = this.#length + bytes.length;
    if (end > this.#cache.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.#cache.length));
      larger.set(this.#cache.subarray(0, this.#length));
      this.#cache = larger;
    }
    this.#cache.set(bytes, this.#length);
    this.#stamp++;
    for (let sector = sectorOf(this.#length); sector * SECTOR_BYTES < end; sector++) {
      this.#dirty.set(sector, this.#stamp);
    }
    this.#length = end;
    this.#lengths.push({ stamp: this.#stamp, length: end });
  }

  truncate(length: number): void {
    if (length >= this.#length) return;
    this.#stamp++;
    for (const sector of [...this.#dirty.keys()].filter((sector) => (sector + 1) * SECTOR_BYTES > length)) {
      this.#cut.push({ stamp: this.#stamp, sector, bytes: this.#sector(sector) });
      if (sector * SECTOR_BYTES >= length) this.#dirty.delete(sector);
      else this.#dirty.set(sector, this.#stamp);
    }
    this.#cache.fill(0, length, this.#length);
    this.#length = length;
    this.#lengths.push({ stamp: this.#stamp, length });
  }

  /** What a sync that begins now covers. */
  beginSync(): SyncPoint {
    const sectors = [...this.#dirty].map(([sector, stamp]) => ({ sector, stamp, bytes: this.#sector(sector) }));
    return { stamp: this.#stamp, length: this.#length, sectors };
  }

  /** The sync has ended well. */
  endSync(point: SyncPoint): void {
    const durable = new Uint8Array(point.length);
    durable.set(this.#durable.subarray(0, point.length));
    for (const { sector, stamp, bytes } of point.sectors) {
      place(durable, sector, bytes);
      if (this.#dirty.get(sector) === stamp) this.#dirty.delete(sector);
    }
    this.#durable = durable;
    this.#lengths = this.#lengths.filter(({ stamp }) => stamp > point.stamp);
    this.#cut = this.#cut.filter(({ stamp }) => stamp > point.stamp);
  }

  /**
   * The sync has failed, and the system takes the sectors for written all the same: they stay readable, and no later
   * sync will write them.
   */
  forgetSync(point: SyncPoint): void {
    for (const { sector, stamp } of point.sectors) if (this.#dirty.get(sector) === stamp) this.#dirty.delete(sector);
  }

  /** The file after a power cut, had the system just written everything it meant to write. */
  allWritten(): Uint8Array<ArrayBuffer> {
    const found = new Uint8Array(this.#length);
    found.set(this.#durable.subarray(0, this.#length));
    for (const sector of this.#dirty.keys()) place(found, sector, this.#sector(sector));
    return found;
  }

  /**
   * The file after a power cut in the middle of the system's writing.
   *
   * @param random decides what was written
   * @param stale bytes of another file, which a place that was given to this file but never written may still hold
   */
  someWritten(random: Random, stale: Uint8Array): Uint8Array<ArrayBuffer> {
    const found = new Uint8Array(this.#someLength(random));
    found.set(this.#durable.subarray(0, found.length));
    // Now nearly all, now hardly any: what lies in between hides rare states.
    const writtenOfTen = [1, 5, 9][random.below(3)]!;
    for (const sector of new Set([...this.#dirty.keys(), ...this.#cut.map((cut) => cut.sector)])) {
      const isNew = sector * SECTOR_BYTES >= this.#durable.length;
      if (random.below(10) < writtenOfTen) place(found, sector, this.#someVersion(sector, random));
      else if (isNew) place(found, sector, neverWritten(sector, random, stale));
    }
    return found;
  }

  #someLength(random: Random): number {
    const lengths = [this.#durable.length, ...this.#lengths.map(({ length }) => length)];
    if (random.below(4) > 0) return lengths[random.below(lengths.length)]!;
    const least = Math.ceil(lengths.reduce((a, b) => Math.min(a, b)) / SECTOR_BYTES);
    const most = Math.floor(lengths.reduce((a, b) => Math.max(a, b)) / SECTOR_BYTES);
    return least > most ? lengths[0]! : SECTOR_BYTES * (least + random.below(most - least + 1));
  }

  /** A state in which the sector may have been written: its last one, one before a cut, or one before the last appends. */
  #someVersion(sector: number, random: Random): Uint8Array {
    const versions = this.#cut.filter((cut) => cut.sector === sector).map(({ bytes }) => bytes);
    if (this.#dirty.has(sector)) {
      const last = this.#sector(sector);
      versions.push(last, last);
      const inside = this.#lengths.map(({ length }) => length - sector * SECTOR_BYTES)
        .filter((length) => length > 0 && length < SECTOR_BYTES);
      if (inside.length > 0) versions.push(last.slice().fill(0, inside[random.below(inside.length)]));
    }
    return versions[random.below(versions.length)]!;
  }

  /** A copy of a sector in the cache, with zeros behind the file's end. */
  #sector(sector: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(SECTOR_BYTES);
    bytes.set(this.#cache.subarray(sector * SECTOR_BYTES, Math.min((sector + 1) * SECTOR_BYTES, this.#length)));
    return bytes;
  }
}

function sectorOf(position: number): number {
  return Math.floor(position / SECTOR_BYTES);
}

/** Put a sector into a file, as far as the file goes. */
function place(file: Uint8Array, sector: number, bytes: Uint8Array): void {
  const position = sector * SECTOR_BYTES;
  if (position < file.length) file.set(bytes.subarray(0, file.length - position), position);
}

function neverWritten(sector: number, random: Random, stale: Uint8Array): Uint8Array {
  const kind = random.below(4);
  if (kind === 0) return random.bytes(SECTOR_BYTES);
  if (kind === 1) return stale.subarray(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES);
  return new Uint8Array(SECTOR_BYTES);
}
