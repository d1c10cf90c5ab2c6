/**
 * Every operation, as data: what the dialects, HELLO, the README's command table and access control are made from.
 * What an operation does is in lib/commands; which bytes ask for it is in the dialects beside this file.
 *
 * Adding one: a row here, a handler in lib/commands (the compiler asks for it).
 *
 * @module
 */

/** Who may call an operation: `connection` ones are free to everyone, also before authentication. */
export type Access = "connection" | "read" | "write" | "admin";

/** One row of the table. */
export interface OperationRow {
  /** Upper-case name, unique. */
  readonly name: string;
  /** The command byte of the CM dialect (PROTOCOL.md §1.3); also the operation's number inside the program. */
  readonly opcode: number;
  /** Whether a request names a key. Where it does not, a key is an error, and the reverse. */
  readonly key: boolean;
  /** Whether a request may carry a value. */
  readonly value: boolean;
  /** Whether a request may carry a time to live. */
  readonly ttl: boolean;
  /** Access class. */
  readonly access: Access;
  /** One line for HELP and the README. */
  readonly summary: string;
}

/** The table, in order of opcode. */
export const OPERATIONS = [
  {
    name: "SET",
    opcode: 1,
    key: true,
    value: true,
    ttl: true,
    access: "write",
    summary: "Store a value, replacing value and expiry",
  },
  {
    name: "GET",
    opcode: 2,
    key: true,
    value: false,
    ttl: false,
    access: "read",
    summary: "Read a value",
  },
  {
    name: "DELETE",
    opcode: 3,
    key: true,
    value: false,
    ttl: false,
    access: "write",
    summary: "Remove an entry",
  },
  {
    name: "PING",
    opcode: 4,
    key: false,
    value: true,
    ttl: false,
    access: "connection",
    summary: "Answer with the same bytes",
  },
  {
    name: "HELLO",
    opcode: 24,
    key: false,
    value: true,
    ttl: false,
    access: "connection",
    summary: "Tell server, version, limits, commands and features as JSON",
  },
] as const satisfies readonly OperationRow[];

/** Name of an operation. */
export type Operation = typeof OPERATIONS[number]["name"];

/** Opcode of each operation by name. */
export const OPCODE: { readonly [Name in Operation]: number } = Object.fromEntries(
  OPERATIONS.map((row) => [row.name, row.opcode]),
) as { [Name in Operation]: number };
