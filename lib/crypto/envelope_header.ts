/**
 * The first bytes of a sealed value: enough to tell an envelope from anything else, and which key it was sealed with.
 * All of it is public, so this is the one part of sealing that the server knows too.
 *
 * ```
 * offset size field
 * 0      1    layout    0xC1 or 0xF5 (envelope.ts says how they differ): bytes that UTF-8 and MessagePack never
 *                       start with, so that no text can be taken for an envelope; later layouts: 0xC0, 0xF6 to 0xFF
 * 1      4    key id    derived from the root key, big-endian
 * 5      41…  nonce, ciphertext, tag
 * ```
 *
 * @module
 */

/** First byte of an envelope of layout 1, whose inner plaintext has neither a sequence nor a name. */
export const LAYOUT_1 = 0xc1;
/** First byte of an envelope of layout 2, whose inner plaintext may have both. */
export const LAYOUT_2 = 0xf5;

/** First byte of an envelope. */
export type Layout = typeof LAYOUT_1 | typeof LAYOUT_2;

/** Where the key id starts. */
export const KEY_ID_START = 1;
/** Bytes of a key id. */
export const KEY_ID_BYTES = 4;
/** The shortest envelope: of an empty value without options. */
export const MIN_ENVELOPE_BYTES = 46;

/** Whether a byte is the first of an envelope. */
export function isLayout(byte: number | undefined): byte is Layout {
  return byte === LAYOUT_1 || byte === LAYOUT_2;
}

/**
 * Which key an envelope says that it was sealed with. Nobody has vouched for it: whoever stores bytes chooses them.
 *
 * @param bytes array that holds the envelope from `start` on, `length` bytes of it
 * @returns the key id, a u32; or -1 if those bytes are no envelope
 */
export function envelopeKeyId(bytes: Uint8Array, start: number, length: number): number {
  if (length < MIN_ENVELOPE_BYTES || !isLayout(bytes[start])) return -1;
  return readKeyId(bytes, start + KEY_ID_START);
}

/** The key id that four bytes are, a u32. */
export function readKeyId(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!) >>> 0;
}

/** A key id for people: 8 hexadecimal digits. */
export function keyIdText(keyId: number): string {
  return keyId.toString(16).padStart(2 * KEY_ID_BYTES, "0");
}
