/**
 * Transactions: commands are collected from MULTI on and carried out by EXEC, one after the other in one turn of the
 * event loop, so that no other connection sees or does anything between them.
 *
 * A command that has to wait for something, such as AUTH, is begun in its place; only its answer comes later, and EXEC
 * answers when all are there. What such a command does to entries it does when it is begun.
 *
 * @module
 */

import { binaryText, ByteRange } from "../bytes.ts";
import { Payload, type Request, Response, Status } from "../codec/message.ts";
import { Failure, NoArray, OK, Plain, type Reply } from "../codec/reply.ts";
import {
  MAX_TRANSACTION_BYTES,
  MAX_TRANSACTION_REPLY_BYTES,
  MAX_WATCHED_BYTES,
  REMEMBERED_NAME_BYTES,
  TRANSACTION_REQUEST_BYTES,
} from "../limits.ts";
import type { Store } from "../storage/store.ts";
import type { ClientState, Transaction, WatchedState } from "./client_state.ts";
import type { CommandContext, Handler } from "./command.ts";

const QUEUED: Plain = new Plain("QUEUED");
/** What cannot be a part of a transaction: its answer is not one reply, or it ends the server. */
const NOT_ALLOWED: ReadonlySet<string> = new Set([
  "SUBSCRIBE",
  "UNSUBSCRIBE",
  "PSUBSCRIBE",
  "PUNSUBSCRIBE",
  "SAVE",
  "SHUTDOWN",
]);
/** What may be asked for in the middle of a transaction and is not collected. */
const NOT_COLLECTED: ReadonlySet<string> = new Set(["EXEC", "DISCARD", "MULTI", "WATCH", "QUIT", "RESET"]);

/** Operations of the group `transactions`; EXEC is as it is outside of a transaction, {@linkcode commit} is inside. */
export const TRANSACTION_HANDLERS = {
  MULTI(_request, response, { client }) {
    if (client.transaction !== undefined) return response.fail("BAD_REQUEST", "MULTI calls can not be nested");
    client.transaction = { requests: [], bytes: 0, isBroken: false };
    response.answer(OK);
  },

  EXEC(_request, response) {
    response.fail("BAD_REQUEST", "EXEC without MULTI");
  },

  DISCARD(_request, response, { client }) {
    if (client.transaction === undefined) return response.fail("BAD_REQUEST", "DISCARD without MULTI");
    endTransaction(client);
    response.answer(OK);
  },

  WATCH({ words, wordCount }, response, { client, store }) {
    if (client.transaction !== undefined) {
      return response.fail("BAD_REQUEST", "WATCH inside MULTI is not allowed");
    }
    let bytes = client.watchedBytes;
    for (let i = 0; i < wordCount; i++) bytes += REMEMBERED_NAME_BYTES + words[i]!.length;
    if (bytes > MAX_WATCHED_BYTES) {
      const counted = `each its bytes and ${REMEMBERED_NAME_BYTES}`;
      return response.fail("TOO_LARGE", `the keys that are watched may take ${MAX_WATCHED_BYTES} bytes, ${counted}`);
    }
    for (let i = 0; i < wordCount; i++) watch(words[i]!, client, store);
    response.answer(OK);
  },

  UNWATCH(_request, response, { client }) {
    unwatch(client);
    response.answer(OK);
  },
} satisfies Record<string, Handler>;

/** Whether an operation is collected while a transaction is open. */
export function isCollected(name: string): boolean {
  return !NOT_COLLECTED.has(name);
}

/** Collects a request, or refuses it and with it the whole transaction. */
export function collect(request: Request, name: string, response: Response, transaction: Transaction): void {
  if (NOT_ALLOWED.has(name)) {
    transaction.isBroken = true;
    return response.fail("BAD_REQUEST", "Command not allowed inside a transaction");
  }
  transaction.bytes += sizeOf(request);
  if (transaction.bytes > MAX_TRANSACTION_BYTES) {
    transaction.isBroken = true;
    return response.fail("TOO_LARGE", `a transaction may have ${MAX_TRANSACTION_BYTES} bytes`);
  }
  // A broken one is never carried out, so nothing has to be kept for it.
  if (!transaction.isBroken) transaction.requests.push(request.clone());
  response.answer(QUEUED);
}

