/**
 * Every option of the server, as data. Flags, environment variables, configuration file keys, defaults, `--help` and
 * the README's table all come from here; adding an option is adding a row.
 *
 * @module
 */
import { formatDuration, parseDurationMs } from "../duration.ts";
import {
  DEFAULT_EVICTION,
  DEFAULT_FRAME_TIMEOUT_MS,
  DEFAULT_HOSTNAME,
  DEFAULT_MAX_VALUE_BYTES,
  DEFAULT_PORT,
  MAX_CONFIGURABLE_VALUE_BYTES,
  MAX_TIMER_MS,
} from "../limits.ts";
import { MIN_MAX_MEMORY_BYTES } from "../storage/room.ts";
import { POLICY_NAMES, type PolicyName } from "../storage/eviction/policy.ts";
import { formatSize, parseSizeBytes } from "./size.ts";

/** How one writes that memory has no limit. */
const NO_LIMIT = "none";

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
  /** The value of a text, or of a number in a YAML file. Throws TypeError or RangeError with a message for the user. */
  readonly parse: (value: string | number) => string | number;
}

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
    defaultText: NO_LIMIT,
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
    name: "frame-timeout",
    property: "frameTimeoutMs",
    placeholder: "DURATION",
    variable: "CRYPTOMEM_FRAME_TIMEOUT",
    defaultText: formatDuration(DEFAULT_FRAME_TIMEOUT_MS),
    summary: "How long a client may take to complete a request",
    parse: parseFrameTimeoutMs,
  },
] as const satisfies readonly SettingRow[];

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

function parseMaxMemoryBytes(value: string | number): number {
  if (value === NO_LIMIT) return Infinity;
  const maxMemoryBytes = parseSizeBytes(value);
  if (maxMemoryBytes < MIN_MAX_MEMORY_BYTES) {
    throw new RangeError(
      `Cannot use ${JSON.stringify(value)} as the limit of memory: it must be at least ` +
        `${formatSize(MIN_MAX_MEMORY_BYTES)}, or ${NO_LIMIT}`,
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
