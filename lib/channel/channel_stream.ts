/**
 * The stream of bytes inside of a secure channel, once its handshake is done. What is written becomes records, what is
 * read comes from records; which bytes end up in which record means nothing to either side.
 *
 * Any failure closes it: its keys are dropped, the other side is sent nothing about it, and whatever is asked of it
 * afterwards fails alike.
 *
 * @module
 */

import type { Clock, Timer } from "../clock.ts";
import type { Bytes } from "../crypto/subtle.ts";
import { MAX_CHANNEL_AGE_MS, MAX_CHANNEL_CLOSE_MS, MAX_RECORD_BODY_BYTES } from "../limits.ts";
import { type ByteStream, closeQuietly, writeAll } from "./byte_stream.ts";
import { ChannelError } from "./channel_error.ts";
import { type CipherState, TAG_BYTES } from "./cipher_state.ts";
import { giveRecord, takeRecord } from "./record_buffers.ts";
import { HEADER_BYTES, Opcode, RECORD_OVERHEAD_BYTES, writeHeader } from "./record_layout.ts";
import { RecordReader } from "./record_reader.ts";

/** How a channel is used. */
export interface ChannelOptions {
  readonly clock: Clock;
  /** Longest body of a record that the other side takes, in bytes. */
  readonly maxSentBodyBytes: number;
  /** What holds until {@linkcode ChannelStream.authenticated}. Default: nothing else. */
  readonly unauthenticated?: UnauthenticatedLimits;
}

/** Limits of a channel on which the client has not said who it is. */
export interface UnauthenticatedLimits {
  /** On the client: longest body that the server takes. */
  readonly maxSentBodyBytes?: number;
  /** On the server: longest body that it takes. */
  readonly maxReceivedBodyBytes?: number;
  /** On the server: when, by the clock, the channel is closed. Default: never. */
  readonly endMs?: number;
}

/** A record's plaintext; `undefined` if it is not the next one that was sent. */
type Opened = Bytes | undefined;
type Opening = Opened | Promise<Opened>;

/** The plaintext of the record that ends a direction. No other record is empty. */
const CLOSE: Bytes = new Uint8Array(0);

/**
 * Both directions of a channel. One read at a time; any number of writes, which arrive in the order of their calls.
 * The bytes given to a write must stay as they are until it settles.
 */
export class ChannelStream implements ByteStream {
  readonly #stream: ByteStream;
  readonly #sending: CipherState;
  readonly #receiving: CipherState;
  readonly #clock: Clock;
  readonly #endMs: number;
  readonly #finalMaxSentBodyBytes: number;
  #maxSentBodyBytes: number;
  #maxReceivedBodyBytes: number;
  #isAuthenticated: boolean;
  #deadline: Timer | undefined;
  readonly #records = new RecordReader();
  /** The part of an opened record for which the reader had no room. */
  #rest: Uint8Array | undefined;
  /** The other side has said that nothing more comes. */
  #isPeerDone = false;
  /** This side has said so, or is about to. */
  #isDone = false;
  #isClosed = false;
  #failure: ChannelError | undefined;
  #isWriting = false;
  /** What begins the writes that wait for their turn, in their order. */
  readonly #waiting: (() => void)[] = [];

