/**
 * One connection: reads, has every complete request of the read carried out, writes all replies at once, and only
 * then reads again, so that a client who does not read is not read from either.
 *
 * What a session does between two awaits is synchronous and allocates nothing for a plain request (DESIGN.md §4).
 *
 * @module
 */

import type { Clock, Timer } from "../clock.ts";
import { createDialect, detect } from "../codec/detect.ts";
import { ChannelError } from "../channel/channel_error.ts";
import type { Dialect, DialectName, Push } from "../codec/dialect.ts";
import { INCOMPLETE, INVALID, Request, Response, Status } from "../codec/message.ts";
import { ClientState } from "../commands/client_state.ts";
import type { CommandContext } from "../commands/command.ts";
import { execute } from "../commands/execute.ts";
import type { ServerState } from "../commands/server_state.ts";
import type { CryptomemError } from "../errors.ts";
import { BUFFER_BYTES, FRAME_PROGRESS_BYTES_PER_MS, LINGER_MS, REPLY_FLUSH_BYTES } from "../limits.ts";
import type { BufferPool } from "./buffer_pool.ts";
import { isConnectionEnd } from "./connection_end.ts";
import { HeldReplies } from "./held_replies.ts";
import { InputBuffer } from "./input_buffer.ts";
import { Output } from "./output.ts";
import { encodePush } from "./push_encoder.ts";
import { refusalBytes } from "./refusal.ts";
import type { SessionLimits } from "./session_limits.ts";
import { Turn, type Turns } from "./turn.ts";
import { isSecret, type Wire } from "./wire.ts";

/** What all sessions of a server share. */
export interface SessionContext {
  readonly server: ServerState;
  readonly clock: Clock;
  readonly buffers: BufferPool;
  /** Dialects that are spoken; connections in others are closed. */
  readonly dialects: ReadonlySet<DialectName>;
  readonly limits: SessionLimits;
  readonly turns: Turns;
  /** Whether clients on a wire that others can read are refused. */
  readonly requiresSecure: boolean;
  /** Whether a secret is taken over such a wire. */
  readonly isInsecure: boolean;
  /** Told about errors that a client learns nothing of. */
  readonly reportError: (error: unknown) => void;
  /** Told one line for what an operator should know. */
  readonly log: (line: string) => void;
  /** Where replies wait for their changes to be durable: what they wait for, `undefined` if for nothing at the moment. */
  readonly pending?: (() => Promise<void> | undefined) | undefined;
}

const SECURE_ONLY =
  "this server takes no wire that others can read: use TLS, or a secure channel (a client with the pin)";
/** What connections begin with that is no dialect, in the words of the log. */
const UNSPOKEN: Readonly<Partial<Record<string, string>>> = {
  tls: "TLS, which this port does not speak",
  channel: "a secure channel inside of a secure channel",
};

/** Serves one connection from its beginning to its end. */
export class Session {
  readonly #wire: Wire;
  readonly #context: SessionContext;
  readonly #client: ClientState;
  readonly #commands: CommandContext;
  readonly #input: InputBuffer;
  readonly #output: Output;
  readonly #request = new Request();
  readonly #response = new Response();
  /** Only where replies may have to wait. */
  readonly #held: HeldReplies | undefined;
  /** Unknown until the first bytes are there. */
  #dialect: Dialect | undefined;
  /** When the server's clock passes this, the connection is cut; 0 = no deadline. */
  #deadlineMs = 0;
  #frameStartMs = 0;
  /** Requests are being answered: what comes up leaves with their replies. */
  #isAnswering = false;
  /** The server shuts down: what has been read is still answered. */
  #isDraining = false;
  #drainTimer: Timer | undefined;
  /** No more requests are answered. */
  #isEnding = false;
  #isClosed = false;
  /** Something has come since the last {@linkcode checkDeadline}. */
  #hasRead = false;
  /** A request has to wait for something. */
  #isWaiting = false;
  /** When the client was first seen to have still to say who it is; 0 = it has, or has not. */
  #hurriesSinceMs = 0;
  readonly #turn: Turn;

