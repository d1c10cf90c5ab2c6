/**
 * Redis' glob patterns over bytes: `*`, `?`, `[a-z]`, `[^a]`, and `\` before a byte that is meant as itself.
 *
 * @module
 */

const STAR = 0x2a, QUESTION = 0x3f, OPEN = 0x5b, CLOSE = 0x5d, BACKSLASH = 0x5c, CARET = 0x5e, DASH = 0x2d;

/** A class that is longer has its bytes looked up, not searched: it may have as many as a request. */
const LONG_CLASS_BYTES = 64;

/** A long class, read once. */
interface LongClass {
  /** 1 for each byte that matches. */
  readonly members: Uint8Array;
  /** Position behind it. */
  readonly end: number;
}

/** A pattern for many names. Keeps the pattern's bytes, which must not change. */
export class Glob {
  readonly #pattern: Uint8Array;
  /** By the position behind their `[`; filled as they are met. */
  readonly #longClasses = new Map<number, LongClass>();

  constructor(pattern: Uint8Array) {
    this.#pattern = pattern;
  }

  /**
   * Whether bytes match. A later `*` makes the earlier ones final, so the time is bounded by the product of the two
   * lengths, whatever the pattern (Redis' CVE-2022-36021 and CVE-2024-31228 were exponential and recursive).
   */
  matches(bytes: Uint8Array): boolean {
    const pattern = this.#pattern;
    let p = 0, b = 0;
    let starP = -1, starB = 0;
    while (b < bytes.length || p < pattern.length) {
      if (p < pattern.length && pattern[p] === STAR) {
        starP = ++p;
        starB = b;
        if (p === pattern.length) return true;
        continue;
      }
      const next = b < bytes.length && p < pattern.length ? this.#matchOne(p, bytes[b]!) : -1;
      if (next >= 0) {
        p = next;
        b++;
      } else if (starP >= 0 && starB < bytes.length) {
        p = starP;
        b = ++starB;
      } else return false;
    }
    return true;
  }

  /** Matches one byte with the element at `p` and returns the position behind the element, or -1. */
  #matchOne(p: number, byte: number): number {
    const pattern = this.#pattern;
    switch (pattern[p]) {
      case QUESTION:
        return p + 1;
      case OPEN:
        return this.#matchClass(p + 1, byte);
      case BACKSLASH:
        if (p + 1 < pattern.length) return pattern[p + 1] === byte ? p + 2 : -1;
    }
    return pattern[p] === byte ? p + 1 : -1;
  }

  #matchClass(start: number, byte: number): number {
    const known = this.#longClasses.size > 0 ? this.#longClasses.get(start) : undefined;
    if (known !== undefined) return known.members[byte] === 1 ? known.end : -1;
    const pattern = this.#pattern;
    const isNegated = pattern[start] === CARET;
    let isIn = false;
    const end = readClass(pattern, isNegated ? start + 1 : start, (from, to) => isIn ||= byte >= from && byte <= to);
    if (end - start > LONG_CLASS_BYTES) this.#remember(start, isNegated);
    return isIn !== isNegated ? end : -1;
  }

  #remember(start: number, isNegated: boolean): void {
    const members = new Uint8Array(256).fill(isNegated ? 1 : 0);
    const end = readClass(this.#pattern, isNegated ? start + 1 : start, (from, to) => {
      members.fill(isNegated ? 0 : 1, from, to + 1);
    });
    this.#longClasses.set(start, { members, end });
  }
}

/** Whether bytes match a pattern that is not used again. */
export function matchesGlob(pattern: Uint8Array, bytes: Uint8Array): boolean {
  return new Glob(pattern).matches(bytes);
}

/**
 * Visits the ranges of a class, of one byte or more. It ends at `]`, or at the end of the pattern.
 *
 * @returns the position behind it
 */
function readClass(pattern: Uint8Array, start: number, visit: (from: number, to: number) => void): number {
  let p = start;
  for (; p < pattern.length && pattern[p] !== CLOSE; p++) {
    if (pattern[p] === BACKSLASH && p + 1 < pattern.length) {
      p++;
      visit(pattern[p]!, pattern[p]!);
    } else if (p + 2 < pattern.length && pattern[p + 1] === DASH) {
      visit(Math.min(pattern[p]!, pattern[p + 2]!), Math.max(pattern[p]!, pattern[p + 2]!));
      p += 2;
    } else visit(pattern[p]!, pattern[p]!);
  }
  return Math.min(p + 1, pattern.length);
}
