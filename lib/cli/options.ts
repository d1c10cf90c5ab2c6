/**
 * Every option of the server, as data. Flags, environment variables, configuration file keys, defaults, `--help` and
 * the README's table all come from here; adding an option is adding a row.
 *
 * @module
 */
import { formatAddress } from "../client/address.ts";
import { DIALECT_NAMES } from "../codec/dialect.ts";
import { formatDuration } from "../duration.ts";
import {
  DEFAULT_EVICTION,
  DEFAULT_FRAME_TIMEOUT_MS,
  DEFAULT_HANDSHAKE_TIMEOUT_MS,
  DEFAULT_HOSTNAME,
  DEFAULT_KEPT_SNAPSHOTS,
  DEFAULT_MAX_CLIENTS,
  DEFAULT_MAX_CLIENTS_PER_ADDRESS,
  DEFAULT_MAX_VALUE_BYTES,
  DEFAULT_PORT,
  DEFAULT_SNAPSHOT_INTERVAL_MS,
  MAX_CONFIGURABLE_VALUE_BYTES,
} from "../limits.ts";
import { MIN_MAX_MEMORY_BYTES } from "../storage/room.ts";
import { ALL } from "../storage/sealing_rule.ts";
import { POLICY_NAMES } from "../storage/eviction/policy.ts";
import type { ListenOptions } from "../server/serve_options.ts";
import {
  APPEND_LOG_MODES,
  NONE,
  parseAppendLog,
  parseClients,
  parseDataDir,
  parseDialects,
  parseEviction,
  parseFrameTimeoutMs,
  parseHost,
  parseIdleTimeoutMs,
  parseKeptSnapshots,
  parseListen,
  parseMaxMemoryBytes,
  parseMaxValueBytes,
  parsePasswordHash,
  parsePath,
  parsePort,
  parsePrefixes,
  parseSealedOnly,
  parseSnapshotChanges,
  parseSnapshotIntervalMs,
  parseSwitch,
} from "./option_values.ts";
import { formatSize } from "./size.ts";

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
  /** The option without which giving this one makes no sense. */
  readonly needs?: string;
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
export type SettingValue = string | number | boolean | undefined | readonly string[] | readonly ListenOptions[];