/** Forgets what was collected and what is watched. */
export function endTransaction(client: ClientState): void {
  client.transaction = undefined;
  unwatch(client);
}

function unwatch(client: ClientState): void {
  client.watched.clear();
  client.watchedBytes = 0;
}

/**
 * EXEC of an open transaction.
 *
 * @param carryOut carries out one request and turns what goes wrong into its error
 */
export function commit(
  response: Response,
  { client, store }: CommandContext,
  carryOut: (request: Request, response: Response) => void | Promise<void>,
): void | Promise<void> {
  const { requests, isBroken, bytes: requestBytes } = client.transaction!;
  const isChanged = client.watched.values().some((state) => hasChanged(state, store));
  endTransaction(client);
  if (isBroken) {
    return response.fail("BAD_REQUEST", "EXECABORT Transaction discarded because of previous errors.");
  }
  if (isChanged) return response.answer(NoArray.VALUE);

  const replies: Reply[] = [];
  const waiting: Promise<void>[] = [];
  let bytes = 0;
  const begin = (request: Request) => {
    const part = new Response(), at = replies.length;
    const promise = carryOut(request, part);
    replies.push(null);
    const take = () => {
      bytes += part.payload === Payload.VALUE ? part.value.length : 0;
      replies[at] = bytes > MAX_TRANSACTION_REPLY_BYTES
        ? new Failure("TOO_LARGE", "carried out, but the answers to the transaction are too long to be sent")
        : replyOf(part);
    };
    if (promise === undefined) take();
    else waiting.push(promise.then(take));
  };
  store.atomically(() => requests.forEach(begin), requestBytes);
  if (waiting.length === 0) return response.answer(replies);
  return Promise.all(waiting).then(() => response.answer(replies));
}

/** An answer as a part of another: values are copied, because the next request moves them. */
function replyOf(response: Response): Reply {
  if (response.errorCode !== undefined) return new Failure(response.errorCode, response.errorMessage);
  if (response.isSilent) return null;
  switch (response.payload) {
    case Payload.VALUE:
      return response.value.copy();
    case Payload.INTEGER:
      return response.integer;
    case Payload.REPLY:
      return response.reply;
    default:
      return response.status === Status.NOT_FOUND ? null : OK;
  }
}

function watch(key: ByteRange, client: ClientState, store: Store): void {
  const bytes = key.copy();
  const name = binaryText(bytes);
  // What was watched first counts: it may have changed since.
  if (!client.watched.has(name)) {
    client.watchedBytes += REMEMBERED_NAME_BYTES + bytes.length;
    client.watched.set(name, { key: bytes, version: store.version(key), ttlMs: store.ttlMs(key) });
  }
}

/**
 * Whether an entry has been written, removed, or has expired, or has got a later expiry or another kind of one. An
 * earlier expiry is not noticed: until it comes the entry is as it was, and then it is gone, which is noticed.
 */
function hasChanged({ key, version, ttlMs }: WatchedState, store: Store): boolean {
  const range = ByteRange.of(key);
  if (store.version(range) !== version) return true;
  const nowTtlMs = store.ttlMs(range);
  return nowTtlMs > ttlMs || (nowTtlMs < 0) !== (ttlMs < 0);
}

function sizeOf({ key, value, words, wordCount }: Request): number {
  let bytes = TRANSACTION_REQUEST_BYTES * (1 + wordCount) + key.length + value.length;
  for (let i = 0; i < wordCount; i++) bytes += words[i]!.length;
  return bytes;
}
