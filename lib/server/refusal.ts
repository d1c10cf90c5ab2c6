/**
 * Saying no to a connection in the dialect that it speaks, before anything of it is carried out.
 *
 * @module
 */

import { createDialect, detect } from "../codec/detect.ts";
import type { Agreed, DialectName } from "../codec/dialect.ts";
import { Request, Response, Status } from "../codec/message.ts";
import type { WireErrorCode } from "../errors.ts";

const NOTHING_AGREED: Agreed = { respVersion: 2, accent: "minigostore", subscriptions: 0, isLimited: false };
/** Nothing is stored, so no value is too long. */
const MAX_VALUE_BYTES = Number.MAX_SAFE_INTEGER;

/** What a connection is refused with. */
export interface Refusal {
  readonly code: WireErrorCode;
  /** For people. */
  readonly message: string;
}

/**
 * The answer that refuses what a connection has begun with; `undefined` if that is in no dialect.
 *
 * @param first its first bytes, perhaps none
 * @param pinned the dialect that its listener is pinned to, if it is
 */
export function refusalBytes(
  first: Uint8Array,
  pinned: DialectName | undefined,
  { code, message }: Refusal,
): Uint8Array | undefined {
  const found = pinned ?? detect(first, 0, first.length);
  if (found === "tls" || found === "channel") return undefined;
  const dialect = createDialect(found === "incomplete" ? "text" : found, MAX_VALUE_BYTES, NOTHING_AGREED);
  const request = new Request(), response = new Response();
  // Some dialects word a refusal by what was asked for.
  if (first.length > 0) dialect.decode(first, 0, first.length, request);
  response.fail(code, message, code === "FORBIDDEN" ? Status.DENIED : Status.ERROR);
  const bytes = new Uint8Array(dialect.encodedBytes(response, request));
  return bytes.subarray(0, dialect.encode(response, request, bytes, 0));
}
