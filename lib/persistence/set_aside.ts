/**
 * Keeping what is about to be changed: nothing that a server cannot read is ever deleted, it only gets another name,
 * `<file>.damaged-<Unix time in seconds>`, which no server looks at.
 *
 * @module
 */

import { appendAll, type Disk, type DiskFile, readAll, withFile } from "./disk.ts";

/** How much is copied at a time. */
const COPIED_PIECE_BYTES = 1024 * 1024;

/** Renames a file; durable with the next {@linkcode Disk.syncDirectory}. Returns its new name. */
export async function setAside(disk: Disk, name: string, unixMs: number): Promise<string> {
  const aside = await freeName(disk, name, unixMs);
  await disk.rename(name, aside);
  return aside;
}

/** Copies a file and syncs the copy, with its name. Returns that. */
export async function copyAside(disk: Disk, name: string, unixMs: number): Promise<string> {
  const aside = await freeName(disk, name, unixMs);
  const copy = await disk.create(aside);
  try {
    await withFile(disk, name, async (file) => copyPart(file, 0, await file.size(), copy));
    await copy.sync();
  } catch (error) {
    copy.close();
    await disk.remove(aside).catch(() => {});
    throw error;
  }
  copy.close();
  await disk.syncDirectory();
  return aside;
}

/** Appends a part of a file, which it must have, to another. */
export async function copyPart(source: DiskFile, start: number, end: number, target: DiskFile): Promise<void> {
  const piece = new Uint8Array(COPIED_PIECE_BYTES);
  for (let position = start; position < end;) {
    const length = await readAll(source, position, piece.subarray(0, end - position));
    if (length === 0) {
      throw new Error(`Cannot copy ${source.name}: it ends at ${position}, and should have ${end} bytes`);
    }
    await appendAll(target, piece.subarray(0, length));
    position += length;
  }
}

async function freeName(disk: Disk, name: string, unixMs: number): Promise<string> {
  const taken = new Set(await disk.list());
  let seconds = Math.floor(unixMs / 1000);
  while (taken.has(`${name}.damaged-${seconds}`)) seconds++;
  return `${name}.damaged-${seconds}`;
}
