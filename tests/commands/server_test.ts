// Commands about the server as a whole, in the words of Redis 7.0.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ByteRange } from "../../lib/bytes.ts";
import { OPERATIONS } from "../../lib/codec/operations.ts";
import { envelopeLike } from "../support/envelopes.ts";
import { text } from "../support/ranges.ts";
import { TestServer } from "./resp_caller.ts";

const SYNTAX = "-ERR syntax error";
const NO_PERSISTENCE = "-ERR persistence is off: this server keeps its entries in memory only";
const FAILED_LENGTH = "-ERR CONFIG SET failed (possibly related to argument 'slowlog-max-len') - ";
const COUNT_TOO_SMALL = "-ERR count should be greater than or equal to -1";

const ANSWERS: [words: string, answer: unknown][] = [
  ["CONFIG GET slowlog-*", ["slowlog-log-slower-than", "10000", "slowlog-max-len", "128"]],
  ["CONFIG GET SAVE appendonly", ["save", "", "appendonly", "no"]],
  ["CONFIG GET eviction", ["eviction", "s3-fifo"]],
  ["CONFIG GET maxmemory*", ["maxmemory", "0", "maxmemory-policy", "noeviction"]],
  ["CONFIG GET nothing", []],
  ["CONFIG SET foo bar", "-ERR Unknown option or number of arguments for CONFIG SET - 'foo'"],
  ["CONFIG SET foo", "-ERR wrong number of arguments for 'config|set' command"],
  ["CONFIG SET slowlog-max-len 1 foo", "-ERR wrong number of arguments for 'config|set' command"],
  ["CONFIG SET slowlog-max-len x", `${FAILED_LENGTH}argument couldn't be parsed into an integer`],
  ["CONFIG SET slowlog-max-len -1", `${FAILED_LENGTH}argument must be between 0 and 9223372036854775807 inclusive`],
  ["CONFIG SET slowlog-max-len 1 slowlog-max-len 2", `${FAILED_LENGTH}duplicate parameter`],
  [
    "CONFIG SET maxmemory 1",
    "-ERR CONFIG SET failed (possibly related to argument 'maxmemory') - can't set immutable config",
  ],
  ["CONFIG RESETSTAT", "OK"],
  ["COMMAND COUNT", OPERATIONS.filter(({ arity }) => arity !== 0).length],
  ["COMMAND INFO get foo", [["get", 2, ["readonly"], 1, 1, 1, ["@read", "@string"], [], [], []], null]],
  ["COMMAND DOCS get foo", ["get", ["summary", "Read a value", "since", "0.1.0", "group", "string"]]],
  ["COMMAND LIST FILTERBY PATTERN GET*", []],
  ["COMMAND LIST FILTERBY PATTERN getd*", ["getdel"]],
  ["COMMAND LIST FILTERBY ACLCAT transaction", ["multi", "exec", "discard", "watch", "unwatch"]],
  ["COMMAND LIST x", SYNTAX],
  ["COMMAND GETKEYS MSET a 1 b 2", ["a", "b"]],
  ["COMMAND GETKEYS OBJECT ENCODING k", ["k"]],
  ["COMMAND GETKEYS FOO a", "-ERR Invalid command specified"],
  ["COMMAND GETKEYS GET a b", "-ERR Invalid number of arguments specified for command"],
  ["COMMAND GETKEYS ECHO a", "-ERR The command has no key arguments"],
  ["TIME", ["1767225600", "0"]],
  ["MEMORY USAGE no", null],
  ["MEMORY USAGE k", 32],
  ["MEMORY USAGE k SAMPLES 5", 32],
  ["MEMORY USAGE k SAMPLES x", "-ERR value is not an integer or out of range"],
  ["MEMORY USAGE k SAMPLES -1", SYNTAX],
  ["MEMORY USAGE k foo", SYNTAX],
  ["MEMORY FOO", "-ERR unknown subcommand 'FOO'. Try MEMORY HELP."],
  ["SLOWLOG GET x", COUNT_TOO_SMALL],
  ["SLOWLOG GET -2", COUNT_TOO_SMALL],
  ["SLOWLOG GET 1 2", "-ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP."],
  ["SLOWLOG LEN", 0],
  ["SAVE", NO_PERSISTENCE],
  ["BGSAVE", NO_PERSISTENCE],
  ["BGSAVE foo", SYNTAX],
  ["BGREWRITEAOF", NO_PERSISTENCE],
  ["LASTSAVE", 1767225600],
  ["SHUTDOWN foo", SYNTAX],
  ["SHUTDOWN ABORT", "-ERR No shutdown in progress."],
  ["SHUTDOWN ABORT NOW", SYNTAX],
  ["SHUTDOWN SAVE NOSAVE", SYNTAX],
  ["SHUTDOWN SAVE", NO_PERSISTENCE],
];
for (const [words, answer] of ANSWERS) {
  Deno.test(`${JSON.stringify(words)} answers ${JSON.stringify(answer)}`, () => {
    const server = new TestServer();
    const caller = server.connect();
    caller.ask("SET", "k", "v");
    assertEquals(caller.ask(...words.split(" ")), answer as string);
    assertEquals(server.shutdowns, 0);
  });
}

