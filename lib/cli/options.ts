/**
 * Every option of the server, as data. Flags, environment variables, configuration file keys, defaults, `--help` and
 * the README's table all come from here; adding an option is adding a row.
 *
 * @module
 */
import { formatAddress } from "../client/address.ts";
import { DIALECT_NAMES, type DialectName } from "../codec/dialect.ts";
import { formatDuration, parseDurationMs } from "../duration.ts";
import {
  DEFAULT_EVICTION,
  DEFAULT_FRAME_TIMEOUT_MS,
  DEFAULT_HOSTNAME,
  DEFAULT_KEPT_SNAPSHOTS,
  DEFAULT_MAX_VALUE_BYTES,
  DEFAULT_PORT,
  DEFAULT_SNAPSHOT_INTERVAL_MS,
  MAX_CONFIGURABLE_VALUE_BYTES,
  MAX_KEPT_SNAPSHOTS,
  MAX_TIMER_MS,
} from "../limits.ts";
import { MIN_MAX_MEMORY_BYTES } from "../storage/room.ts";
import { ALL, type SealingOptions, SealingRule } from "../storage/sealing_rule.ts";
import { POLICY_NAMES, type PolicyName } from "../storage/eviction/policy.ts";
import type { ListenOptions } from "../server/serve.ts";
import { formatSize, parseSizeBytes } from "./size.ts";

/** How one writes that there is none: no limit of memory, no further places. */
const NONE = "none";
/** When changes are synced; `off` keeps no log of them. */
const APPEND_LOG_MODES = ["always", "everysec", "no", "off"] as const;

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
export type SettingValue = string | number | readonly string[] | readonly ListenOptions[];

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

function parseHost(value: string | number): string {
  const host = String(value).trim();
  // One colon is a port that has slipped in; more are an IPv6 address.
  if (typeof value === "number" || !/^[\w.:%-]+$/.test(host) || host.split(":").length === 2) {
    throw new TypeError(
      `Cannot use ${JSON.stringify(value)} as a host: write an address or a name, such as 127.0.0.1, ::1 or localhost`,
    );
  }
  return host;
}

function parsePort(value: string | number): number {
  const port = /^\d+$/.test(String(value).trim()) ? Number(value) : NaN;
  if (!(port <= 65_535)) {
    throw new RangeError(`Cannot use ${JSON.stringify(value)} as a port: it must be a whole number from 0 to 65535`);
  }
  return port;
}

/** `[IPv6]` or a name, then a port, then a dialect. */
const PLACE = /^(?:(?:\[([\w.:%-]+)\]|([\w.%-]+)):)?(\d+)(?:=(\w+))?$/;

function parseListen(values: readonly (string | number)[]): readonly ListenOptions[] {
  if (values.length === 1 && values[0] === NONE) return [];
  return values.map((value) => {
    const [, bracketed, name, port, dialect] = PLACE.exec(String(value)) ?? [];
    if (port === undefined) {
      throw new TypeError(
        `Cannot use ${JSON.stringify(value)} as a place to listen: write PORT, HOST:PORT or PORT=DIALECT, such as ` +
          "6380=gocache",
      );
    }
    const hostname = bracketed ?? name;
    return {
      port: parsePort(port),
      ...hostname !== undefined && { hostname },
      ...dialect !== undefined && { dialect: parseDialect(dialect) },
    };
  });
}

function parseDialects(values: readonly (string | number)[]): readonly DialectName[] {
  return values.map(parseDialect);
}

function parseDialect(value: string | number): DialectName {
  const dialect = DIALECT_NAMES.find((name) => name === value);
  if (dialect === undefined) {
    throw new RangeError(`Cannot use ${JSON.stringify(value)} as a dialect: there are ${DIALECT_NAMES.join(", ")}`);
  }
  return dialect;
}

function parseMaxValueBytes(value: string | number): number {
  const maxValueBytes = parseSizeBytes(value);
  if (maxValueBytes > MAX_CONFIGURABLE_VALUE_BYTES) {
    throw new RangeError(
      `Cannot use ${JSON.stringify(value)} as the size of a value: it must be at most ` +
        formatSize(MAX_CONFIGURABLE_VALUE_BYTES),
    );
  }
  return maxValueBytes;
}

