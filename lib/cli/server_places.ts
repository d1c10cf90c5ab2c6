/**
 * Where the server listens, in the words of its first line, and why it does not, in those of its last.
 *
 * @module
 */

import { formatAddress } from "../client/address.ts";
import { DEFAULT_HOSTNAME } from "../limits.ts";
import { networkOf, THIS_MACHINE } from "../security/peer_network.ts";
import type { RunningServer, ServeOptions } from "../server/serve_options.ts";

type Where = Pick<
  ServeOptions,
  "hostname" | "listen" | "tls" | "unix" | "serverKey" | "requireSecure" | "authentication"
>;

/** All places where it listens, with what is worth a word about each. */
export function placesText(server: Pick<RunningServer, "address" | "addresses" | "tlsAddress">, where: Where): string {
  const { tls, unix, listen = [] } = where;
  const places = [server.address, ...server.addresses].map((address, i) => {
    const dialect = i === 0 ? undefined : listen[i - 1]!.dialect;
    return placeText(address, [...dialect === undefined ? [] : [dialect], ...plainNotes(address, where)]);
  });
  if (tls !== undefined && server.tlsAddress !== undefined) {
    const asks = where.authentication !== undefined || tls.clientCa !== undefined;
    const open = asks || isThisMachine(server.tlsAddress) ? [] : ["no password"];
    places.push(placeText(server.tlsAddress, [tls.clientCa === undefined ? "TLS" : "mutual TLS", ...open]));
  }
  if (unix !== undefined) places.push(`${unix.path} (unix)`);
  return places.join(", ");
}

function placeText(address: Deno.NetAddr, notes: readonly string[]): string {
  return formatAddress(address) + (notes.length === 0 ? "" : ` (${notes.join(", ")})`);
}

/** Values are sealed, but whoever reaches the port can still delete them, so an open port is worth a word. */
function plainNotes(address: Deno.NetAddr, { serverKey, requireSecure, authentication }: Where): string[] {
  const open = authentication !== undefined || isThisMachine(address) ? [] : ["no password"];
  if (requireSecure) return serverKey === undefined ? ["refuses everybody"] : ["secure channels only", ...open];
  return isThisMachine(address) ? [] : ["plain TCP", ...open];
}

function isThisMachine({ hostname }: Deno.NetAddr): boolean {
  return networkOf(hostname) === THIS_MACHINE;
}

/** Why it does not listen at the places of TCP, which it begins with. */
export function whyNotListening(
  error: unknown,
  { hostname = DEFAULT_HOSTNAME, port = 0, listen = [] }: Pick<ServeOptions, "hostname" | "port" | "listen">,
): string {
  // Refused before anything was tried, with all that there is to say.
  if (error instanceof RangeError || error instanceof TypeError) return error.message;
  const places = [{ hostname, port }, ...listen.map((place) => ({ hostname, ...place }))].map(formatAddress);
  // The system does not say which of several it was.
  return because(places.join(" or "), error, { host: "--host", port: "--port" });
}

/** Why it does not listen for TLS, or on a unix socket, which it goes on with. */
export function whyNotReady(error: unknown, hasTls: boolean, { hostname, tls, unix }: ServeOptions): string {
  if (tls !== undefined && !hasTls) {
    const place = formatAddress({ hostname: tls.hostname ?? hostname ?? DEFAULT_HOSTNAME, port: tls.port });
    return because(place, error, { host: "--tls-listen", port: "--tls-listen" });
  }
  const { path } = unix!;
  if (error instanceof Deno.errors.AddrInUse) {
    return `${path}: Cannot listen: another program does, or there is a file; choose another path with --unix`;
  }
  if (error instanceof Deno.errors.NotFound) return `${path}: Cannot listen: there is no such folder; make it`;
  if (error instanceof Deno.errors.PermissionDenied) {
    return `${path}: Cannot listen: the system denies it; choose a folder that this user may write to`;
  }
  return unexpected(path, error);
}

/** @param flags those to change */
function because(where: string, error: unknown, flags: { readonly host: string; readonly port: string }): string {
  switch (codeOf(error)) {
    case "EADDRINUSE":
      return `${where}: Cannot listen: another program does; stop it, or choose another port with ${flags.port}`;
    // Said instead of the next by node:net.
    case "EINVAL":
    case "EADDRNOTAVAIL":
      return `${where}: Cannot listen: this machine has no such address; choose one of its own with ${flags.host}`;
    case "EACCES":
      return `${where}: Cannot listen: the system denies it; choose a port from 1024 up with ${flags.port}`;
  }
  return unexpected(where, error);
}

function unexpected(where: string, error: unknown): string {
  return `${where}: Cannot listen: ${error instanceof Error ? error.message.split("\n")[0] : error}`;
}

/** The system's name of what went wrong, which errors of Deno and of Node both have. */
function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
