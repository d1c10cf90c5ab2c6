/**
 * A machine for the client's program that is made up: files, variables, a keyboard and a screen of a test's own.
 *
 * @module
 */

import type { ClientMachine } from "../../lib/cli/client_machine.ts";
import { runClient } from "../../lib/cli/client_program.ts";
import { UsageError } from "../../lib/cli/usage_error.ts";
import { serve } from "../../lib/server/serve.ts";

/** What surrounds the program in a test. */
export interface World {
  /** What is in files; `keygen --out` adds to them. */
  files?: Record<string, Uint8Array | string>;
  variables?: Record<string, string>;
  input?: Uint8Array | string;
  /** What a person answers, in order; nobody is there without. */
  typed?: string[];
  denied?: Deno.PermissionDescriptor["name"][];
  terminal?: boolean;
}

/** What one run of the program did. */
export interface Ran {
  exit: number;
  /** Standard output. */
  output: string;
  /** The same as bytes. */
  bytes: Uint8Array;
  /** Lines of standard error. */
  complaints: string[];
  /** What a person was asked. */
  questions: string[];
}

const utf8 = (text: string) => new TextEncoder().encode(text);

/** Runs the program in a world. */
export async function runIn(world: World, ...args: string[]): Promise<Ran> {
  const printed: number[] = [];
  const complaints: string[] = [];
  const questions: string[] = [];
  const files = world.files ?? {};
  const typed = [...world.typed ?? []];
  const machine: ClientMachine = {
    printsToTerminal: world.terminal ?? false,
    isGranted: ({ name }) => !world.denied?.includes(name),
    variable: (name) => world.variables?.[name],
    readSecretFile(path) {
      const file = files[path];
      if (file === undefined) return Promise.reject(new UsageError(path, "Cannot read it: there is no such file"));
      return Promise.resolve(typeof file === "string" ? utf8(file) : file);
    },
    readFile: async (path) => new TextDecoder().decode(await machine.readSecretFile(path)),
    writeSecretFile(path, bytes) {
      if (files[path] !== undefined) return Promise.reject(new UsageError(path, "Cannot write it: there is one"));
      files[path] = bytes;
      return Promise.resolve();
    },
    askSecret(question) {
      if (world.typed === undefined) return Promise.resolve(undefined);
      questions.push(question);
      return Promise.resolve(typed.shift());
    },
    readInput: () => Promise.resolve(typeof world.input === "string" ? utf8(world.input) : world.input ?? utf8("")),
    print: (bytes) => Promise.resolve(void printed.push(...bytes)),
    complain: (line) => void complaints.push(line),
    commandLine: (permissions, args) => ["deno", "run", ...permissions, "client.ts", ...args].join(" "),
  };
  const exit = await runClient(args, machine);
  const bytes = Uint8Array.from(printed);
  return { exit, output: new TextDecoder().decode(bytes), bytes, complaints, questions };
}

/** Runs a test beside a server, whose address stands in the environment of every world that it makes. */
export async function withServer(
  test: (runIn_: typeof runIn, address: string) => Promise<void>,
): Promise<void> {
  await using server = serve({ port: 0 });
  const address = `127.0.0.1:${server.address.port}`;
  await test((world, ...args) => {
    return runIn(
      Object.assign(world, { variables: { CRYPTOMEM_ADDRESS: address, ...world.variables } }),
      ...args,
    );
  }, address);
}
