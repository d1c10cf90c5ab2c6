/**
 * Which words of a command are keys.
 *
 * @module
 */

import type { ByteRange } from "../bytes.ts";
import type { Operation } from "../codec/operations.ts";

/** The places of the keys among the words behind the command's name. */
export function keyPlaces({ keys }: Operation, wordCount: number): number[] {
  if (keys.length === 0) return [];
  const [first, last, step] = keys;
  // The table counts the name as word 0.
  const end = last < 0 ? wordCount + 1 + last : last;
  const places: number[] = [];
  for (let word = first; word <= Math.min(end, wordCount); word += step) places.push(word - 1);
  return places;
}

/** The keys themselves. */
export function keysOf(operation: Operation, words: readonly ByteRange[], wordCount: number): Uint8Array[] {
  return keyPlaces(operation, wordCount).map((place) => words[place]!.copy());
}
