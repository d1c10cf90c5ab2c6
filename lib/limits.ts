/**
 * Every bound of the project, with its unit in its name. A number that limits size or time stands here or in the
 * configuration table (lib/cli/options.ts), which takes its defaults from here. Those of what keeps the entries are in
 * lib/persistence/limits.ts.
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

/** How much longer than the longest value a line of the text dialect may be. */
export const MAX_LINE_BYTES_BEYOND_VALUE = 64 * 1024;

/** Most words of a line behind its command: each is remembered by an object. */
export const MAX_LINE_WORDS = 65_536;

/** Longest password, token or name of a user that is looked at: hashing takes time in proportion. */
export const MAX_PASSWORD_BYTES = 512;

/**
 * How many passwords are hashed at once, where there are cores enough; each takes 32 MiB and a third of a second of one
 * core.
 */
export const MAX_CONCURRENT_PASSWORD_CHECKS = 2;

/** How many passwords wait for their turn to be hashed; the next ones are told BUSY. */
export const MAX_WAITING_PASSWORD_CHECKS = 16;

/** What one hash of a password may take of memory, whatever its parameters: OWASP's largest row. */
export const MAX_SCRYPT_MEMORY_BYTES = 128 * 1024 ** 2;

/** Least and most work of one hash of a password, as N·r·p: weaker ones protect nothing, stronger ones take seconds. */
export const MIN_SCRYPT_WORK = 2 ** 19;
/** See {@linkcode MIN_SCRYPT_WORK}. */
export const MAX_SCRYPT_WORK = 2 ** 22;

/** After how many refused attempts to authenticate a connection is closed. */
export const MAX_REFUSED_ATTEMPTS = 3;

/** How many wrong passwords or tokens may come from one address within {@linkcode THROTTLE_WINDOW_MS}. */
export const MAX_WRONG_SECRETS_PER_WINDOW = 10;
/** See {@linkcode MAX_WRONG_SECRETS_PER_WINDOW}. */
export const THROTTLE_WINDOW_MS = 60_000;
/** How long an address waits after too many; each further wrong one doubles it, up to {@linkcode MAX_THROTTLE_MS}. */
export const FIRST_THROTTLE_MS = 1_000;
/** See {@linkcode FIRST_THROTTLE_MS}. Also how long an address must stay quiet until it begins anew. */
export const MAX_THROTTLE_MS = 15 * 60_000;
/** Of how many addresses wrong passwords and tokens are remembered. */
export const MAX_THROTTLED_NETWORKS = 10_000;

/** Longest name of a token. */
export const MAX_TOKEN_NAME_LENGTH = 64;

/** Longest file of tokens: some thousands. */
export const MAX_TOKEN_FILE_BYTES = 1024 * 1024;

/** How long a client may take to complete a frame that it has started. */
export const DEFAULT_FRAME_TIMEOUT_MS = 10_000;

/** How long a client may take to choose a dialect, to open a channel, and where it is asked to, to say who it is. */
export const DEFAULT_HANDSHAKE_TIMEOUT_MS = 5_000;

/** How many clients a server has at once unless told otherwise; the next ones are told BUSY. */
export const DEFAULT_MAX_CLIENTS = 10_000;

/** How many of them may come from one address; this machine may have as many as it likes. */
export const DEFAULT_MAX_CLIENTS_PER_ADDRESS = 1_000;

/** How long a client that is turned away is given to say in which dialect it wants to be told so. */
export const TURN_AWAY_READ_MS = 50;
/** How long it then has to read that. */
export const TURN_AWAY_LINGER_MS = 500;
/** How many are told at once; the next ones are closed without a word. */
export const MAX_CONCURRENT_TURN_AWAYS = 128;

/** Longest request of a client that has not said who it is, on a server that asks. As in Redis. */
export const DEFAULT_MAX_UNAUTHENTICATED_BYTES = 16 * 1024;
/** Most words of such a request. As in Redis. */
export const MAX_UNAUTHENTICATED_WORDS = 10;

