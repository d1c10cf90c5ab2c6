/**
 * Every bound of the project, with its unit in its name. A number that limits size or time stands here or in the
 * configuration table (lib/cli/options.ts), which takes its defaults from here.
 *
 * @module
 */

/** Longest key: the CM header counts it in 16 bits. */
export const MAX_KEY_BYTES = 65_535;

/** Longest value unless configured otherwise. */
export const DEFAULT_MAX_VALUE_BYTES = 16 * 1024 * 1024;

/**
 * Longest value that can be configured. Beyond it, one request would need more contiguous memory than is wise to
 * give to one client.
 */
export const MAX_CONFIGURABLE_VALUE_BYTES = 512 * 1024 * 1024;

/** How long a client may take to complete a frame that it has started. */
export const DEFAULT_FRAME_TIMEOUT_MS = 10_000;

/** How long shutdown may take before connections are cut. */
export const SHUTDOWN_GRACE_MS = 4_000;

/** Where the server listens unless told otherwise. */
export const DEFAULT_HOSTNAME = "127.0.0.1";

/** Where the server listens unless told otherwise. */
export const DEFAULT_PORT = 8080;

/** How long a client waits for a reply unless told otherwise. */
export const DEFAULT_CLIENT_TIMEOUT_MS = 5_000;
