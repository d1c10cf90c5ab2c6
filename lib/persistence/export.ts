/**
 * Writes entries as lines of JSON (entry_line.ts), from wherever they come.
 *
 * @module
 */

import { type ByteRange, utf8 } from "../bytes.ts";
import { CryptomemError } from "../errors.ts";
import { EXPORT_PIECE_CHARACTERS } from "./limits.ts";
import { endLine, entryLine } from "./entry_line.ts";
import type { EntryVisitor } from "./snapshot_layout.ts";

/**
 * Writes all entries, some at a time; no more than these are in memory.
 *
 * @param visitSome visits some more entries; returns whether there may be others
 * @param write takes some lines; the next come when it has resolved
 * @returns how many entries there were
 * @throws CryptomemError `TOO_LARGE` for an entry that is too long for a line; also what the two functions throw
 */
export async function exportEntries(
  visitSome: (visit: EntryVisitor) => boolean,
  write: (lines: Uint8Array) => Promise<void>,
): Promise<number> {
  let entries = 0;
  let text = "";
  const full: string[] = [];
  const add = (line: string): void => {
    if (text.length > 0 && text.length + line.length > EXPORT_PIECE_CHARACTERS) {
      full.push(text);
      text = "";
    }
    text += line;
  };
  const visit: EntryVisitor = (key, value, expiryUnixMs) => {
    add(lineOf(key, value, expiryUnixMs));
    entries++;
  };
  while (visitSome(visit)) {
    for (const piece of full.splice(0)) await write(utf8(piece));
  }
  add(endLine(entries));
  for (const piece of [...full, text]) await write(utf8(piece));
  return entries;
}

function lineOf(key: ByteRange, value: ByteRange, expiryUnixMs: number): string {
  try {
    return entryLine(key, value, expiryUnixMs);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new CryptomemError(
      "TOO_LARGE",
      `Cannot export an entry of ${value.length} bytes: its line would be too long`,
    );
  }
}
