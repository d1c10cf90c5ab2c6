/**
 * What the values of options can be: each parser takes a text, or a number of a YAML file, and throws TypeError or
 * RangeError with a message for the user.
 *
 * @module
 */
import { utf8 } from "../bytes.ts";
import { DIALECT_NAMES, type DialectName } from "../codec/dialect.ts";
import { parseDurationMs } from "../duration.ts";
import { MAX_CONFIGURABLE_VALUE_BYTES, MAX_KEPT_SNAPSHOTS, MAX_SOCKET_PATH_BYTES, MAX_TIMER_MS } from "../limits.ts";
import type { ListenOptions } from "../server/serve_options.ts";
import { POLICY_NAMES, type PolicyName } from "../storage/eviction/policy.ts";
import { MIN_MAX_MEMORY_BYTES } from "../storage/room.ts";
import { ALL, type SealingOptions, SealingRule } from "../storage/sealing_rule.ts";
import { PasswordHash } from "../security/password_hash.ts";
import { formatSize, parseSizeBytes } from "./size.ts";

/** How one writes that there is none: no limit of memory, no further places. */
export const NONE = "none";
/** When changes are synced; `off` keeps no log of them. */
export const APPEND_LOG_MODES = ["always", "everysec", "no", "off"] as const;

/** An address or a name to listen on. */
export function parseHost(value: string | number): string {
  const host = String(value).trim();
  // One colon is a port that has slipped in; more are an IPv6 address.
  if (typeof value === "number" || !/^[\w.:%-]+$/.test(host) || host.split(":").length === 2) {
    throw new TypeError(
      `Cannot use ${JSON.stringify(value)} as a host: write an address or a name, such as 127.0.0.1, ::1 or localhost`,
    );
  }
  return host;
}

/** A port to listen on. */
export function parsePort(value: string | number): number {
  const port = /^\d+$/.test(String(value).trim()) ? Number(value) : NaN;
  if (!(port <= 65_535)) {
    throw new RangeError(`Cannot use ${JSON.stringify(value)} as a port: it must be a whole number from 0 to 65535`);
  }
  return port;
}

/** `[IPv6]` or a name, then a port, then a dialect. */
const PLACE = /^(?:(?:\[([\w.:%-]+)\]|([\w.%-]+)):)?(\d+)(?:=(\w+))?$/;

/** Further places to listen on. */
export function parseListen(values: readonly (string | number)[]): readonly ListenOptions[] {
  if (values.length === 1 && values[0] === NONE) return [];
  return values.map((value) => {
    const place = placeIn(value);
    if (place !== undefined) return place;
    throw new TypeError(
      `Cannot use ${JSON.stringify(value)} as a place to listen: write PORT, HOST:PORT or PORT=DIALECT, such as ` +
        "6380=gocache",
    );
  });
}

/** `undefined` if it is none. */
function placeIn(value: string | number): ListenOptions | undefined {
  const [, bracketed, name, port, dialect] = PLACE.exec(String(value)) ?? [];
  if (port === undefined) return undefined;
  const hostname = bracketed ?? name;
  return {
    port: parsePort(port),
    ...hostname !== undefined && { hostname },
    ...dialect !== undefined && { dialect: parseDialect(dialect) },
  };
}

/** The one place to listen for TLS, whose first bytes say what is spoken. */
export function parseTlsListen(value: string | number): ListenOptions {
  const place = placeIn(value);
  if (place !== undefined && place.dialect === undefined) return place;
  throw new TypeError(`Cannot use ${JSON.stringify(value)} as a place to listen for TLS: write PORT or HOST:PORT`);
}

/** Where a unix socket is made; `undefined` where there is none. */
export function parseSocketPath(value: string | number): string | undefined {
  if (value === NONE) return undefined;
  const path = String(value);
  // What a permission is given for is the whole path, and so is what clients are told.
  if (!/^(?:\/|[A-Za-z]:[\\/])[^\0]*$/.test(path) || utf8(path).length > MAX_SOCKET_PATH_BYTES) {
    throw new TypeError(
      `Cannot use ${JSON.stringify(value)} as a unix socket: write its whole path, of at most ` +
        `${MAX_SOCKET_PATH_BYTES} bytes, such as /run/cryptomem.sock`,
    );
  }
  return path;
}

/** The mode of a file, as three octal digits. */
export function parseMode(value: string | number): string {
  // YAML takes 0o660 for 432, which would be a mode of its own.
  const [, digits] = typeof value === "string" ? /^0?([0-7]{3})$/.exec(value.trim()) ?? [] : [];
  if (digits !== undefined) return digits;
  const shown = typeof value === "number" ? `the number ${value}` : JSON.stringify(value);
  throw new TypeError(`Cannot use ${shown} as a mode: write three octal digits such as "660", in YAML between quotes`);
}

/** The opposite of {@linkcode parseMode}, for the number that a mode is. */
export function formatMode(mode: number): string {
  return mode.toString(8).padStart(3, "0");
}

/** Names of dialects. */
export function parseDialects(values: readonly (string | number)[]): readonly DialectName[] {
  return values.map(parseDialect);
}

