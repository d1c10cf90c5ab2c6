/**
 * What `--help` shows, from the table of options.
 *
 * @module
 */
import { DATA_COMMANDS } from "./data_arguments.ts";
import type { OptionRow } from "./option_row.ts";
import { OPTIONS } from "./options.ts";
import { SERVER_COMMANDS } from "./server_commands.ts";

/** The help text of the server, for a terminal of 100 columns. */
export function helpText(): string {
  const rows = OPTIONS.map((row) => [`  ${flagOf(row)}`, row.summary + noteOf(row)] as const);
  const width = Math.max(...rows.map(([flag]) => flag.length));
  return [
    "Cryptomem: an in-memory cache for values that its clients have sealed.",
    "",
    "Usage: deno run --allow-net server.ts [options] [PASSWORD [PORT]]",
    ...DATA_COMMANDS.map(({ name, words }) => `       deno run --allow-read --allow-write server.ts ${name} ${words}`),
    "",
    ...rows.map(([flag, text]) => `${flag.padEnd(width)}  ${text}`),
    "",
    "Each option can also be set in the environment (with --allow-env), --max-value-size as",
    "CRYPTOMEM_MAX_VALUE_SIZE, or in the file of --config (with --allow-read), as max-value-size.",
    "Flags win over environment, environment over file. Several values stand with commas between.",
    "With a password or tokens, connections must give one first (PASS, AUTH). Other users of the machine",
    "can see a PASSWORD among a program's arguments; they cannot see a --password-file.",
    "",
    "Commands, in the place of options; a password that reads like one goes behind --:",
    ...DATA_COMMANDS.flatMap(({ name, words, summary }) => [`  ${name} ${words}`, `      ${summary}`]),
    ...SERVER_COMMANDS.flatMap(({ name, usage, summary }) => [`  ${name} ${usage}`.trimEnd(), `      ${summary}`]),
    "Those about tokens take --file FILE (default tokens.yaml, or CRYPTOMEM_TOKEN_FILE).",
  ].join("\n");
}

/** `--port NUMBER`. */
export function flagOf({ name, placeholder }: OptionRow): string {
  return placeholder === undefined ? `--${name}` : `--${name} ${placeholder}`;
}

function noteOf({ defaultText }: OptionRow): string {
  return defaultText === undefined ? "" : ` (default ${defaultText})`;
}
