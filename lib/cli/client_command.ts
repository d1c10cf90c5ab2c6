/**
 * The shape of a command of the client's program: what it is called with, what it needs and what it says by its exit
 * code. The commands themselves are in client_commands.ts.
 *
 * @module
 */

import type { Address } from "../client/address.ts";
import type { Client } from "../client/client.ts";
import type { FoundKeys } from "./client_keys.ts";
import type { ClientMachine } from "./client_machine.ts";
import type { GivenOptions, SpecialOptionName } from "./client_options.ts";

/** What the exit code of the program says. */
export const ClientExit = {
  OK: 0,
  NOT_FOUND: 1,
  USAGE: 2,
  SERVER: 3,
  INTEGRITY: 4,
} as const;

/** One of the exit codes. */
export type ClientExit = typeof ClientExit[keyof typeof ClientExit];

/** What every command is run with. */
export interface Call {
  /** The words behind the command, as many as were given. */
  readonly words: readonly string[];
  readonly options: GivenOptions;
  readonly on: ClientMachine;
}

/** What a command is run with that looks at keys. */
export interface KeysCall extends Call {
  readonly keys: FoundKeys;
}

/** What a command is run with that talks to the server. */
export interface ServerCall extends Call {
  readonly client: Client;
  readonly place: Address;
}

interface Described {
  /** Under which title the help shows it. */
  readonly group: string;
  /** One word or two. */
  readonly name: string;
  /** What stands behind the name; in brackets what can be left out. */
  readonly words: readonly string[];
  /** Options that not every command takes. */
  readonly options: readonly SpecialOptionName[];
  /** What it does, in one line of help. */
  readonly summary: string;
}

/** A command. Those that need the server and no keys still need them where names are blinded. */
export type CommandRow =
  & Described
  & (
    | { readonly needs: "nothing"; run(call: Call): Promise<ClientExit> }
    | { readonly needs: "keys"; run(call: KeysCall): Promise<ClientExit> }
    | { readonly needs: "server" | "server and keys"; run(call: ServerCall): Promise<ClientExit> }
  );
