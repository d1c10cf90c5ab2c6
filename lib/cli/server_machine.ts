/**
 * What the server's program needs of the machine it runs on, beside the network. It never prompts for a permission: that
 * is asked about before what needs it is done.
 *
 * @module
 */

import { systemClock } from "../clock.ts";
import { type ClientMachine, machine as clientMachine } from "./client_machine.ts";
import { readBoundedFile } from "./bounded_file.ts";
import { commandLine } from "./machine.ts";
import { makeSecretFile, readSecretFile, replaceSecretFile } from "./secret_file.ts";

type Shared = "isGranted" | "variable" | "askSecret" | "readInput" | "print" | "complain" | "commandLine";

/** The machine, as far as the server's program knows it. */
export interface ServerMachine extends Pick<ClientMachine, Shared> {
  /** Whether standard input is a person who types. */
  readonly isTyped: boolean;
  /** Unix time in milliseconds. */
  wallMs(): number;
  /** Whether there is such a file. */
  hasFile(path: string): Promise<boolean>;
  /** A whole file that holds a secret. Throws UsageError if it cannot be read, or others than its owner can. */
  readSecretFile(path: string, maxBytes: number): Promise<Uint8Array>;
  /** Makes a file that only its owner can read; tells whether it did, or there is one. Throws UsageError if it cannot. */
  makeSecretFile(path: string, bytes: Uint8Array): Promise<boolean>;
  /** A whole file that holds no secret, as text. Throws UsageError if it cannot be read or is longer. */
  readFile(path: string, maxBytes: number): Promise<string>;
  /** Resolves a moment later, when what another program does may be done. */
  pause(): Promise<void>;
  /** Puts a file in the place of another, in one step. Throws UsageError if it cannot. */
  replaceSecretFile(path: string, contentOf: () => Promise<Uint8Array>): Promise<void>;
}

const PAUSE_MS = 10;

const { isGranted, variable, askSecret, readInput, print, complain } = clientMachine;

/** The real machine. */
export const machine: ServerMachine = {
  isGranted,
  variable,
  askSecret,
  readInput,
  print,
  complain,
  get isTyped() {
    return Deno.stdin.isTerminal();
  },
  wallMs: () => systemClock.wallMs(),
  hasFile: (path) => Deno.stat(path).then(() => true, () => false),
  readSecretFile,
  makeSecretFile,
  readFile: readBoundedFile,
  pause: () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS)),
  replaceSecretFile,
  commandLine: (permissions, args) => commandLine("server", permissions, args),
};
