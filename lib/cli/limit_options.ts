/**
 * The options of how many clients there may be, and how slow.
 *
 * @module
 */

import { formatDuration } from "../duration.ts";
import {
  DEFAULT_FRAME_TIMEOUT_MS,
  DEFAULT_HANDSHAKE_TIMEOUT_MS,
  DEFAULT_MAX_CLIENTS,
  DEFAULT_MAX_CLIENTS_PER_ADDRESS,
} from "../limits.ts";
import type { ListRow, SettingRow } from "./option_row.ts";
import { NONE, parseClients, parseFrameTimeoutMs, parseIdleTimeoutMs } from "./option_values.ts";

/** Limits of clients. */
export const LIMIT_OPTIONS = [
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
    summary: "How long choosing a dialect, a handshake, a login may take",
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
