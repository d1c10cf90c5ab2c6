/**
 * What each operation means: from a request and a store to a response. No bytes of a protocol, no sockets: a handler
 * does not know which dialect asked.
 *
 * @module
 */

import type { Operation } from "../codec/operations.ts";
import { Status } from "../codec/message.ts";
import type { Handler } from "./command.ts";
import { hello } from "./hello.ts";

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