  /**
   * @param stream belongs to the channel from now on
   * @param sending the direction from here, for sealing
   * @param receiving the direction to here, for opening
   */
  constructor(stream: ByteStream, sending: CipherState, receiving: CipherState, options: ChannelOptions) {
    const { clock, maxSentBodyBytes, unauthenticated } = options;
    this.#stream = stream;
    this.#sending = sending;
    this.#receiving = receiving;
    this.#clock = clock;
    this.#endMs = clock.nowMs() + MAX_CHANNEL_AGE_MS;
    this.#finalMaxSentBodyBytes = maxSentBodyBytes;
    this.#maxSentBodyBytes = unauthenticated?.maxSentBodyBytes ?? maxSentBodyBytes;
    this.#maxReceivedBodyBytes = unauthenticated?.maxReceivedBodyBytes ?? MAX_RECORD_BODY_BYTES;
    this.#isAuthenticated = unauthenticated === undefined;
    if (unauthenticated?.endMs !== undefined) {
      this.#deadline = clock.schedule(unauthenticated.endMs - clock.nowMs(), () => {
        this.#fail(new ChannelError("timeout", "the client has not authenticated in time"));
      });
    }
  }

  /** Lifts the limits of an unauthenticated client, on either side. */
  authenticated(): void {
    this.#isAuthenticated = true;
    this.#deadline?.cancel();
    this.#maxSentBodyBytes = this.#finalMaxSentBodyBytes;
    this.#maxReceivedBodyBytes = MAX_RECORD_BODY_BYTES;
  }

  /**
   * Whether bytes have come that are not read yet: mostly the start of a record whose end has not come, for which one
   * may want to wait only so long.
   */
  get hasPart(): boolean {
    return this.#records.hasPart;
  }

  /**
   * Whether most of what one handshake is good for is used up: who can do without this channel for a moment should open
   * another before it fails as `worn-out`.
   */
  get isWearingOut(): boolean {
    return this.#clock.nowMs() >= this.#endMs - MAX_CHANNEL_AGE_MS / 8 ||
      this.#sending.isWearingOut || this.#receiving.isWearingOut;
  }

  /**
   * Reads what the other side has written.
   *
   * @returns how many bytes; `null` once the other side has said, authentically, that nothing more comes
   * @throws ChannelError if anything came that is not the next record, or the stream ended without that word; or what
   * the stream under the channel rejects with
   */
  async read(into: Uint8Array): Promise<number | null> {
    if (into.length === 0) return 0;
    if (this.#rest !== undefined) return this.#deliverRest(into);
    while (!this.#isPeerDone) {
      this.#checkUsable();
      const opened = this.#openRecords(into);
      const filled = typeof opened === "number" ? opened : await opened;
      if (filled > 0) return filled;
      if (!this.#isPeerDone) this.#received(await this.#receive());
    }
    this.#records.release();
    return null;
  }

  /**
   * Writes all of the bytes: as one record if that holds them, else as several.
   *
   * @throws ChannelError `worn-out` or `closed`, or what the stream under the channel rejects with
   */
  write(bytes: Uint8Array): Promise<number> {
    return this.#inTurn(() => {
      if (this.#isDone) throw closed();
      return this.#writeRecords(bytes as Bytes);
    });
  }

  /** Says that nothing more comes from this side, behind all that is being written. */
  closeWrite(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#isDone) return;
      this.#isDone = true;
      await this.#sayClose();
      await this.#stream.closeWrite?.();
    });
  }

  /**
   * Closes both directions. Tells the other side so, if nothing is being written, and closes the stream when that is
   * done, which it is at once unless the other side does not read.
   */
  close(): void {
    if (this.#isClosed) return;
    const isSaying = !this.#isDone && !this.#isWriting;
    const said = isSaying ? this.#sayClose() : undefined;
    this.#forget();
    if (said === undefined) return closeQuietly(this.#stream);
    const close = () => closeQuietly(this.#stream);
    const timer = this.#clock.schedule(MAX_CHANNEL_CLOSE_MS, close);
    said.catch(() => {}).finally(() => {
      timer.cancel();
      close();
    });
  }

  /** See {@linkcode ByteStream.ref}. */
  ref(): void {
    this.#stream.ref?.();
  }

  /** See {@linkcode ByteStream.unref}. */
  unref(): void {
    this.#stream.unref?.();
  }

  /**
   * Opens records that are here: at least one, however long, and then those for which there is room. A promise only if
   * one of them is long.
   */
  #openRecords(into: Uint8Array): number | Promise<number> {
    const opened: Opening[] = [];
    try {
      this.#takeRecords(into.length, opened);
      return opened.some((plaintext) => plaintext instanceof Promise)
        ? this.#deliverLater(opened, into)
        : this.#deliver(opened as Opened[], into);
    } catch (error) {
      return this.#failOpening(error, opened);
    }
  }

  /** Starts to open records, in their order; only the first may be longer than the room. */
  #takeRecords(room: number, opened: Opening[]): void {
    for (;;) {
      const bodyBytes = this.#records.nextBodyBytes(this.#maxReceivedBodyBytes);
      if (bodyBytes === undefined) return;
      room -= bodyBytes - TAG_BYTES;
      if (room < 0 && opened.length > 0) return;
      const record = this.#records.take(bodyBytes);
      opened.push(this.#receiving.open(record.subarray(0, HEADER_BYTES), record.subarray(HEADER_BYTES)));
      // Behind the end there is nothing to look at; and what comes behind an authentication may be longer.
      if (bodyBytes === TAG_BYTES || !this.#isAuthenticated) return;
    }
  }

  async #deliverLater(opened: Opening[], into: Uint8Array): Promise<number> {
    try {
      const plaintexts = await Promise.all(opened);
      // While it was being opened, the channel may have been closed.
      this.#checkUsable();
      return this.#deliver(plaintexts, into);
    } catch (error) {
      return await this.#failOpening(error, opened);
    }
  }

  #deliver(plaintexts: Opened[], into: Uint8Array): number {
    let filled = 0;
    for (const plaintext of plaintexts) {
      if (plaintext === undefined) throw new ChannelError("tampered", "a record is not the one that was sent");
      if (plaintext.length === 0) this.#isPeerDone = true;
      const fits = plaintext.subarray(0, into.length - filled);
      into.set(fits, filled);
      filled += fits.length;
      if (fits.length < plaintext.length) this.#rest = plaintext.subarray(fits.length);
      this.#wipe(fits);
    }
    return filled;
  }

  async #failOpening(error: unknown, opened: Opening[]): Promise<never> {
    const failure = this.#fail(error);
    // So that nothing of a channel is still under way when its reader learns that it is over.
    await Promise.allSettled(opened);
    throw failure;
  }

  #deliverRest(into: Uint8Array): number {
    const rest = this.#rest!;
    const part = rest.subarray(0, into.length);
    into.set(part);
    this.#rest = part.length < rest.length ? rest.subarray(part.length) : undefined;
    this.#wipe(part);
    return part.length;
  }

  /** Before a client has said who it is, what it sends may be the secret that says so: whoever reads it wipes its copy. */
  #wipe(delivered: Uint8Array): void {
    if (!this.#isAuthenticated) delivered.fill(0);
  }

  /** Reads from the stream once. */
  async #receive(): Promise<number | null> {
    try {
      return await this.#stream.read(this.#records.room());
    } catch (error) {
      throw this.#fail(error);
    }
  }

  /** Takes what the stream has read into the room of the records. */
  #received(count: number | null): void {
    this.#checkOpen();
    if (count === null) {
      const where = this.hasPart ? "in the middle of a record" : "without the word that nothing more comes";
      throw this.#fail(new ChannelError("cut", `the connection ended ${where}`));
    }
    this.#records.received(count);
  }

  /** Has one write after the other take its turn, in the order of calls. One that waits for nobody begins at once. */
  async #inTurn<T>(write: () => Promise<T>): Promise<T> {
    if (this.#isWriting) await new Promise<void>((begin) => this.#waiting.push(begin));
    this.#isWriting = true;
    try {
      this.#checkUsable();
      return await write();
    } catch (error) {
      // What was to be sent is now missing, so nothing that follows would open. What the other side has sent before
      // is still good.
      this.#isDone = true;
      throw error instanceof ChannelError ? error : this.#failure ?? error;
    } finally {
      const next = this.#waiting.shift();
      // Who is next counts as writing from now on, so that nobody comes between.
      if (next === undefined) this.#isWriting = false;
      else next();
    }
  }

  async #writeRecords(bytes: Bytes): Promise<number> {
    // No record for no bytes: it would be the one that ends the direction.
    if (bytes.length === 0) return 0;
    const mostBytes = this.#maxSentBodyBytes - TAG_BYTES;
    const first = this.#seal(bytes.length <= mostBytes ? bytes : bytes.subarray(0, mostBytes));
    let record = first instanceof Promise ? await first : first;
    for (let at = mostBytes; at < bytes.length; at += mostBytes) {
      // The next one is encrypted while this one is on its way; only these two are held.
      [record] = await Promise.all([this.#seal(bytes.subarray(at, at + mostBytes)), writeAll(this.#stream, record)]);
    }
    const written = await this.#stream.write(record);
    if (written < record.length) await writeAll(this.#stream, record.subarray(written));
    giveRecord(record);
    return bytes.length;
  }

  #seal(plaintext: Bytes): Bytes | Promise<Bytes> {
    const record = takeRecord(plaintext.length + RECORD_OVERHEAD_BYTES);
    writeHeader(record, Opcode.DATA, plaintext.length + TAG_BYTES);
    this.#checkOpen();
    try {
      const sealing = this.#sending.sealInto(record, HEADER_BYTES, record.subarray(0, HEADER_BYTES), plaintext);
      return sealing === undefined ? record : sealing.then(() => record);
    } catch (error) {
      throw this.#fail(error);
    }
  }

  async #sayClose(): Promise<void> {
    const record = await this.#seal(CLOSE);
    await writeAll(this.#stream, record);
    giveRecord(record);
  }

  #checkOpen(): void {
    if (this.#isClosed) throw this.#failure ?? closed();
  }

  #checkUsable(): void {
    this.#checkOpen();
    if (this.#clock.nowMs() >= this.#endMs) {
      throw this.#fail(new ChannelError("worn-out", "it is a day old; connect again"));
    }
  }

  /** Closes the channel without a word. Returns what everybody is told about it: the first failure that there was. */
  #fail(error: unknown): unknown {
    if (error instanceof ChannelError && !this.#isClosed) this.#failure = error;
    this.#end();
    return this.#failure ?? error;
  }

  #end(): void {
    this.#forget();
    closeQuietly(this.#stream);
  }

  #forget(): void {
    this.#isClosed = this.#isDone = true;
    this.#deadline?.cancel();
    this.#sending.drop();
    this.#receiving.drop();
    this.#records.release();
    this.#rest = undefined;
  }
}

function closed(): ChannelError {
  return new ChannelError("closed", "it is closed");
}
