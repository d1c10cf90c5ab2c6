/**
 * What is in the memory of another process, for tests that say what must not be there. Linux alone shows it, to the same
 * user or to root, and Deno wants all permissions for that, so a process of its own looks: this file.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { canRun } from "./permissions.ts";

const PROGRAM = new URL(import.meta.url).pathname;
const CHUNK_BYTES = 4 * 1024 * 1024;
/** In how many bytes around it a text is shown where it must not be. */
const SHOWN_BYTES = 48;

/** Where a text was found: as how many bytes around it, in escapes. */
export interface Found {
  readonly count: number;
  readonly around: readonly string[];
}

/** Whether {@linkcode findInMemory} can work at all. */
export const canSeeMemory: boolean = canRun && Deno.build.os === "linux";

/**
 * Looks for texts in all that a process can write to, as UTF-8 and as UTF-16.
 *
 * @returns what was found of each, in their order; `undefined` if the system does not let us look
 */
export async function findInMemory(pid: number, texts: readonly string[]): Promise<readonly Found[] | undefined> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--allow-all", PROGRAM, String(pid)],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(JSON.stringify(texts)));
  await input.close();
  const { code, stdout } = await child.output();
  if (code !== 0) throw new Error(`Cannot look into process ${pid}: the search ended with ${code}`);
  return JSON.parse(new TextDecoder().decode(stdout)) ?? undefined;
}

/** Mappings that can be written to, but for half a gigabyte of room for machine code: beginning and end. */
function writableMappings(maps: string): [number, number][] {
  return [...maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw-/gm)].map(([, begin, end]) => [
    parseInt(begin!, 16),
    parseInt(end!, 16),
  ]);
}

function search(pid: string, texts: readonly string[]): Found[] {
  const patterns = texts.map((text) => [Buffer.from(text, "utf8"), Buffer.from(text, "utf16le")]);
  const overlap = Math.max(...patterns.flat().map(({ length }) => length));
  const found = texts.map(() => ({ count: 0, around: [] as string[] }));
  const chunk = Buffer.alloc(CHUNK_BYTES + overlap);
  using memory = Deno.openSync(`/proc/${pid}/mem`);
  for (const [begin, end] of writableMappings(Deno.readTextFileSync(`/proc/${pid}/maps`))) {
    for (let at = begin; at < end; at += CHUNK_BYTES) {
      const window = chunk.subarray(0, Math.min(end - at, chunk.length));
      const filled = fill(memory, at, window);
      for (const [i, pair] of patterns.entries()) {
        for (const pattern of pair) {
          let position = filled.indexOf(pattern);
          // What begins in the overlap is found in the next chunk.
          for (; position >= 0 && position < CHUNK_BYTES; position = filled.indexOf(pattern, position + 1)) {
            found[i]!.count++;
            const shown = filled.subarray(Math.max(0, position - SHOWN_BYTES), position + pattern.length + SHOWN_BYTES);
            found[i]!.around.push(JSON.stringify(shown.toString("latin1")));
          }
        }
      }
    }
  }
  return found;
}

/** What can be read from there on: a mapping may have gone meanwhile. */
function fill(memory: Deno.FsFile, at: number, window: Buffer): Buffer {
  let filled = 0;
  try {
    memory.seekSync(at, Deno.SeekMode.Start);
    while (filled < window.length) {
      const count = memory.readSync(window.subarray(filled));
      if (count === null) break;
      filled += count;
    }
  } catch {
    // The rest of it cannot be read.
  }
  return window.subarray(0, filled);
}

if (import.meta.main) {
  const texts: string[] = JSON.parse(await new Response(Deno.stdin.readable).text());
  let found: Found[] | null = null;
  try {
    found = search(Deno.args[0]!, texts);
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable)) throw error;
  }
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(found)));
}
