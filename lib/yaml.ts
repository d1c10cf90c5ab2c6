/**
 * Reading YAML, with errors that quote nothing of it: it may hold secrets.
 *
 * @module
 */

/**
 * What a text in YAML says.
 *
 * @throws TypeError if it is none
 */
export async function parseYaml(text: string): Promise<unknown> {
  // Loaded when it is needed: most servers never read a YAML file.
  const { parse } = await import("@std/yaml");
  try {
    return parse(text);
  } catch (error) {
    // The lines after the first quote the file.
    throw new TypeError(`Cannot read it as YAML: ${(error as Error).message.split("\n")[0]!.replace(/:$/, "")}`);
  }
}
