/**
 * One connection: reads, has every complete request of the read carried out, writes all replies at once, and only
 * then reads again, so that a client who does not read is not read from either. This is the only place that writes to
 * a socket.
 *
 * What a session does between two awaits is synchronous and allocates nothing for a request (DESIGN.md §4).
 *
 * @module
 */

import type { Clock, Timer } from "../clock.ts";
import type { Dialect } from "../codec/dialect.ts";
import { INCOMPLETE, INVALID, Request, Response } from "../codec/message.ts";
import { execute } from "../commands/execute.ts";
import type { CommandContext } from "../commands/command.ts";
import { FRAME_PROGRESS_BYTES_PER_MS, LINGER_MS, REPLY_FLUSH_BYTES } from "../limits.ts";
import type { BufferPool } from "./buffer_pool.ts";
import { InputBuffer } from "./input_buffer.ts";

/** What all sessions of a server share. */
export interface SessionContext {
  readonly commands: CommandContext;
  readonly dialect: Dialect;
  readonly clock: Clock;
  readonly buffers: BufferPool;
  /** How long a client may take to complete a frame that it has started. */
  readonly frameTimeoutMs: number;
  /** Told about errors that a client learns nothing of. */
  readonly reportError: (error: unknown) => void;
}

/** Serves one connection from its beginning to its end. */
export class Session {
  readonly #connection: Deno.Conn;
  readonly #context: SessionContext;
  readonly #input: InputBuffer;
  readonly #request = new Request();
  readonly #response = new Response();
  #output: Uint8Array<ArrayBuffer> | undefined;
  #outputLength = 0;
  /** When the server's clock passes this, the connection is cut; 0 = no deadline. */
  #deadlineMs = 0;
  #frameStartMs = 0;
  /** The server shuts down: what has been read is still answered. */
  #isDraining = false;
  #drainTimer: Timer | undefined;
  /** No more requests are answered. */
  #isEnding = false;
  #isWriting = false;

  constructor(connection: Deno.Conn, context: SessionContext) {
    this.#connection = connection;
    this.#context = context;
    this.#input = new InputBuffer(context.buffers);
  }

  /** Serves until the client has gone or was sent away. Never rejects: how a connection ends is no error here. */
  async run(): Promise<void> {
    try {
      while (!this.#isEnding) {
        const count = await this.#connection.read(this.#input.room());
        if (count === null) break;
        this.#input.received(count);
        await this.#answerAll();
      }
      if (this.#isEnding) await this.#linger();
    } catch (error) {
      // A reset, a broken pipe, or our own close() under a pending read.
      if (!isConnectionEnd(error)) this.#context.reportError(error);
    } finally {
      this.#drainTimer?.cancel();
      this.close();
      this.#input.release();
    }
  }

  /** Answers what has been read, then ends. */
  drain(): void {
    this.#isDraining = true;
    // In the next turn, so that a read which is complete but not delivered yet is answered first.
    this.#drainTimer = this.#context.clock.schedule(0, () => {
      if (!this.#isWriting && !this.#isEnding) this.#end().catch(() => this.close());
    });
  }

  /** Cuts the connection if its time is over. */
  checkDeadline(nowMs: number): void {
    if (this.#deadlineMs !== 0 && nowMs >= this.#deadlineMs) this.close();
  }

  /** Cuts the connection. */
  close(): void {
    try {
      this.#connection.close();
    } catch {
      // Closed before.
    }
  }

  async #answerAll(): Promise<void> {
    let isMoreWaiting = true;
    while (isMoreWaiting && !this.#isEnding) {
      isMoreWaiting = this.#answerSome();
      if (this.#outputLength > 0) await this.#flush();
    }
    if (this.#isDraining) this.#isEnding = true;
    this.#input.prepare(this.#request.neededBytes);
    this.#setFrameDeadline();
  }

  /**
   * Carries out complete requests until they or the room for replies end.
   *
   * @returns whether more may be waiting
   */
  #answerSome(): boolean {
    const { dialect, commands } = this.#context;
    const input = this.#input, request = this.#request, response = this.#response;
    while (input.start < input.end) {
      const consumed = dialect.decode(input.bytes, input.start, input.end, request);
      if (consumed === INCOMPLETE) return false;
      const hidden = execute(request, response, commands);
      if (hidden !== undefined) this.#context.reportError(hidden);
      this.#reply();
      if (consumed === INVALID) {
        this.#isEnding = true;
        return false;
      }
      input.start += consumed;
      if (this.#outputLength >= REPLY_FLUSH_BYTES) return true;
    }
    request.neededBytes = 0;
    return false;
  }

  /** Puts the response behind those that wait to be written. */
  #reply(): void {
    const response = this.#response;
    const bytes = this.#context.dialect.encodedBytes(response);
    const length = this.#outputLength + bytes;
    let output = this.#output;
    if (output === undefined || length > output.length) output = this.#enlargeOutput(length);
    this.#outputLength = this.#context.dialect.encode(response, this.#request, output, this.#outputLength);
  }

  #enlargeOutput(bytes: number): Uint8Array<ArrayBuffer> {
    const { buffers } = this.#context;
    const larger = buffers.take(bytes);
    if (this.#output !== undefined) {
      larger.set(this.#output.subarray(0, this.#outputLength));
      buffers.give(this.#output);
    }
    return this.#output = larger;
  }

  async #flush(): Promise<void> {
    const output = this.#output!;
    this.#isWriting = true;
    for (let written = 0; written < this.#outputLength;) {
      written += await this.#connection.write(output.subarray(written, this.#outputLength));
    }
    this.#isWriting = false;
    this.#outputLength = 0;
    this.#output = undefined;
    this.#context.buffers.give(output);
  }

  #setFrameDeadline(): void {
    if (!this.#input.hasPart) this.#deadlineMs = 0;
    else {
      const { clock, frameTimeoutMs } = this.#context;
      if (this.#deadlineMs === 0) this.#frameStartMs = clock.nowMs();
      this.#deadlineMs = this.#frameStartMs + frameTimeoutMs + this.#input.end / FRAME_PROGRESS_BYTES_PER_MS;
    }
  }

  /** Reads and forgets what the client still sends until it has noticed the end. */
  async #linger(): Promise<void> {
    await this.#end();
    const sink = this.#input.bytes;
    while (await this.#connection.read(sink) !== null);
  }

  /** Tells the client that nothing more comes. */
  async #end(): Promise<void> {
    this.#isEnding = true;
    this.#deadlineMs = this.#context.clock.nowMs() + LINGER_MS;
    await this.#connection.closeWrite();
  }
}

/** Whether an error only says that the connection is over. */
function isConnectionEnd(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted ||
    error instanceof Deno.errors.ConnectionAborted || error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.TimedOut || error instanceof Deno.errors.UnexpectedEof;
}
