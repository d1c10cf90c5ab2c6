/**
 * What the server's configuration reads from the machine, and what it needs of it.
 *
 * @module
 */

import { formatAddress } from "../client/address.ts";
import type { Surroundings } from "./configuration.ts";
import { commandLine, isGranted, reasonOf, variable } from "./machine.ts";
import type { Configuration } from "./options.ts";
import { UsageError } from "./usage_error.ts";

/** The machine as seen by a server that was started with these arguments. */
export function surroundingsOf(args: readonly string[]): Surroundings {
  return {
    variable,
    async readFile(path) {
      if (!isGranted({ name: "read", path })) {
        throw new UsageError(
          path,
          `Cannot read it without permission: run ${serverCommand(args, "--allow-net", path)}`,
        );
      }
      try {
        return await Deno.readTextFile(path);
      } catch (error) {
        throw new UsageError(path, `Cannot read it: ${reasonOf(error)}`);
      }
    },
  };
}

/**
 * Throws a {@linkcode UsageError} with the command to run unless the server may listen where it is told to.
 *
 * @param configPath the configuration file in use, whose permission the command must keep
 */
export function requireListening(
  configuration: Configuration,
  args: readonly string[],
  configPath: string | undefined,
): void {
  const { hostname, port, listen } = configuration;
  const hosts = [{ hostname, port }, ...listen.map((place) => ({ hostname, ...place }))].map(formatAddress);
  const refused = hosts.find((host) => !isGranted({ name: "net", host }));
  if (refused === undefined) return;
  const command = serverCommand(args, `--allow-net=${hosts.join(",")}`, configPath);
  throw new UsageError(refused, `Cannot listen without permission: run ${command}`);
}

function serverCommand(args: readonly string[], network: string, readPath: string | undefined): string {
  const permissions = [network];
  if (isGranted({ name: "env" })) permissions.push("--allow-env");
  if (readPath !== undefined) permissions.push(`--allow-read=${readPath}`);
  return commandLine("server", permissions, args);
}