/** Options with a value in the configuration. Flags win over environment over file over default. */
export const SETTINGS = [
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
  {
    name: "max-value-size",
    property: "maxValueBytes",
    placeholder: "SIZE",
    variable: "CRYPTOMEM_MAX_VALUE_SIZE",
    defaultText: formatSize(DEFAULT_MAX_VALUE_BYTES),
    summary: `Longest value taken, at most ${formatSize(MAX_CONFIGURABLE_VALUE_BYTES)}`,
    parse: parseMaxValueBytes,
  },
  {
    name: "max-memory",
    property: "maxMemoryBytes",
    placeholder: "SIZE",
    variable: "CRYPTOMEM_MAX_MEMORY",
    defaultText: NONE,
    summary: `All memory that entries may take, at least ${formatSize(MIN_MAX_MEMORY_BYTES)}`,
    parse: parseMaxMemoryBytes,
  },
  {
    name: "eviction",
    property: "eviction",
    placeholder: "POLICY",
    variable: "CRYPTOMEM_EVICTION",
    defaultText: DEFAULT_EVICTION,
    summary: `What goes when full: ${POLICY_NAMES.join(" ")}`,
    parse: parseEviction,
  },
  {
    name: "sealed-only",
    property: "sealedOnly",
    placeholder: "PREFIXES",
    variable: "CRYPTOMEM_SEALED_ONLY",
    defaultText: NONE,
    summary: `Keys that take sealed values only: ${ALL}, or prefixes`,
    isList: true,
    parse: parseSealedOnly,
  },
  {
    name: "counters",
    property: "counters",
    placeholder: "PREFIXES",
    variable: "CRYPTOMEM_COUNTERS",
    defaultText: NONE,
    summary: "Prefixes of such keys that take whole numbers too",
    isList: true,
    parse: parsePrefixes,
  },
  {
    name: "data-dir",
    property: "dataDir",
    placeholder: "DIR",
    variable: "CRYPTOMEM_DATA_DIR",
    defaultText: NONE,
    permission: "--allow-read=DIR --allow-write=DIR",
    summary: "Keep the entries in this folder too, not in memory only",
    parse: parseDataDir,
  },
  {
    name: "append-log",
    property: "appendLog",
    placeholder: "MODE",
    variable: "CRYPTOMEM_APPEND_LOG",
    defaultText: "everysec",
    summary: `When changes are synced: ${APPEND_LOG_MODES.join(" ")}`,
    needs: "data-dir",
    parse: parseAppendLog,
  },
  {
    name: "snapshot-interval",
    property: "snapshotIntervalMs",
    placeholder: "TIME",
    variable: "CRYPTOMEM_SNAPSHOT_INTERVAL",
    defaultText: formatDuration(DEFAULT_SNAPSHOT_INTERVAL_MS),
    summary: `How often changes lead to a snapshot, or ${NONE}`,
    needs: "data-dir",
    parse: parseSnapshotIntervalMs,
  },
  {
    name: "snapshot-changes",
    property: "snapshotChanges",
    placeholder: "COUNT",
    variable: "CRYPTOMEM_SNAPSHOT_CHANGES",
    defaultText: NONE,
    summary: `How many changes lead to one, or ${NONE}`,
    needs: "data-dir",
    parse: parseSnapshotChanges,
  },
  {
    name: "snapshots-kept",
    property: "keptSnapshots",
    placeholder: "COUNT",
    variable: "CRYPTOMEM_SNAPSHOTS_KEPT",
    defaultText: String(DEFAULT_KEPT_SNAPSHOTS),
    summary: "How many snapshots are kept, each with the logs since",
    needs: "data-dir",
    parse: parseKeptSnapshots,
  },
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
  {
    name: "max-clients",
    property: "maxClients",
    placeholder: "COUNT",
    variable: "CRYPTOMEM_MAX_CLIENTS",
    defaultText: String(DEFAULT_MAX_CLIENTS),
    summary: "Clients at once; the next is told BUSY and closed",
    parse: parseClients,
  },
  {
    name: "max-per-address",
    property: "maxClientsPerAddress",
    placeholder: "COUNT",
    variable: "CRYPTOMEM_MAX_PER_ADDRESS",
    defaultText: String(DEFAULT_MAX_CLIENTS_PER_ADDRESS),
    summary: `Of them from one address off this machine, or ${NONE}`,
    parse: parseClients,
  },
  {
    name: "handshake-timeout",
    property: "handshakeTimeoutMs",
    placeholder: "TIME",
    variable: "CRYPTOMEM_HANDSHAKE_TIMEOUT",
    defaultText: formatDuration(DEFAULT_HANDSHAKE_TIMEOUT_MS),
    summary: "How long a client may take to begin, and to say who it is",
    parse: parseFrameTimeoutMs,
  },
  {
    name: "idle-timeout",
    property: "idleTimeoutMs",
    placeholder: "TIME",
    variable: "CRYPTOMEM_IDLE_TIMEOUT",
    defaultText: NONE,
    summary: "After how long a silent client is closed",
    parse: parseIdleTimeoutMs,
  },
  {
    name: "frame-timeout",
    property: "frameTimeoutMs",
    placeholder: "DURATION",
    variable: "CRYPTOMEM_FRAME_TIMEOUT",
    defaultText: formatDuration(DEFAULT_FRAME_TIMEOUT_MS),
    summary: "How long a client may take to complete a request",
    parse: parseFrameTimeoutMs,
  },
] as const satisfies readonly (SettingRow | ListRow)[];

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
  if (value === Infinity || value === "" || value === undefined) return NONE;
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value !== "object") return String(value);
  return value.map((one) => typeof one === "string" ? one : placeText(one)).join(",") || NONE;
}

/** A place as one writes it. */
function placeText({ hostname, port, dialect }: ListenOptions): string {
  const address = hostname === undefined ? String(port) : formatAddress({ hostname, port });
  return dialect === undefined ? address : `${address}=${dialect}`;
}
