/**
 * The server's answer to a hello: who it is, and what it takes.
 *
 * ```
 * off len field
 * 0   5   header   E1, length 96 and more
 * 5   32  e        the server's ephemeral key
 * 37  48  s        its static key, encrypted, with a tag
 * 85      payload  JSON, encrypted, with a tag: {"v":1,"maxRecord":65535}
 * ```
 *
 * `v` is the version spoken from here on; `maxRecord` the longest body of a record that the server takes. With
 * `maxRecordBeforeAuth` it asks for authentication, and takes no longer ones before. Members that are not known here
 * are for clients to come.
 *
 * @module
 */

import { strictTextOf, utf8 } from "../bytes.ts";
import type { Bytes } from "../crypto/subtle.ts";
import { MAX_HANDSHAKE_PAYLOAD_BYTES, MAX_RECORD_BODY_BYTES, MAX_UNAUTHENTICATED_BODY_BYTES } from "../limits.ts";
import { type ByteStream, readFully } from "./byte_stream.ts";
import { HandshakeError } from "./channel_error.ts";
import { LEAST_REPLY_BYTES } from "./handshake.ts";
import { CHANNEL_VERSION } from "./hello.ts";
import { bodyBytesAt, HEADER_BYTES, Opcode, REJECTIONS } from "./record_layout.ts";

/** What a server takes. */
export interface ServerTerms {
  /** Longest body of a record, in bytes. */
  readonly maxBodyBytes: number;
  /** The same before authentication, if it asks for that. */
  readonly maxUnauthenticatedBodyBytes: number | undefined;
}

/** The payload that tells a client the terms. */
export function encodeTerms(terms: ServerTerms): Bytes {
  return utf8(JSON.stringify({
    v: CHANNEL_VERSION,
    maxRecord: terms.maxBodyBytes,
    maxRecordBeforeAuth: terms.maxUnauthenticatedBodyBytes,
  }));
}

/** Opposite of {@linkcode encodeTerms}. @throws HandshakeError `malformed` */
export function decodeTerms(payload: Bytes): ServerTerms {
  let given: unknown;
  try {
    given = JSON.parse(strictTextOf(payload));
  } catch {
    throw malformed("its terms are not JSON");
  }
  if (typeof given !== "object" || given === null) throw malformed("its terms are no JSON object");
  const { v, maxRecord, maxRecordBeforeAuth } = given as Record<string, unknown>;
  if (v !== CHANNEL_VERSION) throw malformed("it speaks another version than it was asked to");
  return {
    maxBodyBytes: bodyBytesOf(maxRecord),
    maxUnauthenticatedBodyBytes: maxRecordBeforeAuth === undefined ? undefined : bodyBytesOf(maxRecordBeforeAuth),
  };
}

/** A server may take longer records than are sent here; shorter than every client may send, it may not. */
function bodyBytesOf(given: unknown): number {
  if (!Number.isInteger(given) || given as number < MAX_UNAUTHENTICATED_BODY_BYTES) {
    throw malformed(`it takes records of less than ${MAX_UNAUTHENTICATED_BODY_BYTES} bytes`);
  }
  return Math.min(given as number, MAX_RECORD_BODY_BYTES);
}

/**
 * Reads the answer to a hello, and not a byte more.
 *
 * @returns the second message of the handshake
 * @throws HandshakeError `refused`, `malformed` or `cut`
 */
export async function readReply(stream: ByteStream): Promise<Bytes> {
  const header = new Uint8Array(HEADER_BYTES);
  if (!await readFully(stream, header)) throw cut();
  const bodyBytes = bodyBytesAt(header, 0);
  if (header[0] === Opcode.REJECT && bodyBytes === 1) throw await readRejection(stream);
  if (header[0] !== Opcode.REPLY) {
    throw malformed("what answered speaks no secure channel; connect to one that does, there is no fallback");
  }
  if (bodyBytes < LEAST_REPLY_BYTES || bodyBytes > LEAST_REPLY_BYTES + MAX_HANDSHAKE_PAYLOAD_BYTES) {
    throw malformed(`the length of its reply is ${bodyBytes}`);
  }
  const body = new Uint8Array(bodyBytes);
  if (!await readFully(stream, body)) throw cut();
  return body;
}

/** Anyone on the way can make a server seem to refuse, so this is a text for people and decides nothing. */
async function readRejection(stream: ByteStream): Promise<HandshakeError> {
  const code = new Uint8Array(1);
  if (!await readFully(stream, code)) return cut();
  const why = REJECTIONS[code[0]! - 1] ?? `code ${code[0]}`;
  return new HandshakeError("refused", `the server refused, or somebody in its place: ${why}`);
}

function cut(): HandshakeError {
  return new HandshakeError("cut", "the connection ended before the server had answered");
}

function malformed(why: string): HandshakeError {
  return new HandshakeError("malformed", why);
}
