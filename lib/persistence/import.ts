/**
 * Fills a data directory from lines of JSON (entry_line.ts).
 *
 * They become its first snapshot, which gets its name only when every line has been read and found good: a bad one changes
 * nothing. A directory that holds something already is refused, so that nothing is replaced by mistake.
 *
 * @module
 */

import { ByteRange } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import { CryptomemError } from "../errors.ts";
import { MAX_IMPORT_LINE_BYTES } from "./limits.ts";
import { DataDirectory, latestGeneration } from "./data_directory.ts";
import type { Disk } from "./disk.ts";
import { type Line, parseLine } from "./entry_line.ts";
import { SnapshotWriter } from "./snapshot_writer.ts";

/** What an import did. */
export interface Import {
  /** Entries that were taken; of several with one key the last counts. */
  readonly entries: number;
  /** Entries that were left out because their time is over. */
  readonly expired: number;
  /** Whether the last line said how many there are. Without, nobody can tell whether lines are missing at the end. */
  readonly isWhole: boolean;
}

const LINE_FEED = 0x0a;
const NO_BYTES = new Uint8Array(0);

/**
 * Makes entries of lines the content of a directory.
 *
 * @param input the bytes of the lines, in pieces of any length
 * @throws CryptomemError `BAD_REQUEST` with the number of the first line that is bad; `STORAGE` if the directory is used,
 * holds something already, or cannot be written. Also what the input throws. Nothing has changed then
 */
export async function importEntries(disk: Disk, input: AsyncIterable<Uint8Array>, clock: Clock): Promise<Import> {
  const directory = await DataDirectory.open(disk);
  try {
    if (latestGeneration(await directory.generations()) > 0) {
      throw new CryptomemError("STORAGE", `Cannot import into ${disk.path}: it holds entries; name an empty directory`);
    }
    const importing = new Importing(new SnapshotWriter(disk, { generation: 1, takenUnixMs: clock.wallMs() }), clock);
    return await importing.run(input);
  } finally {
    directory.close();
  }
}

class Importing {
  readonly #writer: SnapshotWriter;
  readonly #clock: Clock;
  readonly #key = new ByteRange();
  readonly #value = new ByteRange();
  /** The beginning of a line whose end has not come yet. */
  #rest: Uint8Array[] = [];
  #restBytes = 0;
  #lines = 0;
  #entries = 0;
  #expired = 0;
  #isWhole = false;

  constructor(writer: SnapshotWriter, clock: Clock) {
    this.#writer = writer;
    this.#clock = clock;
  }

  async run(input: AsyncIterable<Uint8Array>): Promise<Import> {
    try {
      for await (const piece of input) {
        for (const line of this.#linesOf(piece)) {
          const room = this.#take(line);
          if (room !== undefined) await room;
        }
      }
      if (this.#restBytes > 0) await this.#take(this.#restAnd(NO_BYTES));
      await this.#writer.finish();
    } catch (error) {
      await this.#writer.abort();
      throw error;
    }
    return { entries: this.#entries, expired: this.#expired, isWhole: this.#isWhole };
  }

  /** The lines that end in a piece of the input; what is behind the last is kept for the next. */
  *#linesOf(piece: Uint8Array): Generator<Uint8Array> {
    let start = 0;
    for (let end = piece.indexOf(LINE_FEED); end >= 0; end = piece.indexOf(LINE_FEED, start)) {
      yield this.#restAnd(piece.subarray(start, end));
      start = end + 1;
    }
    if (start === piece.length) return;
    // A copy: whoever reads the input may use its buffer again.
    this.#rest.push(piece.slice(start));
    this.#restBytes += piece.length - start;
    if (this.#restBytes > MAX_IMPORT_LINE_BYTES) this.#take(this.#restAnd(NO_BYTES));
  }

  #restAnd(end: Uint8Array): Uint8Array {
    if (this.#restBytes === 0) return end;
    const line = new Uint8Array(this.#restBytes + end.length);
    let length = 0;
    for (const part of [...this.#rest, end]) {
      line.set(part, length);
      length += part.length;
    }
    this.#rest = [];
    this.#restBytes = 0;
    return line;
  }

  #take(bytes: Uint8Array): Promise<void> | undefined {
    this.#lines++;
    if (bytes.length > MAX_IMPORT_LINE_BYTES) throw this.#bad(`it is longer than ${MAX_IMPORT_LINE_BYTES} bytes`);
    const line = this.#parse(bytes);
    if (line === undefined) return undefined;
    if (this.#isWhole) throw this.#bad("nothing may come behind the line that tells how many entries there are");
    if (line.kind === "end") {
      const read = this.#entries + this.#expired;
      if (line.entries !== read) throw this.#bad(`there were ${read} entries before it, and it says ${line.entries}`);
      this.#isWhole = true;
    } else if (line.expiryUnixMs !== 0 && line.expiryUnixMs <= this.#clock.wallMs()) {
      this.#expired++;
    } else {
      this.#key.point(line.key, 0, line.key.length);
      this.#value.point(line.value, 0, line.value.length);
      this.#writer.add(this.#key, this.#value, line.expiryUnixMs);
      this.#entries++;
    }
    return this.#writer.room();
  }

  /** `undefined` for an empty line. */
  #parse(line: Uint8Array): Line | undefined {
    if (line.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x09)) return undefined;
    try {
      return parseLine(line);
    } catch (error) {
      if (error instanceof SyntaxError) throw this.#bad(error.message);
      throw error;
    }
  }

  #bad(state: string): CryptomemError {
    return new CryptomemError("BAD_REQUEST", `Cannot import line ${this.#lines}: ${state}`);
  }
}
