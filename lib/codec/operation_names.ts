/**
 * Finds operations by the bytes of their names, in any case, without making a string.
 *
 * @module
 */

import { utf8 } from "../bytes.ts";
import { type Operation, OPERATIONS } from "./operations.ts";

/** A power of two, several times as many as there are names. */
const SLOT_COUNT = 512;
/** Takes the bit away in which small and capital letters differ. A name is letters only, so nothing else matches. */
const CAPITAL = 0xdf;

interface Slot {
  readonly name: Uint8Array;
  readonly operation: Operation;
}

/** By the hash of the name, or the next free slot behind. */
const SLOTS: (Slot | undefined)[] = new Array(SLOT_COUNT).fill(undefined);
for (const operation of OPERATIONS) {
  if (operation.arity === 0) continue;
  const name = utf8(operation.name);
  let at = hash(name, 0, name.length);
  while (SLOTS[at] !== undefined) at = at + 1 & SLOT_COUNT - 1;
  SLOTS[at] = { name, operation };
}
const LONGEST_NAME_BYTES = Math.max(...OPERATIONS.map(({ name }) => name.length));

/** The operation whose argument form has this name; `undefined` if there is none. */
export function operationNamed(bytes: Uint8Array, start: number, length: number): Operation | undefined {
  if (length > LONGEST_NAME_BYTES) return undefined;
  for (let at = hash(bytes, start, length);; at = at + 1 & SLOT_COUNT - 1) {
    const slot = SLOTS[at];
    if (slot === undefined) return undefined;
    if (slot.name.length === length && isNamed(slot.name, bytes, start)) return slot.operation;
  }
}

function hash(bytes: Uint8Array, start: number, length: number): number {
  let hash = length;
  for (let i = 0; i < length; i++) hash = Math.imul(hash, 31) + (bytes[start + i]! & CAPITAL) | 0;
  return (hash ^ hash >>> 9) & SLOT_COUNT - 1;
}

function isNamed(name: Uint8Array, bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < name.length; i++) if ((bytes[start + i]! & CAPITAL) !== name[i]) return false;
  return true;
}