/** How many requests of one client are carried out before others have their turn. */
export const DEFAULT_REQUESTS_PER_TURN = 4_000;
/** How long a turn may take. The clock is read once for so many requests. */
export const MAX_TURN_MS = 1;
/** See {@linkcode MAX_TURN_MS}. */
export const REQUESTS_PER_TURN_CHECK = 64;

/** What the names that a client subscribes to may take, and with them what it costs to leave all of them. */
export const MAX_SUBSCRIPTION_BYTES = 4 * 1024 * 1024;
/** What the keys that a client watches may take. */
export const MAX_WATCHED_BYTES = 4 * 1024 * 1024;
/** What a name that is remembered for a client is counted as, beside its bytes. */
export const REMEMBERED_NAME_BYTES = 256;

/** Who may connect to a unix socket, as for files: its owner. */
export const DEFAULT_UNIX_MODE = 0o600;
/** Longest path of a unix socket that all systems take: macOS has 104 bytes for it with the zero at its end. */
export const MAX_SOCKET_PATH_BYTES = 103;

/** Longest file with certificates or their key. */
export const MAX_CERTIFICATE_FILE_BYTES = 1024 * 1024;
/** Longest name of a user in a certificate. */
export const MAX_CERTIFICATE_NAME_LENGTH = 64;

/**
 * What a started frame earns for being sent at all: for each of these bytes received its deadline moves on by a
 * millisecond, so that a large value may come over a thin line (256 kbit/s) but a trickle may not.
 */
export const FRAME_PROGRESS_BYTES_PER_MS = 32;

/**
 * From so far on, a change of the distance between Unix time and the monotonic clock counts as the clock being set, and
 * not as the two being read at slightly different moments.
 */
export const WALL_CLOCK_STEP_MS = 100;

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
export const BUFFER_BYTES = [2 * 1024, 8 * 1024, 16 * 1024, 64 * 1024] as const;

/** Replies of one connection are written when they reach this; with one value more, it bounds what it has in flight. */
export const REPLY_FLUSH_BYTES = 64 * 1024;

/** What may wait for a subscriber that does not read before it is cut off, unless told otherwise. */
export const DEFAULT_MAX_PENDING_BYTES = 32 * 1024 * 1024;

/** What is kept for the next connections and replies, of each size of buffer. */
export const MAX_POOLED_BYTES_PER_SIZE = 4 * 1024 * 1024;

/** How long the server waits to accept again when the system has no file descriptor or memory left. */
export const ACCEPT_RETRY_MS = 50;

/** What goes when memory is full, unless told otherwise. */
export const DEFAULT_EVICTION = "s3-fifo";

/**
 * How many ids of sealing keys the server counts entries for one by one: far more than are in use, and few enough that
 * made-up ones take no memory worth mentioning.
 */
export const MAX_COUNTED_KEY_IDS = 256;

/**
 * Where a server without a limit warns once that memory grows, if it may not ask how much the machine has; else at half
 * of that.
 */
export const MEMORY_WARNING_BYTES = 1024 ** 3;

/** Where the server listens unless told otherwise. */
export const DEFAULT_HOSTNAME = "127.0.0.1";

/** Where the server listens unless told otherwise. */
export const DEFAULT_PORT = 8080;

/** Port that the server's command line listens on for TLS. */
export const DEFAULT_TLS_PORT = 8443;

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

/**
 * Up to how long a plaintext is encrypted at once, by node:crypto: beyond it, WebCrypto takes less time of the event
 * loop although it first hands the value to another thread (bench/crypto_bench.ts).
 */
export const MAX_NATIVE_CIPHER_BYTES = 2 * 1024;

/** How many ids of dropped keys a keyring remembers, to tell them from ids that it never knew. */
export const MAX_DROPPED_KEY_IDS = 1_024;

/** Fewest rounds of PBKDF2 for a passphrase (OWASP, for HMAC-SHA-256). */
export const MIN_PBKDF2_ITERATIONS = 600_000;

/** Most rounds of PBKDF2: a second or two of one core. More is taken for a slip of the keyboard. */
export const MAX_PBKDF2_ITERATIONS = 10_000_000;

