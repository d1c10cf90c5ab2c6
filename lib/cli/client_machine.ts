/**
 * What the client's program needs of the machine it runs on. It never prompts for a permission: that is asked about
 * before what needs it is done.
 *
 * @module
 */

import { MAX_KEY_FILE_BYTES } from "../limits.ts";
import { commandLine, isGranted, quoted, reasonOf, variable } from "./machine.ts";
import { UsageError } from "./usage_error.ts";

/** The machine, as far as the client's program knows it. */
export interface ClientMachine {
  /** Whether standard output is read by a person. */
  readonly printsToTerminal: boolean;
  /** Whether something may be done without asking anybody. */
  isGranted(descriptor: Deno.PermissionDescriptor): boolean;
  /** An environment variable, `undefined` also where the environment may not be read. */
  variable(name: string): string | undefined;
  /** A whole file that holds a secret. Throws UsageError if it cannot be read, or others than its owner can. */
  readSecretFile(path: string): Promise<Uint8Array>;
  /** Writes a file that only its owner can read. Throws UsageError if it cannot, or there is one already. */
  writeSecretFile(path: string, bytes: Uint8Array): Promise<void>;
  /** What a person types, which is not shown; `undefined` where there is nobody to ask. */
  askSecret(question: string): Promise<string | undefined>;
  /** Standard input to its end. */
  readInput(): Promise<Uint8Array>;
  /** Writes to standard output. */
  print(bytes: Uint8Array): Promise<void>;
  /** Writes a line to standard error. */
  complain(line: string): void;
  /** The command line that runs the program with these permissions and arguments. */
  commandLine(permissions: readonly string[], args: readonly string[]): string;
}

/** The real machine. */
export const machine: ClientMachine = {
  get printsToTerminal() {
    return Deno.stdout.isTerminal();
  },
  isGranted,
  variable,
  readSecretFile,
  writeSecretFile,
  async askSecret(question) {
    // The question goes to standard output: redirected, it would be taken for the value that is printed there.
    if (!Deno.stdin.isTerminal() || !Deno.stdout.isTerminal()) return undefined;
    // Loaded when it is needed: most commands ask for nothing.
    const { promptSecret } = await import("@std/cli/prompt-secret");
    return promptSecret(question, { mask: "" }) ?? undefined;
  },
  readInput: async () => new Uint8Array(await new Response(Deno.stdin.readable).arrayBuffer()),
  async print(bytes) {
    for (let written = 0; written < bytes.length;) written += await Deno.stdout.write(bytes.subarray(written));
  },
  complain(line) {
    // deno-lint-ignore no-console -- standard error is this program's voice
    console.error(`cryptomem: ${line}`);
  },
  commandLine: (permissions, args) => commandLine("client", permissions, args),
};

/** Read, write or execute, by the file's group or by others. */
const MODE_OF_OTHERS = 0o077;
const MODE_OF_OWNER_ONLY = 0o600;

async function readSecretFile(path: string): Promise<Uint8Array> {
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
    // One byte more than is taken shows that there is more; a pipe does not say how long it will be.
    const bytes = new Uint8Array(MAX_KEY_FILE_BYTES + 1);
    let length = 0;
    while (length < bytes.length) {
      const count = await file.read(bytes.subarray(length));
      if (count === null) return bytes.slice(0, length);
      length += count;
    }
    throw new UsageError(path, `Cannot use it as a key file: it has more than ${MAX_KEY_FILE_BYTES} bytes`);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(path, `Cannot read it: ${reasonOf(error)}`);
  }
}

async function writeSecretFile(path: string, bytes: Uint8Array): Promise<void> {
  try {
    // Made and restricted in one step: at no moment can others open it.
    using file = await Deno.open(path, { write: true, createNew: true, mode: MODE_OF_OWNER_ONLY });
    for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
    await file.sync();
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new UsageError(path, "Cannot write it: there is such a file, and a key that is overwritten is lost");
    }
    throw new UsageError(path, `Cannot write it: ${reasonOf(error)}`);
  }
}
