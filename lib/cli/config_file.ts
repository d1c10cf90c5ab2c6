/**
 * Configuration files: YAML, or `key=value` lines with `#` and `//` comments. What the keys mean is in
 * configuration.ts.
 *
 * @module
 */
import { parseYaml } from "../yaml.ts";
import { UsageError } from "./usage_error.ts";

/** What a file says: key → value. Other than texts and numbers come only from YAML and are nobody's value. */
export type FileEntries = ReadonlyMap<string, unknown>;

/**
 * The entries of a configuration file.
 *
 * @param path the file's name, which decides on the format: `.yaml` and `.yml` are YAML
 * @param text what is in it
 * @throws {UsageError} with the file's name, and the line where there is one
 */
export async function parseConfigFile(path: string, text: string): Promise<FileEntries> {
  const name = path.replace(/^.*[/\\]/, "");
  return /\.ya?ml$/i.test(path) ? await yamlEntries(name, text) : parseLines(name, text);
}

async function yamlEntries(name: string, text: string): Promise<FileEntries> {
  const document = await parseYaml(text).catch(({ message }: TypeError) => {
    throw new UsageError(name, message);
  });
  if (document === null) return new Map();
  if (typeof document !== "object" || Array.isArray(document)) {
    throw new UsageError(name, 'Cannot use it as a configuration: write lines such as "port: 8080"');
  }
  return new Map(Object.entries(document));
}

function parseLines(name: string, text: string): FileEntries {
  const entries = new Map<string, string>();
  for (const [index, line] of text.replace(/^\uFEFF/, "").split(/\r?\n/).entries()) {
    // A comment begins the line or follows a space, so that a value may hold # and //.
    const content = line.replace(/(^|\s)(#|\/\/).*$/, "").trim();
    if (content === "") continue;
    const source = `${name}: line ${index + 1}`;
    const [, key, value] = /^([^=\s]+)\s*=\s*(.*)$/.exec(content) ?? [];
    if (key === undefined || value === undefined) throw new UsageError(source, "Cannot read it: write key=value");
    if (entries.has(key)) throw new UsageError(source, `Cannot set ${key} again: it stands further up`);
    entries.set(key, value);
  }
  return entries;
}
