/**
 * What each operation means: from a request and a store to a response. No bytes of a protocol, no sockets: a handler
 * does not know which dialect asked.
 *
 * @module
 */

import type { Operation } from "../codec/operations.ts";
import { type Request, type Response, Status } from "../codec/message.ts";
import type { Store } from "../storage/store.ts";
import { hello } from "./hello.ts";

/** What handlers work with besides the request. */
export interface CommandContext {
  readonly store: Store;
  /** Longest value that a request may carry; HELLO tells it. */
  readonly maxValueBytes: number;
}

/** Carries out one operation. The request is sound: its dialect has checked what {@linkcode Operation} takes. */
export type Handler = (request: Request, response: Response, context: CommandContext) => void;

/** One for each operation. */
export const HANDLERS = {
  SET(request, response, { store }) {
    store.set(request.key, request.value, request.ttlMs);
    response.settle(Status.OK);
  },

  GET(request, response, { store }) {
    if (store.get(request.key, response.value)) response.answer();
    else response.settle(Status.NOT_FOUND);
  },

  DELETE(request, response, { store }) {
    response.settle(store.delete(request.key) ? Status.OK : Status.NOT_FOUND);
  },

  PING({ value }, response) {
    response.value.point(value.bytes, value.start, value.length);
    response.answer();
  },

  HELLO: hello,
} satisfies Record<Operation, Handler>;
