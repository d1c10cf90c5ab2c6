/**
 * How one entry lies in its segment. No other file knows these offsets.
 *
 * ```
 * word  bits   field
 * 0     32     value length in bytes
 * 1     0-15   key length in bytes
 *       16-23  flags: bit 0 dead (its bytes wait to be compacted away), bit 1 the snapshots' mark (snapshots.ts)
 *       24-31  the eviction policy's: how often it was used, or where it stands
 * 2     32     expiry, low half: ms on the engine's own scale, 0 = none
 * 3     0-15   expiry, high part
 *       16-31  version, high part
 * 4     32     version, low half
 * 5     32     expiry list: previous entry, or ~slot for the first of a slot's list (timing_wheel.ts)
 * 6     32     expiry list: next entry, 0 = last
 * 7, 8         only with a policy that keeps lists (lru, lfu): previous and next entry of the policy's list
 * 7 or 9       key, value, then up to 7 bytes so that the next entry starts at a multiple of 8
 * ```
 *
 * Expiry and version have 48 bits: 8,900 years of milliseconds, and 8.9 years of a million changes a second.
 *
 * @module
 */

/** Bytes before the key, without a policy's links. */
export const HEADER_BYTES = 28;
/** Bytes of a policy's links. */
export const POLICY_LINKS_BYTES = 8;
/** Entries start at multiples of this, so that an address is a count of these units. */
export const UNIT_BYTES = 8;

/** The latest expiry that can be kept; what is later is kept as this. */
export const MAX_EXPIRY_MS = 2 ** 48 - 1;

const VALUE_LENGTH = 0;
const KEY_LENGTH_AND_FLAGS = 1;
const EXPIRY_LOW = 2;
const EXPIRY_HIGH_AND_VERSION_HIGH = 3;
const VERSION_LOW = 4;
const PREVIOUS = 5;
const NEXT = 6;
const POLICY_PREVIOUS = 7;
const POLICY_NEXT = 8;
const POLICY_SHIFT = 24;
const BELOW_POLICY = 0xff_ffff;
const LOW_16_BITS = 0xffff;
const DEAD = 1 << 16;
const MARK_SHIFT = 17;
const MARK = 1 << MARK_SHIFT;
const TWO_TO_32 = 0x1_0000_0000;

/**
 * Bytes that an entry takes in its segment.
 *
 * @param headerBytes {@linkcode HEADER_BYTES}, and {@linkcode POLICY_LINKS_BYTES} more with a policy that keeps lists
 */
export function entryBytes(headerBytes: number, keyLength: number, valueLength: number): number {
  return (headerBytes + keyLength + valueLength + UNIT_BYTES - 1) & -UNIT_BYTES;
}

/** Length of the value. `at` is the entry's first word, here and below. */
export function valueLength(words: Int32Array, at: number): number {
  return words[at + VALUE_LENGTH]!;
}

/** Length of the key. */
export function keyLength(words: Int32Array, at: number): number {
  return words[at + KEY_LENGTH_AND_FLAGS]! & LOW_16_BITS;
}

/** Whether the entry was removed and only its bytes are left. Its lengths still hold, so that one can walk on. */
export function isDead(words: Int32Array, at: number): boolean {
  return (words[at + KEY_LENGTH_AND_FLAGS]! & DEAD) !== 0;
}

/** Marks the entry as removed. */
export function markDead(words: Int32Array, at: number): void {
  words[at + KEY_LENGTH_AND_FLAGS]! |= DEAD;
}

/** Whether the entry has an expiry. */
export function hasExpiry(words: Int32Array, at: number): boolean {
  return (words[at + EXPIRY_LOW]! | words[at + EXPIRY_HIGH_AND_VERSION_HIGH]! & LOW_16_BITS) !== 0;
}

/** When the entry expires, on the engine's scale; 0 = never. */
export function expiryMs(words: Int32Array, at: number): number {
  return (words[at + EXPIRY_HIGH_AND_VERSION_HIGH]! & LOW_16_BITS) * TWO_TO_32 + (words[at + EXPIRY_LOW]! >>> 0);
}