/** Shortest salt of a passphrase: so long that no two installations choose the same one at random. */
export const MIN_SALT_BYTES = 16;

/** Longest key file: hundreds of keys with comments. */
export const MAX_KEY_FILE_BYTES = 64 * 1024;

/** How many blinded names are kept, so that a name in constant use costs no HMAC. */
export const MAX_CACHED_BLINDED_NAMES = 4_096;

/** Longest name, with its namespace, whose blinded name is kept. */
export const MAX_CACHED_NAME_BYTES = 256;

/** How far the dates of two machines may differ before a value with an authenticated expiry is refused. */
export const NOT_AFTER_SKEW_MS = 30_000;

/** How far ahead of this machine's date a Fernet token may be dated, as Fernet's published vectors want it. */
export const FERNET_SKEW_MS = 60_000;

/**
 * Longest body of a Fernet token, whatever is configured: tokens pass through a text, and V8 has none longer than
 * 2^29 − 24 characters.
 */
export const MAX_FERNET_BODY_BYTES = 256 * 1024 * 1024;

/** Longest body of a record of the secure channel, its tag included. */
export const MAX_RECORD_BODY_BYTES = 65_535;

/** Longest body that a server takes from a client before it has authenticated. No server may take less. */
export const MAX_UNAUTHENTICATED_BODY_BYTES = 1024;

/** Longest payload of the server's message of the handshake. */
export const MAX_HANDSHAKE_PAYLOAD_BYTES = 1024;

/**
 * How long a handshake may take, and on a server that asks for it the authentication behind it as well: from the first
 * byte on, however slowly more come.
 */
export const MAX_HANDSHAKE_MS = 5_000;

/** How many handshakes a server computes at once; each takes about a millisecond of one core. The next ones wait. */
export const MAX_CONCURRENT_HANDSHAKES = 64;

/** How many handshakes one address off this machine may begin at once: as many as it may have clients. */
export const HANDSHAKE_BURST = 1_000;

/** And how many a second from then on: a tenth of one core. */
export const HANDSHAKES_PER_SECOND = 100;

/**
 * The same as {@linkcode MAX_NATIVE_CIPHER_BYTES} for what a record carries: a batch of some thirty small requests. Longer
 * than for values, because records wait for each other, and the thread that WebCrypto needs is one that another
 * connection could use.
 */
export const MAX_NATIVE_RECORD_BYTES = 4 * 1024;

/** How many buffers for such records are kept for the next ones, for all channels of a process. */
export const MAX_KEPT_RECORD_BUFFERS = 256;

/** How many records of one direction are sealed under one key. With full records, 2^32 bytes. */
export const MAX_RECORDS_PER_KEY = 2 ** 16;

/** How many bytes one direction of a secure channel may carry before another handshake is needed. */
export const MAX_CHANNEL_BYTES = 2 ** 40;

/** How old a secure channel may become before another handshake is needed. */
export const MAX_CHANNEL_AGE_MS = 24 * 60 * 60 * 1000;

/** How long closing a channel may take to say so, to a side that does not read. */
export const MAX_CHANNEL_CLOSE_MS = 100;

/**
 * Sizes of the buffer that records are read into. A channel waits with the first, so that one decides what an idle
 * channel costs, or with the second if it was used for long records; the last holds the longest with its header.
 */
export const RECORD_BUFFER_BYTES = [2 * 1024, 16 * 1024, 5 + MAX_RECORD_BODY_BYTES] as const;

/**
 * How long a client does not try a password or token again that was refused. A server lets an address fail ten times a
 * minute before it slows it down; at this pace one program's wrong password takes less than all of that.
 */
export const REFUSED_LOGIN_PAUSE_MS = 10_000;

/** What a client's connection reads into while replies are small; a larger reply gets a buffer of its own. */
export const CLIENT_READ_BUFFER_BYTES = 16 * 1024;

/** What a client allocates at once for a reply that announces more; beyond it, memory follows the bytes received. */
export const CLIENT_REPLY_STEP_BYTES = 1024 * 1024;

