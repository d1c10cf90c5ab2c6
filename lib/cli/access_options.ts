/**
 * The options of who may speak with the server.
 *
 * @module
 */

import type { ListRow, SettingRow } from "./option_row.ts";
import { NONE, parsePasswordHash, parsePath, parseSwitch } from "./option_values.ts";

/** Users. */
export const ACCESS_OPTIONS = [
  {
    name: "password-file",
    property: "passwordFile",
    placeholder: "FILE",
    variable: "CRYPTOMEM_PASSWORD_FILE",
    defaultText: NONE,
    permission: "--allow-read",
    summary: "The password that connections must give",
    parse: parsePath,
  },
  {
    name: "password-hash",
    property: "passwordHash",
    placeholder: "HASH",
    variable: "CRYPTOMEM_PASSWORD_HASH",
    defaultText: NONE,
    isSecret: true,
    summary: "Its hash instead, as hash-password prints it",
    parse: parsePasswordHash,
  },
  {
    name: "remember-password",
    property: "rememberPassword",
    placeholder: "WORD",
    variable: "CRYPTOMEM_REMEMBER_PASSWORD",
    defaultText: "on",
    summary: "Know a password again that was right once: on, off",
    parse: parseSwitch,
  },
  {
    name: "token-file",
    property: "tokenFile",
    placeholder: "FILE",
    variable: "CRYPTOMEM_TOKEN_FILE",
    defaultText: NONE,
    permission: "--allow-read",
    summary: "Tokens that connections may give; read again on SIGHUP",
    parse: parsePath,
  },
  {
    name: "insecure",
    property: "insecure",
    placeholder: "WORD",
    variable: "CRYPTOMEM_INSECURE",
    defaultText: "off",
    summary: "Listen to the network though nobody is asked: on, off",
    parse: parseSwitch,
  },
] as const satisfies readonly (SettingRow | ListRow)[];
