/**
 * The file that a server has its tokens from: YAML, so that people can read and change it. There is no secret in it, but
 * whoever can write it can make tokens.
 *
 * ```
 * tokens:
 *   - id: "ab3defgh"
 *     name: "billing"
 *     can: ["read", "write"]
 *     prefixes: ["billing:"]                     left out = all keys
 *     expires: "2026-01-31T12:00:00.000Z"        left out = never
 *     sha256: "64 hexadecimal digits"
 * ```
 *
 * @module
 */

import { parseYaml } from "../yaml.ts";
import { checkToken, checkTokens, type Token } from "./token.ts";
import type { TokenClass } from "./access.ts";

const HEAD = [
  "# Tokens of a Cryptomem server: hashes, not secrets. server.ts token create, list and revoke write this file;",
  "# a running server reads it again on SIGHUP.",
];
const FIELDS: readonly string[] = ["id", "name", "can", "prefixes", "expires", "sha256"];

/**
 * What a file of tokens says. A field that is not known is refused: `prefix` for `prefixes` would give all keys away.
 *
 * @throws {TypeError} if it is not in this form
 * @throws {RangeError} if a token cannot be used
 */
export async function parseTokenFile(text: string): Promise<readonly Token[]> {
  const document = await parseYaml(text);
  if (!isGroup(document) || Object.keys(document).some((key) => key !== "tokens")) {
    throw new TypeError('Cannot use it as a list of tokens: it begins with "tokens:", and nothing stands beside it');
  }
  const { tokens } = document;
  if (!Array.isArray(tokens)) throw new TypeError('Cannot use it as a list of tokens: write "tokens: []" for none');
  const found = tokens.map((entry, i) => tokenOf(entry, `token ${i + 1}`));
  checkTokens(found);
  return found;
}

/** The file of these tokens. */
export function formatTokenFile(tokens: readonly Token[]): string {
  if (tokens.length === 0) return [...HEAD, "tokens: []", ""].join("\n");
  const entries = tokens.flatMap(({ id, name, can, prefixes, expiresMs, sha256 }) => [
    `  - id: ${quoted(id)}`,
    `    name: ${quoted(name)}`,
    `    can: [${can.map(quoted).join(", ")}]`,
    ...prefixes.length === 0 ? [] : [`    prefixes: [${prefixes.map(quoted).join(", ")}]`],
    ...expiresMs === undefined ? [] : [`    expires: ${quoted(new Date(expiresMs).toISOString())}`],
    `    sha256: ${quoted(sha256)}`,
  ]);
  return [...HEAD, "tokens:", ...entries, ""].join("\n");
}

/** JSON's strings are YAML's. */
function quoted(text: string): string {
  return JSON.stringify(text);
}

function tokenOf(entry: unknown, place: string): Token {
  if (!isGroup(entry)) throw new TypeError(`Cannot use ${place}: write its fields id, name, can and sha256`);
  const unknown = Object.keys(entry).find((key) => !FIELDS.includes(key));
  if (unknown !== undefined) {
    throw new TypeError(
      `Cannot use ${place}: it has an unknown field ${quoted(unknown)}; there are ${FIELDS.join(", ")}`,
    );
  }
  const { expires } = entry;
  const token: Token = {
    id: textOf(entry.id, "id", place),
    name: textOf(entry.name, "name", place),
    can: textsOf(entry.can, "can", place) as readonly TokenClass[],
    prefixes: entry.prefixes === undefined ? [] : textsOf(entry.prefixes, "prefixes", place),
    ...expires !== undefined && { expiresMs: momentOf(expires, place) },
    sha256: textOf(entry.sha256, "sha256", place),
  };
  try {
    checkToken(token);
  } catch (error) {
    throw new RangeError(`${(error as Error).message} (${place})`);
  }
  return token;
}

function isGroup(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textOf(value: unknown, field: string, place: string): string {
  // YAML takes digits without quotes for a number.
  if (typeof value !== "string") throw new TypeError(`Cannot use ${place}: write its ${field} between quotes`);
  return value;
}

/** A list of at least one: an empty one is more likely a slip than meant to mean all. */
function textsOf(value: unknown, field: string, place: string): readonly string[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw new TypeError(`Cannot use ${place}: write its ${field} as a list, such as ["read"]; leave out what is empty`);
  }
  return value.map((one) => textOf(one, field, place));
}

/** A date that there is, as a text: of one without quotes, YAML makes another if there is no such day. */
function momentOf(value: unknown, place: string): number {
  if (typeof value === "string" && /^\d{4}-\d\d-\d\d(T[\d:.]+Z)?$/.test(value)) {
    const ms = Date.parse(value);
    if (!Number.isNaN(ms) && new Date(ms).toISOString().startsWith(value.slice(0, "2026-01-31".length))) return ms;
  }
  throw new TypeError(
    `Cannot use ${place}: write the date when it expires between quotes, as "2026-01-31" or "2026-01-31T12:00:00Z"`,
  );
}
