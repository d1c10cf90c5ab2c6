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
          `Cannot read it without permission: run ${serverCommand(args, { network: "--allow-net", reads: [path] })}`,
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
 * Throws a {@linkcode UsageError} with the command to run unless the server may listen where it is told to, and keep its
 * entries there.
 *
 * @param configPath the configuration file in use, whose permission the command must keep
 */
export function requirePermissions(
  configuration: Configuration,
  args: readonly string[],
  configPath: string | undefined,
): void {
  const { hostname, port, listen, dataDir, passwordFile, tokenFile } = configuration;
  const hosts = [{ hostname, port }, ...listen.map((place) => ({ hostname, ...place }))].map(formatAddress);
  const directories = dataDir === "" ? [] : [dataDir];
  const files = [configPath, passwordFile, tokenFile].filter((path) => path !== undefined);
  const command = () =>
    serverCommand(args, {
      network: `--allow-net=${hosts.join(",")}`,
      reads: [...files, ...directories],
      writes: directories,
    });
  const refused = hosts.find((host) => !isGranted({ name: "net", host }));
  if (refused !== undefined) throw new UsageError(refused, `Cannot listen without permission: run ${command()}`);
  for (const path of files) {
    if (!isGranted({ name: "read", path })) {
      throw new UsageError(path, `Cannot read it without permission: run ${command()}`);
    }
  }
  for (const path of directories) {
    if (isGranted({ name: "read", path }) && isGranted({ name: "write", path })) continue;
    throw new UsageError(path, `Cannot keep entries there without permission: run ${command()}`);
  }
}

interface Permissions {
  readonly network: string;
  readonly reads: readonly string[];
  readonly writes?: readonly string[];
}

function serverCommand(args: readonly string[], { network, reads, writes = [] }: Permissions): string {
  const permissions = [network];
  if (isGranted({ name: "env" })) permissions.push("--allow-env");
  if (reads.length > 0) permissions.push(`--allow-read=${reads.join(",")}`);
  if (writes.length > 0) permissions.push(`--allow-write=${writes.join(",")}`);
  return commandLine("server", permissions, args);
}
