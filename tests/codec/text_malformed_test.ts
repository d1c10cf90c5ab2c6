/** What the line dialect refuses: one named case for each rule of PROTOCOL.md §2. */

import { assertEquals } from "@std/assert";
import { textOf, utf8 } from "../../lib/bytes.ts";
import { MAX_LINE_WORDS } from "../../lib/limits.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { talk } from "../support/memory_connection.ts";

const SYNTAX = "ERR: syntax error";
const ARGUMENTS = "ERR: invalid arguments";
const UNKNOWN = "ERR: unknown command";
/** Either says it. */
const EITHER = [SYNTAX, ARGUMENTS];

const REFUSED: [rule: string, line: string, answers: string | string[]][] = [
  ["an unterminated quote", 'GET "k', SYNTAX],
  ["an unterminated quote that ends with a backslash", 'GET "k\\', SYNTAX],
  ["an unterminated quote whose last one is escaped", 'GET "k\\"', SYNTAX],
  ["a quote with something right behind it", 'GET "k"x', SYNTAX],
  ["two quoted words without a blank", 'SET "k""v"', SYNTAX],
  ["a backslash before a letter that means nothing", 'GET "\\k"', SYNTAX],
  ["a hexadecimal escape without digits", 'GET "\\x"', SYNTAX],
  ["a hexadecimal escape of one digit", 'GET "\\x1"', SYNTAX],
  ["a hexadecimal escape of letters that are no digits", 'GET "\\xzz"', SYNTAX],
  ["a hexadecimal escape at the very end", 'GET "\\x4', SYNTAX],
  ["an unterminated quote in an unknown command", 'FLY "', SYNTAX],
  ["an unknown command", "FLY away", UNKNOWN],
  ["an empty name", '""', UNKNOWN],
  ["a beginning of a name", "GE k", UNKNOWN],
  ["a name with more behind it", "GETT k", UNKNOWN],
  ["a name of letters that differ in one bit", "\x07\x05\x14 k", UNKNOWN],
  ["a name that means something to JavaScript", "__proto__ k", UNKNOWN],
  ["a very long name", "G".repeat(500), UNKNOWN],
  ...[
    "MGET k",
    "INFO",
    "MULTI",
    "EXEC",
    "SUBSCRIBE c",
    "PUBLISH c m",
    "AUTH k",
    "HELLO",
    "CONFIG GET *",
    "SHUTDOWN",
    "FLUSHALL",
  ]
    .map((line): [string, string, string] => [`${line}, which other dialects know`, line, UNKNOWN]),
  ...[
    "GET",
    "GET k k",
    "SET",
    "SET k",
    "TTL",
    "TTL k k",
    "DEL",
    "EXISTS",
    "DELETE",
    "DELETE k k",
    "INCR",
    "INCR k 1 2",
    "DECR",
    "GETEX",
    "PING a b",
    "PASS",
    "PASS a b",
    "ACCENT",
    "ACCENT a b",
    "QUIT now",
  ]
    .map((line): [string, string, string] => [`the number of words in ${line}`, line, ARGUMENTS]),
  ["a number that is none", "INCR k one", ARGUMENTS],
  ["NX with XX", "SET k v NX XX", EITHER],
  ["XX with NX", "SET k v XX NX", EITHER],
  ["an unknown option", "SET k v MAYBE", EITHER],
  ["a second expiry", "SET k v EX 1 PX 1", EITHER],
  ["the same expiry twice", "SET k v EX 1 EX 1", EITHER],
  ["an expiry without its number", "SET k v EX", EITHER],
  ["an expiry of 0", "SET k v EX 0", EITHER],
  ["a negative expiry", "SET k v PX -1", EITHER],
  ["an expiry that is no number", "SET k v EX soon", EITHER],
  ["an expiry that is no whole number", "SET k v EX 1.5", EITHER],
  ["an expiry beyond 64 bits", "SET k v EX 9223372036854775808", EITHER],
  ["an expiry that overflows in milliseconds", "SET k v EX 9223372036854775807", EITHER],
  ["trailing seconds of 0", "SET k v 0", EITHER],
  ["negative trailing seconds", "SET k v -1", EITHER],
  ["trailing seconds that are no whole number", "SET k v 1.5", EITHER],
  ["trailing seconds beyond reason", `SET k v ${"9".repeat(400)}`, EITHER],
  ["trailing seconds that are empty", 'SET k v ""', EITHER],
  ["EX and PERSIST", "GETEX k EX 1 PERSIST", SYNTAX],
  ["an expiry of 0 in GETEX", "GETEX k PX 0", EITHER],
  ["a key of 65,536 bytes", `GET ${"k".repeat(65_536)}`, "ERR: TOO_LARGE the key has 65536 bytes, the limit is 65535"],
  [
    "a key of 65,536 bytes behind others",
    `DEL k ${"k".repeat(65_536)}`,
    "ERR: TOO_LARGE the key has 65536 bytes, the limit is 65535",
  ],
  [
    "a value above the limit",
    `SET k ${"v".repeat(70_001)}`,
    "ERR: TOO_LARGE the value has 70001 bytes, the limit is 70000",
  ],
];

