/**
 * Reading a file that somebody named, whatever it turns out to be: never more of it than it may have.
 *
 * @module
 */

import { strictTextOf } from "../bytes.ts";
import { reasonOf } from "./machine.ts";
import { UsageError } from "./usage_error.ts";

/** The whole rest of a file; `undefined` if that is longer. What has been read of it is nowhere else. */
export async function readAtMost(file: Deno.FsFile, maxBytes: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  // One byte more than is taken shows that there is more; a pipe does not say how long it will be.
  const bytes = new Uint8Array(maxBytes + 1);
  let length = 0;
  try {
    while (length < bytes.length) {
      const count = await file.read(bytes.subarray(length));
      if (count === null) return bytes.slice(0, length);
      length += count;
    }
    return undefined;
  } finally {
    bytes.fill(0);
  }
}

/**
 * A whole file that holds no secret, as text.
 *
 * @throws {UsageError} if it cannot be read, is longer, or is no text
 */
export async function readBoundedFile(path: string, maxBytes: number): Promise<string> {
  let bytes: Uint8Array | undefined;
  try {
    using file = await Deno.open(path);
    bytes = await readAtMost(file, maxBytes);
  } catch (error) {
    throw new UsageError(path, `Cannot read it: ${reasonOf(error)}`);
  }
  if (bytes === undefined) throw new UsageError(path, `Cannot use it: it has more than ${maxBytes} bytes`);
  return fileText(path, bytes);
}

/**
 * The text that a file holds.
 *
 * @throws {UsageError} if it is none
 */
export function fileText(path: string, bytes: Uint8Array): string {
  try {
    return strictTextOf(bytes);
  } catch {
    throw new UsageError(path, "Cannot use it: it is no text");
  }
}
