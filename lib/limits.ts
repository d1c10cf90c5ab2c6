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

/**
 * What a started frame earns for being sent at all: for each of these bytes received its deadline moves on by a
 * millisecond, so that a large value may come over a thin line (256 kbit/s) but a trickle may not.
 */
export const FRAME_PROGRESS_BYTES_PER_MS = 32;

/** How often deadlines of connections are looked at; smaller where the frame timeout is. */
export const MAX_DEADLINE_SWEEP_MS = 1_000;

/**
 * How long a connection that the server has ended is still read and thrown away: closing with unread bytes would make
 * TCP reset it, and the client might lose replies that are on their way.
 */
export const LINGER_MS = 500;

/** How long shutdown may take before connections are cut. */
export const SHUTDOWN_GRACE_MS = 4_000;

/**
 * Sizes of the buffers that a connection reads into and answers from. It waits with the smallest that held its last
 * read, so the first of them decides what thousands of idle connections cost.
 */
export const BUFFER_BYTES = [4 * 1024, 16 * 1024, 64 * 1024] as const;

/** Replies of one connection are written when they reach this; with one value more, it bounds what it has in flight. */
export const REPLY_FLUSH_BYTES = 64 * 1024;

/** What is kept for the next connections and replies, of each size of buffer. */
export const MAX_POOLED_BYTES_PER_SIZE = 4 * 1024 * 1024;

/** How long the server waits to accept again when the system has no file descriptor or memory left. */
export const ACCEPT_RETRY_MS = 50;

/** What goes when memory is full, unless told otherwise. */
export const DEFAULT_EVICTION = "s3-fifo";

/**
 * Where a server without a limit warns once that memory grows, if it may not ask how much the machine has; else at half
 * of that.
 */
export const MEMORY_WARNING_BYTES = 1024 ** 3;

/** Where the server listens unless told otherwise. */
export const DEFAULT_HOSTNAME = "127.0.0.1";

/** Where the server listens unless told otherwise. */
export const DEFAULT_PORT = 8080;

/** How long a client waits for a reply unless told otherwise. */
export const DEFAULT_CLIENT_TIMEOUT_MS = 5_000;

/** How deep arrays and objects may nest in a value, so that walking one cannot exhaust the stack. */
export const MAX_JSON_DEPTH_LEVELS = 1_000;

/**
 * How many values may be sealed under one nonce prefix: tails of 96 random bits then repeat with a chance of 2^-65
 * (CRYPTO.md §1.1).
 */
export const MAX_NONCE_EPOCH_WRITES = 2 ** 16;

/** How many bytes may be sealed under one nonce prefix: keeps the birthday term of GCM's blocks near 2^-69. */
export const MAX_NONCE_EPOCH_BYTES = 16 * 1024 ** 3;

/** How long one nonce prefix is used: bounds how many writes the server can tell to be of one client. */
export const MAX_NONCE_EPOCH_MS = 60_000;

/** How many subkeys are kept for nonce prefixes, which the server can choose: it can cost time, never memory. */
export const MAX_CACHED_SUBKEYS = 256;

/** How far the dates of two machines may differ before a value with an authenticated expiry is refused. */
export const NOT_AFTER_SKEW_MS = 30_000;

/** What a client's connection reads into while replies are small; a larger reply gets a buffer of its own. */
export const CLIENT_READ_BUFFER_BYTES = 16 * 1024;

/** What a client allocates at once for a reply that announces more; beyond it, memory follows the bytes received. */
export const CLIENT_REPLY_STEP_BYTES = 1024 * 1024;

/** How many bytes of ready requests a client gathers into one write. */
export const CLIENT_GATHERED_WRITE_BYTES = 64 * 1024;

/** A client's timeouts are seen at most this much late: many that fall together cost one timer. */
export const CLIENT_TIMER_STEP_MS = 10;

/** The longest delay a timer of the machine can count; `setTimeout` fires at once beyond it. */
export const MAX_TIMER_MS = 2_147_483_647;
