/**
 * How far a rotation of keys has come: what the server counts for each key, beside the keys that are held here.
 *
 * ```
 *      key  entries     bytes  share
 * 08b0b48b    12345   1234567  96.8%  active
 * 1f22aa90      410     40100   3.1%  open, and 410 entries still need it
 * 77aa0102        0         0   0.0%  open, and can be dropped
 * deadbeef        2       150   0.0%  not held
 * unsealed        3       120   0.0%  anybody can read them
 * ```
 *
 * @module
 */

import { utf8 } from "../bytes.ts";
import type { KeyStatus } from "../client/key_control.ts";
import { ClientExit, type ServerCall } from "./client_command.ts";

/** Entries and the bytes of their values, as far as they are known. */
type Count = Pick<KeyStatus, "entries" | "bytes">;

const TITLES = ["key", "entries", "bytes", "share", ""];

/** Runs `keys status`. */
export async function keysStatus({ client, on }: ServerCall): Promise<ClientExit> {
  const [keys, { unsealed, otherKeys }] = await Promise.all([client.keys.status(), client.stats()]);
  const rows: [name: string, count: Count, state: string][] = [
    ...keys.map((key): [string, Count, string] => [key.id, key, stateOf(key)]),
    ["others", countOf(otherKeys), "not told apart by the server, which has seen too many keys"],
    ["unsealed", countOf(unsealed), "anybody who reaches the server can read them"],
  ];
  // What the server does not have is only of interest where it is a key that is held.
  const shown = rows.filter(([, { entries }], i) => i < keys.length || entries !== 0);
  const allBytes = shown.reduce((sum, [, { bytes = 0 }]) => sum + bytes, 0);
  const table = shown.map(([name, { entries, bytes }, state]) => [
    name,
    entries === undefined ? "?" : String(entries),
    bytes === undefined ? "?" : String(bytes),
    bytes === undefined ? "?" : `${allBytes === 0 ? "0.0" : (100 * bytes / allBytes).toFixed(1)}%`,
    state,
  ]);
  await on.print(utf8(aligned([TITLES, ...table])));
  return ClientExit.OK;
}

function stateOf({ isActive, isHeld, entries, canDrop }: KeyStatus): string {
  if (!isHeld) return "not held";
  if (isActive) return "active";
  if (canDrop) return "open, and can be dropped";
  if (entries === undefined) return "open, and the server does not tell who needs it";
  return entries === 1 ? "open, and 1 entry still needs it" : `open, and ${entries} entries still need it`;
}

/** A count as the server tells it; one that is none counts nothing, since it is only shown. */
function countOf(told: unknown): Count {
  const { entries, bytes } = (told ?? {}) as Readonly<Record<string, unknown>>;
  return Number.isSafeInteger(entries) && Number.isSafeInteger(bytes)
    ? { entries: Number(entries), bytes: Number(bytes) }
    : { entries: 0, bytes: 0 };
}

/** Columns side by side: all but the last end in line, as numbers do. */
function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    row.map((cell, column) => column === row.length - 1 ? cell : cell.padStart(widths[column]!)).join("  ").trimEnd();
  return rows.map((row) => `${line(row)}\n`).join("");
}
