/**
 * Every operation, as data: what the dialects, HELP, HELLO, Redis' COMMAND, the README's table and access control are
 * made from. What an operation does is in lib/commands; which bytes ask for it is in the dialects beside this file.
 *
 * An operation has one of two forms, or both under one name. The *typed* form has an opcode and takes a key, a value and
 * a time to live; it is the short way of the binary dialects and of the plainest requests of the others. The *argument*
 * form takes a list of words, as Redis' commands do.
 *
 * Adding one: a row here, a handler in lib/commands (the compiler asks for it).
 *
 * @module
 */

/** Who may call an operation: `connection` ones are free to everyone. Fewer are before authentication (execute.ts). */
export type Access = "connection" | "read" | "write" | "admin" | "publish";

/** Chapter of an operation, with Redis' names. */
export type Group = "string" | "generic" | "connection" | "server" | "transactions" | "pubsub";

/**
 * One row: name; opcode of the typed form, 0 = none; what that takes, of k(ey), p (a key that may be empty), v(alue), t(ime to live); number of words
 * of the argument form with the name, negative = at least, 0 = none; which of its words are keys: first, last (negative
 * from the end) and step, empty = none; access; one line on what it does.
 */
type Row = readonly [
  name: string,
  opcode: number,
  takes: string,
  arity: number,
  keys: readonly [] | readonly [first: number, last: number, step: number],
  access: Access,
  summary: string,
];

const ONE = [1, 1, 1] as const;
const ALL = [1, -1, 1] as const;
const PAIRS = [1, -1, 2] as const;
const TWO = [1, 2, 1] as const;

const STRING = [
  ["SET", 1, "kvt", -3, ONE, "write", "Store a value, replacing value and expiry"],
  ["GET", 2, "k", 2, ONE, "read", "Read a value"],
  ["ADD", 6, "kvt", 0, [], "write", "Store a value if there is none"],
  ["REPLACE", 7, "kvt", 0, [], "write", "Store a value if there is one"],
  ["SWAP", 8, "kvt", 0, [], "write", "Store a value and read the one before"],
  ["TAKE", 9, "k", 0, [], "write", "Read a value and remove its entry"],
  ["GETEX", 11, "kt", -2, ONE, "write", "Read a value and set its expiry"],
  ["INCR", 14, "kvt", 2, ONE, "write", "Add to a number"],
  ["DECR", 15, "kvt", 2, ONE, "write", "Subtract from a number"],
  ["GETV", 16, "k", 0, [], "read", "Read a value with its version"],
  ["CAS", 17, "kvt", 0, [], "write", "Store a value if its version is still the one given"],
  ["GETSET", 0, "", 3, ONE, "write", "Store a value and read the one before"],
  ["GETDEL", 0, "", 2, ONE, "write", "Read a value and remove its entry"],
  ["SETNX", 0, "", 3, ONE, "write", "Store a value if there is none"],
  ["SETEX", 0, "", 4, ONE, "write", "Store a value for some seconds"],
  ["PSETEX", 0, "", 4, ONE, "write", "Store a value for some milliseconds"],
  ["MGET", 0, "", -2, ALL, "read", "Read several values"],
  ["MSET", 0, "", -3, PAIRS, "write", "Store several values"],
  ["MSETNX", 0, "", -3, PAIRS, "write", "Store several values if there is none of them"],
  ["APPEND", 0, "", 3, ONE, "write", "Add bytes at the end of a value"],
  ["STRLEN", 0, "", 2, ONE, "read", "Length of a value in bytes"],
  ["GETRANGE", 0, "", 4, ONE, "read", "Read a part of a value"],
  ["SETRANGE", 0, "", 4, ONE, "write", "Overwrite a part of a value"],
  ["SUBSTR", 0, "", 4, ONE, "read", "Read a part of a value; an older name of GETRANGE"],
  ["INCRBY", 0, "", 3, ONE, "write", "Add an integer to a number"],
  ["DECRBY", 0, "", 3, ONE, "write", "Subtract an integer from a number"],
  ["INCRBYFLOAT", 0, "", 3, ONE, "write", "Add a decimal fraction to a number"],
] as const satisfies readonly Row[];

