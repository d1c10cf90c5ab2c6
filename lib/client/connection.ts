/**
 * One connection to a server: bytes out, replies in, and how it ended. It does not know what was asked.
 *
 * @module
 */

import { type Reply, ReplyReader, type Unreadable } from "./reply_reader.ts";
import type { Transport } from "./transport.ts";

/** How a connection ended, for the calls that it takes with it. */
export interface Ending {
  /**
   * `BAD_MAGIC` and `TOO_LARGE` are about the oldest reply that had not come yet; for the others it is simply
   * `DISCONNECTED`.
   */
  readonly code: "DISCONNECTED" | Unreadable["code"];
  /** The end of a sentence "Cannot get "k": …". */
  readonly state: string;
  /** The underlying error, if there is one. */
  readonly cause?: unknown;
}

/** Who is told what happens on a connection. Neither may throw. */
export interface ConnectionOwner {
  /** One reply, in the order of the requests. */
  onReply(reply: Reply): void;
  /** The connection is over; called once, and not after {@linkcode Connection.close}. */
  onEnd(connection: Connection, ending: Ending): void;
}

/** A connection that is open until it ends. */
export class Connection {
  readonly #transport: Transport;
  readonly #owner: ConnectionOwner;
  readonly #reader: ReplyReader;
  #writable = true;
  #closed = false;

  /** Settles when the connection is over and nothing of it is under way. Never rejects. */
  readonly finished: Promise<void>;

  /**
   * @param transport an open stream, which this connection closes
   * @param maxValueBytes longest value that a reply may announce
   */
  constructor(transport: Transport, maxValueBytes: number, owner: ConnectionOwner) {
    this.#transport = transport;
    this.#owner = owner;
    this.#reader = new ReplyReader(maxValueBytes);
    this.finished = this.#readReplies();
  }

  /** Whether what is written now has a chance to arrive. */
  get writable(): boolean {
    return this.#writable;
  }

  /** Whether a new one should take its place once nothing is under way. */
  get isWearingOut(): boolean {
    return this.#transport.isWearingOut === true;
  }

  /** Writes all of the bytes. Never rejects: a failure shows in {@linkcode writable}, and as the end. */
  async write(bytes: Uint8Array): Promise<void> {
    try {
      for (let written = 0; written < bytes.length;) {
        written += await this.#transport.write(written === 0 ? bytes : bytes.subarray(written));
      }
    } catch {
      // A server that refuses a request closes without reading the rest of it. Its answer may still be on the way
      // here, so the end is left to reading, which meets the broken stream too.
      this.#writable = false;
    }
  }

  /** Lets the process live, or die, while only this connection's read is under way. */
  keepProcessAlive(alive: boolean): void {
    if (this.#closed) return;
    if (alive) this.#transport.ref?.();
    else this.#transport.unref?.();
  }

  /** Ends the connection without a word to its owner. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#writable = false;
    try {
      // The read that closing interrupts must be able to end, even if nothing else is going on in the process.
      this.#transport.ref?.();
      this.#transport.close();
    } catch {
      // Closing what is broken already: nothing is left to be done about it.
    }
  }

  async #readReplies(): Promise<void> {
    const onReply = (reply: Reply) => this.#owner.onReply(reply);
    let ending: Ending | undefined;
    try {
      while (ending === undefined && !this.#closed) {
        const count = await this.#transport.read(this.#reader.room());
        if (count === null) ending = { code: "DISCONNECTED", state: "the server closed the connection" };
        else if (!this.#closed) ending = this.#reader.accept(count, onReply);
      }
    } catch (error) {
      ending = { code: "DISCONNECTED", state: `the connection broke (${messageOf(error)})`, cause: error };
    }
    if (this.#closed) return;
    this.close();
    this.#owner.onEnd(this, ending!);
  }
}

/** What an unknown thrown thing says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
