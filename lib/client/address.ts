/**
 * Where a server is, as people write it.
 *
 * @module
 */

import { DEFAULT_PORT } from "../limits.ts";

/** A server's place. */
export interface Address {
  /** Name or IP address, without brackets. */
  readonly hostname: string;
  /** TCP port, 1 to 65535. */
  readonly port: number;
}

const MAX_PORT = 65_535;
const FORMS = "write host:port, host, or [::1]:port";
/** `[IPv6]` or a name without what belongs to URLs; then perhaps a port. */
const ADDRESS = /^(?:\[([0-9A-Fa-f:.]+(?:%\w+)?)\]|([^\s:/@?#[\]]+))(?::(\d+))?$/;

/**
 * Reads `host:port`, `host` (then the port is 8080), `[::1]:port` or `[::1]`.
 *
 * @throws TypeError if it has none of these forms, RangeError if the port is not one of 1 to 65535
 */
export function parseAddress(address: string): Address {
  const [, bracketed, name, digits] = typeof address === "string" ? ADDRESS.exec(address) ?? [] : [];
  const hostname = bracketed ?? name;
  if (hostname === undefined) {
    throw new TypeError(`Cannot use address ${JSON.stringify(address)}: it is no place of a server; ${FORMS}`);
  }
  const port = digits === undefined ? DEFAULT_PORT : Number(digits);
  if (!(port >= 1 && port <= MAX_PORT)) {
    throw new RangeError(`Cannot use address "${address}": port ${digits} is not one of 1 to ${MAX_PORT}`);
  }
  return { hostname, port };
}

/** The opposite of {@linkcode parseAddress}, with the port always there. */
export function formatAddress({ hostname, port }: Address): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
