/**
 * What the server's configuration reads from the machine, and what it needs of it.
 *
 * @module
 */

import { formatAddress, type NetworkAddress } from "../client/address.ts";
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

/** Something that the server is going to do, and the permissions that it takes. */
interface Need {
  readonly what: string;
  /** Of what it cannot do without. */
  readonly verb: "listen" | "read it" | "make it" | "keep entries there";
  readonly descriptors: readonly (Deno.NetPermissionDescriptor | FilePermission)[];
}

type FilePermission = { readonly name: "read" | "write"; readonly path: string };

/**
 * Throws a {@linkcode UsageError} with the command to run unless the server may listen where it is told to, and read and
 * write what it is told to.
 *
 * @param configPath the configuration file in use, whose permission the command must keep
 * @param hasFile whether there is a file that may be read
 */
export async function requirePermissions(
  configuration: Configuration,
  args: readonly string[],
  configPath: string | undefined,
  hasFile: (path: string) => Promise<boolean>,
): Promise<void> {
  const { hostname, port, listen, dataDir, passwordFile, tokenFile, serverKeyFile, unixPath } = configuration;
  const { tlsCert, tlsKey, tlsClientCa, tlsListen } = configuration;
  const hosts = [{ hostname, port }, ...listen.map((place) => ({ hostname, ...place }))].map(formatAddress);
  const files = [configPath, passwordFile, tokenFile, tlsCert, tlsKey, tlsClientCa].filter((path) =>
    path !== undefined
  );
  const needs: Need[] = hosts.map((host) => ({ what: host, verb: "listen", descriptors: [{ name: "net", host }] }));
  if (tlsCert !== undefined) needs.push(tlsNeed({ hostname, ...tlsListen }));
  if (unixPath !== undefined) {
    const host = formatAddress({ path: unixPath });
    // To the system it is a file as well.
    needs.push({ what: unixPath, verb: "listen", descriptors: [{ name: "net", host }, ...bothOf(unixPath)] });
  }
  for (const path of files) needs.push({ what: path, verb: "read it", descriptors: [{ name: "read", path }] });
  if (serverKeyFile !== undefined) needs.push(await serverKeyNeed(serverKeyFile, hasFile));
  if (dataDir !== "") needs.push({ what: dataDir, verb: "keep entries there", descriptors: bothOf(dataDir) });
  const missing = needs.find(({ descriptors }) => !descriptors.every(isGranted));
  if (missing === undefined) return;
  const command = serverCommand(args, permissionsOf(needs.flatMap(({ descriptors }) => descriptors)));
  throw new UsageError(missing.what, `Cannot ${missing.verb} without permission: run ${command}`);
}

/** node:net asks for the addresses that a name stands for, which nobody knows yet: so only all of them will do. */
function tlsNeed(place: NetworkAddress): Need {
  const host = formatAddress(place);
  const isAddress = /^[\d.]+$|:/.test(place.hostname);
  return { what: host, verb: "listen", descriptors: [isAddress ? { name: "net", host } : { name: "net" }] };
}

/** Writing is needed only where the key has to be made; where it is not known, the command is to work in any case. */
async function serverKeyNeed(path: string, hasFile: (path: string) => Promise<boolean>): Promise<Need> {
  const read: FilePermission = { name: "read", path };
  if (!isGranted(read)) return { what: path, verb: "read it", descriptors: bothOf(path) };
  if (await hasFile(path)) return { what: path, verb: "read it", descriptors: [read] };
  return { what: path, verb: "make it", descriptors: bothOf(path) };
}

function bothOf(path: string): FilePermission[] {
  return [{ name: "read", path }, { name: "write", path }];
}

function permissionsOf(descriptors: Need["descriptors"]): Permissions {
  const hosts = descriptors.flatMap((one) => one.name === "net" ? [one.host] : []);
  const paths = (
    name: FilePermission["name"],
  ) => [...new Set(descriptors.flatMap((one) => one.name === name && "path" in one ? [one.path] : []))];
  return {
    network: hosts.includes(undefined) ? "--allow-net" : `--allow-net=${hosts.join(",")}`,
    reads: paths("read"),
    writes: paths("write"),
  };
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