function parseFrameTimeoutMs(value: string | number): number {
  const frameTimeoutMs = parseDurationMs(value);
  if (frameTimeoutMs < 1 || frameTimeoutMs > MAX_TIMER_MS) {
    throw new RangeError(`Cannot use ${JSON.stringify(value)} as a timeout: it must be from 1ms to 24d`);
  }
  return frameTimeoutMs;
}

/** "" = none. */
function parseDataDir(value: string | number): string {
  if (value === NONE) return "";
  if (typeof value === "string" && value.trim() !== "") return value;
  throw new TypeError(`Cannot use ${JSON.stringify(value)} as a folder: write its path, such as ./data`);
}

function parseAppendLog(value: string | number): typeof APPEND_LOG_MODES[number] {
  const mode = APPEND_LOG_MODES.find((name) => name === value);
  if (mode === undefined) {
    throw new RangeError(
      `Cannot use ${JSON.stringify(value)} as a mode of the append log: there are ${APPEND_LOG_MODES.join(", ")}`,
    );
  }
  return mode;
}

/** Infinity = never. */
function parseSnapshotIntervalMs(value: string | number): number {
  if (value === NONE) return Infinity;
  const intervalMs = parseDurationMs(value);
  if (intervalMs < 1_000 || intervalMs > MAX_TIMER_MS) {
    throw new RangeError(
      `Cannot use ${JSON.stringify(value)} as an interval of snapshots: it must be from 1s to 24d, or ${NONE}`,
    );
  }
  return intervalMs;
}

/** Infinity = never. */
function parseSnapshotChanges(value: string | number): number {
  return value === NONE ? Infinity : parseCount(value, "changes", Number.MAX_SAFE_INTEGER);
}

function parseKeptSnapshots(value: string | number): number {
  return parseCount(value, "snapshots", MAX_KEPT_SNAPSHOTS);
}

function parseCount(value: string | number, what: string, most: number): number {
  const count = /^\d+$/.test(String(value).trim()) ? Number(value) : NaN;
  if (!(count >= 1 && count <= most)) {
    throw new RangeError(
      `Cannot use ${JSON.stringify(value)} as a number of ${what}: it must be a whole number from 1 to ${most}`,
    );
  }
  return count;
}

function parseMaxMemoryBytes(value: string | number): number {
  if (value === NONE) return Infinity;
  const maxMemoryBytes = parseSizeBytes(value);
  if (maxMemoryBytes < MIN_MAX_MEMORY_BYTES) {
    throw new RangeError(
      `Cannot use ${JSON.stringify(value)} as the limit of memory: it must be at least ` +
        `${formatSize(MIN_MAX_MEMORY_BYTES)}, or ${NONE}`,
    );
  }
  return maxMemoryBytes;
}

function parseEviction(value: string | number): PolicyName {
  const policy = POLICY_NAMES.find((name) => name === value);
  if (policy === undefined) {
    throw new RangeError(
      `Cannot use ${JSON.stringify(value)} as an eviction policy: there are ${POLICY_NAMES.join(", ")}`,
    );
  }
  return policy;
}

function parseSealedOnly(values: readonly (string | number)[]): NonNullable<SealingOptions["sealedOnly"]> {
  const sealedOnly = values.length === 1 && values[0] === ALL ? ALL : parsePrefixes(values);
  new SealingRule({ sealedOnly });
  return sealedOnly;
}

/** Which keys they are prefixes of, and whether they make sense together, is looked at when all is settled. */
function parsePrefixes(values: readonly (string | number)[]): readonly string[] {
  if (values.length === 1 && values[0] === NONE) return [];
  return values.map((value) => {
    if (typeof value === "string") return value;
    throw new TypeError(`Cannot use the number ${value} as a prefix of keys: write it between quotes`);
  });
}

/** The settings as texts, for CONFIG GET. There is no secret among them. */
export function settingTexts(configuration: Configuration): ReadonlyMap<string, string> {
  return new Map(SETTINGS.map(({ name, property }) => [name, textOf(configuration[property])]));
}

function textOf(value: SettingValue): string {
  if (value === Infinity || value === "") return NONE;
  if (typeof value !== "object") return String(value);
  return value.map((one) => typeof one === "string" ? one : placeText(one)).join(",") || NONE;
}

/** A place as one writes it. */
function placeText({ hostname, port, dialect }: ListenOptions): string {
  const address = hostname === undefined ? String(port) : formatAddress({ hostname, port });
  return dialect === undefined ? address : `${address}=${dialect}`;
}
