/**
 * What a conformance step is made of: neutral operations, and the surfaces that carry them out in their own words.
 *
 * @module
 */

/** Bytes, or a text that stands for its UTF-8. */
export type Content = string | Uint8Array;

/** One operation with its arguments. Times are in milliseconds; 0 = no expiry. */
export type Operation =
  | readonly ["set", key: Content, value: Content, ttlMs?: number]
  | readonly ["get", key: Content]
  | readonly ["delete", key: Content]
  | readonly ["exists", key: Content]
  | readonly ["ttl", key: Content]
  | readonly ["add", key: Content, value: Content, ttlMs?: number]
  | readonly ["replace", key: Content, value: Content, ttlMs?: number]
  | readonly ["swap", key: Content, value: Content, ttlMs?: number]
  | readonly ["take", key: Content]
  | readonly ["touch", key: Content, ttlMs: number]
  | readonly ["persist", key: Content]
  | readonly ["getex", key: Content, ttlMs: number]
  | readonly ["incr", key: Content, delta?: number | bigint, ttlMs?: number]
  | readonly ["decr", key: Content, delta?: number | bigint, ttlMs?: number]
  /** Remembers the version, for the next `cas` with `"seen"`. */
  | readonly ["getv", key: Content]
  | readonly ["cas", key: Content, expected: "seen" | "absent", value: Content, ttlMs?: number]
  /** Walks all keys with a prefix, in steps of `count`. */
  | readonly ["scan", prefix: Content, count?: number]
  | readonly ["clear", prefix: Content]
  /** Lets the store's clock go on; the runner does it. */
  | readonly ["wait", ms: number];

/** Name of an operation that a surface carries out. */
export type Verb = Exclude<Operation[0], "wait">;

/** An error, by its code; `"?"` from a surface that does not tell codes. */
export class Refused {
  readonly code: string;

  constructor(code: string) {
    this.code = code;
  }
}

/**
 * What came of an operation: a value's bytes or `undefined` for none (get, swap, take, getex, getv); whether it was
 * done or there (set, delete, exists, add, replace, touch, persist, cas); milliseconds, -1 or `undefined` (ttl); the
 * result (incr, decr, clear); the sorted keys (scan).
 */
export type Outcome = Content | undefined | boolean | number | bigint | Refused | readonly Content[];

/** A step: operations with what must come of each. It finds an empty store. */
export interface Step {
  readonly name: string;
  readonly script: readonly (readonly [operation: Operation, outcome?: Outcome])[];
}

/** One way to reach a store. */
export interface Surface extends AsyncDisposable {
  readonly name: string;
  /** Steps of the time to live it tells; times are rounded up to them. */
  readonly ttlStepMs: number;
  /** Why it cannot express an operation, or `undefined` if it can. */
  refuses(operation: Operation): string | undefined;
  /** Carries an operation out. */
  perform(operation: Operation): Promise<Outcome>;
}
