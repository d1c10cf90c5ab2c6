/**
 * Where a server is, as people write it.
 *
 * @module
 */

import { DEFAULT_PORT } from "../limits.ts";

/** A server's place in the network. */
export interface NetworkAddress {
  /** Name or IP address, without brackets. */
  readonly hostname: string;
  /** TCP port, 1 to 65535. */
  readonly port: number;
}

/** A server's socket on this machine. */
export interface SocketAddress {
  /** Path of the unix socket. */
  readonly path: string;
}

/** A server's place. */
export type Address = NetworkAddress | SocketAddress;

const MAX_PORT = 65_535;
const FORMS = "write host:port, host, [::1]:port or unix:/path";
const UNIX = "unix:";
/** `[IPv6]` or a name without what belongs to URLs; then perhaps a port. */
const ADDRESS = /^(?:\[([0-9A-Fa-f:.]+(?:%\w+)?)\]|([^\s:/@?#[\]]+))(?::(\d+))?$/;
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/i;

/**
 * Reads `host:port`, `host` (then the port is 8080), `[::1]:port`, `[::1]` or `unix:/path`.
 *
 * @throws TypeError if it has none of these forms, RangeError if the port is not one of 1 to 65535
 */
export function parseAddress(address: string): Address {
  if (typeof address === "string" && address.startsWith(UNIX)) return parseSocket(address);
  const [, bracketed, name, digits] = typeof address === "string" ? ADDRESS.exec(address) ?? [] : [];
  const hostname = bracketed ?? name;
  if (hostname === undefined) throw notAnAddress(address);
  const port = digits === undefined ? DEFAULT_PORT : Number(digits);
  if (!(port >= 1 && port <= MAX_PORT)) {
    throw new RangeError(`Cannot use address "${address}": port ${digits} is not one of 1 to ${MAX_PORT}`);
  }
  return { hostname, port };
}

/** The opposite of {@linkcode parseAddress}, with the port always there. */
export function formatAddress(address: Address): string {
  if ("path" in address) return UNIX + address.path;
  const { hostname, port } = address;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/**
 * Whether what is sent there stays on this machine, by the address alone: a name that only happens to lead here may lead
 * elsewhere tomorrow.
 */
export function isThisMachine(address: Address): boolean {
  return "path" in address || LOOPBACK.test(address.hostname);
}

function parseSocket(address: string): SocketAddress {
  const path = address.slice(UNIX.length);
  // The system takes what is in front of a NUL for the whole path.
  if (path === "" || path.includes("\0")) throw notAnAddress(address);
  return { path };
}

function notAnAddress(address: unknown): TypeError {
  return new TypeError(`Cannot use address ${JSON.stringify(address)}: it is no place of a server; ${FORMS}`);
}