for (const [rule, line, expected] of REFUSED) {
  Deno.test(`text: ${rule} is refused, changes nothing, and the connection goes on`, async () => {
    const answer = textOf(
      await talk([utf8(`SET k before\n${line}\nGET k\nTTL k\n`)], { pinned: "text", maxValueBytes: 70_000 }),
    );
    const [first, error, ...rest] = answer.split("\n");
    assertEquals([first, rest], ["OK", ["before", "-1", ""]]);
    if (typeof expected === "string") assertEquals(error, expected);
    else assertEquals(expected.includes(error!), true, error);
  });
}

Deno.test("text: more words than a line may have are refused, and the connection goes on", async () => {
  const many = `DEL${" k".repeat(MAX_LINE_WORDS + 1)}\nPING\n`;
  const answer = textOf(await talk([utf8(many)], { pinned: "text" }));
  assertEquals(answer, `ERR: TOO_LARGE the line has more than ${MAX_LINE_WORDS} words\nPONG\n`);
});

Deno.test("text: a line at its limit is understood, one byte more ends the connection with an error", async () => {
  const maxValueBytes = 1_000, most = 64 * 1024 + maxValueBytes;
  const fits = `PING${" ".repeat(most - 4)}\n`;
  assertEquals(textOf(await talk([utf8(fits)], { pinned: "text", maxValueBytes })), "PONG\n");
  const tooLong = `ERR: TOO_LARGE the line is longer than ${most} bytes\n`;
  for (const line of [` ${fits}SET k v\n`, "x".repeat(most + 1)]) {
    const engine = new Engine();
    assertEquals(textOf(await talk([utf8(line)], { pinned: "text", maxValueBytes, engine })), tooLong);
    assertEquals(engine.stats().entries, 0);
  }
});

const FOREIGN = [
  "GET / HTTP/1.1",
  "POST / HTTP/1.0",
  "SET k v HTTP/1.1",
  "HTTP/1.1",
  "\tPUT /k HTTP/1.1 \t",
  "Host: 127.0.0.1:8080",
  "hOST:x",
  "EHLO mail.example",
  "HELO",
];
for (const line of FOREIGN) {
  for (const end of ["\n", "\r\n"]) {
    Deno.test(`text: ${JSON.stringify(line + end)} ends the connection without a word, also when it comes late`, async () => {
      const engine = new Engine();
      const late = utf8(`PING\n${line}${end}SET k v\n`);
      assertEquals(textOf(await talk([late], { pinned: "text", engine })), "PONG\n");
      assertEquals(textOf(await talk([utf8(`${line}${end}SET k v\n`)], { engine })), "");
      assertEquals(engine.stats().entries, 0);
    });
  }
}

Deno.test("text: what only looks foreign is carried out", async () => {
  const lines = ['SET k "HTTP/1.1"', "SET HTTP/1.1 k", "SET k HTTP/1.2", "SET k xHTTP/1.1", " SET k Host:"];
  for (const line of lines) assertEquals(textOf(await talk([utf8(`${line}\n`)], { pinned: "text" })), "OK\n", line);
});
