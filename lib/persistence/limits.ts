/**
 * Every bound, default and interval of what keeps the entries, so that none of them is a number in the middle of code. The
 * others are in lib/limits.ts.
 *
 * @module
 */

/** Changes of one turn are one record of the append log until they have so much, unless they belong together. */
export const LOG_RECORD_BYTES = 64 * 1024;

/** Of such buffers the append log fills one while others are written; a larger change gets one of its own. */
export const LOG_BUFFER_BYTES = 256 * 1024;

/** Buffers that the append log keeps when they are empty. */
export const MAX_KEPT_LOG_BUFFERS = 4;

/** Changes that may wait for a slow disk; beyond that they are refused, and memory is safe. */
export const MAX_LOG_BACKLOG_BYTES = 64 * 1024 * 1024;

/**
 * Changes that nobody waits for are gathered for so long, or until there are {@linkcode LOG_RECORD_BYTES} of them: handing
 * a write over to the system costs as much as a hundred changes.
 */
export const LOG_GATHER_MS = 10;

/** With `--append-log everysec`: how long after a change, at the latest, it is synced. */
export const LOG_SYNC_INTERVAL_MS = 1_000;

/** How long after a failure of the append log the next generation is tried. */
export const LOG_RETRY_MS = 1_000;

/** How much of an append log is read at a time; more where a record is longer. */
export const LOG_READ_BYTES = 1024 * 1024;

/** The last generation of a data directory: its files' names have ten digits. */
export const MAX_GENERATION = 9_999_999_999;

/** Entries of a snapshot share a block, with one checksum, until it has so much; a longer entry has one of its own. */
export const SNAPSHOT_BLOCK_BYTES = 256 * 1024;

/** Of a snapshot, who can wait gives no more than so much before the disk has taken it. */
export const SNAPSHOT_IN_FLIGHT_BYTES = 2 * 1024 * 1024;

/** Of a snapshot, so much may wait for a slow disk; beyond that the snapshot is given up, and memory is safe. */
export const MAX_SNAPSHOT_BACKLOG_BYTES = 64 * 1024 * 1024;

/** A snapshot is synced each time it has grown by so much. */
export const SNAPSHOT_SYNC_BYTES = 4 * 1024 * 1024;

/** How far the date may be behind what was last written before expiries are not trusted any more at a start. */
export const TRUSTED_CLOCK_SKEW_MS = 1_000;

/** Lines of an export are written when they have so much together. */
export const EXPORT_PIECE_CHARACTERS = 64 * 1024;

/** The longest line of an import: a text can hold no more. */
export const MAX_IMPORT_LINE_BYTES = 511 * 1024 * 1024;

/** How long a snapshot works at a time before it lets requests in. */
export const SNAPSHOT_SLICE_MS = 1;

/** How often it is looked whether a snapshot is due. */
export const SNAPSHOT_LOOK_MS = 1_000;

/** How long after a snapshot that failed the next is tried. */
export const SNAPSHOT_RETRY_MS = 10_000;

/** An append log that is shorter is not compacted: replaying it takes a fraction of a second. */
export const MIN_COMPACTED_LOG_BYTES = 64 * 1024 * 1024;

/** With `--append-log always`: what is held of entries whose changes are not synced; beyond it changes are refused. */
export const MAX_UNDO_BYTES = 64 * 1024 * 1024;

/** Of a buffer for such entries, so much is kept when it is empty. */
export const MAX_KEPT_UNDO_BYTES = 1024 * 1024;
