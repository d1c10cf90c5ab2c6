/**
 * An entry as a line of JSON, for backups and for moving entries elsewhere.
 *
 * ```
 * {"key":"user:7","value":"ada","expires":"2026-01-01T00:00:00.000Z"}
 * {"key":"session:7","value":{"base64":"wXC5U1Qz…"},"expires":null}
 * {"entries":2}
 * ```
 *
 * A key or value is a text if its bytes are UTF-8, else an object with their base64: a sealed value stays sealed. The last
 * line says how many entries there are, so that a file that was cut short is not taken for a whole one.
 *
 * @module
 */

import { isUtf8 } from "node:buffer";
import { type ByteRange, strictTextOf, utf8 } from "../bytes.ts";
import { MAX_CONFIGURABLE_VALUE_BYTES, MAX_KEY_BYTES } from "../limits.ts";
import { MAX_EXPIRY_UNIX_MS } from "./snapshot_layout.ts";

/** What a line says. */
export type Line =
  | { readonly kind: "entry"; readonly key: Uint8Array; readonly value: Uint8Array; readonly expiryUnixMs: number }
  | { readonly kind: "end"; readonly entries: number };

/** A moment as `Date.toISOString()` writes it, and as other programs do. */
const MOMENT = /^(\d{4}|[+]\d{6})-\d\d-\d\dT\d\d:\d\d:\d\d([.]\d{1,3})?(Z|[+-]\d\d:\d\d)$/;

/** Of a name in a message. */
const MAX_QUOTED_CHARACTERS = 40;

/**
 * The line of an entry, its end of line included.
 *
 * @param expiryUnixMs 0 = none
 * @throws RangeError if it would be longer than a text can be, which takes a value of some 400 MB
 */
export function entryLine(key: ByteRange, value: ByteRange, expiryUnixMs: number): string {
  const expires = expiryUnixMs === 0 ? "null" : `"${new Date(expiryUnixMs).toISOString()}"`;
  return `{"key":${jsonOf(key)},"value":${jsonOf(value)},"expires":${expires}}\n`;
}

/** The last line. */
export function endLine(entries: number): string {
  return `{"entries":${entries}}\n`;
}

/**
 * What a line says; the expiry is 0 if it has none.
 *
 * @throws SyntaxError that says what is wrong with it, as the end of a sentence
 */
export function parseLine(line: Uint8Array): Line {
  const fields = parseJson(line);
  if (!isObject(fields)) throw new SyntaxError("it is no JSON object");
  const names = Object.keys(fields);
  if (names.length === 1 && names[0] === "entries") return { kind: "end", entries: countOf(fields.entries) };
  const stranger = names.find((name) => !["key", "value", "expires"].includes(name));
  if (stranger !== undefined) {
    throw new SyntaxError(
      `it has a field ${JSON.stringify(stranger.slice(0, MAX_QUOTED_CHARACTERS))}, which is unknown`,
    );
  }
  return {
    kind: "entry",
    key: bytesOf(fields, "key", MAX_KEY_BYTES),
    value: bytesOf(fields, "value", MAX_CONFIGURABLE_VALUE_BYTES),
    expiryUnixMs: expiryOf(fields.expires),
  };
}

function jsonOf({ bytes, start, length }: ByteRange): string {
  const range = bytes.subarray(start, start + length);
  return isUtf8(range) ? JSON.stringify(strictTextOf(range)) : `{"base64":"${range.toBase64()}"}`;
}

function parseJson(line: Uint8Array): unknown {
  let text: string;
  try {
    text = strictTextOf(line);
  } catch {
    throw new SyntaxError("it is not UTF-8");
  }
  try {
    return JSON.parse(text);
  } catch {
    // The message of the system quotes the line, which may be somebody's secret.
    throw new SyntaxError("it is no JSON");
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function bytesOf(fields: Record<string, unknown>, name: "key" | "value", maxBytes: number): Uint8Array {
  const bytes = decode(fields[name], `its ${name}`);
  if (bytes.length <= maxBytes) return bytes;
  throw new SyntaxError(`its ${name} has ${bytes.length} bytes, and may have ${maxBytes}`);
}

function decode(value: unknown, what: string): Uint8Array {
  if (value === undefined) throw new SyntaxError(`${what} is missing`);
  if (typeof value === "string") {
    // Half a surrogate pair has no bytes, and must not silently become another character.
    if (value.isWellFormed()) return utf8(value);
    throw new SyntaxError(`${what} is no text: it has half a surrogate pair`);
  }
  if (isObject(value) && typeof value.base64 === "string" && Object.keys(value).length === 1) {
    try {
      return Uint8Array.fromBase64(value.base64, { lastChunkHandling: "strict" });
    } catch {
      // As below.
    }
  }
  throw new SyntaxError(`${what} is neither a text nor {"base64":"…"}`);
}

function expiryOf(expires: unknown): number {
  if (expires === undefined || expires === null) return 0;
  const unixMs = typeof expires === "string" && MOMENT.test(expires) ? Date.parse(expires) : NaN;
  if (unixMs >= 1 && unixMs <= MAX_EXPIRY_UNIX_MS) return unixMs;
  throw new SyntaxError('its expires is neither null nor a moment such as "2026-01-01T00:00:00.000Z"');
}

function countOf(entries: unknown): number {
  if (Number.isSafeInteger(entries) && (entries as number) >= 0) return entries as number;
  throw new SyntaxError("its entries is no whole number");
}
