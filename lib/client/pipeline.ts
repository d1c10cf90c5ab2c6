/**
 * Any number of calls over one connection. Knows order, time and loss; knows neither what a request means nor how it
 * is sealed.
 *
 * ```
 * send() ─▶ waiting ──── written, in the order of the calls ───▶ sent ──── replies, in the same order ───▶ settled
 *           the head may still be being sealed: all stand behind it
 * ```
 *
 * - A call has its place from the moment it is made, so `set(k)` and then `get(k)` without waiting sees the set.
 * - What is ready leaves together. Writing starts when the present turn of the event loop has made all the frames it
 *   is going to make, and what becomes ready during a write leaves with the next one.
 * - A call that times out before it was written is never sent. One that times out behind it keeps its place, so that
 *   its late reply is not taken for another's.
 * - After a timeout nothing more is sent until a reply shows that the server lives: new requests would only add to
 *   what is lost. If all that was sent times out too, the connection is given up and the waiting calls get a new one.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { CryptomemError, type ErrorCode } from "../errors.ts";
import { CLIENT_GATHERED_WRITE_BYTES } from "../limits.ts";
import { Call, CallQueue } from "./call.ts";
import { Connection, type ConnectionOwner, type Ending, messageOf } from "./connection.ts";
import { DeadlineTimer } from "./deadline_timer.ts";
import type { Reply } from "./reply_reader.ts";
import type { Dial } from "./transport.ts";

/** What a {@linkcode Pipeline} needs. */
export interface PipelineOptions {
  /** How to reach the server. */
  readonly dial: Dial;
  /** Where that is, for messages. */
  readonly address: string;
  /** How long a call may take, from being made to its reply; connecting counts. */
  readonly timeoutMs: number;
  /** Longest value that a reply may announce. */
  readonly maxValueBytes: number;
  /** Where time comes from. */
  readonly clock: Clock;
}

/** One try to connect. */
interface Attempt {
  readonly abort: AbortController;
  readonly deadlineMs: number;
}

