/**
 * Values as a program has them, and the bytes that are sealed: what goes in comes out, with its type.
 *
 * | in | sealed as | out |
 * |---|---|---|
 * | `Uint8Array` | its bytes | `Uint8Array` |
 * | `string` | UTF-8 | `string` |
 * | `null`, `boolean`, `number`, array, plain object | JSON | an equal one |
 *
 * What JSON would give back as something else, without a word, is refused: see {@linkcode encodeValue}.
 *
 * @module
 */

import { strictTextOf, utf8 } from "../bytes.ts";
import { MAX_JSON_DEPTH_LEVELS } from "../limits.ts";
import { refusal, type SealedBody, ValueType } from "./envelope.ts";

/** What JSON gives back as it was. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

/** What can be stored. */
export type Value = Uint8Array | JsonValue;

/**
 * The bytes of a value, taken as it is now: changes made to it afterwards have no effect.
 *
 * Kept, but not to the last detail, because the difference does not show in use:
 * - a property whose value is `undefined` is left out; reading it gives `undefined` either way
 * - `-0` becomes `0`, which is `===` to it
 * - an object without a prototype comes back with the ordinary one; a `Buffer` as a `Uint8Array`
 *
 * @throws TypeError, with the path to the culprit, at anything else that JSON would change or lose: `undefined` and
 * holes in arrays, `NaN` and infinities, `bigint`, functions, symbols and properties named by symbols, dates, maps,
 * sets, instances of any class, objects with a `toJSON` method, bytes inside of an object, named properties on an
 * array, cycles, and lone surrogates in text
 */
export function encodeValue(value: Value | object): SealedBody {
  // A copy also of a Buffer, whose slice() would be none.
  if (value instanceof Uint8Array) return { type: ValueType.BYTES, body: new Uint8Array(value) };
  const found = findUnfaithful(value, []);
  if (found !== undefined) throw new TypeError(`Cannot store value: value${found.path} ${found.problem}`);
  if (typeof value === "string") return { type: ValueType.UTF8, body: utf8(value) };
  return { type: ValueType.JSON, body: utf8(JSON.stringify(value)) };
}

/**
 * Opposite of {@linkcode encodeValue}.
 *
 * @param sealed from `Sealer.open`
 * @returns the value; bytes have a buffer of their own, which holds nothing else
 * @throws IntegrityError with `bad-utf8` or `bad-json` if the body is not of its type
 */
export function decodeValue({ type, body }: SealedBody): Value {
  if (type === ValueType.BYTES) return new Uint8Array(body);
  let text: string;
  try {
    text = strictTextOf(body);
  } catch {
    throw refusal("bad-utf8");
  }
  if (type === ValueType.UTF8) return text;
  try {
    // Makes `__proto__` a property like any other: no prototype can be reached from here.
    return JSON.parse(text);
  } catch {
    throw refusal("bad-json");
  }
}

/** What JSON would change, and where. */
interface Unfaithful {
  /** From the value down, as one would write it in code; put together on the way back up, so a sound value pays nothing. */
  path: string;
  /** Ends the sentence that starts with the path. */
  problem: string;
}

/** @param ancestors the arrays and objects around `value`, to notice cycles */
function findUnfaithful(value: unknown, ancestors: object[]): Unfaithful | undefined {
  switch (typeof value) {
    case "string":
      return value.isWellFormed() ? undefined : problem("has a lone surrogate, which UTF-8 cannot hold");
    case "number":
      return Number.isFinite(value) ? undefined : problem(`is ${value}, which JSON would make null`);
    case "boolean":
      return undefined;
    case "object":
      return value === null ? undefined : findUnfaithfulWithin(value, ancestors);
    case "undefined":
      return problem("is undefined");
    default:
      return problem(`is a ${typeof value}, which JSON does not have`);
  }
}

function findUnfaithfulWithin(value: object, ancestors: object[]): Unfaithful | undefined {
  if (ancestors.includes(value)) return problem("contains itself");
  if (ancestors.length >= MAX_JSON_DEPTH_LEVELS) {
    return problem(`lies deeper than ${MAX_JSON_DEPTH_LEVELS} levels`);
  }
  const prototype = Object.getPrototypeOf(value);
  const plain = Array.isArray(value)
    ? prototype === Array.prototype
    : prototype === Object.prototype || prototype === null;
  if (!plain) return problem(`is an instance of ${nameOfClass(prototype)}, which JSON cannot give back`);
  if ("toJSON" in value && typeof value.toJSON === "function") {
    return problem("has a toJSON method, so JSON would store something else");
  }
  if (Object.getOwnPropertySymbols(value).length > 0) return problem("has a property named by a symbol");
  ancestors.push(value);
  const found = Array.isArray(value)
    ? findUnfaithfulElement(value, ancestors)
    : findUnfaithfulProperty(value as Record<string, unknown>, ancestors);
  ancestors.pop();
  return found;
}

function findUnfaithfulElement(array: readonly unknown[], ancestors: object[]): Unfaithful | undefined {
  for (let i = 0; i < array.length; i++) {
    const found = findUnfaithful(array[i], ancestors);
    if (found !== undefined) return under(`[${i}]`, found);
  }
  // Beyond its elements, an array may have properties, as the result of a match has; no element is a hole by now.
  return Object.keys(array).length === array.length ? undefined : problem("has properties beside its elements");
}

function findUnfaithfulProperty(object: Record<string, unknown>, ancestors: object[]): Unfaithful | undefined {
  for (const key of Object.keys(object)) {
    if (!key.isWellFormed()) return problem("has a property with a lone surrogate in its name");
    const value = object[key];
    if (value === undefined) continue;
    const found = findUnfaithful(value, ancestors);
    if (found !== undefined) return under(pathStep(key), found);
  }
  return undefined;
}

function problem(problem: string): Unfaithful {
  return { path: "", problem };
}

function under(step: string, found: Unfaithful): Unfaithful {
  found.path = step + found.path;
  return found;
}

function pathStep(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

function nameOfClass(prototype: object | null): string {
  const name: unknown = prototype?.constructor?.name;
  return typeof name === "string" && name !== "" ? name : "a class";
}