const GENERIC = [
  ["DELETE", 3, "k", 0, [], "write", "Remove an entry"],
  [
    "TOUCH",
    10,
    "kt",
    -2,
    ALL,
    "write",
    "Set an entry's expiry; with words alone, count which of the entries there are",
  ],
  ["TTL", 12, "k", 2, ONE, "read", "How long an entry has left to live"],
  ["EXISTS", 13, "k", -2, ALL, "read", "Whether there is an entry; with several keys, how many"],
  ["SCAN", 18, "pv", -2, [], "read", "Walk the keys, some at a time"],
  ["CLEAR", 19, "p", 0, [], "write", "Remove all entries, or those under a prefix"],
  ["DEL", 0, "", -2, ALL, "write", "Remove entries"],
  ["UNLINK", 0, "", -2, ALL, "write", "Remove entries"],
  ["TYPE", 0, "", 2, ONE, "read", "Type of a value: string or none"],
  ["EXPIRE", 0, "", -3, ONE, "write", "Set an expiry in seconds from now"],
  ["PEXPIRE", 0, "", -3, ONE, "write", "Set an expiry in milliseconds from now"],
  ["EXPIREAT", 0, "", -3, ONE, "write", "Set an expiry as a Unix time in seconds"],
  ["PEXPIREAT", 0, "", -3, ONE, "write", "Set an expiry as a Unix time in milliseconds"],
  ["EXPIRETIME", 0, "", 2, ONE, "read", "When an entry expires, as a Unix time in seconds"],
  ["PEXPIRETIME", 0, "", 2, ONE, "read", "When an entry expires, as a Unix time in milliseconds"],
  ["PTTL", 0, "", 2, ONE, "read", "How many milliseconds an entry has left to live"],
  ["PERSIST", 0, "", 2, ONE, "write", "Take an entry's expiry away"],
  ["KEYS", 0, "", 2, [], "read", "All keys that match a pattern"],
  ["RANDOMKEY", 0, "", 1, [], "read", "Some key"],
  ["RENAME", 0, "", 3, TWO, "write", "Give an entry another key"],
  ["RENAMENX", 0, "", 3, TWO, "write", "Give an entry another key if that is free"],
  ["COPY", 0, "", -3, TWO, "write", "Copy an entry to another key"],
  ["DBSIZE", 0, "", 1, [], "read", "How many entries there are"],
  ["FLUSHDB", 0, "", -1, [], "write", "Remove all entries"],
  ["FLUSHALL", 0, "", -1, [], "write", "Remove all entries"],
  ["OBJECT", 0, "", -2, [2, 2, 1], "read", "How a value is kept: ENCODING, IDLETIME, FREQ, REFCOUNT"],
] as const satisfies readonly Row[];

const CONNECTION = [
  ["PING", 4, "v", -1, [], "connection", "Answer, with the same bytes if there are any"],
  ["AUTH", 5, "pv", -2, [], "connection", "Prove who one is"],
  ["HELLO", 24, "v", -1, [], "connection", "Tell what the server is; choose RESP's version"],
  ["PASS", 0, "", 2, [], "connection", "Prove who one is, by the password"],
  ["ECHO", 0, "", 2, [], "connection", "Answer with the same bytes"],
  ["QUIT", 0, "", -1, [], "connection", "End the connection"],
  ["SELECT", 0, "", 2, [], "connection", "Choose a database; there is 0"],
  ["RESET", 0, "", 1, [], "connection", "Make the connection as it was at first"],
  [
    "CLIENT",
    0,
    "",
    -2,
    [],
    "connection",
    "Connections: ID, GETNAME, SETNAME, SETINFO, LIST, INFO, KILL, REPLY and more",
  ],
  ["ACCENT", 0, "", 2, [], "connection", "Choose the words of the line dialect: minigostore or gocache"],
  ["HELP", 0, "", -1, [], "connection", "Name the commands"],
] as const satisfies readonly Row[];

const SERVER = [
  ["STATS", 20, "", 0, [], "read", "What the store holds and has done, as JSON"],
  ["INFO", 0, "", -1, [], "read", "What the server is and does, as text"],
  ["CONFIG", 0, "", -2, [], "admin", "Settings: GET, SET, RESETSTAT"],
  ["COMMAND", 0, "", -1, [], "connection", "What commands there are: COUNT, DOCS, INFO, LIST, GETKEYS"],
  ["TIME", 0, "", 1, [], "read", "The server's clock"],
  ["MEMORY", 0, "", -2, [2, 2, 1], "read", "Memory of an entry: USAGE"],
  ["SLOWLOG", 0, "", -2, [], "admin", "What took long: GET, LEN, RESET"],
  ["SAVE", 0, "", 1, [], "admin", "Write a snapshot and wait for it"],
  ["BGSAVE", 0, "", -1, [], "admin", "Write a snapshot"],
  ["LASTSAVE", 0, "", 1, [], "admin", "When the last snapshot was written"],
  ["BGREWRITEAOF", 0, "", 1, [], "admin", "Compact the append log"],
  ["SHUTDOWN", 0, "", -1, [], "admin", "End the server"],
  ["DEBUG", 0, "", -2, [], "admin", "For tests: SLEEP"],
] as const satisfies readonly Row[];

