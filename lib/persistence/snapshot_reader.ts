/**
 * Reads a snapshot (snapshot_layout.ts): tells its entries, and refuses whatever is not as it was written.
 *
 * Entries of a block are told when the block has been checked, before the blocks behind it have been read: whoever loads
 * a snapshot must not serve anything of it until {@linkcode SnapshotReader.read} has resolved. So that much need not be
 * held twice, and a damaged snapshot still gives what is before the damage to who asks for that (repair.ts).
 *
 * @module
 */

import { crc32 } from "./checksum.ts";
import { type DiskFile, readAll } from "./disk.ts";
import {
  BLOCK_HEADER_BYTES,
  blockLength,
  bodyChecksum,
  END_BODY_BYTES,
  END_LENGTH,
  type EntryVisitor,
  readEnd,
  readEntries,
  readSnapshotHeader,
  SNAPSHOT_HEADER_BYTES,
  type SnapshotHeader,
} from "./snapshot_layout.ts";
import { SNAPSHOT_BLOCK_BYTES } from "./limits.ts";
import { UnusableFileError } from "./unusable_file.ts";

const NO_BYTES = new Uint8Array(0);

/** A block that has been read and checked. */
interface Block {
  /** Where in the file its header begins. */
  readonly offset: number;
  /** Whether it is the one that ends the snapshot. */
  readonly isLast: boolean;
  readonly bodyBytes: number;
  /** Its body, and behind it the header of the next block. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Reads one snapshot from its beginning to its end. */
export class SnapshotReader {
  /** What the snapshot says of itself. */
  readonly header: SnapshotHeader;
  /** Blocks whose entries have been told. */
  blocks = 0;
  /** Entries that have been told. */
  entries = 0;
  /** Whether it was found to have all its entries; what may still be wrong is that something lies behind its end. */
  isComplete = false;
  readonly #file: DiskFile;
  readonly #fileBytes: number;
  /** The buffer of a block whose entries have been told. */
  #spare: Uint8Array<ArrayBuffer> = NO_BYTES;

  private constructor(file: DiskFile, fileBytes: number, header: SnapshotHeader) {
    this.#file = file;
    this.#fileBytes = fileBytes;
    this.header = header;
  }

  /**
   * Begins with a snapshot's header.
   *
   * @param file stays open, and is read by nobody else until {@linkcode SnapshotReader.read} has ended
   * @throws {UnusableFileError} if it is no snapshot, of another version, or its header is damaged
   */
  static async open(file: DiskFile): Promise<SnapshotReader> {
    const header = new Uint8Array(SNAPSHOT_HEADER_BYTES);
    const length = await readAll(file, 0, header);
    return new SnapshotReader(file, await file.size(), readSnapshotHeader(header.subarray(0, length), file.name));
  }

  /**
   * Tells all entries.
   *
   * @returns how many there were: all that were written, and each as it was
   * @throws {UnusableFileError} at the first byte that is not as it was written; entries before it have been told. Also
   * what `visit` and the disk throw
   */
  async read(visit: EntryVisitor): Promise<number> {
    const header = new Uint8Array(BLOCK_HEADER_BYTES);
    const length = await readAll(this.#file, SNAPSHOT_HEADER_BYTES, header);
    let block = await this.#readBlock(0, SNAPSHOT_HEADER_BYTES, header.subarray(0, length));
    while (!block.isLast) {
      const { offset, bodyBytes, bytes } = block;
      const nextOffset = offset + BLOCK_HEADER_BYTES + bodyBytes;
      // The disk reads it while the entries of this one are told.
      const next = this.#readBlock(this.blocks + 1, nextOffset, bytes.subarray(bodyBytes));
      try {
        const told = readEntries(bytes, bodyBytes, visit);
        if (told < 0) throw this.#damage(offset, "the block is whole but its entries are not");
        this.entries += told;
        this.blocks++;
      } catch (error) {
        // Nobody may close a file that is being read.
        await next.catch(() => {});
        throw error;
      }
      block = await next;
      this.#spare = bytes;
    }
    this.#checkEnd(block);
    return this.entries;
  }

  /** @param header of the block, or what there is of it */
  async #readBlock(number: number, offset: number, header: Uint8Array): Promise<Block> {
    if (header.length < BLOCK_HEADER_BYTES) throw this.#damage(offset, "it ends before its last block");
    const length = blockLength(header, this.header.generation, number);
    if (length < 0) throw this.#damage(offset, "no block begins there");
    const checksum = bodyChecksum(header);
    const isLast = length === END_LENGTH, bodyBytes = isLast ? END_BODY_BYTES : length;
    // Nothing is allocated for what the file does not have.
    if (offset + BLOCK_HEADER_BYTES + bodyBytes > this.#fileBytes) throw this.#damage(offset, "it ends in this block");
    const buffer = this.#bufferFor(bodyBytes + BLOCK_HEADER_BYTES);
    const arrived = await readAll(this.#file, offset + BLOCK_HEADER_BYTES, buffer);
    const bytes = buffer.subarray(0, arrived);
    if (arrived < bodyBytes || crc32(bytes.subarray(0, bodyBytes)) !== checksum) {
      throw this.#damage(offset, "the checksum of this block does not fit");
    }
    return { offset, isLast, bodyBytes, bytes };
  }

  #bufferFor(length: number): Uint8Array<ArrayBuffer> {
    const spare = new Uint8Array(this.#spare.buffer);
    this.#spare = NO_BYTES;
    return (spare.length < length ? new Uint8Array(Math.max(length, SNAPSHOT_BLOCK_BYTES)) : spare).subarray(0, length);
  }

  #checkEnd(last: Block): void {
    const end = readEnd(last.bytes);
    if (end.entries !== this.entries || end.blocks !== this.blocks) {
      throw this.#damage(last.offset, `it holds ${this.entries} entries, and should hold ${end.entries}`);
    }
    this.isComplete = true;
    const endOffset = last.offset + BLOCK_HEADER_BYTES + END_BODY_BYTES;
    if (endOffset < this.#fileBytes) throw this.#damage(endOffset, "bytes lie behind its end");
  }

  #damage(offset: number, finding: string): UnusableFileError {
    return new UnusableFileError(this.#file.name, "damaged", offset, finding);
  }
}