/** How many bytes of ready requests a client gathers into one write. */
export const CLIENT_GATHERED_WRITE_BYTES = 64 * 1024;

/**
 * What a client accepts as one reply even if values are to be shorter: a page of a scan, with the longest keys there
 * are, and the statistics.
 */
export const CLIENT_LEAST_REPLY_BYTES = 8 * 1024 * 1024;

/** How many entries a client's scan asks the server to look at for one page, unless told otherwise. */
export const DEFAULT_SCAN_COUNT_ENTRIES = 100;
/** See {@linkcode DEFAULT_SCAN_COUNT_ENTRIES}. */
export const MAX_SCAN_COUNT_ENTRIES = 1_000;

/** How many values a scan holds at once, to read names in them. */
export const MAX_CONCURRENT_SCAN_READS = 16;

/** For how many keys a client remembers how new their values were: a mark and its key take some 200 bytes. */
export const MAX_HIGH_WATER_MARKS = 65_536;

/** How many values a client seals anew at once, beside what it is asked for. */
export const MAX_CONCURRENT_RESEALS = 8;

/** How long the first pause of a client is that has lost a race for an entry; each next one may be twice as long. */
export const FIRST_RETRY_PAUSE_MS = 1;
/** See {@linkcode FIRST_RETRY_PAUSE_MS}. */
export const MAX_RETRY_PAUSE_MS = 64;

/** How far ahead the end of a migration may lie, in which whoever steers the server can forge values. */
export const MAX_MIGRATION_DAYS = 90;
/** How often a migration repeats its warning while plaintext is being read. */
export const MIGRATION_WARNING_INTERVAL_MS = 60_000;

/** A client's timeouts are seen at most this much late: many that fall together cost one timer. */
export const CLIENT_TIMER_STEP_MS = 10;

/** The longest delay a timer of the machine can count; `setTimeout` fires at once beyond it. */
export const MAX_TIMER_MS = 2_147_483_647;

/** Words of one RESP request, as in Redis. */
export const MAX_RESP_WORDS = 1024 * 1024;

/** Longest inline command of RESP, and longest line that holds a number, as in Redis. */
export const MAX_RESP_LINE_BYTES = 64 * 1024;

/** Longest RESP request, all its words together, as Redis bounds what one client may make it hold. */
export const MAX_RESP_REQUEST_BYTES = 1024 ** 3;

/** How much of an unknown RESP command is quoted in the answer: so much of its name and so much of its words. */
export const MAX_RESP_QUOTED_BYTES = 128;

/** A connection keeps places for so many words of a request; those of a longer one are given back. */
export const MAX_KEPT_REQUEST_WORDS = 1_024;

/** What the commands of one transaction may take together while they wait for EXEC. */
export const MAX_TRANSACTION_BYTES = 64 * 1024 * 1024;

/** What a collected command and each of its words are counted as, beside their bytes. */
export const TRANSACTION_REQUEST_BYTES = 256;

/** What the values that EXEC answers with may have together. */
export const MAX_TRANSACTION_REPLY_BYTES = 64 * 1024 * 1024;

/** Words of a slow command that are kept, and bytes of each, as in Redis. */
export const MAX_SLOW_COMMAND_WORDS = 32;
/** See {@linkcode MAX_SLOW_COMMAND_WORDS}. */
export const MAX_SLOW_COMMAND_WORD_BYTES = 128;

/** Longest name that a connection can give itself or its library. */
export const MAX_CLIENT_NAME_BYTES = 1024;

/** From how long on a command is noted in the slow log, unless told otherwise; Redis' default. */
export const DEFAULT_SLOW_MICROSECONDS = 10_000;

/** How many snapshots a data directory keeps, each with the logs since it, unless told otherwise. */
export const DEFAULT_KEPT_SNAPSHOTS = 2;

/** The most that it can be told to keep. */
export const MAX_KEPT_SNAPSHOTS = 1_000;

/** How often a snapshot is made if anything has changed, unless told otherwise. */
export const DEFAULT_SNAPSHOT_INTERVAL_MS = 300_000;
