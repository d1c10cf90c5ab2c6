/**
 * Bytes with the form of an envelope, made without a key: as much of sealing as a server can see.
 *
 * @module
 */

/** The least bytes that pass for an envelope. */
export const SHORTEST_ENVELOPE_BYTES = 46;

/**
 * Bytes that say of themselves that they were sealed with a key.
 *
 * @param keyId 32 bits without a sign
 */
export function envelopeLike(
  keyId: number,
  length: number = SHORTEST_ENVELOPE_BYTES,
  layout: 0xc1 | 0xf5 = 0xc1,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length).fill(0x5a);
  bytes[0] = layout;
  new DataView(bytes.buffer).setUint32(1, keyId);
  return bytes;
}