function parseDialect(value: string | number): DialectName {
  const dialect = DIALECT_NAMES.find((name) => name === value);
  if (dialect === undefined) {
    throw new RangeError(`Cannot use ${JSON.stringify(value)} as a dialect: there are ${DIALECT_NAMES.join(", ")}`);
  }
  return dialect;
}

/** The length of the longest value. */
export function parseMaxValueBytes(value: string | number): number {
  const maxValueBytes = parseSizeBytes(value);
  if (maxValueBytes > MAX_CONFIGURABLE_VALUE_BYTES) {
    throw new RangeError(
      `Cannot use ${JSON.stringify(value)} as the size of a value: it must be at most ` +
        formatSize(MAX_CONFIGURABLE_VALUE_BYTES),
    );
  }
  return maxValueBytes;
}

/** How long a request may take to arrive. */
export function parseFrameTimeoutMs(value: string | number): number {
  const frameTimeoutMs = parseDurationMs(value);
  if (frameTimeoutMs < 1 || frameTimeoutMs > MAX_TIMER_MS) {
    throw new RangeError(`Cannot use ${JSON.stringify(value)} as a timeout: it must be from 1ms to 24d`);
  }
  return frameTimeoutMs;
}

/** Where entries are kept; "" = nowhere. */
export function parseDataDir(value: string | number): string {
  if (value === NONE) return "";
  if (typeof value === "string" && value.trim() !== "") return value;
  throw new TypeError(`Cannot use ${JSON.stringify(value)} as a folder: write its path, such as ./data`);
}

/** When changes are synced. */
export function parseAppendLog(value: string | number): typeof APPEND_LOG_MODES[number] {
  const mode = APPEND_LOG_MODES.find((name) => name === value);
  if (mode === undefined) {
    throw new RangeError(
      `Cannot use ${JSON.stringify(value)} as a mode of the append log: there are ${APPEND_LOG_MODES.join(", ")}`,
    );
  }
  return mode;
}

/** Time between snapshots; Infinity = never. */
export function parseSnapshotIntervalMs(value: string | number): number {
  if (value === NONE) return Infinity;
  const intervalMs = parseDurationMs(value);
  if (intervalMs < 1_000 || intervalMs > MAX_TIMER_MS) {
    throw new RangeError(
      `Cannot use ${JSON.stringify(value)} as an interval of snapshots: it must be from 1s to 24d, or ${NONE}`,
    );
  }
  return intervalMs;
}

/** Changes between snapshots; Infinity = never. */
export function parseSnapshotChanges(value: string | number): number {
  return value === NONE ? Infinity : parseCount(value, "changes", Number.MAX_SAFE_INTEGER);
}

/** How many snapshots are kept. */
export function parseKeptSnapshots(value: string | number): number {
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

/** The limit of memory; Infinity = none. */
export function parseMaxMemoryBytes(value: string | number): number {
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

/** The name of an eviction policy. */
export function parseEviction(value: string | number): PolicyName {
  const policy = POLICY_NAMES.find((name) => name === value);
  if (policy === undefined) {
    throw new RangeError(
      `Cannot use ${JSON.stringify(value)} as an eviction policy: there are ${POLICY_NAMES.join(", ")}`,
    );
  }
  return policy;
}

/** Which keys take sealed values only. */
export function parseSealedOnly(values: readonly (string | number)[]): NonNullable<SealingOptions["sealedOnly"]> {
  const sealedOnly = values.length === 1 && values[0] === ALL ? ALL : parsePrefixes(values);
  new SealingRule({ sealedOnly });
  return sealedOnly;
}

/** Which keys they are prefixes of, and whether they make sense together, is looked at when all is settled. */
export function parsePrefixes(values: readonly (string | number)[]): readonly string[] {
  if (values.length === 1 && values[0] === NONE) return [];
  return values.map((value) => {
    if (typeof value === "string") return value;
    throw new TypeError(`Cannot use the number ${value} as a prefix of keys: write it between quotes`);
  });
}

/** `undefined` where there is none. */
export function parsePath(value: string | number): string | undefined {
  return value === NONE ? undefined : String(value);
}

/** The hash as it stands there; whether it can be used is known now. */
export function parsePasswordHash(value: string | number): string | undefined {
  if (value === NONE) return undefined;
  return PasswordHash.parse(String(value)).phc();
}

export function parseSwitch(value: string | number): boolean {
  if (value === "on" || value === "off") return value === "on";
  throw new TypeError(`Cannot use ${JSON.stringify(value)} here: write on or off`);
}

/** Infinity = no limit. */
export function parseClients(value: string | number): number {
  if (value === NONE) return Infinity;
  const clients = /^\d+$/.test(String(value).trim()) ? Number(value) : NaN;
  if (Number.isSafeInteger(clients) && clients >= 1) return clients;
  throw new RangeError(`Cannot use ${JSON.stringify(value)} as a number of clients: it must be a whole number from 1`);
}

/** Infinity = never. */
export function parseIdleTimeoutMs(value: string | number): number {
  return value === NONE ? Infinity : parseFrameTimeoutMs(value);
}
