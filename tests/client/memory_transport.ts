/**
 * A stream in memory whose other end is the test: no socket, no permission, nothing that happens by itself.
 *
 * @module
 */

import type { Transport } from "../../lib/client/transport.ts";
import { concat, type Request, requestsIn } from "./frames.ts";

/** A {@linkcode Transport} that a test reads and feeds. */
export class MemoryTransport implements Transport {
  /** What each write brought. */
  readonly writes: Uint8Array[] = [];
  /** At most so many bytes are taken by one write. */
  maxWriteBytes = Infinity;
  /** Writes fail with this. */
  writeError: Error | undefined = undefined;
  closed = false;
  /** Whether a read under way would keep the process alive. */
  keepsProcessAlive = true;
  /** Answers each request as it arrives, unless it gives no reply. */
  answer: (request: Request) => Uint8Array | undefined = () => undefined;

  #answered = 0;
  #incoming: Uint8Array = new Uint8Array(0);
  #end: Error | null | undefined = undefined;
  #reading: (() => void) | undefined = undefined;
  #resumeWrites: (() => void) | undefined = undefined;
  #held: Promise<void> | undefined = undefined;

  /** All requests received so far. */
  get requests(): Request[] {
    return requestsIn(concat(...this.writes)).requests;
  }

  /** The client receives these bytes. */
  feed(...parts: readonly Uint8Array[]): void {
    this.#incoming = concat(this.#incoming, ...parts);
    this.#reading?.();
  }

  /** The server closes the connection; or, with an error, the connection breaks. */
  end(error: Error | null = null): void {
    this.#end = error;
    this.#reading?.();
  }

  /** Writes wait until the returned function is called. */
  holdWrites(): () => void {
    this.#held = new Promise((resolve) => this.#resumeWrites = resolve);
    return () => {
      this.#held = undefined;
      this.#resumeWrites?.();
    };
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#incoming.length === 0) {
      if (this.closed) throw new Error("operation canceled");
      if (this.#end !== undefined) {
        if (this.#end === null) return null;
        throw this.#end;
      }
      await new Promise<void>((resolve) => this.#reading = resolve);
    }
    const count = Math.min(buffer.length, this.#incoming.length);
    buffer.set(this.#incoming.subarray(0, count));
    this.#incoming = this.#incoming.subarray(count);
    return count;
  }

  async write(bytes: Uint8Array): Promise<number> {
    await this.#held;
    if (this.closed) throw new Error("operation canceled");
    if (this.writeError !== undefined) throw this.writeError;
    const taken = bytes.slice(0, this.maxWriteBytes);
    this.writes.push(taken);
    for (const request of this.requests.slice(this.#answered)) {
      this.#answered++;
      const reply = this.answer(request);
      if (reply !== undefined) this.feed(reply);
    }
    return taken.length;
  }

  close(): void {
    this.closed = true;
    this.#reading?.();
    this.#resumeWrites?.();
  }

  ref(): void {
    this.keepsProcessAlive = true;
  }

  unref(): void {
    this.keepsProcessAlive = false;
  }
}

/** Lets everything happen that does not wait for the test. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await null;
}

/** Lets the event loop turn until something has come about that takes the engine's other threads, as WebCrypto does. */
export async function until(isSo: () => boolean): Promise<void> {
  for (let i = 0; i < 10_000; i++) {
    if (isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  throw new Error(`It did not come about: ${isSo}`);
}
