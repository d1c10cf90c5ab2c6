/**
 * Which words of a command are keys.
 *
 * @module
 */

import type { ByteRange } from "../bytes.ts";
import type { Operation } from "../codec/operations.ts";

/** The number of the last word that may be a key, counted from 1 behind the command's name; 0 if none is. */
export function lastKeyWord({ keys }: Operation, wordCount: number): number {
  if (keys.length === 0) return 0;
  const last = keys[1];
  // The table counts the name as word 0.
  return Math.min(last < 0 ? wordCount + 1 + last : last, wordCount);
}

/** The places of the keys among the words behind the command's name. */
export function keyPlaces(operation: Operation, wordCount: number): number[] {
  const { keys } = operation;
  if (keys.length === 0) return [];
  const [first, , step] = keys;
  const places: number[] = [];
  for (let word = first; word <= lastKeyWord(operation, wordCount); word += step) places.push(word - 1);
  return places;
}

/** The keys themselves. */
export function keysOf(operation: Operation, words: readonly ByteRange[], wordCount: number): Uint8Array[] {
  return keyPlaces(operation, wordCount).map((place) => words[place]!.copy());
}
