/**
 * What a client is made with, and what its calls take. Each option is checked by itself here, and whether they fit
 * together; what a wrong key looks like is lib/crypto's to say.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import { MAX_TTL_MS } from "../codec/cm.ts";
import type { KeySource } from "../crypto/keyring.ts";
import { parseDurationMs } from "../duration.ts";
import {
  DEFAULT_CLIENT_TIMEOUT_MS,
  DEFAULT_MAX_VALUE_BYTES,
  MAX_CONFIGURABLE_VALUE_BYTES,
  MAX_MIGRATION_DAYS,
  MAX_TIMER_MS,
} from "../limits.ts";
import type { WireOptions } from "./wire_options.ts";

const MS_PER_DAY = 86_400_000;

/** What a client seals and opens with, beyond one key. */
export interface ClientKeys {
  /** Seals, and opens. */
  readonly active: KeySource;
  /** Only open: keys of the past, and those of the future that not all programs know yet. */
  readonly openOnly?: readonly KeySource[];
  /**
   * Seals with keys of this namespace's own, derived from those given: who is handed such a key (`namespaceKey()`)
   * opens this namespace and no other. `false` by default: then a namespace is bound into every value, under one key.
   */
  readonly perNamespace?: boolean;
  /** What names are blinded with. Apart from the others, so that rotating those does not move every entry. */
  readonly names?: KeySource;
}

/** Reading, for a while, what was stored before a client sealed its values. */
export interface Migration {
  /**
   * From then on what is no envelope is refused again: a `Date` or an ISO 8601 text, at most 90 days ahead.
   */
  readonly readPlaintextUntil: Date | string;
}

/** Values as Fernet tokens, for programs in other languages. */
export interface FernetCodec {
  /** 32 bytes in base64url with padding, as `Fernet.generate_key()` makes them; of several, the first seals. */
  readonly key: string | readonly string[];
  /** How old a token may be: milliseconds, or a text like `"24h"`. Any age if left out. */
  readonly maxAge?: number | string;
}

/** Settings of a {@linkcode Client}; all can be left out. */
export interface ClientOptions extends WireOptions {
  /**
   * How long a call may take, connecting included: milliseconds, or a text like `"10s"`. 5 seconds by default.
   */
  readonly timeout?: number | string;
  /**
   * What values are sealed with: 32 bytes, or `cmk1_` and 43 characters of base64url, or a text of exactly 32 bytes,
   * or a passphrase. Without it nothing can be read or written; nothing is ever stored or read unsealed.
   */
  readonly key?: KeySource;
  /** Several keys, in place of `key`. */
  readonly keys?: ClientKeys;
  /**
   * Keeps apart programs that share a server: the server sees `namespace:key`, and a value that was sealed in one
   * namespace does not open in another. None by default.
   */
  readonly namespace?: string;
  /**
   * Shows the server a stand-in for each key, from which it cannot be told; the key itself is sealed with the value,
   * so that {@linkcode Client.scan} can show it. The namespace stays readable. Needs `keys.names`, and turns `padding`
   * on, because the length of a value would tell that of its key.
   */
  readonly blindNames?: boolean;
  /** Hides the exact length of values: up to 64 bytes look alike, longer ones within 12 %. */
  readonly padding?: boolean;
  /**
   * Compresses values that get smaller by it. Not for values that hold a secret beside text that others choose: their
   * length then tells the secret, which padding, turned on by this, only makes harder to see.
   */
  readonly compression?: boolean;
  /** Does not let the server see which values one client sealed within one minute; makes sealing slower. */
  readonly fresh?: boolean;
  /**
   * Seals the end of each value's life into it, so that the server cannot give it out later. Then everything that is
   * stored needs a `ttl`, and {@linkcode Client.touch} can only shorten it.
   */
  readonly bindExpiry?: boolean;
  /**
   * Remembers how new a value was that this client has seen under a key, and refuses older ones. Each write costs a
   * read. The memory is this client's own and bounded: what it has not seen, or not for long, it cannot compare.
   */
  readonly monotonic?: boolean;
  /**
   * Seals anew with the active key, in the background, what a `get` has found sealed with another one. Time to live,
   * order and what else is sealed stay as they are.
   */
  readonly resealOnRead?: boolean;
  /** Reads what is stored unsealed, until a date. Off by default: whoever steers the server could then forge values. */
  readonly migration?: Migration;
  /**
   * Stores Fernet tokens instead, in place of `key` and `keys`, to share entries with programs that have no Cryptomem.
   * They are bound to no key and no namespace: the server can pass one entry's value off as another's.
   */
  readonly fernet?: FernetCodec;
  /** Gets what an operator should read: that plaintext is being read. `console.warn` by default. */
  readonly warn?: (message: string) => void;
  /** Longest value in bytes that is sealed, or accepted from the server. 16 MiB by default. */
  readonly maxValueBytes?: number;
  /** Where time comes from; for tests. */
  readonly clock?: Clock;
}

