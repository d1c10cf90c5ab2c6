// MULTI, EXEC, DISCARD, WATCH and UNWATCH, in the words and with the edge cases of Redis 7.0.

import { assertEquals } from "@std/assert";
import { MAX_TRANSACTION_BYTES } from "../../lib/limits.ts";
import { TestServer } from "./resp_caller.ts";

Deno.test("EXEC answers with each collected command's reply, errors among them", () => {
  const caller = new TestServer().connect();
  assertEquals(caller.ask("MULTI"), "OK");
  for (
    const words of [["SET", "k", "v"], ["GET", "k"], ["GET", "no"], ["INCR", "k"], ["INCR", "n"], ["DEL", "k"], [
      "PING",
    ]]
  ) {
    assertEquals(caller.ask(...words), "QUEUED");
  }
  assertEquals(caller.ask("EXEC"), ["OK", "v", null, "-ERR value is not an integer or out of range", 1, 1, "PONG"]);
  assertEquals(caller.ask("EXEC"), "-ERR EXEC without MULTI");
});

Deno.test("EXEC of nothing is an empty array", () => {
  const caller = new TestServer().connect();
  caller.ask("MULTI");
  assertEquals(caller.ask("EXEC"), []);
});

Deno.test("values read one after the other do not overwrite each other", () => {
  const caller = new TestServer().connect();
  caller.ask("MSET", "a", "1".repeat(100), "b", "2".repeat(100));
  caller.ask("MULTI");
  for (const words of [["GET", "a"], ["GETDEL", "a"], ["GETSET", "b", "x"], ["GET", "b"]]) caller.ask(...words);
  assertEquals(caller.ask("EXEC"), ["1".repeat(100), "1".repeat(100), "2".repeat(100), "x"]);
});

Deno.test("a refused command breaks the transaction; nested MULTI and WATCH do not", () => {
  const caller = new TestServer().connect();
  const discarded = "-EXECABORT Transaction discarded because of previous errors.";
  for (const wrong of [["FOO"], ["SET", "k"], ["SUBSCRIBE", "a"], ["SAVE"], ["SHUTDOWN"]]) {
    caller.ask("MULTI");
    caller.ask("SET", "k", "v");
    caller.ask(...wrong);
    assertEquals(caller.ask("EXEC"), discarded, wrong[0]);
    assertEquals(caller.ask("GET", "k"), null);
  }
  caller.ask("MULTI");
  assertEquals(caller.ask("MULTI"), "-ERR MULTI calls can not be nested");
  assertEquals(caller.ask("WATCH", "k"), "-ERR WATCH inside MULTI is not allowed");
  assertEquals(caller.ask("SUBSCRIBE", "a") === undefined, false);
  assertEquals(caller.ask("DISCARD"), "OK");
  caller.ask("MULTI");
  caller.ask("MULTI");
  caller.ask("WATCH", "k");
  assertEquals(caller.ask("EXEC"), []);
});

Deno.test("DISCARD forgets commands and watched keys", () => {
  const server = new TestServer();
  const caller = server.connect(), other = server.connect();
  assertEquals(caller.ask("DISCARD"), "-ERR DISCARD without MULTI");
  caller.ask("WATCH", "k");
  caller.ask("MULTI");
  caller.ask("SET", "k", "v");
  assertEquals(caller.ask("DISCARD"), "OK");
  assertEquals(caller.ask("GET", "k"), null);
  other.ask("SET", "k", "other");
  caller.ask("MULTI");
  assertEquals(caller.ask("EXEC"), []);
});

