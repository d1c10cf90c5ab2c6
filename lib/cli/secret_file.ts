/**
 * Files that hold secrets: read only if nobody but their owner can get at them, and written so that nobody else ever can.
 *
 * @module
 */

import { readAtMost } from "./bounded_file.ts";
import { quoted, reasonOf } from "./machine.ts";
import { UsageError } from "./usage_error.ts";

/** Read, write or execute, by the file's group or by others. */
const MODE_OF_OTHERS = 0o077;
const MODE_OF_OWNER_ONLY = 0o600;

/**
 * Reads a whole file.
 *
 * @throws {UsageError} if it cannot be read, is longer, or others than its owner can get at it
 */
export async function readSecretFile(path: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  try {
    using file = await Deno.open(path);
    // The open file is asked, not its name: a name can stand for another file a moment later.
    const { mode } = await file.stat();
    // Systems without modes say null.
    if (mode !== null && (mode & MODE_OF_OTHERS) !== 0) {
      const shown = (mode & 0o777).toString(8).padStart(4, "0");
      throw new UsageError(
        path,
        `Cannot use it for a secret: others than its owner can get at it (mode ${shown}); run ` +
          `chmod 600 ${quoted(path)}`,
      );
    }
    const bytes = await readAtMost(file, maxBytes);
    if (bytes !== undefined) return bytes;
    throw new UsageError(path, `Cannot use it for a secret: it has more than ${maxBytes} bytes`);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(path, `Cannot read it: ${reasonOf(error)}`);
  }
}

/**
 * Writes a new file.
 *
 * @throws {UsageError} if it cannot be written, or there is one already
 */
export async function writeSecretFile(path: string, bytes: Uint8Array): Promise<void> {
  if (await makeSecretFile(path, bytes)) return;
  throw new UsageError(path, "Cannot write it: there is such a file, and a key that is overwritten is lost");
}

/**
 * Makes a file, if there is none. Of several that do so at once, one does; to the others it is there, perhaps not with all
 * of its content yet.
 *
 * @returns whether it was made
 * @throws {UsageError} if it cannot be written; then it is not there
 */
export async function makeSecretFile(path: string, bytes: Uint8Array): Promise<boolean> {
  try {
    await writeNew(path, bytes);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    const reason = error instanceof Deno.errors.NotFound ? "there is no such folder" : reasonOf(error);
    throw new UsageError(path, `Cannot write it: ${reason}`);
  }
}

/** The file that stands for another while that is being replaced. */
export function replacementPath(path: string): string {
  return `${path}.new`;
}

/**
 * Puts a file in the place of another, which is there in one piece until it is. Two that do so at once do not undo each
 * other's work: the second is refused, if both read the file inside of `contentOf`.
 *
 * @param contentOf makes the content, alone among all that replace this file
 * @throws {UsageError} if it cannot be written
 */
export async function replaceSecretFile(path: string, contentOf: () => Promise<Uint8Array>): Promise<void> {
  const replacement = replacementPath(path);
  const file = await claim(path, replacement);
  try {
    try {
      const bytes = await contentOf();
      for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
      await file.sync();
    } finally {
      file.close();
    }
    await keepOwner(path, replacement);
    await Deno.rename(replacement, path);
  } catch (error) {
    await Deno.remove(replacement).catch(() => {});
    if (error instanceof UsageError) throw error;
    throw new UsageError(path, `Cannot write it: ${reasonOf(error)}`);
  }
}

/** An administrator who changes the file must not take it from the user whom the server runs as. */
async function keepOwner(path: string, replacement: string): Promise<void> {
  const [before, now] = await Promise.all([Deno.stat(path).catch(() => undefined), Deno.stat(replacement)]);
  if (before === undefined || before.uid === now.uid && before.gid === now.gid) return;
  await Deno.chown(replacement, before.uid, before.gid);
}

async function claim(path: string, replacement: string): Promise<Deno.FsFile> {
  try {
    return await openNew(replacement);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new UsageError(
        path,
        `Cannot write it: another program is doing so, or broke off; if none is, run rm ${quoted(replacement)}`,
      );
    }
    throw new UsageError(path, `Cannot write it: ${reasonOf(error)}`);
  }
}

async function writeNew(path: string, bytes: Uint8Array): Promise<void> {
  using file = await openNew(path);
  try {
    for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
    await file.sync();
  } catch (error) {
    await Deno.remove(path).catch(() => {});
    throw error;
  }
}

/** Makes and restricts a file in one step: at no moment can others open it. */
function openNew(path: string): Promise<Deno.FsFile> {
  return Deno.open(path, { write: true, createNew: true, mode: MODE_OF_OWNER_ONLY });
}