/** Settings of the calls that store something. */
export interface SetOptions {
  /**
   * How long the entry lives: milliseconds, or a text like `"10s"`, `"5m"`, `"24h"`. Without it, until it is deleted.
   */
  readonly ttl?: number | string;
  /** Whether the end of its life is sealed in, for this value; else {@linkcode ClientOptions.bindExpiry} says. */
  readonly bindExpiry?: boolean;
}

/** Settings of {@linkcode Client.scan}. */
export interface ScanOptions {
  /** Only names that start so. All of the namespace's by default. */
  readonly prefix?: string;
  /** About how many entries the server looks at for one answer: 1 to 1,000, 100 by default. */
  readonly count?: number;
}

/** Options as the client uses them: checked, in one unit, with the defaults filled in. */
export interface Settings {
  readonly timeoutMs: number;
  readonly namespace: string;
  readonly maxValueBytes: number;
  readonly clock: Clock;
  readonly warn: (message: string) => void;
  readonly keys: ClientKeys | undefined;
  readonly fernet: { readonly keys: string | readonly string[]; readonly maxAgeMs: number | undefined } | undefined;
  readonly blindNames: boolean;
  readonly padding: boolean | undefined;
  readonly compression: boolean;
  readonly fresh: boolean;
  readonly bindExpiry: boolean;
  readonly monotonic: boolean;
  readonly resealOnRead: boolean;
  /** Unix time in ms; `undefined` without a migration. */
  readonly readPlaintextUntilMs: number | undefined;
}

/** What only makes sense of values that are sealed, and what of those that are sealed as envelopes. */
const SEALING_OPTIONS = [
  "blindNames",
  "padding",
  "compression",
  "fresh",
  "bindExpiry",
  "monotonic",
  "resealOnRead",
  "migration",
] as const satisfies readonly (keyof ClientOptions)[];

/**
 * Checks options.
 *
 * @throws TypeError or RangeError if one of them is none, or two do not go together
 */
export function settingsOf(options: ClientOptions): Settings {
  const { timeout = DEFAULT_CLIENT_TIMEOUT_MS, namespace = "", clock = systemClock } = options;
  const { maxValueBytes = DEFAULT_MAX_VALUE_BYTES, fernet } = options;
  checkTogether(options);
  return {
    timeoutMs: checkedDurationMs("timeout", timeout, MAX_TIMER_MS),
    namespace: wellFormed("namespace", namespace),
    maxValueBytes: checkedMaxValueBytes(maxValueBytes),
    clock,
    warn: options.warn ?? warnOnConsole,
    keys: options.key === undefined ? options.keys : { active: options.key },
    fernet: fernet && {
      keys: fernet.key,
      maxAgeMs: fernet.maxAge === undefined ? undefined : checkedDurationMs("maxAge", fernet.maxAge, MAX_TTL_MS),
    },
    blindNames: options.blindNames ?? false,
    // The length of a value with its name inside would tell that of the name.
    padding: options.padding ?? (options.blindNames ? true : undefined),
    compression: options.compression ?? false,
    fresh: options.fresh ?? false,
    bindExpiry: options.bindExpiry ?? false,
    monotonic: options.monotonic ?? false,
    resealOnRead: options.resealOnRead ?? false,
    readPlaintextUntilMs: options.migration && checkedMigrationEnd(options.migration, clock),
  };
}

