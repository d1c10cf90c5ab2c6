/**
 * What a handler is given and what it is.
 *
 * @module
 */

import type { Request, Response } from "../codec/message.ts";
import type { Store } from "../storage/store.ts";

/** What handlers work with besides the request. */
export interface CommandContext {
  readonly store: Store;
  /** Longest value that a request may carry; HELLO tells it. */
  readonly maxValueBytes: number;
}

/** Carries out one operation. The request is sound: its dialect has checked what the operation takes. */
export type Handler = (request: Request, response: Response, context: CommandContext) => void;
