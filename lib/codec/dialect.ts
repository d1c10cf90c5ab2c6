/**
 * The seam between a session and a dialect. A dialect is pure: bytes in, bytes out; it knows no socket, no store, and not
 * what an operation means. Each connection has its own, because some remember what was agreed on.
 *
 * @module
 */

import type { Request, Response } from "./message.ts";

/** A message for a subscriber, or the confirmation that it is or is no longer one. */
export interface Push {
  /** What is told. */
  readonly kind: "message" | "pmessage" | "subscribe" | "unsubscribe" | "psubscribe" | "punsubscribe";
  /** The channel or pattern that was subscribed to; `null` where there was none to leave. */
  readonly subscription: Uint8Array | null;
  /** With `message` and `pmessage`: the channel. */
  readonly channel?: Uint8Array;
  /** With `message` and `pmessage`: the message. */
  readonly message?: Uint8Array;
  /** With the others: how many subscriptions the connection has now. */
  readonly count?: number;
}

/** What commands and a dialect agree on while a connection lasts. */
export interface Agreed {
  /** Version of RESP (HELLO). */
  readonly respVersion: 2 | 3;
  /** Words of the line dialect (ACCENT). */
  readonly accent: "minigostore" | "gocache";
  /** Channels and patterns subscribed to: a subscriber's answers look different in RESP2. */
  readonly subscriptions: number;
  /** Whether nobody has said yet who is there, on a server that asks: then only short requests are read. */
  readonly isLimited: boolean;
}

/** One protocol, seen from the server, on one connection. */
export interface Dialect {
  /** Name in logs and configuration. */
  readonly name: DialectName;

  /**
   * Decodes the request that starts at `start`.
   *
   * @returns the length of the request, filled into `request` (which may be refused: then its `errorCode` is set and
   * the input goes on behind it); or `INCOMPLETE`; or `INVALID`, with `errorCode` set and no way to go on. A dialect may
   * consume bytes that ask for nothing, as an empty line: then `request.opcode` is 0 and `request.operation` is
   * `undefined`, and nothing is answered.
   */
  decode(bytes: Uint8Array, start: number, end: number, request: Request): number;

  /** Upper bound of the bytes that {@linkcode encode} will write for this response. Called right before it. */
  encodedBytes(response: Response, request: Request): number;

  /**
   * Writes the answer to `request` at `at`.
   *
   * @returns the position behind it
   */
  encode(response: Response, request: Request, output: Uint8Array, at: number): number;

  /** The bytes that tell a subscriber something; `undefined` if the dialect does not say such a thing. */
  encodePush(push: Push): Uint8Array | undefined;
}

/** Names of the dialects, as in the configuration. `gocache` is the line dialect in its other accent. */
export const DIALECT_NAMES = ["cm", "text", "gocache", "stash", "resp"] as const;

/** One of {@linkcode DIALECT_NAMES}. */
export type DialectName = typeof DIALECT_NAMES[number];
