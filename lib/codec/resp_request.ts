/**
 * From the words of a RESP request to what it asks for.
 *
 * @module
 */

import { textOf } from "../bytes.ts";
import { MAX_KEPT_REQUEST_WORDS, MAX_RESP_QUOTED_BYTES } from "../limits.ts";
import { INVALID, type Request } from "./message.ts";
import { operationNamed } from "./operation_names.ts";
import { fitsArity, OPERATION, OPERATIONS } from "./operations.ts";

/** By operation: how many words its typed form has, 0 = it is always an argument form. */
const TYPED_WORDS = new Uint8Array(OPERATIONS.length);
TYPED_WORDS[OPERATION.GET.index] = 2;
TYPED_WORDS[OPERATION.SET.index] = 3;
TYPED_WORDS[OPERATION.INCR.index] = 2;
TYPED_WORDS[OPERATION.DECR.index] = 2;

/** Refuses what cannot be understood from here on. */
export function refuseProtocol(request: Request, what: string): typeof INVALID {
  request.refuse("BAD_REQUEST", `Protocol error: ${what}`);
  return INVALID;
}

/** Begins the list of words anew; one much longer than needed is given back. */
export function startWords(request: Request, count: number): void {
  request.wordCount = 0;
  if (request.words.length > MAX_KEPT_REQUEST_WORDS && count <= MAX_KEPT_REQUEST_WORDS) request.words.length = 0;
}

/** Says what a request asks for whose name is this and whose words are in place. */
export function settle(request: Request, bytes: Uint8Array, nameAt: number, nameLength: number): void {
  const { words, wordCount } = request;
  const operation = operationNamed(bytes, nameAt, nameLength);
  if (operation === undefined) return refuseUnknown(request, bytes.subarray(nameAt, nameAt + nameLength));
  if (!fitsArity(operation, wordCount + 1)) {
    return request.refuse(
      "BAD_REQUEST",
      `wrong number of arguments for '${operation.name.toLowerCase()}' command`,
    );
  }
  if (TYPED_WORDS[operation.index] !== wordCount + 1) {
    request.operation = operation;
    return;
  }
  const key = words[0]!, value = words[1];
  request.opcode = operation.opcode;
  request.key.point(key.bytes, key.start, key.length);
  if (wordCount === 2) request.value.point(value!.bytes, value!.start, value!.length);
  else request.value.clear();
  request.ttlMs = 0;
  request.delta = 1;
}

/** In the words of Redis, which quotes no more than a part of a long request. */
function refuseUnknown(request: Request, name: Uint8Array): void {
  let quoted = "";
  for (let i = 0; i < request.wordCount && quoted.length < MAX_RESP_QUOTED_BYTES; i++) {
    const { bytes, start, length } = request.words[i]!;
    quoted += `'${quotable(bytes.subarray(start, start + length), MAX_RESP_QUOTED_BYTES - quoted.length)}' `;
  }
  const quotedName = quotable(name, MAX_RESP_QUOTED_BYTES);
  request.refuse("UNKNOWN_COMMAND", `unknown command '${quotedName}', with args beginning with: ${quoted}`);
}

/** The front of a word, up to a zero byte, as Redis quotes it. */
function quotable(word: Uint8Array, maxBytes: number): string {
  const end = word.indexOf(0);
  return textOf(word.subarray(0, Math.min(maxBytes, end < 0 ? word.length : end)));
}
