/**
 * Looks through the project's own sources, for statements about which file may use what.
 *
 * @module
 */

/**
 * The published source files whose code, without its comments, has something that matches; sorted. Needs leave to
 * read the project.
 */
export async function filesWhoseCodeHas(pattern: RegExp): Promise<string[]> {
  const root = new URL("../../", import.meta.url);
  const found: string[] = [];
  for (const path of await sourceFiles(root)) {
    const code = (await Deno.readTextFile(new URL(path, root))).replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
    if (pattern.test(code)) found.push(path);
  }
  return found.sort();
}

async function sourceFiles(root: URL): Promise<string[]> {
  const paths: string[] = [];
  for await (const entry of Deno.readDir(root)) if (entry.isFile) paths.push(entry.name);
  const folders = ["lib/"];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for await (const entry of Deno.readDir(new URL(folder, root))) {
      if (entry.isDirectory) folders.push(`${folder}${entry.name}/`);
      else paths.push(folder + entry.name);
    }
  }
  return paths.filter((path) => path.endsWith(".ts"));
}
