/**
 * The CM frames of PROTOCOL.md §1, written down here once more so that the tests do not lean on the codec they check.
 *
 * @module
 */

/** A request as a server sees it. */
export interface Request {
  readonly opcode: number;
  readonly key: string;
  readonly value: Uint8Array<ArrayBuffer>;
  readonly ttlNanoseconds: bigint;
}

export const SET = 1;
export const GET = 2;
export const DELETE = 3;
export const PING = 4;

export const NOT_FOUND = 0;
export const OK = 1;
export const ERROR = 2;
export const CONFLICT = 3;

const REQUEST_HEADER_BYTES = 17;
const RESPONSE_HEADER_BYTES = 7;

/** All complete requests at the start of the bytes, and how many bytes they take. */
export function requestsIn(bytes: Uint8Array): { requests: Request[]; length: number } {
  const requests: Request[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  while (bytes.length - at >= REQUEST_HEADER_BYTES) {
    if (view.getUint16(at) !== 0x434d) throw new Error(`No request starts at ${at}`);
    const keyStart = at + REQUEST_HEADER_BYTES;
    const valueStart = keyStart + view.getUint16(at + 3);
    const end = valueStart + view.getUint32(at + 5);
    if (end > bytes.length) break;
    requests.push({
      opcode: bytes[at + 2]!,
      key: new TextDecoder().decode(bytes.subarray(keyStart, valueStart)),
      value: bytes.slice(valueStart, end),
      ttlNanoseconds: view.getBigInt64(at + 9),
    });
    at = end;
  }
  return { requests, length: at };
}

/** A response. */
export function reply(status: number, value: Uint8Array | string = ""): Uint8Array<ArrayBuffer> {
  const body = typeof value === "string" ? new TextEncoder().encode(value) : value;
  const bytes = new Uint8Array(RESPONSE_HEADER_BYTES + body.length);
  bytes.set(announcement(status, body.length));
  bytes.set(body, RESPONSE_HEADER_BYTES);
  return bytes;
}

/** The header of a response, without the value that it announces. */
export function announcement(status: number, valueBytes: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(RESPONSE_HEADER_BYTES);
  bytes.set([0x43, 0x4d, status]);
  new DataView(bytes.buffer).setUint32(3, valueBytes);
  return bytes;
}

/** Several arrays as one. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
