// deno-lint-ignore-file no-console -- a program of the developer
/**
 * `deno task setup`: makes `jsr:@std/…` importable where JSR cannot be reached, for example behind a company mirror
 * that carries npm only.
 *
 * Deno looks for JSR packages in the git-ignored `vendor/` folder first (`"vendor": true` in deno.json). Where JSR
 * answers, Deno fills that folder itself with the real packages and nothing is done here. Where it does not, the
 * adapters in tools/jsr_fallback/ are laid out as Deno expects a package: `meta.json` names the versions,
 * `<version>_meta.json` lists files with their SHA-256, and the files lie in `<version>/`.
 *
 * It imports nothing, since it runs before anything can be imported. The exact versions stand in deno.json alone.
 *
 * @module
 */

/** One `@std` package of deno.json's import map. */
export interface Package {
  /** Name without the scope. */
  readonly name: string;
  /** Exact version. */
  readonly version: string;
}

/** Where to read and write, and how to ask JSR; tests pass their own. */
export interface SetupOptions {
  /** The project's folder, with deno.json, vendor/ and tools/jsr_fallback/ in it. */
  readonly root: URL;
  /** Whether JSR has this package at this version to give. */
  readonly isOnJsr: (wanted: Package) => Promise<boolean>;
}

/** Export path → adapter file, by package. An adapter is complete only if every import in the project is here. */
const ADAPTERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  assert: { ".": "./mod.ts" },
  bytes: { ".": "./mod.ts" },
  cli: { "./parse-args": "./parse_args.ts", "./prompt-secret": "./prompt_secret.ts" },
  yaml: { ".": "./mod.ts" },
};

const JSR_URL = "https://jsr.io/";
const JSR_TIMEOUT_MS = 3_000;
const VENDOR_FOLDER = "vendor/jsr.io/@std/";

/** Marks a `<version>_meta.json` as ours; Deno ignores members it does not know. */
const ADAPTER_MARK = "adapter";

/**
 * Sees to it that every `@std` package can be imported, and returns the packages for which adapters were written.
 * Throws an Error with a message for the user when that cannot be done.
 */
export async function setup({ root, isOnJsr }: SetupOptions): Promise<Package[]> {
  const wanted = readPackages(await Deno.readTextFile(new URL("deno.json", root)));
  const missing: { readonly package: Package; readonly files: Map<string, string> }[] = [];
  for (const one of wanted) {
    const files = await adapterFiles(one, root);
    if (!await isInstalled(one, files, root)) missing.push({ package: one, files });
  }
  if (missing.length === 0 || await isOnJsr(missing[0]!.package)) return [];
  try {
    for (const { package: { name }, files } of missing) await install(name, files, root);
  } catch (error) {
    throw new Error(
      `Cannot write the adapters in ${VENDOR_FOLDER}, needed since jsr.io does not answer: ${
        (error as Error).message
      }; ` +
        "make vendor/ a folder you can write to, or set JSR_URL to a JSR mirror, and run deno task setup again",
      { cause: error },
    );
  }
  return missing.map((it) => it.package);
}

/** The packages that an import map takes from `jsr:@std/`. */
export function readPackages(denoJson: string): Package[] {
  const { imports } = JSON.parse(denoJson) as { imports: Record<string, string> };
  const packages: Package[] = [];
  for (const specifier of Object.values(imports)) {
    if (!specifier.startsWith("jsr:@std/")) continue;
    const [, name, version] = /^jsr:@std\/([a-z-]+)@(\d+\.\d+\.\d+)$/.exec(specifier) ?? [];
    if (!name || !version) {
      throw new Error(
        `Cannot set up "${specifier}" of deno.json: it names no exact version; write jsr:@std/name@1.2.3`,
      );
    }
    packages.push({ name, version });
  }
  return packages;
}

/** Path below vendor/jsr.io/@std/<name>/ → text, in the order in which they must be written: what names others, last. */
async function adapterFiles({ name, version }: Package, root: URL): Promise<Map<string, string>> {
  const exports = ADAPTERS[name];
  if (!exports) {
    throw new Error(`Cannot set up @std/${name}: it has no adapter; add one to tools/jsr_fallback/ and tools/setup.ts`);
  }
  const files = new Map<string, string>();
  const manifest: Record<string, { size: number; checksum: string }> = {};
  for (const path of new Set(Object.values(exports))) {
    const text = await readText(new URL(`tools/jsr_fallback/${name}/${path}`, root));
    if (text === undefined) {
      throw new Error(
        `Cannot set up @std/${name}: tools/jsr_fallback/${name}/${path.slice(2)} is missing; ` +
          "bring it back with git checkout tools",
      );
    }
    const bytes = new TextEncoder().encode(text);
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    manifest[path.slice(1)] = { size: bytes.length, checksum: `sha256-${hash.toHex()}` };
    files.set(`${version}${path.slice(1)}`, text);
  }
  files.set(`${version}_meta.json`, JSON.stringify({ [ADAPTER_MARK]: true, manifest, exports }));
  files.set("meta.json", JSON.stringify({ scope: "std", name, latest: version, versions: { [version]: {} } }));
  return files;
}

/** Whether vendor/ holds the real package at its version, or the adapter as it is today. */
async function isInstalled({ name, version }: Package, files: Map<string, string>, root: URL): Promise<boolean> {
  const folder = new URL(`${VENDOR_FOLDER}${name}/`, root);
  const meta = await readJson(new URL("meta.json", folder));
  const versionMeta = await readJson(new URL(`${version}_meta.json`, folder));
  if (!meta || !versionMeta) return false;
  if (!(ADAPTER_MARK in versionMeta)) return Object.hasOwn(meta["versions"] ?? {}, version);
  for (const [path, text] of files) {
    if (await readText(new URL(path, folder)) !== text) return false;
  }
  return true;
}

async function install(name: string, files: Map<string, string>, root: URL): Promise<void> {
  const folder = new URL(`${VENDOR_FOLDER}${name}/`, root);
  for (const [path, text] of files) {
    const url = new URL(path, folder);
    await Deno.mkdir(new URL(".", url), { recursive: true });
    await Deno.writeTextFile(url, text);
  }
}

async function readText(url: URL): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(url);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}

async function readJson(url: URL): Promise<Record<string, object> | undefined> {
  try {
    const value: unknown = JSON.parse(await readText(url) ?? "null");
    return typeof value === "object" && value !== null ? value as Record<string, object> : undefined;
  } catch (error) {
    // A file cut short is as good as none.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Asks jsr.io. A proxy's error page is no package, so the answer must be one. */
async function isOnJsr({ name, version }: Package): Promise<boolean> {
  try {
    const response = await fetch(new URL(`@std/${name}/${version}_meta.json`, JSR_URL), {
      signal: AbortSignal.timeout(JSR_TIMEOUT_MS),
    });
    return response.ok && "manifest" in await response.json();
  } catch {
    return false;
  }
}

// Whoever sets JSR_URL has a registry of their own for Deno to use, and Deno reports its faults.
if (import.meta.main && !Deno.env.get("JSR_URL")) {
  try {
    const written = await setup({ root: new URL("..", import.meta.url), isOnJsr });
    if (written.length > 0) {
      const names = written.map(({ name, version }) => `@std/${name}@${version}`).join(", ");
      console.log(`setup: jsr.io does not answer, so vendor/ now holds adapters for ${names}`);
    }
  } catch (error) {
    console.error(`setup: ${error instanceof Error ? error.message : error}`);
    Deno.exit(1);
  }
}
