/**
 * Every option of the server, as data. Flags, environment variables, configuration file keys, defaults, `--help` and
 * the README's table all come from here; adding an option is adding a row to the file of its subject.
 *
 * @module
 */

import { formatAddress } from "../client/address.ts";
import type { ListenOptions } from "../server/serve_options.ts";
import { ACCESS_OPTIONS } from "./access_options.ts";
import { LIMIT_OPTIONS } from "./limit_options.ts";
import { NETWORK_OPTIONS } from "./network_options.ts";
import { isSet, type OptionRow, type SettingValue } from "./option_row.ts";
import { NONE } from "./option_values.ts";
import { STORAGE_OPTIONS } from "./storage_options.ts";
import { WIRE_OPTIONS } from "./wire_options.ts";

/** Options with a value in the configuration. Flags win over environment over file over default. */
export const SETTINGS = [
  ...NETWORK_OPTIONS,
  ...WIRE_OPTIONS,
  ...STORAGE_OPTIONS,
  ...ACCESS_OPTIONS,
  ...LIMIT_OPTIONS,
] as const;

/** Options about the program itself. */
export const PROGRAM_OPTIONS = [
  {
    name: "config",
    placeholder: "FILE",
    variable: "CRYPTOMEM_CONFIG",
    permission: "--allow-read",
    summary: "Read options from a file: YAML (.yaml, .yml) or key=value lines",
  },
  { name: "help", summary: "Show this help" },
  { name: "version", summary: "Show the version" },
] as const satisfies readonly OptionRow[];

/** All of them, in the order in which they are shown. */
export const OPTIONS: readonly OptionRow[] = [...SETTINGS, ...PROGRAM_OPTIONS];

/** The settled value of every setting. */
export type Configuration = {
  -readonly [Row in typeof SETTINGS[number] as Row["property"]]: ReturnType<Row["parse"]>;
};

/** The settings as texts, for CONFIG GET, without those that are secret. */
export function settingTexts(configuration: Configuration): ReadonlyMap<string, string> {
  const shown = SETTINGS.filter((row) => !("isSecret" in row));
  return new Map(shown.map(({ name, property }) => [name, textOf(configuration[property])]));
}

function textOf(value: SettingValue): string {
  if (typeof value === "boolean") return value ? "on" : "off";
  if (!isSet(value)) return NONE;
  if (typeof value !== "object") return String(value);
  if (!Array.isArray(value)) return placeText(value as ListenOptions);
  return value.map((one) => typeof one === "string" ? one : placeText(one)).join(",");
}

/** A place as one writes it. */
function placeText({ hostname, port, dialect }: ListenOptions): string {
  const address = hostname === undefined ? String(port) : formatAddress({ hostname, port });
  return dialect === undefined ? address : `${address}=${dialect}`;
}
