/**
 * The last commands that took long (SLOWLOG). Keeps names and keys' first bytes, never values.
 *
 * @module
 */

import { textOf } from "../bytes.ts";
import type { Request } from "../codec/message.ts";
import type { Operation } from "../codec/operations.ts";
import { DEFAULT_SLOW_MICROSECONDS, MAX_SLOW_COMMAND_WORD_BYTES, MAX_SLOW_COMMAND_WORDS } from "../limits.ts";
import type { ClientState } from "./client_state.ts";
import { keyPlaces } from "./key_words.ts";

/** One command that took long. */
export interface SlowCommand {
  readonly id: number;
  readonly wallMs: number;
  readonly microseconds: number;
  /** Name and arguments, shortened; of what is no key only the length. */
  readonly words: readonly string[];
  readonly clientAddress: string;
  readonly clientName: string;
}

/** A short list, newest first. */
export class SlowLog {
  /** What is noted: from so many microseconds on; negative = nothing. */
  thresholdMicroseconds: number = DEFAULT_SLOW_MICROSECONDS;
  /** How many are kept. */
  #maxLength = 128;
  readonly #commands: SlowCommand[] = [];
  #nextId = 0;

  /** Whether a command that took so long is noted. */
  isSlow(microseconds: number): boolean {
    return this.thresholdMicroseconds >= 0 && microseconds >= this.thresholdMicroseconds;
  }

  /** Notes a command. */
  note(command: Omit<SlowCommand, "id">): void {
    this.#commands.unshift({ id: this.#nextId++, ...command });
    this.#shorten();
  }

  /** The newest, at most so many. */
  latest(count: number): readonly SlowCommand[] {
    return this.#commands.slice(0, count);
  }

  /** How many there are. */
  get length(): number {
    return this.#commands.length;
  }

  /** How many are kept. */
  get maxLength(): number {
    return this.#maxLength;
  }

  /** Forgets the oldest beyond so many, now and from now on. */
  setMaxLength(maxLength: number): void {
    this.#maxLength = maxLength;
    this.#shorten();
  }

  /** Forgets all. */
  reset(): void {
    this.#commands.length = 0;
  }

  #shorten(): void {
    this.#commands.length = Math.min(this.#commands.length, this.#maxLength);
  }
}

/** A command as the log keeps it. */
export function slowCommand(
  operation: Operation,
  { words, wordCount }: Request,
  { address, name }: ClientState,
  { wallMs, microseconds }: { wallMs: number; microseconds: number },
): Omit<SlowCommand, "id"> {
  const texts: string[] = [operation.name.toLowerCase()];
  const told = { wallMs, microseconds, clientAddress: address, clientName: name };
  // They are about the connection, not about entries.
  if (operation.access === "connection") return { ...told, words: texts };
  const keys = new Set(keyPlaces(operation, wordCount));
  const shown = Math.min(wordCount, MAX_SLOW_COMMAND_WORDS - 1);
  for (let i = 0; i < shown; i++) {
    const { bytes, start, length } = words[i]!;
    const kept = keys.has(i) ? Math.min(length, MAX_SLOW_COMMAND_WORD_BYTES) : 0;
    const cut = length - kept;
    texts.push(textOf(bytes.subarray(start, start + kept)) + (cut > 0 ? `... (${cut} more bytes)` : ""));
  }
  if (wordCount > shown) texts[MAX_SLOW_COMMAND_WORDS - 1] = `... (${wordCount - shown + 1} more arguments)`;
  return { ...told, words: texts };
}
