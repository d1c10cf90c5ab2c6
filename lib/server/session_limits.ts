/**
 * What one client may take of a server, and for how long it may be silent.
 *
 * @module
 */

import {
  DEFAULT_FRAME_TIMEOUT_MS,
  DEFAULT_HANDSHAKE_TIMEOUT_MS,
  DEFAULT_MAX_PENDING_BYTES,
  DEFAULT_MAX_UNAUTHENTICATED_BYTES,
  DEFAULT_REQUESTS_PER_TURN,
} from "../limits.ts";

/** Limits of one client; all can be left out. */
export interface ClientLimits {
  /** How long a client may take to complete a frame that it has started, in milliseconds. Default 10,000. */
  readonly frameTimeoutMs?: number;
  /**
   * How long a client may take to choose a dialect or to open a secure channel, and on a server that asks, to say who it
   * is, in milliseconds. Default 5,000, and no more than that for a channel.
   */
  readonly handshakeTimeoutMs?: number;
  /** After how long a silent client is closed, subscribers aside, in milliseconds. Default: never. */
  readonly idleTimeoutMs?: number;
  /** How many bytes of messages wait for a subscriber that does not read, before it is closed. Default 32 MiB. */
  readonly maxPendingBytes?: number;
  /** Longest request of a client that has not said who it is on a server that asks, in bytes. Default 16 KiB. */
  readonly maxUnauthenticatedBytes?: number;
  /** How many requests of one client are carried out before others have their turn. Default 4,000. */
  readonly requestsPerTurn?: number;
}

/** The same, settled. */
export type SessionLimits = Required<ClientLimits>;

/** The limits with their defaults. */
export function sessionLimits(given: ClientLimits): SessionLimits {
  return {
    frameTimeoutMs: given.frameTimeoutMs ?? DEFAULT_FRAME_TIMEOUT_MS,
    handshakeTimeoutMs: given.handshakeTimeoutMs ?? DEFAULT_HANDSHAKE_TIMEOUT_MS,
    idleTimeoutMs: given.idleTimeoutMs ?? Infinity,
    maxPendingBytes: given.maxPendingBytes ?? DEFAULT_MAX_PENDING_BYTES,
    maxUnauthenticatedBytes: given.maxUnauthenticatedBytes ?? DEFAULT_MAX_UNAUTHENTICATED_BYTES,
    requestsPerTurn: given.requestsPerTurn ?? DEFAULT_REQUESTS_PER_TURN,
  };
}
