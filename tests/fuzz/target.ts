/**
 * What is fuzzed: one connection's dialect and commands over a small engine, without a socket, with every rule checked
 * that holds for any input.
 *
 * @module
 */

import { createDialect } from "../../lib/codec/detect.ts";
import type { Dialect, DialectName, Push } from "../../lib/codec/dialect.ts";
import { INCOMPLETE, INVALID, Request, Response } from "../../lib/codec/message.ts";
import { ClientState } from "../../lib/commands/client_state.ts";
import { execute } from "../../lib/commands/execute.ts";
import { ServerState } from "../../lib/commands/server_state.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { assertOneReply } from "./one_reply.ts";

/** Small, so that eviction and compaction never stop. */
const MAX_MEMORY_BYTES = 2 * 1024 * 1024;
const SEGMENT_BYTES = 16 * 1024;
const MAX_VALUE_BYTES = 64 * 1024;
/** What a session would have in its buffer before and behind a request; no decoder may look at it. */
const MARGIN_BYTES = 16;
const POISON = 0xa5;
/** More turns than any answer can need. */
const MAX_TURNS = 1_000;
const MS_PER_HOUR = 3_600_000;

/** A server and one connection at a time. */
export class Target {
  readonly clock: FakeClock = new FakeClock({ nowMs: 1_000 });
  readonly engine: Engine;
  readonly #server: ServerState;
  #dialect!: Dialect;
  #client!: ClientState;
  readonly #request = new Request();
  readonly #response = new Response();
  #buffer = new Uint8Array(1024);
  #output = new Uint8Array(1024);
  #waiting: Uint8Array = new Uint8Array(0);
  #internal: unknown;
  #nextId = 1;
  /** Requests that were carried out or refused, and replies that were checked. */
  requests = 0;

  constructor() {
    this.engine = new Engine({
      clock: this.clock,
      maxMemoryBytes: MAX_MEMORY_BYTES,
      segmentBytes: SEGMENT_BYTES,
    });
    this.#server = new ServerState({
      store: this.engine,
      clock: this.clock,
      maxValueBytes: MAX_VALUE_BYTES,
      port: 8080,
      settings: new Map([["maxmemory", "2mb"]]),
      shutdown: () => {},
      authenticator: undefined,
    });
  }

  /** Begins a new connection. */
  connect(name: DialectName): void {
    if (this.#client !== undefined) {
      this.#server.channels.leave(this.#client);
      this.#server.clients.delete(this.#client.id);
    }
    const client = new ClientState({
      id: this.#nextId++,
      address: "127.0.0.1:1",
      localAddress: "127.0.0.1:2",
      network: "this machine",
      isSecure: true,
      nowMs: this.clock.nowMs(),
      push: (push) => this.#checkPush(push),
      kill: () => {},
    });
    if (name === "gocache") client.accent = "gocache";
    this.#client = client;
    this.#server.clients.set(client.id, client);
    this.#dialect = createDialect(name, MAX_VALUE_BYTES, client);
    this.#waiting = new Uint8Array(0);
  }

  /**
   * Sends bytes and checks all that comes of them.
   *
   * @returns whether the connection goes on
   * @throws Error at the first rule that is broken
   */
  async feed(bytes: Uint8Array): Promise<boolean> {
    const length = this.#waiting.length + bytes.length;
    const size = length + 2 * MARGIN_BYTES;
    if (this.#buffer.length < size) this.#buffer = new Uint8Array(2 * size);
    const buffer = this.#buffer;
    buffer.fill(POISON, 0, MARGIN_BYTES);
    buffer.set(this.#waiting, MARGIN_BYTES);
    buffer.set(bytes, MARGIN_BYTES + this.#waiting.length);
    buffer.fill(POISON, MARGIN_BYTES + length, size);
    let start = MARGIN_BYTES;
    const end = MARGIN_BYTES + length;
    const request = this.#request;
    while (start < end) {
      const consumed = this.#dialect.decode(buffer, start, end, request);
      if (consumed === INCOMPLETE) {
        const { neededBytes } = request;
        expect(neededBytes === 0 || neededBytes > end - start, `it needs ${neededBytes} bytes and has ${end - start}`);
        break;
      }
      if (consumed === INVALID) {
        if (request.errorCode !== undefined) await this.#carryOut();
        return false;
      }
      expect(consumed > 0 && consumed <= end - start, `it consumed ${consumed} of ${end - start} bytes`);
      start += consumed;
      if (request.opcode === 0 && request.operation === undefined && request.errorCode === undefined) continue;
      const waiting = this.#carryOut();
      if (waiting !== undefined) await waiting;
      if (this.#client.isQuitting) return false;
    }
    this.#waiting = buffer.slice(start, end);
    return true;
  }

  /** Bytes of a request that is not complete. */
  get waitingBytes(): number {
    return this.#waiting.length;
  }

  #carryOut(): Promise<void> | undefined {
    this.requests++;
    this.#internal = undefined;
    const waiting = execute(this.#request, this.#response, {
      store: this.engine,
      server: this.#server,
      client: this.#client,
    }, (error) => this.#internal = error ?? new Error("reported without an error"));
    if (waiting !== undefined) return this.#settle(waiting).then(() => this.#checkReply());
    this.#checkReply();
    return undefined;
  }

  /** Lets the engine and the clock go on until an answer is there. */
  async #settle(waiting: Promise<void>): Promise<void> {
    let isSettled = false;
    waiting.finally(() => isSettled = true);
    for (let turn = 0; !isSettled; turn++) {
      expect(turn < MAX_TURNS, "an answer never comes");
      this.engine.tidy(1_000);
      await Promise.resolve();
      // DEBUG SLEEP, for up to the 24 days that a timer can count.
      if (turn > 10) this.clock.advance(MS_PER_HOUR);
    }
    await waiting;
  }

  #checkReply(): void {
    const response = this.#response, client = this.#client;
    if (this.#internal !== undefined) throw this.#internal;
    expect(response.errorCode !== "INTERNAL", "it answered INTERNAL");
    if (response.isSilent) return;
    if (client.replyMode !== "on") {
      if (client.replyMode === "skip") client.replyMode = "on";
      return;
    }
    const room = this.#dialect.encodedBytes(response, this.#request);
    if (this.#output.length < room + MARGIN_BYTES) this.#output = new Uint8Array(2 * (room + MARGIN_BYTES));
    const end = this.#dialect.encode(response, this.#request, this.#output, MARGIN_BYTES);
    expect(end <= MARGIN_BYTES + room, `it wrote ${end - MARGIN_BYTES} bytes and asked for ${room}`);
    assertOneReply(this.#dialect.name, this.#output.subarray(MARGIN_BYTES, end));
  }

  #checkPush(push: Push): void {
    const bytes = this.#dialect.encodePush(push);
    if (bytes !== undefined) assertOneReply(this.#dialect.name, bytes);
  }
}

function expect(isTrue: boolean, whatElse: string): void {
  if (!isTrue) throw new Error(`Cannot go on: ${whatElse}`);
}
