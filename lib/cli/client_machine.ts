/**
 * What the client's program needs of the machine it runs on. It never prompts for a permission: that is asked about
 * before what needs it is done.
 *
 * @module
 */

import { MAX_CERTIFICATE_FILE_BYTES, MAX_KEY_FILE_BYTES } from "../limits.ts";
import { readBoundedFile } from "./bounded_file.ts";
import { commandLine, isGranted, variable } from "./machine.ts";
import { readSecretFile, writeSecretFile } from "./secret_file.ts";

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
  /** A whole file that holds no secret, as text. Throws UsageError if it cannot be read. */
  readFile(path: string): Promise<string>;
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
  readSecretFile: (path) => readSecretFile(path, MAX_KEY_FILE_BYTES),
  readFile: (path) => readBoundedFile(path, MAX_CERTIFICATE_FILE_BYTES),
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