Deno.test("every container tells its subcommands", () => {
  const caller = new TestServer().connect();
  for (const name of ["CLIENT", "CONFIG", "COMMAND", "MEMORY", "SLOWLOG", "DEBUG", "PUBSUB", "OBJECT"]) {
    const help = caller.ask(name, "HELP") as string[];
    assertEquals(help[0], `${name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`);
    assertEquals(help.slice(-2), ["HELP", "    Prints this help."]);
  }
});

Deno.test("INFO tells what tools read, by section", () => {
  const server = new TestServer();
  const caller = server.connect();
  caller.ask("SET", "k", "v");
  caller.ask("GET", "k");
  caller.ask("GET", "no");
  server.clock.advance(90_061_000);
  const info = String(caller.ask("INFO"));
  for (
    const line of ["redis_version:7.0.15", "tcp_port:7", "uptime_in_seconds:90061", "uptime_in_days:1", "role:master"]
      .concat("connected_clients:1", "keyspace_hits:1", "keyspace_misses:1", "db0:keys=1", "maxmemory:0")
  ) assertStringIncludes(info, `${line}\r\n`);
  assertMatch(info, /^# Server\r\n/);
  assertMatch(info, /\r\n\r\n# Clients\r\n/);
  assertMatch(String(caller.ask("INFO", "keyspace")), /^# Keyspace\r\ndb0:keys=1\r\n$/);
  assertEquals(caller.ask("INFO", "nothing"), "");
});

Deno.test("INFO tells with which keys values were sealed", () => {
  const server = new TestServer();
  server.engine.set(text("a"), ByteRange.of(envelopeLike(0xcafe, 50)), 0);
  server.engine.set(text("b"), ByteRange.of(envelopeLike(0xcafe, 60)), 0);
  server.engine.set(text("c"), text("plain"), 0);
  const lines = "# Sealing\r\nkey_0000cafe:entries=2,bytes=110\r\nother_keys:entries=0,bytes=0\r\n" +
    "unsealed:entries=1,bytes=5\r\n";
  const caller = server.connect();
  assertEquals(caller.ask("INFO", "sealing"), lines);
  assertStringIncludes(String(caller.ask("INFO")), `\r\n\r\n${lines}\r\n# `);
});

Deno.test("CONFIG RESETSTAT lets the totals begin anew", () => {
  const caller = new TestServer().connect();
  caller.ask("GET", "no");
  caller.ask("CONFIG", "RESETSTAT");
  caller.ask("GET", "no");
  assertStringIncludes(String(caller.ask("INFO", "stats")), "keyspace_misses:1\r\n");
});

Deno.test("SHUTDOWN ends the server and is not answered", () => {
  for (const words of [["SHUTDOWN"], ["SHUTDOWN", "NOSAVE"], ["SHUTDOWN", "NOW", "FORCE"]]) {
    const server = new TestServer();
    const caller = server.connect();
    assertEquals(caller.ask(...words), undefined);
    assertEquals([server.shutdowns, caller.client.isQuitting], [1, true]);
  }
});

Deno.test("DEBUG SLEEP lets one connection wait, and the slow log notes it", async () => {
  const server = new TestServer();
  const caller = server.connect(), other = server.connect();
  const slept = caller.askLater("DEBUG", "SLEEP", "0.5");
  assertEquals(other.ask("SET", "k", "v"), "OK");
  server.clock.advance(500);
  assertEquals(await slept, "OK");
  assertEquals(other.ask("SLOWLOG", "GET"), [
    [0, 1767225600, 500_000, ["debug", "... (5 more bytes)", "... (3 more bytes)"], "10.0.0.1:1", ""],
  ]);
  assertEquals(other.ask("SLOWLOG", "RESET"), "OK");
  assertEquals(other.ask("SLOWLOG", "LEN"), 0);
  assertEquals(await caller.askLater("DEBUG", "SLEEP", "x"), "-ERR value is not a valid float");
});

Deno.test("the slow log keeps names and keys, never values or passwords, and no more than it may", async () => {
  const server = new TestServer({ password: "secret" });
  const caller = server.connect();
  await caller.askLater("AUTH", "secret");
  caller.ask("CONFIG", "SET", "slowlog-log-slower-than", "0", "slowlog-max-len", "3");
  await caller.askLater("AUTH", "secret");
  caller.ask("MSET", "k1", "private", "k".repeat(200), "private");
  assertEquals((caller.ask("SLOWLOG", "GET", "2") as string[][]).map((entry) => entry[3]![0] as unknown), [
    "mset",
    "config",
  ]);
  assertEquals((caller.ask("SLOWLOG", "GET", "2") as string[][])[1]![3] as unknown, [
    ...["mset", "k1", "... (7 more bytes)", `${"k".repeat(128)}... (72 more bytes)`, "... (7 more bytes)"],
  ]);
  caller.ask("MGET", ...Array.from({ length: 100 }, (_, i) => `k${i}`));
  const words = (caller.ask("SLOWLOG", "GET", "1") as string[][])[0]![3] as unknown as string[];
  assertEquals([words.length, words.at(-1)], [32, "... (70 more arguments)"]);
  assertEquals(caller.ask("SLOWLOG", "LEN"), 3);
  caller.ask("CONFIG", "SET", "slowlog-max-len", "1");
  assertEquals(caller.ask("SLOWLOG", "LEN"), 1);
});
