/**
 * What a command of the client's program may do, asked for all at once, so that the command shown to the user is the
 * last one to try.
 *
 * @module
 */

import { type Address, formatAddress } from "../client/address.ts";
import { KEY_VARIABLE, PASSPHRASE_VARIABLE } from "./client_keys.ts";
import type { ClientMachine } from "./client_machine.ts";
import { CLIENT_OPTIONS, type OptionRow } from "./client_options.ts";
import { UsageError } from "./usage_error.ts";

/** What a command is going to do; what is left out, it does not. */
export interface Undertaking {
  /** Connect to a server. */
  readonly place?: Address | undefined;
  /** Read a file. */
  readonly readPath?: string | undefined;
  /** Write a file. */
  readonly writePath?: string | undefined;
}

const VARIABLES: readonly string[] = [
  ...(CLIENT_OPTIONS as readonly OptionRow[]).flatMap(({ variable }) => variable ?? []),
  KEY_VARIABLE,
  PASSPHRASE_VARIABLE,
];

/**
 * Throws a {@linkcode UsageError} with the command to run unless all of it is allowed.
 *
 * @param args the program's arguments, as they can be shown
 */
export function requirePermissions(undertaking: Undertaking, args: readonly string[], on: ClientMachine): void {
  const needs: { verb: string; what: string; flag: string; descriptor: Deno.PermissionDescriptor }[] = [];
  const { place, readPath, writePath } = undertaking;
  if (place !== undefined) {
    const host = formatAddress(place);
    needs.push({ verb: "connect to", what: host, flag: `--allow-net=${host}`, descriptor: { name: "net", host } });
  }
  if (readPath !== undefined) needs.push(fileNeed("read", readPath));
  if (writePath !== undefined) needs.push(fileNeed("write", writePath));
  const missing = needs.find(({ descriptor }) => !on.isGranted(descriptor));
  if (missing === undefined) return;
  // What has come from the environment must come from there again.
  const variables = VARIABLES.filter((name) => on.variable(name) !== undefined);
  const flags = [
    ...needs.map(({ flag }) => flag),
    ...variables.length === 0 ? [] : [`--allow-env=${variables.join(",")}`],
  ];
  throw new UsageError(
    missing.what,
    `Cannot ${missing.verb} ${missing.what} without permission: run ${on.commandLine(flags, args)}`,
  );
}

function fileNeed(name: "read" | "write", path: string) {
  return { verb: name, what: path, flag: `--allow-${name}=${path}`, descriptor: { name, path } };
}
