/**
 * One request of a caller, from the moment it is made until it has its reply or its error, and the line it stands in.
 *
 * @module
 */

import { CryptomemError, type ErrorCode } from "../errors.ts";
import type { Reply } from "./reply_reader.ts";

/** As much of a key as an error shows. */
const SHOWN_KEY_LENGTH = 64;

/** "get "k"": what a call is about, for its errors. */
export function describe(verb: string, key?: string): string {
  if (key === undefined) return verb;
  return `${verb} ${JSON.stringify(key.length > SHOWN_KEY_LENGTH ? `${key.slice(0, SHOWN_KEY_LENGTH)}…` : key)}`;
}

/** A request and the promise of its reply. */
export class Call {
  readonly #verb: string;
  readonly #key: string | undefined;
  readonly #resolvers = Promise.withResolvers<Reply>();
  /** When it fails with TIMEOUT, on the scale of {@linkcode Clock.nowMs}. */
  readonly deadlineMs: number;
  /** The bytes to send, or `undefined` as long as they are being made and once they are no longer needed. */
  frame: Uint8Array | undefined = undefined;
  /** Whether its promise is settled; such a call may still stand in a line, for its place's sake. */
  settled = false;
  /** The next in the line it stands in. A call stands in one line at a time. */
  next: Call | undefined = undefined;

  /**
   * @param verb what the caller asked for, for messages
   * @param key the caller's key, for messages
   */
  constructor(verb: string, key: string | undefined, deadlineMs: number) {
    this.#verb = verb;
    this.#key = key;
    this.deadlineMs = deadlineMs;
  }

  /** What the caller waits for. */
  get reply(): Promise<Reply> {
    return this.#resolvers.promise;
  }

  /** Hands the reply over; only for a call that is not settled. */
  succeed(reply: Reply): void {
    this.settled = true;
    this.#resolvers.resolve(reply);
  }

  /** Hands an error over; only for a call that is not settled. */
  fail(error: unknown): void {
    this.settled = true;
    this.frame = undefined;
    this.#resolvers.reject(error);
  }

  /** The error "Cannot <do this>: <state>". */
  error(code: ErrorCode, state: string, cause?: unknown): CryptomemError {
    const options = cause === undefined ? undefined : { cause };
    return new CryptomemError(code, `Cannot ${describe(this.#verb, this.#key)}: ${state}`, options);
  }
}

/** First in, first out, linked through the calls themselves: standing in line costs no memory. */
export class CallQueue {
  /** The oldest call. */
  head: Call | undefined = undefined;
  #tail: Call | undefined = undefined;

  /** Puts a call at the end. */
  push(call: Call): void {
    if (this.#tail === undefined) this.head = call;
    else this.#tail.next = call;
    this.#tail = call;
  }

  /** Takes the oldest call out. */
  shift(): Call | undefined {
    const call = this.head;
    if (call === undefined) return undefined;
    this.head = call.next;
    if (this.head === undefined) this.#tail = undefined;
    call.next = undefined;
    return call;
  }
}
