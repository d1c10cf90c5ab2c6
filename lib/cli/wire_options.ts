/**
 * The options of wires that nobody else can read: secure channels, TLS and unix sockets.
 *
 * @module
 */

import { DEFAULT_TLS_PORT, DEFAULT_UNIX_MODE } from "../limits.ts";
import type { ListRow, SettingRow } from "./option_row.ts";
import {
  formatMode,
  NONE,
  parseMode,
  parsePath,
  parseSocketPath,
  parseSwitch,
  parseTlsListen,
} from "./option_values.ts";

/** Wires. */
export const WIRE_OPTIONS = [
  {
    name: "server-key",
    property: "serverKeyFile",
    placeholder: "FILE",
    variable: "CRYPTOMEM_SERVER_KEY",
    defaultText: NONE,
    permission: "--allow-read --allow-write",
    summary: "Take secure channels with this key; made if there is none",
    parse: parsePath,
  },
  {
    name: "require-secure",
    property: "requireSecure",
    placeholder: "WORD",
    variable: "CRYPTOMEM_REQUIRE_SECURE",
    defaultText: "off",
    summary: "Refuse wires that others can read: on, off",
    needs: ["server-key", "tls-cert", "unix"],
    parse: parseSwitch,
  },
  {
    name: "tls-cert",
    property: "tlsCert",
    placeholder: "FILE",
    variable: "CRYPTOMEM_TLS_CERT",
    defaultText: NONE,
    permission: "--allow-read",
    summary: "Take TLS 1.3 with this certificate; read again on SIGHUP",
    needs: ["tls-key"],
    parse: parsePath,
  },
  {
    name: "tls-key",
    property: "tlsKey",
    placeholder: "FILE",
    variable: "CRYPTOMEM_TLS_KEY",
    defaultText: NONE,
    permission: "--allow-read",
    summary: "The certificate's private key",
    needs: ["tls-cert"],
    parse: parsePath,
  },
  {
    name: "tls-listen",
    property: "tlsListen",
    placeholder: "PLACE",
    variable: "CRYPTOMEM_TLS_LISTEN",
    defaultText: String(DEFAULT_TLS_PORT),
    permission: "--allow-net",
    summary: "Where to listen for TLS, [HOST:]PORT",
    needs: ["tls-cert"],
    parse: parseTlsListen,
  },
  {
    name: "tls-client-ca",
    property: "tlsClientCa",
    placeholder: "FILE",
    variable: "CRYPTOMEM_TLS_CLIENT_CA",
    defaultText: NONE,
    permission: "--allow-read",
    summary: "Who signs the certificates that TLS clients must show",
    needs: ["tls-cert"],
    parse: parsePath,
  },
  {
    name: "unix",
    property: "unixPath",
    placeholder: "PATH",
    variable: "CRYPTOMEM_UNIX",
    defaultText: NONE,
    permission: "--allow-net --allow-read --allow-write",
    summary: "Listen on this unix socket as well",
    parse: parseSocketPath,
  },
  {
    name: "unix-mode",
    property: "unixMode",
    placeholder: "MODE",
    variable: "CRYPTOMEM_UNIX_MODE",
    defaultText: formatMode(DEFAULT_UNIX_MODE),
    summary: "Who may connect to it, as for files",
    needs: ["unix"],
    parse: parseMode,
  },
] as const satisfies readonly (SettingRow | ListRow)[];
