/**
 * Every option of the client's program, as data. Flags, environment variables and `--help` come from here. Keys,
 * passphrases, passwords and tokens are no options: other users of the machine can see a program's arguments.
 *
 * @module
 */

import { DEFAULT_CLIENT_TIMEOUT_MS, DEFAULT_HOSTNAME, DEFAULT_PORT } from "../limits.ts";
import { formatDuration } from "../duration.ts";

/** Where the server is unless told otherwise. */
export const DEFAULT_ADDRESS = `${DEFAULT_HOSTNAME}:${DEFAULT_PORT}`;

/** One option. */
interface Row {
  /** Name of the flag without `--`. */
  readonly name: string;
  /** The flag's one letter. */
  readonly short?: string;
  /** What stands for the value; a switch has none. */
  readonly placeholder?: string;
  /** The environment variable that sets it, unless the flag does. */
  readonly variable?: string;
  /** The default, as one would write it. */
  readonly defaultText?: string;
  /** Whether only the commands that name it take it. */
  readonly isSpecial?: true;
  /** What it does, in one line of help. */
  readonly summary: string;
}

/** All options, in the order in which they are shown. */
export const CLIENT_OPTIONS = [
  {
    name: "address",
    short: "a",
    placeholder: "HOST:PORT",
    variable: "CRYPTOMEM_ADDRESS",
    defaultText: DEFAULT_ADDRESS,
    summary: "the server, or unix:PATH",
  },
  {
    name: "pin",
    placeholder: "PIN",
    variable: "CRYPTOMEM_PIN",
    summary: "secure channel to the server of this pin, cms1_…[,…]",
  },
  { name: "tls", summary: "TLS, to a server whose certificate the system trusts" },
  { name: "tls-ca", placeholder: "FILE", variable: "CRYPTOMEM_TLS_CA", summary: "TLS; certificates to trust as well" },
  { name: "tls-cert", placeholder: "FILE", variable: "CRYPTOMEM_CLIENT_CERT", summary: "TLS; your own certificate" },
  { name: "tls-key", placeholder: "FILE", variable: "CRYPTOMEM_CLIENT_KEY", summary: "its private key" },
  { name: "password-file", placeholder: "FILE", summary: "the password that the server asks for" },
  { name: "token-file", placeholder: "FILE", summary: "a token in its place, cmt1_…" },
  { name: "insecure", summary: "speak plain TCP with another machine, where others can listen" },
  {
    name: "timeout",
    placeholder: "DURATION",
    defaultText: formatDuration(DEFAULT_CLIENT_TIMEOUT_MS),
    summary: "how long to wait for an answer",
  },
  {
    name: "key-file",
    placeholder: "FILE",
    variable: "CRYPTOMEM_KEY_FILE",
    summary: "the key or keyring",
  },
  {
    name: "namespace",
    placeholder: "NAME",
    variable: "CRYPTOMEM_NAMESPACE",
    summary: "where the entries are, as the application has it",
  },
  { name: "blind-names", summary: "names are blinded with the names: key of the keyring" },
  { name: "padding", summary: "pad values before they are sealed, so that their sizes tell less" },
  { name: "monotonic", summary: "seal into values how new they are" },
  { name: "ttl", placeholder: "DURATION", isSpecial: true, summary: "how long the entry lives, as 10s, 5m, 24h" },
  { name: "bind-expiry", isSpecial: true, summary: "seal the moment of expiry into the value" },
  { name: "json", isSpecial: true, summary: "the value is JSON" },
  { name: "out", placeholder: "FILE", isSpecial: true, summary: "write to a new file that only you can read" },
  { name: "passphrase", isSpecial: true, summary: "make the keyring of a passphrase" },
  { name: "fernet", isSpecial: true, summary: "make a keyring with a Fernet key" },
  { name: "help", short: "h", summary: "show this" },
] as const satisfies readonly Row[];

/** An option, as help and parser see it. */
export type OptionRow = Row;

type AnyRow = typeof CLIENT_OPTIONS[number];
/** Name of an option. */
export type OptionName = AnyRow["name"];
/** Name of an option with a value. */
export type ValueOptionName = Extract<AnyRow, { placeholder: string }>["name"];
/** Name of an option without one. */
export type SwitchName = Exclude<OptionName, ValueOptionName>;
/** Name of an option that only some commands take. */
export type SpecialOptionName = Extract<AnyRow, { isSpecial: true }>["name"];

/** What was given: values are not looked into yet. */
export type GivenOptions =
  & { readonly [Name in ValueOptionName]?: string }
  & { readonly [Name in SwitchName]?: true };

/** The options with those added that the environment sets; one set to nothing is not set. */
export function withVariables(given: GivenOptions, variable: (name: string) => string | undefined): GivenOptions {
  const found = (CLIENT_OPTIONS as readonly OptionRow[]).flatMap((row) => {
    const value = row.variable === undefined ? undefined : variable(row.variable);
    return value === undefined || value === "" ? [] : [[row.name, value]];
  });
  return { ...Object.fromEntries(found), ...given };
}