/** Calls, their order, and the connection they share. */
export class Pipeline implements ConnectionOwner {
  readonly #options: PipelineOptions;
  readonly #timer: DeadlineTimer;
  /** Calls that were made and not yet written; settled ones among them are passed over. */
  readonly #waiting = new CallQueue();
  /** Calls that were written, all over the present connection; settled ones among them still get a reply. */
  readonly #sent = new CallQueue();
  /** Calls whose promise is open, and requests that are being made, also for calls that have failed meanwhile. */
  #underWay = 0;
  #connection: Connection | undefined = undefined;
  #attempt: Attempt | undefined = undefined;
  /** Settles when the latest connection has let go of everything. */
  #finished: Promise<void> = Promise.resolve();
  /** A call that was sent has timed out and no reply has come since. */
  #stalled = false;
  /** {@linkcode Pipeline.#work} runs, or is about to. */
  #working = false;
  /** Made by the first write of several frames. */
  #gathered: Uint8Array<ArrayBuffer> | undefined = undefined;
  #closing: Promise<void> | undefined = undefined;
  #onIdle: (() => void) | undefined = undefined;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#timer = new DeadlineTimer(options.clock, (nowMs) => this.#expire(nowMs));
  }

  /**
   * Makes a request.
   *
   * @param verb what the caller asked for, for messages
   * @param key the caller's key, for messages
   * @param frame the request; as a promise, it keeps its place before all later requests until it is there
   * @returns the reply; rejects with what `frame` rejected with, or a CryptomemError
   */
  send(verb: string, key: string | undefined, frame: Uint8Array | Promise<Uint8Array>): Promise<Reply> {
    const call = new Call(verb, key, this.#options.clock.nowMs() + this.#options.timeoutMs);
    this.#waiting.push(call);
    this.#begin();
    this.#timer.watch(call.deadlineMs);
    if (frame instanceof Uint8Array) call.frame = frame;
    else this.#supply(call, frame);
    this.#wake();
    return call.reply;
  }

  /** Counts as one call what is made of several: between them, too, it keeps the process alive and close() waiting. */
  async whileUnderWay<T>(task: () => Promise<T>): Promise<T> {
    this.#begin();
    try {
      return await task();
    } finally {
      this.#end();
    }
  }

  /** Waits for all that is under way, then closes the connection; the caller sees to it that no more come. */
  close(): Promise<void> {
    return this.#closing ??= this.#finish();
  }

  async #finish(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#onIdle = resolve);
    this.#timer.cancel();
    this.#giveUp();
    await this.#finished;
  }

  onReply(reply: Reply): void {
    const call = this.#sent.shift();
    if (call === undefined) {
      // A reply to nothing: whoever is there, its next replies cannot be matched with requests.
      this.#giveUp();
      return this.#wake();
    }
    this.#stalled = false;
    if (!call.settled) {
      call.succeed(reply);
      this.#end();
    }
    if (this.#waiting.head !== undefined) this.#wake();
  }

  onEnd(connection: Connection, ending: Ending): void {
    if (connection === this.#connection) this.#lose(ending);
  }

  /** Gives a call its request once it is made. Never rejects. */
  async #supply(call: Call, frame: Promise<Uint8Array>): Promise<void> {
    this.#begin();
    try {
      call.frame = await frame;
      this.#wake();
    } catch (error) {
      this.#fail(call, error);
    }
    this.#end();
  }

  #fail(call: Call, error: unknown): void {
    if (call.settled) return;
    call.fail(error);
    this.#end();
    this.#wake();
  }

  #begin(): void {
    if (this.#underWay++ === 0) this.#connection?.keepProcessAlive(true);
  }

  #end(): void {
    if (--this.#underWay > 0) return;
    // An idle client does not keep the process from ending.
    this.#connection?.keepProcessAlive(false);
    this.#onIdle?.();
  }

  /** Starts {@linkcode Pipeline.#work} once everything that is happening in this turn has happened. */
  #wake(): void {
    if (this.#working) return;
    this.#working = true;
    queueMicrotask(() => this.#work());
  }

  /** Writes what can be written, connecting first if need be. Never rejects. */
  async #work(): Promise<void> {
    for (;;) {
      this.#dropSettled();
      const first = this.#waiting.head;
      if (first === undefined) break;
      if (this.#connection?.isWearingOut) {
        // What is under way ends on it; the rest goes over the next one.
        if (this.#sent.head !== undefined) break;
        this.#giveUp();
      }
      if (this.#connection === undefined) {
        if (this.#attempt === undefined) this.#connect();
        break;
      }
      if (first.frame === undefined || this.#stalled || !this.#connection.writable) break;
      await this.#connection.write(this.#gather(first.frame));
    }
    this.#working = false;
  }

  /** Settled calls in front of the line need not be written. */
  #dropSettled(): void {
    while (this.#waiting.head?.settled) this.#waiting.shift();
  }

  /** Moves ready calls from one line to the other: at least the first, and all that fit into one write with it. */
  #gather(first: Uint8Array): Uint8Array {
    this.#moveToSent();
    let next = this.#waiting.head?.frame;
    if (next === undefined || first.length + next.length > CLIENT_GATHERED_WRITE_BYTES) return first;
    const gathered = this.#gathered ??= new Uint8Array(CLIENT_GATHERED_WRITE_BYTES);
    gathered.set(first);
    let length = first.length;
    while (next !== undefined && length + next.length <= gathered.length) {
      gathered.set(next, length);
      length += next.length;
      this.#moveToSent();
      next = this.#waiting.head?.frame;
    }
    return gathered.subarray(0, length);
  }

  #moveToSent(): void {
    const call = this.#waiting.shift()!;
    call.frame = undefined;
    this.#sent.push(call);
    this.#dropSettled();
  }

  async #connect(): Promise<void> {
    const { dial, address, clock, timeoutMs, maxValueBytes } = this.#options;
    const attempt: Attempt = { abort: new AbortController(), deadlineMs: clock.nowMs() + timeoutMs };
    this.#attempt = attempt;
    try {
      const transport = await dial(attempt.abort.signal);
      if (this.#attempt !== attempt) return transport.close();
      this.#connection = new Connection(transport, maxValueBytes, this);
      this.#finished = this.#connection.finished;
      this.#attempt = undefined;
      if (this.#underWay === 0) this.#connection.keepProcessAlive(false);
    } catch (error) {
      if (this.#attempt !== attempt) return;
      this.#attempt = undefined;
      for (let call = this.#waiting.shift(); call !== undefined; call = this.#waiting.shift()) {
        this.#fail(call, call.error(codeOf(error), `no connection to ${address} (${messageOf(error)})`, error));
      }
    }
    this.#wake();
  }

  /** Lets go of the connection, or the attempt to make one, without failing a call. */
  #giveUp(): void {
    this.#attempt?.abort.abort();
    this.#attempt = undefined;
    this.#connection?.close();
    this.#connection = undefined;
    this.#stalled = false;
  }

  /** Fails what was sent over the connection that has ended. What was not sent goes over the next one. */
  #lose(ending: Ending): void {
    this.#giveUp();
    let { code, state } = ending;
    for (let call = this.#sent.shift(); call !== undefined; call = this.#sent.shift()) {
      this.#fail(call, call.error(code, state, ending.cause));
      // What is wrong with a reply is about the oldest call; it costs the others no more than the connection.
      if (code !== "DISCONNECTED") [code, state] = ["DISCONNECTED", `the connection was closed: ${state}`];
    }
    this.#wake();
  }

  /** Fails the calls whose time has come. Returns the deadline of the oldest of the others. */
  #expire(nowMs: number): number | undefined {
    const oldestSent = this.#expireLine(this.#sent, nowMs);
    const oldestWaiting = this.#expireLine(this.#waiting, nowMs);
    if (this.#sent.head?.settled) {
      this.#stalled = true;
      if (oldestSent === undefined) this.#lose({ code: "DISCONNECTED", state: "no reply came in time" });
    }
    const attempt = this.#attempt;
    if (attempt !== undefined && (oldestWaiting === undefined || attempt.deadlineMs <= nowMs)) this.#giveUp();
    this.#dropSettled();
    this.#wake();
    return (oldestSent ?? oldestWaiting)?.deadlineMs;
  }

  /** Fails what is due in a line; returns its first call that is not settled. */
  #expireLine(line: CallQueue, nowMs: number): Call | undefined {
    for (let call = line.head; call !== undefined; call = call.next) {
      if (call.settled) continue;
      if (call.deadlineMs > nowMs) return call;
      this.#fail(call, call.error("TIMEOUT", `no reply within ${this.#options.timeoutMs} ms`));
    }
    return undefined;
  }
}

/** Why there is no connection, for a request that never left. */
function codeOf(error: unknown): ErrorCode {
  return error instanceof CryptomemError && error.code !== "DISCONNECTED" ? error.code : "UNREACHABLE";
}
