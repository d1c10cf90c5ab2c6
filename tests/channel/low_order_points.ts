/**
 * The seven points of X25519 that leave no secret, whatever the private key: 0, 1, the two of order 8, and what is
 * p - 1, p and p + 1 for the field's prime p.
 *
 * @module
 */

/** All of them. */
export const LOW_ORDER_POINTS: readonly Uint8Array<ArrayBuffer>[] = [
  "00".repeat(32),
  "01" + "00".repeat(31),
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ec" + "ff".repeat(30) + "7f",
  "ed" + "ff".repeat(30) + "7f",
  "ee" + "ff".repeat(30) + "7f",
].map((point) => Uint8Array.fromHex(point));
