/**
 * What the client's `--help` shows, from its tables of commands and options.
 *
 * @module
 */

import { CLIENT_COMMANDS } from "./client_commands.ts";
import { KEY_VARIABLE, PASSPHRASE_VARIABLE } from "./client_keys.ts";
import { CLIENT_OPTIONS, type OptionRow } from "./client_options.ts";
import { PASSWORD_VARIABLE, TOKEN_VARIABLE } from "./client_wire.ts";

/** The help text of the client, for a terminal of 100 columns. */
export function clientHelpText(): string {
  const groups = [...new Set(CLIENT_COMMANDS.map((row) => row.group))];
  const commands = CLIENT_COMMANDS.map((row) => [[row.name, ...row.words].join(" "), row.summary, row.group] as const);
  const options = (CLIENT_OPTIONS as readonly OptionRow[]).map((row) => [flagOf(row), summaryOf(row)] as const);
  return [
    "Cryptomem client: seals values before they leave this machine.",
    "",
    "Usage: deno run --allow-net --allow-read=FILE client.ts [options] COMMAND",
    "",
    "To begin with:",
    "  deno run --allow-write=key client.ts keygen --out key",
    "  deno run --allow-net --allow-read=key client.ts --key-file key set greeting hello",
    "",
    ...groups.flatMap((group) => [
      `${group}:`,
      ...columns(commands.filter((row) => row[2] === group), commands),
      "",
    ]),
    "Options:",
    ...columns(options, options),
    "",
    `Keys come from the key file, else from ${KEY_VARIABLE}, else they are asked for on a terminal. A key`,
    "is never an argument: other users of the machine can see those. A key file is for its owner alone",
    "(chmod 600). It holds one key, which is cmk1_…, 32 bytes or 32 characters; or a keyring, in lines:",
    "  active: cmk1_…      seals, and opens",
    "  open: cmk1_…        only opens; any number of lines",
    "  names: cmk1_…       blinds names",
    "  perNamespace: true  derives a key for each namespace",
    "  salt: …             and iterations: …, as keygen --passphrase makes them: a passphrase, which is",
    `                      asked for or taken from ${PASSPHRASE_VARIABLE}, is the active key, or an`,
    "                      open one beside active:; saltNamespace: NAME is a weaker salt",
    "  fernet: …           instead of all others; the first line seals, all open",
    "",
    `Passwords and tokens come from their files, else from ${PASSWORD_VARIABLE} or ${TOKEN_VARIABLE}.`,
    "",
    "Standard input is stored byte by byte: as text if it is UTF-8, else as bytes. Words that begin with",
    "- go behind --. Names are written with control characters and \\ escaped. Variables are read with",
    "--allow-env.",
    "",
    "Exit codes: 0 done, 1 no such entry, 2 wrong use, 3 server or connection, 4 the value does not open",
  ].join("\n");
}

/** Rows in two columns, the first as wide as the widest of `all`. */
function columns(
  rows: readonly (readonly [string, string, ...unknown[]])[],
  all: readonly (readonly [string, ...unknown[]])[],
): string[] {
  const width = Math.max(...all.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}

function flagOf({ name, short, placeholder }: OptionRow): string {
  const flag = short === undefined ? `--${name}` : `--${name}, -${short}`;
  return placeholder === undefined ? flag : `${flag} ${placeholder}`;
}

function summaryOf({ name, variable, defaultText, summary }: OptionRow): string {
  const takers = CLIENT_COMMANDS.filter((row) => (row.options as readonly string[]).includes(name));
  const whose = takers.length === 0 ? "" : `with ${takers.map((row) => row.name).join(", ")}: `;
  const notes = [
    ...variable === undefined ? [] : [`or ${variable}`],
    ...defaultText === undefined ? [] : [`default ${defaultText}`],
  ];
  return whose + summary + (notes.length === 0 ? "" : ` (${notes.join("; ")})`);
}