/** What another connection does between WATCH and EXEC, with `k` = "v" before, and whether that counts as a change. */
const CHANGES: [string, string[], isChange: boolean][] = [
  ["writes it", ["SET", "k", "w"], true],
  ["writes the same value", ["SET", "k", "v"], true],
  ["removes it", ["DEL", "k"], true],
  ["adds to it", ["APPEND", "k", "w"], true],
  ["gives it an expiry", ["EXPIRE", "k", "10"], true],
  ["renames it", ["RENAME", "k", "j"], true],
  ["removes all", ["FLUSHALL"], true],
  ["reads it", ["GET", "k"], false],
  ["writes another", ["SET", "j", "w"], false],
];
for (const [what, words, isChange] of CHANGES) {
  Deno.test(`WATCH: another connection ${what}: EXEC is ${isChange ? "not " : ""}carried out`, () => {
    const server = new TestServer();
    const caller = server.connect(), other = server.connect();
    caller.ask("SET", "k", "v");
    assertEquals(caller.ask("WATCH", "x", "k"), "OK");
    other.ask(...words);
    caller.ask("MULTI");
    caller.ask("SET", "done", "1");
    assertEquals(caller.ask("EXEC"), isChange ? null : ["OK"]);
    assertEquals(caller.ask("EXISTS", "done"), isChange ? 0 : 1);
    caller.ask("MULTI");
    assertEquals(caller.ask("EXEC"), [], "EXEC forgets what was watched");
  });
}

Deno.test("WATCH: an entry that appears or expires has changed; one that had expired before has not", () => {
  const server = new TestServer();
  const caller = server.connect(), other = server.connect();
  caller.ask("WATCH", "new");
  other.ask("SET", "new", "1");
  caller.ask("MULTI");
  assertEquals(caller.ask("EXEC"), null);

  other.ask("SET", "k", "v", "PX", "10");
  caller.ask("WATCH", "k");
  server.clock.advance(9);
  caller.ask("MULTI");
  assertEquals(caller.ask("EXEC"), [], "only time has passed");
  caller.ask("WATCH", "k");
  server.clock.advance(1);
  caller.ask("MULTI");
  assertEquals(caller.ask("EXEC"), null);
  caller.ask("WATCH", "k");
  other.ask("DEL", "k");
  caller.ask("MULTI");
  assertEquals(caller.ask("EXEC"), []);
});

Deno.test("WATCH: what was watched first counts, UNWATCH forgets, and looking counts no lookup", () => {
  const server = new TestServer();
  const caller = server.connect(), other = server.connect();
  caller.ask("WATCH", "k");
  other.ask("SET", "k", "1");
  caller.ask("WATCH", "k");
  caller.ask("MULTI");
  assertEquals(caller.ask("EXEC"), null);
  caller.ask("WATCH", "k");
  other.ask("SET", "k", "2");
  assertEquals(caller.ask("UNWATCH"), "OK");
  caller.ask("MULTI");
  assertEquals(caller.ask("EXEC"), []);
  const { hits, misses } = server.engine.stats();
  assertEquals([hits, misses], [0, 0]);
});

Deno.test("a command that waits is begun in its place; EXEC answers when all are done", async () => {
  const server = new TestServer({ password: "secret" });
  const caller = server.connect();
  assertEquals(await caller.askLater("AUTH", "secret"), "OK");
  caller.ask("MULTI");
  for (const words of [["SET", "k", "1"], ["DEBUG", "SLEEP", "2"], ["AUTH", "wrong"], ["INCR", "k"]]) {
    caller.ask(...words);
  }
  const other = server.connect();
  await other.askLater("AUTH", "secret");
  const answer = caller.askLater("EXEC");
  assertEquals(other.ask("GET", "k"), "1", "all that happens to entries has happened");
  server.clock.advance(2_000);
  assertEquals(await answer, [
    "OK",
    "OK",
    "-WRONGPASS invalid username-password pair or user is disabled.",
    "-NOAUTH Authentication required.",
  ]);
});

Deno.test("what is collected is bounded", () => {
  const caller = new TestServer().connect();
  caller.ask("MULTI");
  const value = "x".repeat(1 << 19);
  let answer;
  let count = 0;
  do answer = caller.ask("SET", "k", value); while (answer === "QUEUED" && ++count < 1_000);
  assertEquals(answer, `-ERR a transaction may have ${MAX_TRANSACTION_BYTES} bytes`);
  assertEquals(caller.ask("EXEC"), "-EXECABORT Transaction discarded because of previous errors.");
});