/** @throws TypeError for options that contradict each other or cannot do what they promise */
function checkTogether(options: ClientOptions): void {
  const { key, keys, fernet, blindNames, migration } = options;
  if (key !== undefined && keys !== undefined) {
    throw unusable("key and keys together", "key is short for keys: { active: key }; give one of the two");
  }
  if (keys !== undefined && (typeof keys !== "object" || keys === null || keys.active === undefined)) {
    throw unusable("keys", "they have no active key, which seals; give keys: { active, openOnly }");
  }
  if (fernet !== undefined && (key !== undefined || keys !== undefined)) {
    throw unusable("fernet and a key together", "values are either sealed or Fernet tokens; use a client for each");
  }
  for (const name of SEALING_OPTIONS) {
    if (options[name] === undefined || options[name] === false) continue;
    if (fernet !== undefined) throw unusable(`${name} and fernet together`, "a Fernet token has no place for it");
    if (key === undefined && keys === undefined) {
      throw unusable(`${name} without a key`, "it is about sealed values; give key or keys too");
    }
  }
  if (blindNames && keys?.names === undefined) {
    throw unusable(
      "blindNames without keys.names",
      "give the key that names are blinded with: keys: { active, names }",
    );
  }
  if (blindNames && migration !== undefined) {
    throw unusable(
      "blindNames and migration together",
      "what is stored unsealed has a clear name; use a client for each",
    );
  }
  if (options.compression && options.padding === false) {
    throw unusable("compression without padding", "compressed lengths tell about the content; leave padding out");
  }
}

function unusable(what: string, state: string): TypeError {
  return new TypeError(`Cannot use ${what}: ${state}`);
}

/** A text that has exactly one form in UTF-8: lone surrogates would all become the same character. */
export function wellFormed(what: string, text: string): string {
  if (typeof text !== "string") throw new TypeError(`Cannot use ${what}: it is no string but ${typeof text}`);
  if (text.isWellFormed()) return text;
  throw new TypeError(`Cannot use ${what} ${JSON.stringify(text)}: it has a lone surrogate, which UTF-8 cannot hold`);
}

/** Milliseconds of a time to live; 0, for none, if it is left out. */
export function checkedTtlMs(ttl: number | string | undefined): number {
  return ttl === undefined ? 0 : checkedDurationMs("ttl", ttl, MAX_TTL_MS);
}

function checkedDurationMs(what: string, duration: number | string, maxMs: number): number {
  const durationMs = parseDurationMs(duration);
  if (durationMs >= 1 && durationMs <= maxMs) return durationMs;
  throw new RangeError(`Cannot use ${what} ${JSON.stringify(duration)}: it must be from 1 to ${maxMs} ms`);
}

function checkedMaxValueBytes(bytes: number): number {
  if (Number.isSafeInteger(bytes) && bytes >= 0 && bytes <= MAX_CONFIGURABLE_VALUE_BYTES) return bytes;
  throw new RangeError(
    `Cannot use maxValueBytes ${bytes}: it must be a whole number from 0 to ${MAX_CONFIGURABLE_VALUE_BYTES}`,
  );
}

/** A moment in the past is one, too: a program that is started again after the end must not fail by it. */
function checkedMigrationEnd({ readPlaintextUntil }: Migration, clock: Clock): number {
  const isDate = readPlaintextUntil instanceof Date || typeof readPlaintextUntil === "string";
  const endMs = isDate ? new Date(readPlaintextUntil).getTime() : NaN;
  if (Number.isNaN(endMs)) {
    throw new TypeError(
      `Cannot use readPlaintextUntil ${JSON.stringify(readPlaintextUntil)}: give a Date or a text as 2026-12-31`,
    );
  }
  if (endMs - clock.wallMs() > MAX_MIGRATION_DAYS * MS_PER_DAY) {
    throw new RangeError(
      `Cannot use readPlaintextUntil ${new Date(endMs).toISOString()}: it must be at most ${MAX_MIGRATION_DAYS} days ` +
        "ahead, because until then the server can forge values",
    );
  }
  return endMs;
}

function warnOnConsole(message: string): void {
  // deno-lint-ignore no-console -- for operators, where the program gives nowhere else to send it
  console.warn(message);
}
