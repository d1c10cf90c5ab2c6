/**
 * An example conversation of each dialect: what is sent and exactly what must be answered, on an empty store.
 *
 * @module
 */

import { concat } from "@std/bytes";
import { utf8 } from "../../lib/bytes.ts";
import type { DialectName } from "../../lib/codec/dialect.ts";
import { frame, reply } from "../support/cm_frame.ts";
import { command } from "../support/resp_frame.ts";
import { frameOf } from "./stash_surface.ts";

/** One request with its answer. */
export type Exchange = readonly [request: Uint8Array, answer: Uint8Array];

/** A conversation from its first byte to its last. */
export interface Conversation {
  readonly name: string;
  /** Where only a pinned listener speaks it. */
  readonly pinned?: DialectName;
  readonly exchanges: readonly Exchange[];
}

const NOT_FOUND = 0, OK = 1, ERROR = 2, CONFLICT = 3;

/** Bytes that every framing must carry: its own magic, ends of lines, zeros. */
const HOSTILE = utf8("CM\r\n\0*1\r\n$4\r\nGET\0");

/** What is said in CM. */
const CM: readonly Exchange[] = [
  [frame({ opcode: 1, key: "k", value: HOSTILE, ttl: 60_000_000_000n }), reply(OK)],
  [frame({ opcode: 2, key: "k" }), reply(OK, HOSTILE)],
  [frame({ opcode: 2, key: "nothing" }), reply(NOT_FOUND)],
  [frame({ opcode: 4, value: "CMCM" }), reply(OK, "CMCM")],
  [frame({ opcode: 77 }), reply(ERROR, "UNKNOWN_COMMAND there is no command 77")],
  [frame({ opcode: 6, key: "k", value: "v" }), reply(CONFLICT, "CONFLICT the key exists")],
  [frame({ opcode: 8, key: "k", value: "swapped" }), reply(OK, HOSTILE)],
  [frame({ opcode: 12, key: "k" }), reply(OK, new Uint8Array(8).fill(0xff))],
  [frame({ opcode: 14, key: "n" }), reply(OK, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1))],
  [frame({ opcode: 13, key: "n" }), reply(OK)],
  [frame({ opcode: 9, key: "n" }), reply(OK, "1")],
  [frame({ opcode: 3, key: "k" }), reply(OK)],
];

function lines(...exchanges: [request: string, answer: string][]): Exchange[] {
  return exchanges.map(([request, answer]) => [utf8(request), utf8(answer)]);
}

const TEXT = lines(
  ["SET name vimla\n", "OK\n"],
  ["get name\r\n", "vimla\n"],
  ["\n\r\n", ""],
  ['SET "two words" "a\\tb\\x41\\"" PX 60000\n', "OK\n"],
  ['TTL "two words"\n', "60\n"],
  ["SET name other NX\n", "(nil)\n"],
  ["SET name other GET\n", "vimla\n"],
  ["GET nothing\n", "(nil)\n"],
  ["EXISTS name nothing name\n", "2\n"],
  ["INCR n 41\n", "41\n"],
  ["INCR n\n", "42\n"],
  ["PING\n", "PONG\n"],
  ["PING word\n", "word\n"],
  ["NONSENSE\n", "ERR: unknown command\n"],
  ["DEL name n nothing\n", "2\n"],
  ["QUIT\n", "OK\n"],
);

const GOCACHE = lines(
  ['SET name "vimla"\n', "OK\n"],
  ["GET name\n", '"vimla"\n'],
  ['SET session_token "abc123" 60\n', "OK\n"],
  ["TTL session_token\n", "60\n"],
  ["DELETE name\n", "OK\n"],
  ["GET name\n", "(nil)\n"],
);

