/**
 * The client's first record, which says what it speaks.
 *
 * ```
 * off len field
 * 0   5   header      E0, length 40
 * 5   4   magic       "CMEM"
 * 9   1   version     the newest version of the channel that the client speaks
 * 10  1   minVersion  the oldest
 * 11  1   suite       01 = Noise_NX_25519_AESGCM_SHA256
 * 12  1   flags       00
 * 13  32  e           the client's ephemeral key: the handshake's first message
 * ```
 *
 * None of it is secret, but all of it is hashed into the handshake (the prologue), so whoever changes it on the way,
 * to have something weaker spoken, makes the handshake fail.
 *
 * @module
 */

import { utf8 } from "../bytes.ts";
import type { Bytes } from "../crypto/subtle.ts";
import { HandshakeError } from "./channel_error.ts";
import { PUBLIC_KEY_BYTES } from "./handshake.ts";
import { bodyBytesAt, HEADER_BYTES, Opcode, type Rejection, REJECTIONS, writeHeader } from "./record_layout.ts";

/** The version of the channel that is spoken here. */
export const CHANNEL_VERSION = 1;

const MAGIC = utf8("CMEM");
const SUITE_NX = 1;
const NO_FLAGS = 0;

const VERSION_AT = 9;
const LEAST_VERSION_AT = 10;
const SUITE_AT = 11;
const FLAGS_AT = 12;
const KEY_AT = 13;
const BODY_BYTES = KEY_AT + PUBLIC_KEY_BYTES - HEADER_BYTES;
/** Bytes of the whole record. */
export const HELLO_BYTES: number = HEADER_BYTES + BODY_BYTES;

/** Keeps the handshake apart from any other use of the same keys. */
const PROLOGUE_START = utf8("cryptomem/noise/1\0");

/** The record with everything but the key, which {@linkcode putKey} adds. */
export function newHello(): Bytes {
  const hello = new Uint8Array(HELLO_BYTES);
  writeHeader(hello, Opcode.HELLO, BODY_BYTES);
  hello.set(MAGIC, HEADER_BYTES);
  hello[VERSION_AT] = hello[LEAST_VERSION_AT] = CHANNEL_VERSION;
  hello[SUITE_AT] = SUITE_NX;
  hello[FLAGS_AT] = NO_FLAGS;
  return hello;
}

/** Completes the record with the first message of the handshake. */
export function putKey(hello: Bytes, message: Bytes): void {
  hello.set(message, KEY_AT);
}

/** The first message of the handshake that is in the record. */
export function keyOf(hello: Bytes): Bytes {
  return hello.subarray(KEY_AT);
}

/** What both sides hash before anything else: the record up to the key. */
export function prologueOf(hello: Bytes): Bytes {
  const prologue = new Uint8Array(PROLOGUE_START.length + KEY_AT);
  prologue.set(PROLOGUE_START);
  prologue.set(hello.subarray(0, KEY_AT), PROLOGUE_START.length);
  return prologue;
}

/** Checks the header, before the rest of the record is waited for. @throws HandshakeError `malformed` */
export function checkHelloHeader(hello: Bytes): void {
  if (hello[0] !== Opcode.HELLO) throw malformed("it does not begin with E0");
  const bodyBytes = bodyBytesAt(hello, 0);
  if (bodyBytes !== BODY_BYTES) throw malformed(`its length is ${bodyBytes} and must be ${BODY_BYTES}`);
}

/**
 * Why the server cannot answer to this record, or `undefined` if it can.
 *
 * @throws HandshakeError `malformed` if it is none at all
 */
export function rejectionOf(hello: Bytes): Rejection | undefined {
  if (!MAGIC.every((byte, i) => hello[HEADER_BYTES + i] === byte)) throw malformed("its body is not that of a client");
  // A client may also speak versions to come; as long as it speaks this one too, this one it is.
  if (hello[LEAST_VERSION_AT]! > CHANNEL_VERSION || hello[VERSION_AT]! < CHANNEL_VERSION) return REJECTIONS[0];
  if (hello[SUITE_AT] !== SUITE_NX) return REJECTIONS[1];
  if (hello[FLAGS_AT] !== NO_FLAGS) return REJECTIONS[2];
  return undefined;
}

function malformed(why: string): HandshakeError {
  return new HandshakeError("malformed", `the client's first record is wrong: ${why}`);
}
