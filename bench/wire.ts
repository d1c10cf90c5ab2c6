/**
 * The same questions in two protocols: how the benchmarks ask Cryptomem and Redis, and how it tells that a reply
 * is right without reading it. Keys and values have fixed lengths, so every reply's length is known beforehand.
 *
 * @module
 */

import { utf8 } from "../lib/bytes.ts";
import { encodeRequest, RESPONSE_HEADER_BYTES } from "../lib/codec/cm.ts";
import { Status } from "../lib/codec/message.ts";
import { OPCODE } from "../lib/codec/operations.ts";

/** What is asked. */
export type Question = "SET" | "GET";

/** One protocol, as the load generator needs it. */
export interface Wire {
  /** Asks for a sign of life. */
  readonly ping: Uint8Array;
  /** Length of the answer to it. */
  readonly pongBytes: number;
  /** One request; a GET leaves the value out. */
  request(question: Question, key: Uint8Array, value: Uint8Array): Uint8Array;
  /** Length of the reply if it is the right one. */
  replyBytes(question: Question, valueBytes: number): number;
  /** Where a reply says how it went. */
  readonly statusAt: number;
  /** What stands there if it went well. */
  status(question: Question): number;
}

const NOTHING = new Uint8Array(0);

/** Cryptomem's binary protocol. */
export const CM: Wire = {
  ping: encodeRequest(OPCODE.PING, NOTHING, NOTHING, 0),
  pongBytes: RESPONSE_HEADER_BYTES,
  request: (question, key, value) => encodeRequest(OPCODE[question], key, question === "SET" ? value : NOTHING, 0),
  replyBytes: (question, valueBytes) => RESPONSE_HEADER_BYTES + (question === "SET" ? 0 : valueBytes),
  statusAt: 2,
  status: () => Status.OK,
};

/** Redis' protocol. */
export const RESP: Wire = {
  ping: array([utf8("PING")]),
  pongBytes: "+PONG\r\n".length,
  request: (question, key, value) => array(question === "SET" ? [utf8("SET"), key, value] : [utf8("GET"), key]),
  replyBytes: (question, valueBytes) =>
    question === "SET" ? "+OK\r\n".length : `$${valueBytes}\r\n`.length + valueBytes + "\r\n".length,
  statusAt: 0,
  status: (question) => (question === "SET" ? "+" : "$").charCodeAt(0),
};

/** A command of RESP: an array of bulk strings. */
export function array(strings: readonly Uint8Array[]): Uint8Array {
  const parts = strings.flatMap((string) => [utf8(`$${string.length}\r\n`), string, utf8("\r\n")]);
  return joined([utf8(`*${strings.length}\r\n`), ...parts]);
}

/** Byte arrays one behind the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
