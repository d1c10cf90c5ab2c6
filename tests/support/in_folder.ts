/**
 * A folder of a test's own, gone when the test is over.
 *
 * @module
 */

/** Runs something with one. */
export async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
