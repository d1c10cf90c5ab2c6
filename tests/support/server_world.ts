/**
 * A machine for the commands of the server's program that is made up: files, variables, a keyboard and a screen of a
 * test's own.
 *
 * @module
 */

import type { ServerMachine } from "../../lib/cli/server_machine.ts";
import { commandOf } from "../../lib/cli/server_commands.ts";
import { UsageError } from "../../lib/cli/usage_error.ts";

/** What surrounds the program in a test. */
export interface ServerWorld {
  /** What is in files. */
  files: Record<string, string>;
  /** What is in files that hold no text. */
  binaries?: Record<string, Uint8Array<ArrayBuffer>>;
  /** What happens while the program waits a moment. */
  onPause?: () => void;
  variables?: Record<string, string>;
  input?: string;
  /** What a person answers, in order; nobody is there without. */
  typed?: string[];
  /** Standard output is no terminal though somebody types. */
  isRedirected?: boolean;
  denied?: Deno.PermissionDescriptor["name"][];
  wallMs?: number;
}

/** What a run of a command did. */
export interface ServerRan {
  /** Standard output. */
  output: string;
  /** Lines of standard error, the last one that of an error. */
  complaints: string[];
}

const encoder = new TextEncoder(), decoder = new TextDecoder();

/** The machine of a world; what is printed and complained of is added to `ran`. */
export function machineOf(world: ServerWorld, ran: ServerRan): ServerMachine {
  const typed = [...world.typed ?? []];
  const hasFile = (path: string) => world.files[path] !== undefined || world.binaries?.[path] !== undefined;
  async function read(path: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    if (!hasFile(path)) throw new UsageError(path, "Cannot read it: there is none");
    const bytes = world.binaries?.[path]?.slice() ?? encoder.encode(world.files[path]);
    if (bytes.length > maxBytes) throw new UsageError(path, `Cannot use it: more than ${maxBytes} bytes`);
    return await Promise.resolve(bytes);
  }
  return {
    isTyped: world.typed !== undefined,
    isGranted: ({ name }) => !world.denied?.includes(name),
    variable: (name) => world.variables?.[name],
    askSecret: () => Promise.resolve(world.isRedirected ? undefined : typed.shift()),
    readInput: () => Promise.resolve(encoder.encode(world.input ?? "")),
    print: (bytes) => Promise.resolve(void (ran.output += decoder.decode(bytes))),
    complain: (line) => void ran.complaints.push(line),
    commandLine: (permissions, args) => ["deno run", ...permissions, "server.ts", ...args].join(" "),
    wallMs: () => world.wallMs ?? 0,
    hasFile: (path) => Promise.resolve(hasFile(path)),
    readSecretFile: read,
    readFile: async (path, maxBytes) => decoder.decode(await read(path, maxBytes)),
    makeSecretFile(path, bytes) {
      const isNew = !hasFile(path);
      if (isNew) (world.binaries ??= {})[path] = bytes.slice() as Uint8Array<ArrayBuffer>;
      return Promise.resolve(isNew);
    },
    pause: () => Promise.resolve(world.onPause?.()),
    async replaceSecretFile(path, contentOf) {
      world.files[path] = decoder.decode(await contentOf());
    },
  };
}

/** Runs a command of the server's program in a world. */
export async function runIn(world: ServerWorld, ...args: string[]): Promise<ServerRan> {
  const ran: ServerRan = { output: "", complaints: [] };
  try {
    const { row, rest } = commandOf(args)!;
    await row.run(rest, machineOf(world, ran));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    ran.complaints.push(error.message);
  }
  return ran;
}
