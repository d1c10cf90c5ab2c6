/**
 * The commands of the client's program that concern entries.
 *
 * @module
 */

import { strictTextOf, utf8 } from "../bytes.ts";
import { formatAddress } from "../client/address.ts";
import type { Value } from "../crypto/value.ts";
import { formatDuration } from "../duration.ts";
import { ClientExit, type ServerCall } from "./client_command.ts";
import { UsageError } from "./usage_error.ts";

/** How one writes, for a time to live, that there is none. */
const NO_TTL = "none";

/** How many names of a scan are printed at once. */
const NAMES_PER_WRITE = 256;

/** Runs `set KEY [VALUE]`. */
export async function set({ words: [key, word], options, client, on }: ServerCall): Promise<ClientExit> {
  const value = word === undefined || word === "-" ? textOrBytes(await on.readInput()) : word;
  await client.set(key!, options.json === true ? parsedJson(value) : value, {
    ...options.ttl !== undefined && { ttl: options.ttl },
    ...options["bind-expiry"] === true && { bindExpiry: true },
  });
  return ClientExit.OK;
}

/** Runs `get KEY`. */
export async function get({ words: [key], client, on }: ServerCall): Promise<ClientExit> {
  const value = await client.get(key!);
  if (value === undefined) return ClientExit.NOT_FOUND;
  await on.print(shown(value));
  // A terminal's prompt starts on a line of its own; a file or another program gets the value and nothing else.
  if (on.printsToTerminal) await on.print(utf8("\n"));
  return ClientExit.OK;
}

/** Runs `delete KEY`. */
export async function remove({ words: [key], client }: ServerCall): Promise<ClientExit> {
  return foundOrNot(await client.delete(key!));
}

/** Runs `increment KEY [N]`. */
export function increment(call: ServerCall): Promise<ClientExit> {
  return add(call, 1);
}

/** Runs `decrement KEY [N]`. */
export function decrement(call: ServerCall): Promise<ClientExit> {
  return add(call, -1);
}

async function add({ words: [key, amount = "1"], client, on }: ServerCall, sign: 1 | -1): Promise<ClientExit> {
  const delta = /^[+-]?\d+$/.test(amount) ? Number(amount) : NaN;
  if (!Number.isSafeInteger(delta)) throw new UsageError("N", "Cannot add it: it is no whole number below 2^53");
  await on.print(utf8(`${await client.increment(key!, sign * delta)}\n`));
  return ClientExit.OK;
}

/** Runs `rename FROM TO`. */
export async function rename({ words: [from, to], client }: ServerCall): Promise<ClientExit> {
  return foundOrNot(await client.rename(from!, to!));
}

/** Runs `ttl KEY`. */
export async function ttl({ words: [key], client, on }: ServerCall): Promise<ClientExit> {
  const ttlMs = await client.ttl(key!);
  if (ttlMs === undefined) return ClientExit.NOT_FOUND;
  await on.print(utf8(`${ttlMs === null ? NO_TTL : formatDuration(ttlMs)}\n`));
  return ClientExit.OK;
}

/** Runs `touch KEY TTL`. */
export async function touch({ words: [key, given], client }: ServerCall): Promise<ClientExit> {
  return foundOrNot(await client.touch(key!, given === NO_TTL ? null : given!));
}

/** Runs `scan [PREFIX]`. */
export async function scan({ words: [prefix = ""], options, client, on }: ServerCall): Promise<ClientExit> {
  let lines: string[] = [];
  let blinded = 0;
  for await (const { name, isOpened } of client.scan({ prefix })) {
    if (!isOpened) blinded++;
    lines.push(`${escaped(name)}\n`);
    if (lines.length < NAMES_PER_WRITE) continue;
    await on.print(utf8(lines.join("")));
    lines = [];
  }
  await on.print(utf8(lines.join("")));
  // Without keys nobody knows whether they are.
  if (blinded > 0 && options["blind-names"] === true) {
    on.complain(`${blinded} of the names are blinded, and their values do not open with these keys`);
  }
  return ClientExit.OK;
}

/** Runs `ping`. */
export async function ping({ client, place, on }: ServerCall): Promise<ClientExit> {
  await on.print(utf8(`${formatAddress(place)} answered in ${(await client.ping()).toFixed(1)} ms\n`));
  return ClientExit.OK;
}

function foundOrNot(isFound: boolean): ClientExit {
  return isFound ? ClientExit.OK : ClientExit.NOT_FOUND;
}

function textOrBytes(bytes: Uint8Array): string | Uint8Array {
  try {
    return strictTextOf(bytes);
  } catch {
    return bytes;
  }
}

function parsedJson(text: string | Uint8Array): Value {
  try {
    if (typeof text === "string") return JSON.parse(text);
  } catch {
    // What is wrong with it, as JSON.parse() tells it, shows some of the value.
  }
  throw new UsageError("value", "Cannot store it: it is not JSON");
}

function shown(value: Value): Uint8Array {
  if (value instanceof Uint8Array) return value;
  return utf8(typeof value === "string" ? value : JSON.stringify(value));
}

/** A name on one line, without what would steer the terminal: the server, or whoever writes to it, chooses names. */
function escaped(name: string): string {
  return name.replace(/[\\\p{C}\p{Zl}\p{Zp}]/gu, (character) => {
    if (character === "\\") return "\\\\";
    if (character === "\n") return "\\n";
    return `\\u{${character.codePointAt(0)!.toString(16)}}`;
  });
}
