/**
 * The typed forms: what the binary dialects ask for, and the plainest requests of the others.
 *
 * @module
 */

import { utf8 } from "../bytes.ts";
import { type Request, type Response, Status } from "../codec/message.ts";
import type { TypedName } from "../codec/operations.ts";
import { CryptomemError } from "../errors.ts";
import { authenticate } from "./authenticate.ts";
import type { Handler } from "./command.ts";
import { hello } from "./hello.ts";
import { statistics } from "./statistics.ts";

/** One for each operation with a typed form. */
export const TYPED_HANDLERS = {
  SET(request, response, { store }) {
    store.set(request.key, request.value, request.ttlMs);
    response.settle(Status.OK);
  },

  GET(request, response, { store }) {
    if (store.get(request.key, response.value)) response.answerValue();
    else response.settle(Status.NOT_FOUND);
  },

  DELETE(request, response, { store }) {
    response.settle(store.delete(request.key) ? Status.OK : Status.NOT_FOUND);
  },

  PING({ value }, response) {
    response.value.point(value.bytes, value.start, value.length);
    response.answerValue();
  },

  AUTH: authenticate,

  ADD(request, response, { store }) {
    if (store.add(request.key, request.value, request.ttlMs)) response.settle(Status.OK);
    else response.fail("CONFLICT", "the key exists", Status.CONFLICT);
  },

  REPLACE(request, response, { store }) {
    const isThere = store.replace(request.key, request.value, request.ttlMs);
    response.settle(isThere ? Status.OK : Status.NOT_FOUND);
  },

  SWAP(request, response, { store }) {
    if (store.swap(request.key, request.value, request.ttlMs, response.value)) response.answerValue();
    else response.settle(Status.NOT_FOUND);
  },

  TAKE(request, response, { store }) {
    if (store.take(request.key, response.value)) response.answerValue();
    else response.settle(Status.NOT_FOUND);
  },

  TOUCH(request, response, { store }) {
    response.settle(store.touch(request.key, request.ttlMs) ? Status.OK : Status.NOT_FOUND);
  },

  GETEX(request, response, { store }) {
    if (store.getAndTouch(request.key, request.ttlMs, response.value)) response.answerValue();
    else response.settle(Status.NOT_FOUND);
  },

  /** In milliseconds; a dialect that tells other units converts. */
  TTL(request, response, { store }) {
    const ttlMs = store.ttlMs(request.key);
    if (ttlMs === -2) response.settle(Status.NOT_FOUND);
    else response.answerInteger(ttlMs);
  },

  EXISTS(request, response, { store }) {
    response.settle(store.exists(request.key) ? Status.OK : Status.NOT_FOUND);
  },

  INCR(request, response, { store }) {
    response.answerInteger(store.increment(request.key, request.delta, request.ttlMs));
  },

  DECR(request, response, { store }) {
    response.answerInteger(store.increment(request.key, negated(request), request.ttlMs));
  },

  GETV(request, response, { store }) {
    const version = store.getVersioned(request.key, response.value);
    if (version === 0) response.settle(Status.NOT_FOUND);
    else response.answerValue(version);
  },

  CAS(request, response, { store }) {
    const outcome = store.compareAndSet(request.key, request.version, request.value, request.ttlMs);
    if (outcome > 0) response.answerInteger(outcome);
    else if (outcome === 0) response.settle(Status.NOT_FOUND);
    else response.fail("CONFLICT", "the entry has another version", Status.CONFLICT);
  },

  SCAN(request, response, { store }) {
    const keys: Uint8Array[] = [];
    const cursor = store.scan(request.cursor, request.count, request.key.copy(), (key) => keys.push(key.copy()));
    response.answer([cursor, keys]);
  },

  async CLEAR(request, response, { store }) {
    response.answerInteger(await store.clear(request.key.copy()));
  },

  STATS(_request, response, { server }) {
    answerText(response, JSON.stringify(statistics(server)));
  },

  PUBLISH(request, response, { server }) {
    response.answerInteger(server.channels.publish(request.key.copy(), request.value.copy()));
  },

  /** A last `*` asks for all channels that begin alike: the binary dialect knows no other pattern. */
  SUBSCRIBE(request, response, { server, client }) {
    const { channel, isPrefix } = channelOf(request);
    server.channels.checkRoom(client, 1, channel.length);
    if (isPrefix) server.channels.subscribePattern(client, channel);
    else server.channels.subscribe(client, channel);
    response.settle(Status.OK);
  },

  UNSUBSCRIBE(request, response, { server, client }) {
    const { channel, isPrefix } = channelOf(request);
    if (channel.length === 0) server.channels.leave(client);
    else if (isPrefix) server.channels.unsubscribePattern(client, channel);
    else server.channels.unsubscribe(client, channel);
    response.settle(Status.OK);
  },

  HELLO: hello,
} satisfies Record<TypedName, Handler>;

const LEAST_INTEGER = -(2n ** 63n);

function negated({ delta }: Request): number | bigint {
  if (delta === LEAST_INTEGER) throw new CryptomemError("OVERFLOW", "decrement would overflow");
  return -delta;
}

/** Points a response at a text. */
function answerText(response: Response, text: string): void {
  const bytes = utf8(text);
  response.value.point(bytes, 0, bytes.length);
  response.answerValue();
}

const GLOB_BYTES = utf8("*?[\\");

/** The channel of a request; as a prefix, with all bytes that a glob would read otherwise escaped. */
function channelOf({ key }: Request): { channel: Uint8Array; isPrefix: boolean } {
  const channel = key.copy();
  if (channel.at(-1) !== 0x2a) return { channel, isPrefix: false };
  const escaped = [...channel.subarray(0, -1)].flatMap((byte) => GLOB_BYTES.includes(byte) ? [0x5c, byte] : [byte]);
  return { channel: Uint8Array.of(...escaped, 0x2a), isPrefix: true };
}
