/**
 * What an option of the server is.
 *
 * @module
 */

import type { ListenOptions } from "../server/serve_options.ts";

/** What `--help` and the README say about an option. */
export interface OptionRow {
  /** Name of the flag without `--`, and of the key in a configuration file. */
  readonly name: string;
  /** What stands for the value; a flag without one takes none. */
  readonly placeholder?: string;
  /** The environment variable that sets it. */
  readonly variable?: string;
  /** The default, as one would write it. */
  readonly defaultText?: string;
  /** The permission that using it needs. */
  readonly permission?: string;
  /** One line on what it does. */
  readonly summary: string;
}

/** An option that ends up in the {@linkcode Configuration}. */
export interface SettingRow extends OptionRow {
  readonly placeholder: string;
  readonly variable: string;
  readonly defaultText: string;
  /** Name in the configuration object. */
  readonly property: string;
  /** The options without one of which setting this one makes no sense. */
  readonly needs?: readonly string[];
  /** Its value is told to nobody. */
  readonly isSecret?: true;
  /** The value of a text, or of a number in a YAML file. Throws TypeError or RangeError with a message for the user. */
  readonly parse: (value: string | number) => SettingValue;
}

/** An option that has several values: its flag may be given again, and a comma parts them in a text. */
export interface ListRow extends Omit<SettingRow, "parse"> {
  readonly isList: true;
  /** All values together; each is a text, or a number in a YAML file. */
  readonly parse: (values: readonly (string | number)[]) => SettingValue;
}

/** What a setting can be. */
export type SettingValue =
  | string
  | number
  | boolean
  | undefined
  | ListenOptions
  | readonly string[]
  | readonly ListenOptions[];

/** Whether a setting has a value that does something: not where it says none, or off. */
export function isSet(value: SettingValue): boolean {
  return !UNSET.includes(value) && !(Array.isArray(value) && value.length === 0);
}

const UNSET: readonly SettingValue[] = [undefined, "", false, Infinity];
