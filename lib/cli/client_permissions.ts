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
import { PASSWORD_VARIABLE, TOKEN_VARIABLE } from "./client_wire.ts";
import { UsageError } from "./usage_error.ts";

/** What a command is going to do; what is left out, it does not. */
export interface Undertaking {
  /** Connect to a server. */
  readonly place?: Address | undefined;
  /** Read files. */
  readonly readPaths?: readonly string[];
  /** Write a file. */
  readonly writePath?: string | undefined;
}

const VARIABLES: readonly string[] = [
  ...(CLIENT_OPTIONS as readonly OptionRow[]).flatMap(({ variable }) => variable ?? []),
  KEY_VARIABLE,
  PASSPHRASE_VARIABLE,
  PASSWORD_VARIABLE,
  TOKEN_VARIABLE,
];

/**
 * Throws a {@linkcode UsageError} with the command to run unless all of it is allowed.
 *
 * @param args the program's arguments, as they can be shown
 */
export function requirePermissions(undertaking: Undertaking, args: readonly string[], on: ClientMachine): void {
  const { place, readPaths = [], writePath } = undertaking;
  const needs: Need[] = [];
  if (place !== undefined) {
    const host = formatAddress(place);
    needs.push({ verb: "connect to", what: host, descriptor: { name: "net", host } });
    // To the system, a unix socket is a file as well.
    if ("path" in place) needs.push(fileNeed("read", place.path), fileNeed("write", place.path));
  }
  needs.push(...readPaths.map((path) => fileNeed("read", path)));
  if (writePath !== undefined) needs.push(fileNeed("write", writePath));
  const missing = needs.find(({ descriptor }) => !on.isGranted(descriptor));
  if (missing === undefined) return;
  // What has come from the environment must come from there again.
  const variables = VARIABLES.filter((name) => on.variable(name) !== undefined);
  const flags = [
    ...flagsOf(needs),
    ...variables.length === 0 ? [] : [`--allow-env=${variables.join(",")}`],
  ];
  throw new UsageError(
    missing.what,
    `Cannot ${missing.verb} ${missing.what} without permission: run ${on.commandLine(flags, args)}`,
  );
}

interface Need {
  readonly verb: string;
  readonly what: string;
  readonly descriptor: Deno.PermissionDescriptor;
}

function fileNeed(name: "read" | "write", path: string): Need {
  return { verb: name, what: path, descriptor: { name, path } };
}

/** One flag for each kind of permission. */
function flagsOf(needs: readonly Need[]): string[] {
  const kinds = Map.groupBy(needs, ({ descriptor }) => descriptor.name);
  return [...kinds].map(([name, needs]) => `--allow-${name}=${[...new Set(needs.map(({ what }) => what))].join(",")}`);
}