/** Names a state of the entry's value: differs after every change, never 0. */
export function version(words: Int32Array, at: number): number {
  return (words[at + EXPIRY_HIGH_AND_VERSION_HIGH]! >>> 16) * TWO_TO_32 + (words[at + VERSION_LOW]! >>> 0);
}

/** Sets both lengths and the mark, and clears the other flags and the policy's byte. */
export function setLengths(
  words: Int32Array,
  at: number,
  keyLength: number,
  valueLength: number,
  mark: number,
): void {
  words[at + VALUE_LENGTH] = valueLength;
  words[at + KEY_LENGTH_AND_FLAGS] = keyLength | mark << MARK_SHIFT;
}

/** Sets the length of the value alone. */
export function setValueLength(words: Int32Array, at: number, valueLength: number): void {
  words[at + VALUE_LENGTH] = valueLength;
}

/** The snapshots' mark, 0 or 1. */
export function mark(words: Int32Array, at: number): number {
  return (words[at + KEY_LENGTH_AND_FLAGS]! & MARK) >>> MARK_SHIFT;
}

/** Turns the snapshots' mark round. */
export function flipMark(words: Int32Array, at: number): void {
  words[at + KEY_LENGTH_AND_FLAGS]! ^= MARK;
}

/** The byte that belongs to the eviction policy. */
export function policyByte(words: Int32Array, at: number): number {
  return words[at + KEY_LENGTH_AND_FLAGS]! >>> POLICY_SHIFT;
}

/** Sets the byte that belongs to the eviction policy. */
export function setPolicyByte(words: Int32Array, at: number, byte: number): void {
  words[at + KEY_LENGTH_AND_FLAGS] = words[at + KEY_LENGTH_AND_FLAGS]! & BELOW_POLICY | byte << POLICY_SHIFT;
}

/** Sets the version alone. */
export function setVersion(words: Int32Array, at: number, version: number): void {
  const low = words[at + EXPIRY_HIGH_AND_VERSION_HIGH]! & LOW_16_BITS;
  words[at + EXPIRY_HIGH_AND_VERSION_HIGH] = low | version / TWO_TO_32 << 16;
  words[at + VERSION_LOW] = version;
}

/** Sets expiry and version, which share a word. Both are at most 48 bits. */
export function setExpiryAndVersion(words: Int32Array, at: number, expiryMs: number, version: number): void {
  words[at + EXPIRY_LOW] = expiryMs;
  words[at + EXPIRY_HIGH_AND_VERSION_HIGH] = expiryMs / TWO_TO_32 | version / TWO_TO_32 << 16;
  words[at + VERSION_LOW] = version;
}

/** The entry before this one in its expiry list, or ~slot. */
export function previousInList(words: Int32Array, at: number): number {
  return words[at + PREVIOUS]!;
}

/** The entry behind this one in its expiry list, or 0. */
export function nextInList(words: Int32Array, at: number): number {
  return words[at + NEXT]!;
}

/** Sets the link back. */
export function setPreviousInList(words: Int32Array, at: number, previous: number): void {
  words[at + PREVIOUS] = previous;
}

/** Sets the link forward. */
export function setNextInList(words: Int32Array, at: number, next: number): void {
  words[at + NEXT] = next;
}

/** The entry before this one in its policy's list, 0 = none. */
export function policyPrevious(words: Int32Array, at: number): number {
  return words[at + POLICY_PREVIOUS]!;
}

/** The entry behind this one in its policy's list, 0 = none. */
export function policyNext(words: Int32Array, at: number): number {
  return words[at + POLICY_NEXT]!;
}

/** Sets the policy's link back. */
export function setPolicyPrevious(words: Int32Array, at: number, previous: number): void {
  words[at + POLICY_PREVIOUS] = previous;
}

/** Sets the policy's link forward. */
export function setPolicyNext(words: Int32Array, at: number, next: number): void {
  words[at + POLICY_NEXT] = next;
}