const TRANSACTIONS = [
  ["MULTI", 0, "", 1, [], "connection", "Begin to collect commands"],
  ["EXEC", 0, "", 1, [], "connection", "Carry out what was collected, undivided"],
  ["DISCARD", 0, "", 1, [], "connection", "Forget what was collected"],
  ["WATCH", 0, "", -2, ALL, "read", "Let EXEC fail if one of these entries changes before"],
  ["UNWATCH", 0, "", 1, [], "connection", "Forget what is watched"],
] as const satisfies readonly Row[];

const PUBSUB = [
  ["PUBLISH", 21, "kv", 3, [], "publish", "Send a message to all who subscribed to a channel"],
  ["SUBSCRIBE", 22, "k", -2, [], "read", "Receive the messages of channels"],
  ["UNSUBSCRIBE", 23, "p", -1, [], "connection", "Receive them no more"],
  ["PSUBSCRIBE", 0, "", -2, [], "read", "Receive the messages of channels that match patterns"],
  ["PUNSUBSCRIBE", 0, "", -1, [], "connection", "Receive them no more"],
  ["PUBSUB", 0, "", -2, [], "read", "Who listens to what: CHANNELS, NUMSUB, NUMPAT"],
] as const satisfies readonly Row[];

const ROWS = [...STRING, ...GENERIC, ...CONNECTION, ...SERVER, ...TRANSACTIONS, ...PUBSUB] as const;
type AnyRow = typeof ROWS[number];

/** Name of an operation. */
export type OperationName = AnyRow[0];
/** Name of an operation with a typed form. */
export type TypedName = AnyRow extends infer One
  ? One extends { 0: infer Name; 1: infer Opcode } ? Opcode extends 0 ? never : Name : never
  : never;
/** Name of an operation with an argument form. */
export type ArgumentName = AnyRow extends infer One
  ? One extends { 0: infer Name; 3: infer Arity } ? Arity extends 0 ? never : Name : never
  : never;

/** One operation. */
export interface Operation {
  /** Upper-case name, unique. */
  readonly name: OperationName;
  /** The command byte of the CM dialect (PROTOCOL.md), 0 if it has no typed form. */
  readonly opcode: number;
  /** Whether the typed form takes a key, a value, a time to live; `optional` keys may be empty. */
  readonly takes: { readonly key: boolean | "optional"; readonly value: boolean; readonly ttl: boolean };
  /** Words of the argument form, its name included; negative = at least; 0 = it has none. */
  readonly arity: number;
  /** Which words are keys: first, last (negative: from the end) and step; none if empty. */
  readonly keys: readonly [] | readonly [first: number, last: number, step: number];
  readonly access: Access;
  readonly group: Group;
  /** One line for HELP and the README. */
  readonly summary: string;
  /** Its number inside the program: where it stands in {@linkcode OPERATIONS}. */
  readonly index: number;
}

const GROUPS: readonly [Group, readonly Row[]][] = [
  ["string", STRING],
  ["generic", GENERIC],
  ["connection", CONNECTION],
  ["server", SERVER],
  ["transactions", TRANSACTIONS],
  ["pubsub", PUBSUB],
];

/** All operations, by group. */
export const OPERATIONS: readonly Operation[] = GROUPS.flatMap(([group, rows]) => rows.map((row) => ({ group, row })))
  .map(({ group, row: [name, opcode, takes, arity, keys, access, summary] }, index) => ({
    name: name as OperationName,
    opcode,
    takes: {
      key: takes.includes("p") ? "optional" : takes.includes("k"),
      value: takes.includes("v"),
      ttl: takes.includes("t"),
    },
    arity,
    keys,
    access,
    group,
    summary,
    index,
  }));

/** Opcode of each typed operation by name. */
export const OPCODE = Object.fromEntries(
  OPERATIONS.filter(({ opcode }) => opcode > 0).map(({ name, opcode }) => [name, opcode]),
) as { readonly [Name in TypedName]: number };

/** Each operation by its name. */
export const OPERATION = Object.fromEntries(OPERATIONS.map((operation) => [operation.name, operation])) as {
  readonly [Name in OperationName]: Operation;
};

/** Whether a number of words, the name included, fits the argument form. */
export function fitsArity({ arity }: Operation, words: number): boolean {
  return arity > 0 ? words === arity : words >= -arity;
}
