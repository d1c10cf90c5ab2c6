/**
 * The seam between a session and a dialect. A dialect is pure: bytes in, numbers out; it knows no socket, no store,
 * and what an operation means.
 *
 * @module
 */

import type { Request, Response } from "./message.ts";

/** One protocol, seen from the server. */
export interface Dialect {
  /** Name in logs and configuration. */
  readonly name: string;

  /**
   * Decodes the request that starts at `start`.
   *
   * @returns the length of the request, filled into `request` (which may be refused: then its `errorCode` is set and
   * the input goes on behind it); or `INCOMPLETE`; or `INVALID`, with `errorCode` set and no way to go on
   */
  decode(bytes: Uint8Array, start: number, end: number, request: Request): number;

  /** Upper bound of the bytes that {@linkcode encode} will write for this response. */
  encodedBytes(response: Response): number;

  /**
   * Writes the answer to `request` at `at`.
   *
   * @returns the position behind it
   */
  encode(response: Response, request: Request, output: Uint8Array, at: number): number;
}
