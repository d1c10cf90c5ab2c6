/**
 * Writes to a server that will be killed, and keeps its own journal of what was sent and what was answered. After a
 * restart it tells whether what is there can be: nothing that was answered is missing, nothing is there that was never
 * sent or was refused, and what belongs together is whole or absent.
 *
 * Each connection has keys of its own, so that their order is known. Some write one at a time, some in batches; one writes
 * pairs of keys in transactions.
 *
 * @module
 */

import { concat } from "@std/bytes";
import { textOf } from "../../lib/bytes.ts";
import { ByteReader } from "./byte_reader.ts";
import type { Random } from "./random.ts";
import { RespConnection } from "./redis_server.ts";
import { command } from "./resp_frame.ts";

const KEYS_PER_CONNECTION = 100;
/** Requests in a batch, for each connection. */
const DEPTHS = [1, 1, 16, 50];
const MAX_PADDING_BYTES = 300;
const VERIFY_BATCH = 200;
/** Where the answer to EXEC begins, behind those to MULTI and two SETs. */
const EXEC_LINE = 3;

/** A value that was sent for a key; `null` = it was removed. */
interface Sent {
  readonly value: string | null;
  /** When it was answered; `undefined` if it was not. */
  answeredMs: number | undefined;
}

/** One request: how many lines its answer has, and what it writes. */
interface Operation {
  readonly bytes: Uint8Array;
  readonly lines: number;
  readonly keys: readonly string[];
  readonly value: string | null;
}

/** What was found after a restart. */
export interface Verdict {
  /** Answered writes that are gone. */
  lost: number;
  /** How long before the end the oldest of them was answered, in milliseconds. */
  lostMs: number;
  /** Values that nobody sent, or that were refused. */
  phantom: number;
  /** Pairs of which only one half is there. */
  torn: number;
}

/** The journal of all connections, over all lives of a server. */
export class CrashLoad {
  /** Writes that were answered, all lives together. */
  answered = 0;
  /** Writes that were refused. */
  refused = 0;
  readonly #random: Random;
  readonly #sent = new Map<string, Sent[]>();
  #sequence = 0;
  #isStopping = false;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Writes until {@linkcode stop} is called or the server has gone. */
  async run({ port }: { readonly port: number }): Promise<void> {
    this.#isStopping = false;
    const connections = DEPTHS.map((depth, i) => this.#repeat(port, () => this.#single(`single${i}`), depth));
    await Promise.all([...connections, this.#repeat(port, () => this.#pair(), 4)]);
  }

  /** No more after the batches under way. */
  stop(): void {
    this.#isStopping = true;
  }

  /**
   * Compares what a restarted server has with what was sent, and goes on from there.
   *
   * @param endMs when the last life ended
   * @param allowedMs what was answered so long before the end must be there; -Infinity for all that was answered
   */
  async verify({ port }: { readonly port: number }, endMs: number, allowedMs: number): Promise<Verdict> {
    const found = await this.#read(port);
    const verdict: Verdict = { lost: 0, lostMs: 0, phantom: 0, torn: 0 };
    for (const [key, sent] of this.#sent) {
      const value = found.get(key) ?? null;
      const at = sent.findLastIndex((one) => one.value === value);
      if (at < 0) verdict.phantom++;
      for (const { answeredMs } of sent.slice(at + 1)) {
        if (at < 0 || answeredMs === undefined) continue;
        verdict.lostMs = Math.max(verdict.lostMs, endMs - answeredMs);
        if (endMs - answeredMs >= allowedMs) verdict.lost++;
      }
      this.#sent.set(key, [{ value, answeredMs: -Infinity }]);
    }
    for (let i = 0; i < KEYS_PER_CONNECTION; i++) {
      if (found.get(`left${i}`) !== found.get(`right${i}`)) verdict.torn++;
    }
    return verdict;
  }

  /** All that a server has of the keys, exactly. */
  async #read(port: number): Promise<Map<string, string>> {
    using connection = await RespConnection.connect(port);
    const keys = [...this.#sent.keys()];
    const found = new Map<string, string>();
    for (let from = 0; from < keys.length; from += VERIFY_BATCH) {
      const batch = keys.slice(from, from + VERIFY_BATCH);
      const answers = await connection.ask(batch.map((key) => ["GET", key]));
      for (const [i, answer] of answers.entries()) {
        const text = textOf(answer);
        if (text.startsWith("$-1")) continue;
        if (!text.startsWith("$")) throw new Error(`Cannot read ${batch[i]}: ${text}`);
        found.set(batch[i]!, text.slice(text.indexOf("\r\n") + 2, -2));
      }
    }
    return found;
  }

  #single(name: string): Operation {
    const key = `${name}:${this.#random.below(KEYS_PER_CONNECTION)}`;
    if (this.#random.below(8) === 0) return { bytes: command("DEL", key), lines: 1, keys: [key], value: null };
    const value = this.#value();
    return { bytes: command("SET", key, value), lines: 1, keys: [key], value };
  }

  #pair(): Operation {
    const i = this.#random.below(KEYS_PER_CONNECTION), value = this.#value();
    const keys = [`left${i}`, `right${i}`];
    const sets = keys.map((key) => command("SET", key, value));
    return { bytes: concat([command("MULTI"), ...sets, command("EXEC")]), lines: 6, keys, value };
  }

  #value(): string {
    return `${++this.#sequence} ${"x".repeat(this.#random.below(MAX_PADDING_BYTES))}`;
  }

  async #repeat(port: number, next: () => Operation, depth: number): Promise<void> {
    let connection: Deno.TcpConn | undefined;
    try {
      connection = await Deno.connect({ hostname: "127.0.0.1", port });
      connection.setNoDelay(true);
      const reader = new ByteReader(connection);
      while (!this.#isStopping) await this.#exchange(connection, reader, Array.from({ length: depth }, next));
    } catch {
      // It was killed, which is what this is for.
    } finally {
      connection?.close();
    }
  }

  async #exchange(connection: Deno.TcpConn, reader: ByteReader, operations: readonly Operation[]): Promise<void> {
    const entries = operations.map(({ keys, value }) => {
      const sent: Sent = { value, answeredMs: undefined };
      for (const key of keys) this.#historyOf(key).push(sent);
      return sent;
    });
    const bytes = concat(operations.map((operation) => operation.bytes));
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
    for (const [i, { lines, keys }] of operations.entries()) {
      const isRefused = await takeAnswer(reader, lines);
      if (isRefused) {
        this.refused++;
        for (const key of keys) this.#sent.set(key, this.#historyOf(key).filter((one) => one !== entries[i]));
      } else {
        this.answered++;
        entries[i]!.answeredMs = performance.now();
      }
    }
  }

  #historyOf(key: string): Sent[] {
    let history = this.#sent.get(key);
    if (history === undefined) this.#sent.set(key, history = [{ value: null, answeredMs: -Infinity }]);
    return history;
  }
}

/** Takes an answer of so many lines. Returns whether it refuses anything. */
async function takeAnswer(reader: ByteReader, lines: number): Promise<boolean> {
  let isRefused = false;
  for (let i = 0; i < lines; i++) {
    if (!textOf(await reader.takeLine()).startsWith("-")) continue;
    isRefused = true;
    // EXEC as a whole: the answers of its parts do not come.
    if (i === EXEC_LINE) break;
  }
  return isRefused;
}
