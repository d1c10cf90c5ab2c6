/**
 * Whether bytes are exactly one reply of a dialect: a reply that is more or less than one puts a client out of step, and
 * it takes another's answer for its own.
 *
 * @module
 */

import { binaryText } from "../../lib/bytes.ts";
import type { DialectName } from "../../lib/codec/dialect.ts";
import { parseReply } from "../support/resp_parser.ts";

const CR = 0x0d, LF = 0x0a;
const CM_HEADER_BYTES = 7;
/** Not found, OK, error, conflict, denied, and a message to a subscriber. */
const LAST_CM_STATUS = 5;

/** Throws Error if bytes are not exactly one reply. */
export function assertOneReply(dialect: DialectName, bytes: Uint8Array): void {
  switch (dialect) {
    case "resp":
      parseReply(bytes);
      break;
    case "cm": {
      const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(3);
      const isSound = bytes[0] === 0x43 && bytes[1] === 0x4d && bytes[2]! <= LAST_CM_STATUS &&
        bytes.length === CM_HEADER_BYTES + length;
      if (!isSound) throw notOne(dialect, bytes);
      break;
    }
    case "stash":
      if (bytes.at(-2) !== CR || bytes.at(-1) !== LF) throw notOne(dialect, bytes);
      break;
    default:
      if (bytes.indexOf(LF) !== bytes.length - 1) throw notOne(dialect, bytes);
      if (bytes.some((byte, i) => byte < 0x20 && i < bytes.length - 1 || byte === 0x7f)) throw notOne(dialect, bytes);
  }
}

function notOne(dialect: DialectName, bytes: Uint8Array): Error {
  return new Error(`Cannot take for one reply of ${dialect}: ${JSON.stringify(binaryText(bytes.subarray(0, 200)))}`);
}