  /** @param pinned the dialect that its listener is pinned to, if it is */
  constructor(wire: Wire, context: SessionContext, id: number, pinned: DialectName | undefined) {
    this.#wire = wire;
    this.#context = context;
    this.#input = new InputBuffer(context.buffers);
    this.#output = new Output(wire, context.buffers, context.server.counts);
    this.#turn = new Turn(context.clock, context.limits.requestsPerTurn, context.turns);
    const { server, clock } = context;
    this.#client = new ClientState({
      id,
      ...wire.peer,
      isSecure: context.isInsecure || isSecret(wire),
      mustProve: server.authenticator !== undefined,
      ...wire.identity !== undefined && { identity: wire.identity },
      nowMs: clock.nowMs(),
      push: (push) => this.#push(push),
      kill: () => this.close(),
    });
    this.#commands = { store: server.store, server, client: this.#client };
    if (context.pending !== undefined) this.#held = new HeldReplies(this.#client, this.#output);
    if (pinned !== undefined) this.#speak(pinned);
    if (this.#mustHurry()) this.#hurriesSinceMs = this.#client.connectedMs;
  }

  /** Serves until the client has gone or was sent away. Never rejects: how a connection ends is no error here. */
  async run(): Promise<void> {
    const { server, reportError } = this.#context;
    server.clients.set(this.#client.id, this.#client);
    try {
      for (let isFirst = true; !this.#isEnding; isFirst = false) {
        const count = await (isFirst ? this.#wire.begin(this.#input.room()) : this.#wire.read(this.#input.room()));
        if (count === null) break;
        if (isFirst) this.#settleWire(count);
        this.#input.received(count);
        this.#hasRead = true;
        server.counts.inputBytes += count;
        await this.#answerAll();
      }
      if (this.#isEnding) await this.#linger();
    } catch (error) {
      // A reset, a broken pipe, or our own close() under a pending read.
      if (error instanceof ChannelError) server.counts.brokenChannels++;
      else if (!isConnectionEnd(error)) reportError(error);
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
      if (!this.#isAnswering && !this.#output.isWriting && !this.#isEnding) this.#end().catch(() => this.close());
    });
  }

  /** Cuts the connection if its time is over. Called about once a second, which is also how finely idleness is told. */
  checkDeadline(nowMs: number): void {
    if (this.#hasRead) this.#client.activeMs = nowMs;
    this.#hasRead = false;
    if (this.#deadlineMs !== 0 && nowMs >= this.#deadlineMs || this.#isIdle(nowMs)) return this.close();
    if (!this.#mustHurry()) this.#hurriesSinceMs = 0;
    else if (this.#hurriesSinceMs === 0) this.#hurriesSinceMs = nowMs;
    else if (nowMs - this.#hurriesSinceMs >= this.#context.limits.handshakeTimeoutMs && !this.#isWaiting) this.close();
  }

  /** Whether it has been silent for too long; a subscriber has nothing to say. */
  #isIdle(nowMs: number): boolean {
    const { idleTimeoutMs } = this.#context.limits;
    return nowMs - this.#client.activeMs >= idleTimeoutMs && this.#client.subscriptions === 0 && !this.#isWaiting;
  }

  /** Whether the client has still to say who it is, or to open a secure channel. */
  #mustHurry(): boolean {
    return this.#client.isLimited || this.#context.requiresSecure && this.#wire.kind === "plain";
  }

  /** Looks at the wire when it has become what it will be. Who may not use it is told so, in its own dialect. */
  #settleWire(count: number): void {
    const { requiresSecure, isInsecure } = this.#context;
    this.#client.isSecure = isInsecure || isSecret(this.#wire);
    if (!requiresSecure || this.#wire.kind !== "plain") return;
    const first = this.#input.bytes.subarray(0, count);
    const refusal = refusalBytes(first, this.#dialect?.name, { code: "FORBIDDEN", message: SECURE_ONLY });
    if (refusal !== undefined) this.#output.append(refusal);
    this.#isEnding = true;
  }

  /** Cuts the connection. Nothing that it waits for keeps it, and nobody's message waits for it. */
  close(): void {
    this.#isClosed = this.#isEnding = true;
    const { server } = this.#context;
    server.clients.delete(this.#client.id);
    if (this.#client.subscriptions > 0) server.channels.leave(this.#client);
    this.#output.discard();
    this.#client.end();
    try {
      this.#wire.close();
    } catch {
      // Closed before.
    }
  }

  async #answerAll(): Promise<void> {
    this.#isAnswering = true;
    this.#turn.begin(this.#input.end === this.#input.bytes.length);
    for (let isMoreWaiting = true; isMoreWaiting && !this.#isEnding;) {
      this.#held?.begin();
      const more = this.#answerSome();
      // What was begun is complete: from here on it is not the client who takes its time.
      if (this.#input.start > 0) this.#deadlineMs = 0;
      const refusal = this.#held === undefined ? undefined : await this.#settle(this.#held, more);
      await this.#output.flush();
      isMoreWaiting = typeof more === "boolean" ? more : await this.#answerLater(more, refusal);
      if (this.#turn.isOver) await this.#turn.pass();
    }
    if (this.#client.isLimited) this.#checkLength();
    this.#isAnswering = false;
    await this.#output.flush();
    if (this.#isDraining) this.#isEnding = true;
    const maxBytes = this.#client.isLimited ? this.#context.limits.maxUnauthenticatedBytes : Infinity;
    this.#input.prepare(this.#request.neededBytes, maxBytes);
    this.#setFrameDeadline();
  }

  /**
   * Carries out complete requests until they or the room for replies end.
   *
   * @returns whether more may be waiting; or a promise if the last one has to wait for something
   */
  #answerSome(): boolean | Promise<void> {
    const dialect = this.#dialect ?? this.#detect();
    if (dialect === undefined) return false;
    const input = this.#input, request = this.#request, response = this.#response;
    const flushBytes = this.#client.isLimited ? BUFFER_BYTES[0] : REPLY_FLUSH_BYTES;
    while (input.start < input.end) {
      const consumed = dialect.decode(input.bytes, input.start, input.end, request);
      if (consumed === INCOMPLETE) return false;
      if (consumed === INVALID) {
        this.#isEnding = true;
        if (request.errorCode === undefined) return false;
      } else input.start += consumed;
      // An empty line and the like.
      if (request.opcode === 0 && request.operation === undefined && request.errorCode === undefined) continue;
      const waiting = execute(request, response, this.#commands, this.#context.reportError);
      if (waiting !== undefined) return waiting;
      this.#reply(dialect);
      if (this.#isEnding) return false;
      if (this.#output.pendingBytes >= flushBytes || this.#turn.count(consumed)) return true;
    }
    request.neededBytes = 0;
    return false;
  }

  /**
   * Lets the replies that were just made wait until what they tell of is durable.
   *
   * @param more the promise of a request that waits for something: what it did by now is told of later
   * @returns why it was taken back instead; nothing of it may be told any more
   */
  #settle(held: HeldReplies, more: boolean | Promise<void>): Promise<CryptomemError | undefined> | undefined {
    if (held.isEmpty && typeof more === "boolean") return undefined;
    const pending = this.#context.pending!();
    if (pending === undefined) return undefined;
    return held.settle(pending);
  }

  /** Ends the connection of a client that has not said who it is and begins to send more than that takes. */
  #checkLength(): void {
    const { maxUnauthenticatedBytes } = this.#context.limits, request = this.#request;
    if (this.#isEnding || this.#dialect === undefined) return;
    // What waits is not complete, so a request that has come so far already is longer.
    const isTooLong = this.#input.end - this.#input.start >= maxUnauthenticatedBytes;
    if (!isTooLong && request.neededBytes <= maxUnauthenticatedBytes) return;
    this.#response.fail(
      "AUTH_REQUIRED",
      `Authentication required before requests of more than ${maxUnauthenticatedBytes} bytes.`,
      Status.DENIED,
    );
    this.#reply(this.#dialect);
    this.#isEnding = true;
  }

  /**
   * Replies when the request has been carried out, and lets the next ones have their turn.
   *
   * @param refusal why what it did with entries was taken back, if it was
   */
  async #answerLater(waiting: Promise<void>, refusal: CryptomemError | undefined): Promise<boolean> {
    this.#isWaiting = true;
    await waiting;
    this.#isWaiting = false;
    if (this.#isClosed) return false;
    if (!this.#client.isLimited) this.#wire.authenticated();
    const response = this.#response;
    if (refusal !== undefined && this.#held!.tellsOfEntries(this.#request, response)) {
      response.fail("STORAGE", refusal.message);
    }
    this.#reply(this.#dialect!);
    this.#turn.count(0);
    return true;
  }

  /** Puts the response behind those that wait to be written. */
  #reply(dialect: Dialect): void {
    const client = this.#client, response = this.#response, output = this.#output;
    if (client.isQuitting) this.#isEnding = true;
    if (response.isSilent) return;
    if (client.replyMode !== "on") {
      if (client.replyMode === "skip") client.replyMode = "on";
      return;
    }
    const buffer = output.room(dialect.encodedBytes(response, this.#request));
    output.length = dialect.encode(response, this.#request, buffer, output.length);
  }

  /** Sends what is no answer: at once if nothing is being answered, else together with the replies. */
  #push(push: Push): void {
    if (this.#isClosed || this.#dialect === undefined) return;
    const bytes = encodePush(push, this.#dialect, this.#client.respVersion);
    if (bytes === undefined) return;
    if (this.#output.pendingBytes + bytes.length > this.#context.limits.maxPendingBytes) {
      this.#context.log(`client ${this.#client.address} does not read what it subscribed to: closed`);
      return this.close();
    }
    this.#output.append(bytes);
    if (!this.#isAnswering) this.#output.flush()?.catch(() => this.close());
  }

  /** Chooses the dialect by the first bytes, once. */
  #detect(): Dialect | undefined {
    const found = detect(this.#input.bytes, this.#input.start, this.#input.end);
    if (found === "incomplete") return undefined;
    const { dialects, log } = this.#context;
    // Both accents begin alike: gocache is spoken where it is the only one.
    const name = found === "text" && !dialects.has("text") && dialects.has("gocache") ? "gocache" : found;
    if (name === "tls" || name === "channel" || !dialects.has(name)) {
      const what = UNSPOKEN[name] ?? `${name}, which is switched off`;
      log(`client ${this.#client.address} speaks ${what}: closed`);
      this.#isEnding = true;
      return undefined;
    }
    return this.#speak(name);
  }

  #speak(name: DialectName): Dialect {
    this.#client.dialect = name;
    if (name === "gocache") this.#client.accent = "gocache";
    const dialect = createDialect(name, this.#context.server.maxValueBytes, this.#client);
    return this.#dialect = this.#held?.watch(dialect) ?? dialect;
  }

  #setFrameDeadline(): void {
    if (this.#isEnding) return;
    if (!this.#input.hasPart) this.#deadlineMs = 0;
    else {
      const { clock, limits: { frameTimeoutMs, handshakeTimeoutMs } } = this.#context;
      if (this.#deadlineMs === 0) this.#frameStartMs = clock.nowMs();
      this.#deadlineMs = this.#dialect === undefined
        ? this.#frameStartMs + handshakeTimeoutMs
        : this.#frameStartMs + frameTimeoutMs + this.#input.end / FRAME_PROGRESS_BYTES_PER_MS;
    }
  }

  /** Reads and forgets what the client still sends until it has noticed the end. */
  async #linger(): Promise<void> {
    await this.#end();
    const sink = this.#input.bytes;
    while (await this.#wire.read(sink) !== null);
  }

  /** Tells the client that nothing more comes. */
  async #end(): Promise<void> {
    this.#isEnding = true;
    this.#deadlineMs = this.#context.clock.nowMs() + LINGER_MS;
    await this.#wire.closeWrite();
  }
}
