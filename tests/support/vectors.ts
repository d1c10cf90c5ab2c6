/**
 * Public test vectors (Wycheproof, C2SP, RFCs) that stay out of the repository: they are read from the folder that
 * the environment variable `CRYPTOMEM_VECTORS` names.
 *
 * @module
 */

const VARIABLE = "CRYPTOMEM_VECTORS";

const folder: string | undefined = await granted({ name: "env", variable: VARIABLE })
  ? Deno.env.get(VARIABLE)
  : undefined;
const readable = folder !== undefined && await granted({ name: "read", path: folder });

/** Why tests of public vectors are skipped, or `undefined` if they run. */
export const vectorsMissing: string | undefined = folder === undefined
  ? `${VARIABLE} is not set or may not be read`
  : readable
  ? undefined
  : `no permission to read ${VARIABLE}`;

/** Registers a test that needs public vectors; where there are none it is skipped and its name says why. */
export function vectorTest(name: string, test: () => void | Promise<void>): void {
  if (vectorsMissing === undefined) Deno.test(name, test);
  else Deno.test({ name: `${name} [skipped: ${vectorsMissing}]`, ignore: true, fn: test });
}

/** Reads one vector file, named from the folder down. Its shape is the caller's to know. */
export async function readVectors<Shape>(path: string): Promise<Shape> {
  return JSON.parse(await Deno.readTextFile(`${folder}/${path}`));
}

async function granted(descriptor: Deno.PermissionDescriptor): Promise<boolean> {
  return (await Deno.permissions.query(descriptor)).state === "granted";
}
