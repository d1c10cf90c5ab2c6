/**
 * What the client's program needs of the machine it runs on. It never prompts: a permission is asked about before
 * what needs it is done.
 *
 * @module
 */

import { commandLine, isGranted, reasonOf, variable } from "./machine.ts";
import { UsageError } from "./usage_error.ts";

/** The machine, as far as the client's program knows it. */
export interface ClientMachine {
  /** Whether standard output is read by a person. */
  readonly printsToTerminal: boolean;
  /** Whether something may be done without asking anybody. */
  isGranted(descriptor: Deno.PermissionDescriptor): boolean;
  /** An environment variable, `undefined` also where the environment may not be read. */
  variable(name: string): string | undefined;
  /** A whole file. Throws UsageError if it cannot be read. */
  readFile(path: string): Promise<Uint8Array>;
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
  async readFile(path) {
    try {
      return await Deno.readFile(path);
    } catch (error) {
      throw new UsageError(path, `Cannot read it: ${reasonOf(error)}`);
    }
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
