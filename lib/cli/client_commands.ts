/**
 * Every command of the client's program, as data. Parsing, permissions and `--help` come from here; adding a command
 * is adding a row and what it runs.
 *
 * @module
 */

import type { CommandRow } from "./client_command.ts";
import { decrement, get, increment, ping, remove, rename, scan, set, touch, ttl } from "./client_values.ts";
import { fingerprint } from "./fingerprint.ts";
import { keysStatus } from "./key_status.ts";
import { keygen } from "./keygen.ts";
import { reseal } from "./reseal.ts";

/** All commands, in the order in which they are shown. */
export const CLIENT_COMMANDS: readonly CommandRow[] = [
  {
    group: "Entries",
    name: "set",
    words: ["KEY", "[VALUE]"],
    options: ["ttl", "bind-expiry", "json"],
    needs: "server and keys",
    summary: "store a value; without VALUE, or with -, it is read from standard input",
    run: set,
  },
  {
    group: "Entries",
    name: "get",
    words: ["KEY"],
    options: [],
    needs: "server and keys",
    summary: "write the value: text and bytes as they are, all else as JSON",
    run: get,
  },
  {
    group: "Entries",
    name: "delete",
    words: ["KEY"],
    options: [],
    needs: "server",
    summary: "remove an entry",
    run: remove,
  },
  {
    group: "Entries",
    name: "increment",
    words: ["KEY", "[N]"],
    options: [],
    needs: "server and keys",
    summary: "add N, or 1, to a number, and write the sum",
    run: increment,
  },
  {
    group: "Entries",
    name: "decrement",
    words: ["KEY", "[N]"],
    options: [],
    needs: "server and keys",
    summary: "subtract N, or 1, from a number, and write the difference",
    run: decrement,
  },
  {
    group: "Entries",
    name: "rename",
    words: ["FROM", "TO"],
    options: [],
    needs: "server and keys",
    summary: "give an entry another key, by sealing it anew",
    run: rename,
  },
  {
    group: "Entries",
    name: "ttl",
    words: ["KEY"],
    options: [],
    needs: "server",
    summary: "write how long an entry has left to live, or none if it has no end",
    run: ttl,
  },
  {
    group: "Entries",
    name: "touch",
    words: ["KEY", "DURATION"],
    options: [],
    needs: "server",
    summary: "let an entry live for so long from now; none is for ever",
    run: touch,
  },
  {
    group: "Entries",
    name: "scan",
    words: ["[PREFIX]"],
    options: [],
    needs: "server",
    summary: "write the keys there are, one a line",
    run: scan,
  },
  {
    group: "Keys",
    name: "keygen",
    words: [],
    options: ["out", "passphrase", "fernet"],
    needs: "nothing",
    summary: "make a key, and write it as a key file",
    run: keygen,
  },
  {
    group: "Keys",
    name: "fingerprint",
    words: [],
    options: [],
    needs: "keys",
    summary: "write the ids of the keys, which are no secret",
    run: fingerprint,
  },
  {
    group: "Keys",
    name: "keys status",
    words: [],
    options: [],
    needs: "server and keys",
    summary: "write how much is sealed with which key, and whether a key can be dropped",
    run: keysStatus,
  },
  {
    group: "Keys",
    name: "reseal",
    words: ["[PREFIX]"],
    options: [],
    needs: "server and keys",
    summary: "seal with the active key what other keys have sealed",
    run: reseal,
  },
  {
    group: "Server",
    name: "ping",
    words: [],
    options: [],
    needs: "server",
    summary: "measure how long the server takes to answer",
    run: ping,
  },
];
