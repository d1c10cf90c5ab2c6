/**
 * A closed-loop load generator: each connection sends a batch, waits until all its replies are there, and sends the
 * next. It runs in the benchmark's own process, so that it and the server have a core each, and does as little as it
 * can for a request: the bytes are made before, replies are counted and not parsed.
 *
 * @module
 */

import { utf8 } from "../lib/bytes.ts";
import { type ByteStream, closeQuietly, writeAll } from "../lib/channel/byte_stream.ts";
import { systemClock } from "../lib/clock.ts";
import { percentile } from "./table.ts";
import { joined, type Question, type Wire } from "./wire.ts";

const KEYS = 100_000;
const VALUE = new Uint8Array(100).fill(0x76);
/** Of a load that does not say how many. */
const CONNECTIONS = 50;
/** Random requests made before; a batch is a piece of them. */
const READY_REQUESTS = 1 << 17;
const READ_BUFFER_BYTES = 64 * 1024;
const PREFILL_DEPTH = 500;
const SETTLE_MS = 300;
const MEASURED_MS = 1_200;
/** A run that has not ended by then hangs. */
const STALLED_MS = 10_000;

/** What one run is to do. */
export interface Load {
  readonly question: Question;
  /** Requests in a batch. */
  readonly depth: number;
  /** Default 50. */
  readonly connections?: number;
}

/** A server as a load generator reaches it. */
export interface Target {
  connect(): Promise<ByteStream>;
  /** Processor time it has used so far, in µs; `undefined` where it cannot be known. */
  cpuMicroseconds(): number | undefined;
}

/** What one run has shown. */
export interface Outcome {
  readonly operationsPerSecond: number;
  /** Of the server; `undefined` where it cannot be known. */
  readonly cpuMicrosecondsPerOperation: number | undefined;
  /** From sending a batch to its last reply. */
  readonly batchP50Microseconds: number;
  readonly batchP99Microseconds: number;
}

/** Drives one server. */
export class LoadGenerator {
  readonly #server: Target;
  readonly #wire: Wire;
  /** Random requests of each kind, one behind the other. */
  readonly #ready: Readonly<Record<Question, Uint8Array<ArrayBuffer>>>;

  constructor(server: Target, wire: Wire) {
    this.#server = server;
    this.#wire = wire;
    const random = (question: Question) =>
      joined(Array.from({ length: READY_REQUESTS }, () => this.#request(question, Math.floor(Math.random() * KEYS))));
    this.#ready = { SET: random("SET"), GET: random("GET") };
  }

  /** Stores every key, so that every GET finds one. */
  async prefill(): Promise<void> {
    using connections = new DisposableStack();
    const exchange = new Exchange(await this.#connect(connections), this.#wire, {
      question: "SET",
      depth: PREFILL_DEPTH,
    });
    for (let key = 0; key < KEYS; key += PREFILL_DEPTH) {
      await exchange.run(joined(Array.from({ length: PREFILL_DEPTH }, (_, i) => this.#request("SET", key + i))));
    }
  }

  /** Runs for a fixed time. What happens while connections are opened and in the first moments is not counted. */
  async run(load: Load): Promise<Outcome> {
    using connections = new DisposableStack();
    const exchanges: Exchange[] = [];
    for (let i = 0; i < (load.connections ?? CONNECTIONS); i++) {
      exchanges.push(new Exchange(await this.#connect(connections), this.#wire, load));
    }
    const stalled = systemClock.schedule(STALLED_MS, () => connections.dispose());
    const tally = new Tally(this.#server);
    await Promise.all(exchanges.map((exchange) => this.#repeat(exchange, load, tally)));
    stalled.cancel();
    return tally.outcome(load.depth);
  }

  async #connect(connections: DisposableStack): Promise<ByteStream> {
    const connection = await this.#server.connect();
    connections.defer(() => closeQuietly(connection));
    return connection;
  }

  async #repeat(exchange: Exchange, { question, depth }: Load, tally: Tally): Promise<void> {
    const ready = this.#ready[question];
    const requestBytes = ready.length / READY_REQUESTS;
    const starts = READY_REQUESTS - depth + 1;
    let startMs = systemClock.nowMs();
    while (!tally.isOver) {
      const start = Math.floor(Math.random() * starts) * requestBytes;
      await exchange.run(ready.subarray(start, start + depth * requestBytes));
      const endMs = systemClock.nowMs();
      tally.add(startMs, endMs);
      startMs = endMs;
    }
  }

  #request(question: Question, key: number): Uint8Array {
    return this.#wire.request(question, utf8(`key:${String(key).padStart(12, "0")}`), VALUE);
  }
}

/** One connection, and how replies on it must look. */
class Exchange {
  readonly #connection: ByteStream;
  readonly #statusAt: number;
  readonly #status: number;
  readonly #replyBytes: number;
  readonly #buffer = new Uint8Array(READ_BUFFER_BYTES);

  constructor(connection: ByteStream, wire: Wire, { question, depth }: Load) {
    this.#connection = connection;
    this.#statusAt = wire.statusAt;
    this.#status = wire.status(question);
    this.#replyBytes = depth * wire.replyBytes(question, VALUE.length);
  }

  /** Sends a batch and takes its replies. */
  async run(batch: Uint8Array): Promise<void> {
    const connection = this.#connection, buffer = this.#buffer;
    await writeAll(connection, batch);
    for (let received = 0; received < this.#replyBytes;) {
      const count = await connection.read(buffer);
      if (count === null) throw new Error("Cannot go on: the server closed the connection");
      if (received === 0 && buffer[this.#statusAt] !== this.#status) {
        throw new Error(`Cannot go on: the server answered with status ${buffer[this.#statusAt]}`);
      }
      received += count;
      if (received > this.#replyBytes) throw new Error("Cannot go on: a reply is longer than it must be");
    }
  }
}

/** Counts batches of a run, between two looks at the server's processor time. */
class Tally {
  isOver = false;
  readonly #server: Target;
  readonly #beginMs = systemClock.nowMs() + SETTLE_MS;
  readonly #batchMs: number[] = [];
  #begun: { atMs: number; cpu: number | undefined } | undefined;
  #ended: { atMs: number; cpu: number | undefined } | undefined;

  constructor(server: Target) {
    this.#server = server;
  }

  add(startMs: number, endMs: number): void {
    if (endMs < this.#beginMs || this.isOver) return;
    if (this.#begun === undefined) {
      this.#begun = this.#look();
      return;
    }
    this.#batchMs.push(endMs - startMs);
    if (endMs >= this.#begun.atMs + MEASURED_MS) {
      this.isOver = true;
      this.#ended = this.#look();
    }
  }

  outcome(depth: number): Outcome {
    const begun = this.#begun!, ended = this.#ended!;
    const operations = this.#batchMs.length * depth;
    return {
      operationsPerSecond: operations / (ended.atMs - begun.atMs) * 1e3,
      cpuMicrosecondsPerOperation: begun.cpu === undefined || ended.cpu === undefined
        ? undefined
        : (ended.cpu - begun.cpu) / operations,
      batchP50Microseconds: percentile(this.#batchMs, 0.5) * 1e3,
      batchP99Microseconds: percentile(this.#batchMs, 0.99) * 1e3,
    };
  }

  #look() {
    return { atMs: systemClock.nowMs(), cpu: this.#server.cpuMicroseconds() };
  }
}
