/**
 * Reads a connection by lines and by counts, for tests of protocols that mix the two.
 *
 * @module
 */

import { concat } from "@std/bytes";

const LF = 0x0a;

/** What bytes are read from. */
export interface ByteSource {
  read(buffer: Uint8Array): Promise<number | null>;
}

/** Takes bytes from the front of a source. */
export class ByteReader {
  readonly #source: ByteSource;
  readonly #buffer = new Uint8Array(64 * 1024);
  #waiting: Uint8Array = new Uint8Array(0);

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** Exactly so many bytes; fails if the source ends before. */
  async take(length: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let missing = length;
    while (missing > 0) {
      if (this.#waiting.length === 0) await this.#more();
      const part = this.#waiting.subarray(0, missing);
      parts.push(part);
      this.#waiting = this.#waiting.subarray(part.length);
      missing -= part.length;
    }
    return concat(parts);
  }

  /** All bytes before the next LF, which is taken too. */
  async takeLine(): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (;;) {
      const end = this.#waiting.indexOf(LF);
      if (end >= 0) {
        parts.push(this.#waiting.subarray(0, end));
        this.#waiting = this.#waiting.subarray(end + 1);
        return concat(parts);
      }
      parts.push(this.#waiting);
      await this.#more();
    }
  }

  /** What has been read and not been taken; for tests that nothing came. */
  get waitingBytes(): number {
    return this.#waiting.length;
  }

  async #more(): Promise<void> {
    const count = await this.#source.read(this.#buffer);
    if (count === null) throw new Error("the connection ended in the middle of a reply");
    this.#waiting = this.#buffer.slice(0, count);
  }
}
