/**
 * Encodes a message to subscribers once for all connections that write it alike, however many there are.
 *
 * @module
 */

import type { Dialect, Push } from "../codec/dialect.ts";

/** The bytes of each message that is on its way, by how they are written; forgotten with the message. */
const encodings = new WeakMap<Push, Map<string, Uint8Array | undefined>>();

/**
 * The bytes of a push; `undefined` if the dialect does not say such a thing.
 *
 * @param respVersion in which version of RESP, if the dialect is that
 */
export function encodePush(push: Push, dialect: Dialect, respVersion: 2 | 3): Uint8Array | undefined {
  // A confirmation goes to one connection only.
  if (push.message === undefined) return dialect.encodePush(push);
  const form = dialect.name !== "resp" ? dialect.name : respVersion === 2 ? "resp2" : "resp3";
  let forms = encodings.get(push);
  if (forms === undefined) encodings.set(push, forms = new Map());
  let bytes = forms.get(form);
  if (bytes === undefined && !forms.has(form)) forms.set(form, bytes = dialect.encodePush(push));
  return bytes;
}
