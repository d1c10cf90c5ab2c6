/**
 * The options of where the server listens, and what it speaks there.
 *
 * @module
 */

import { DIALECT_NAMES } from "../codec/dialect.ts";
import { DEFAULT_HOSTNAME, DEFAULT_PORT } from "../limits.ts";
import type { ListRow, SettingRow } from "./option_row.ts";
import { NONE, parseDialects, parseHost, parseListen, parsePort } from "./option_values.ts";

/** Places, and what is spoken there. */
export const NETWORK_OPTIONS = [
  {
    name: "host",
    property: "hostname",
    placeholder: "ADDRESS",
    variable: "CRYPTOMEM_HOST",
    defaultText: DEFAULT_HOSTNAME,
    permission: "--allow-net",
    summary: "Address to listen on; 0.0.0.0 is every IPv4 one",
    parse: parseHost,
  },
  {
    name: "port",
    property: "port",
    placeholder: "NUMBER",
    variable: "CRYPTOMEM_PORT",
    defaultText: String(DEFAULT_PORT),
    permission: "--allow-net",
    summary: "Port to listen on; 0 takes a free one",
    parse: parsePort,
  },
  {
    name: "listen",
    property: "listen",
    placeholder: "PLACE",
    variable: "CRYPTOMEM_LISTEN",
    defaultText: NONE,
    permission: "--allow-net",
    summary: "One more place, [HOST:]PORT[=DIALECT]; may be given again",
    isList: true,
    parse: parseListen,
  },
  {
    name: "dialects",
    property: "dialects",
    placeholder: "NAMES",
    variable: "CRYPTOMEM_DIALECTS",
    defaultText: DIALECT_NAMES.join(","),
    summary: "Dialects spoken; others are closed",
    isList: true,
    parse: parseDialects,
  },
] as const satisfies readonly (SettingRow | ListRow)[];