const STASH: readonly Exchange[] = [
  [frameOf("SET", "mykey", "myvalue"), utf8("OK\r\n")],
  [frameOf("GET", "mykey"), utf8("myvalue\r\n")],
  [frameOf("SET", HOSTILE, HOSTILE), utf8("OK\r\n")],
  [frameOf("GET", HOSTILE), concat([HOSTILE, utf8("\r\n")])],
  [frameOf("GET", "nothing"), utf8("ERR\r\n")],
  [frameOf("INC", "n"), utf8("1\r\n")],
  [frameOf("INC", "n"), utf8("2\r\n")],
  [frameOf("DEC", "n"), utf8("1\r\n")],
  [frameOf("INC", "mykey"), utf8("ERR\r\n")],
  [frameOf("DEL", "mykey"), utf8("OK\r\n")],
  [frameOf("DEL", "mykey"), utf8("ERR\r\n")],
  [frameOf("SET", "empty", ""), utf8("OK\r\n")],
  [frameOf("GET", "empty"), utf8("\r\n")],
];

const RESP2: readonly Exchange[] = [
  [command("PING"), utf8("+PONG\r\n")],
  [command("SET", "k", HOSTILE, "PX", 60_000), utf8("+OK\r\n")],
  [command("GET", "k"), concat([utf8(`$${HOSTILE.length}\r\n`), HOSTILE, utf8("\r\n")])],
  [utf8("GET nothing\r\n"), utf8("$-1\r\n")],
  [utf8("\r\n"), utf8("")],
  [command("PTTL", "k"), utf8(":60000\r\n")],
  [command("MSET", "a", "1", "b", ""), utf8("+OK\r\n")],
  [command("MGET", "a", "b", "c"), utf8("*3\r\n$1\r\n1\r\n$0\r\n\r\n$-1\r\n")],
  [command("INCR", "a"), utf8(":2\r\n")],
  [command("INCR", "k"), utf8("-ERR value is not an integer or out of range\r\n")],
  [command("MULTI"), utf8("+OK\r\n")],
  [command("GET", "a"), utf8("+QUEUED\r\n")],
  [command("DEL", "a", "b"), utf8("+QUEUED\r\n")],
  [command("EXEC"), utf8("*2\r\n$1\r\n2\r\n:2\r\n")],
  [command("ECHO", HOSTILE), concat([utf8(`$${HOSTILE.length}\r\n`), HOSTILE, utf8("\r\n")])],
  [utf8("*0\r\n"), utf8("")],
  [utf8("PING 'a b' \r\n"), utf8("$3\r\na b\r\n")],
  [command("GET"), utf8("-ERR wrong number of arguments for 'get' command\r\n")],
  [utf8('ECHO "a\\x41\\n"\n'), utf8("$3\r\naA\n\r\n")],
  [command("SUBSCRIBE", "c"), utf8("*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n")],
  [
    command("PUBLISH", "c", "m"),
    utf8(
      "-ERR Can't execute 'publish': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\r\n",
    ),
  ],
  [command("UNSUBSCRIBE"), utf8("*3\r\n$11\r\nunsubscribe\r\n$1\r\nc\r\n:0\r\n")],
  [command("QUIT"), utf8("+OK\r\n")],
];

const RESP3: readonly Exchange[] = [
  [command("HELLO", 3, "SETNAME", "x"), utf8("")],
  [command("GET", "nothing"), utf8("_\r\n")],
  [command("SET", "k", "v"), utf8("+OK\r\n")],
  [command("MGET", "k", "l"), utf8("*2\r\n$1\r\nv\r\n_\r\n")],
  [command("CONFIG", "GET", "nothing-of-this-name"), utf8("%0\r\n")],
  [command("SUBSCRIBE", "c"), utf8(">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n")],
  [command("CLIENT", "GETNAME"), utf8("$1\r\nx\r\n")],
];

/** One for each dialect and accent. RESP3's HELLO is answered in many words, which its test leaves out. */
export const CONVERSATIONS: readonly Conversation[] = [
  { name: "CM", exchanges: CM },
  { name: "text", exchanges: TEXT },
  { name: "gocache", pinned: "gocache", exchanges: GOCACHE },
  { name: "stash", exchanges: STASH },
  { name: "RESP2", exchanges: RESP2 },
  { name: "RESP3", exchanges: RESP3 },
];
