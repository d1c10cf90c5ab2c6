// Commands about one's own connection, in the words of Redis 7.0.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Caller, TestServer } from "./resp_caller.ts";

const SYNTAX = "-ERR syntax error";
const BAD_NAME = "-ERR Client names cannot contain spaces, newlines or special characters.";

/** What is asked and what Redis 7.0 answers, on a server without a password. */
const ANSWERS: [words: string, answer: unknown][] = [
  ["PING", "PONG"],
  ["PING hello", "hello"],
  ["PING a b", "-ERR wrong number of arguments for 'ping' command"],
  ["ECHO hello", "hello"],
  ["SELECT 0", "OK"],
  ["SELECT 1", "-ERR DB index is out of range"],
  ["SELECT -1", "-ERR DB index is out of range"],
  ["SELECT x", "-ERR value is not an integer or out of range"],
  ["SELECT 99999999999", "-ERR value is out of range, value must between -2147483648 and 2147483647"],
  ["AUTH a b c", SYNTAX],
  ["HELLO x", "-ERR Protocol version is not an integer or out of range"],
  ["HELLO 1", "-NOPROTO unsupported protocol version"],
  ["HELLO 4", "-NOPROTO unsupported protocol version"],
  ["HELLO 2 AUTH", "-ERR Syntax error in HELLO option 'AUTH'"],
  ["HELLO 2 SETNAME", "-ERR Syntax error in HELLO option 'SETNAME'"],
  ["HELLO 2 FOO", "-ERR Syntax error in HELLO option 'FOO'"],
  ["HELLO 3 SETNAME a\nb", BAD_NAME],
  ["CLIENT", "-ERR wrong number of arguments for 'client' command"],
  ["CLIENT FOO", "-ERR unknown subcommand 'FOO'. Try CLIENT HELP."],
  ["CLIENT ID x", "-ERR wrong number of arguments for 'client|id' command"],
  ["CLIENT ID", 1],
  ["CLIENT GETNAME", null],
  ["CLIENT SETNAME a\tb", BAD_NAME],
  ["CLIENT SETINFO lib-name x", "OK"],
  ["CLIENT SETINFO foo x", "-ERR Unrecognized option 'foo'"],
  ["CLIENT REPLY x", SYNTAX],
  ["CLIENT LIST x", SYNTAX],
  ["CLIENT LIST TYPE", SYNTAX],
  ["CLIENT LIST TYPE foo", "-ERR Unknown client type 'foo'"],
  ["CLIENT LIST TYPE pubsub", ""],
  ["CLIENT LIST ID 0", "-ERR Invalid client ID"],
  ["CLIENT LIST ID 99", ""],
  ["CLIENT KILL 1.2.3.4:5", "-ERR No such client"],
  ["CLIENT KILL ID x", "-ERR client-id should be greater than 0"],
  ["CLIENT KILL ID 99", 0],
  ["CLIENT KILL TYPE foo", "-ERR Unknown client type 'foo'"],
  ["CLIENT KILL USER foo", "-ERR No such user 'foo'"],
  ["CLIENT KILL SKIPME x", SYNTAX],
  ["CLIENT KILL FOO BAR", SYNTAX],
  ["CLIENT NO-EVICT on", "OK"],
  ["CLIENT NO-EVICT x", SYNTAX],
  ["CLIENT TRACKING off", "OK"],
  ["CLIENT TRACKING x", SYNTAX],
  ["ACCENT gocache", "OK"],
];
for (const [words, answer] of ANSWERS) {
  Deno.test(`${JSON.stringify(words)} answers ${JSON.stringify(answer)}`, async () => {
    const caller = new TestServer().connect();
    assertEquals(await caller.askLater(...words.split(" ")), answer as string);
    assertEquals(caller.client.respVersion, 2);
  });
}

Deno.test("HELLO tells the server and chooses the version; with a wrong option it changes nothing", async () => {
  const caller = new TestServer().connect();
  const hello = await caller.askLater("HELLO", 3, "SETNAME", "me") as string[];
  assertEquals(hello.slice(0, 4), ["server", "redis", "version", "7.0.15"]);
  assertEquals(
    hello.slice(6),
    ["proto", 3, "id", 1, "mode", "standalone", "role", "master", "modules", []] as unknown[],
  );
  assertEquals([caller.client.respVersion, caller.client.name], [3, "me"]);
  await caller.askLater("HELLO", 2, "SETNAME", "you", "FOO");
  assertEquals([caller.client.respVersion, caller.client.name], [3, "me"]);
});

Deno.test("a server with a password lets nobody do anything before", async () => {
  const caller = new TestServer({ password: "secret" }).connect();
  const required = "-NOAUTH Authentication required.";
  for (const words of [["GET", "k"], ["PING"], ["CLIENT", "LIST"], ["COMMAND"], ["MULTI"], ["ECHO", "x"], ["HELP"]]) {
    assertEquals(caller.ask(...words), required, words[0]);
  }
  assertStringIncludes(String(caller.ask("HELLO", 3)), "-NOAUTH HELLO must be called with the client already");
  const wrong = "-WRONGPASS invalid username-password pair or user is disabled.";
  assertEquals(await caller.askLater("AUTH", "wrong"), wrong);
  assertEquals(await caller.askLater("AUTH", "somebody", "secret"), wrong);
  assertEquals(caller.client.identity, undefined, "another user's name with the right password");
  assertEquals(await caller.askLater("HELLO", 3, "AUTH", "default", "wrong"), wrong);
  assertEquals(caller.client.respVersion, 2);
  assertEquals(await caller.askLater("AUTH", "default", "secret"), "OK");
  assertEquals(caller.ask("GET", "k"), null);
  assertEquals(caller.ask("PASS", "wrong"), "Already authenticated");
  assertEquals(caller.ask("RESET"), "RESET");
  assertEquals(caller.ask("GET", "k"), required);
  await caller.askLater("HELLO", 3, "AUTH", "default", "secret");
  assertEquals(caller.ask("GET", "k"), null);
});

Deno.test("RESET makes a connection as it was", () => {
  const caller = new TestServer().connect();
  caller.ask("HELLO", 3, "SETNAME", "me");
  caller.ask("SUBSCRIBE", "a");
  caller.ask("WATCH", "k");
  caller.ask("MULTI");
  assertEquals(caller.ask("RESET"), "RESET");
  const { respVersion, name, subscriptions, transaction, watched } = caller.client;
  assertEquals([respVersion, name, subscriptions, transaction, watched.size], [2, "", 0, undefined, 0]);
});

Deno.test("QUIT is answered, in a transaction too, and ends the connection", () => {
  const caller = new TestServer().connect();
  caller.ask("MULTI");
  assertEquals(caller.ask("QUIT"), "OK");
  assertEquals(caller.client.isQuitting, true);
});

Deno.test("CLIENT LIST has a line for each connection, and KILL ends the one meant", () => {
  const server = new TestServer();
  const one = server.connect(), two: Caller = server.connect();
  two.ask("CLIENT", "SETNAME", "second");
  two.ask("SUBSCRIBE", "a");
  const list = String(one.ask("CLIENT", "LIST")).trimEnd().split("\n");
  assertEquals(list.length, 2);
  assertStringIncludes(list[0]!, "id=1 addr=10.0.0.1:1 laddr=10.0.0.2:7 name= ");
  assertStringIncludes(
    list[1]!,
    "name=second age=0 idle=0 flags=P db=0 sub=1 psub=0 multi=-1 cmd=subscribe user=default",
  );
  assertStringIncludes(String(one.ask("CLIENT", "LIST", "TYPE", "pubsub")), "id=2 ");
  assertEquals(one.ask("CLIENT", "KILL", "TYPE", "pubsub"), 1);
  assertEquals([one.isKilled, two.isKilled], [false, true]);
  assertEquals(one.ask("CLIENT", "KILL", "10.0.0.1:1"), "OK");
  assertEquals([one.isKilled, one.client.isQuitting], [false, true], "one's own answer still comes");
});

Deno.test("CLIENT REPLY tells which replies are wanted", () => {
  const caller = new TestServer().connect();
  assertEquals(caller.ask("CLIENT", "REPLY", "SKIP"), undefined);
  assertEquals(caller.client.replyMode, "skip");
  assertEquals(caller.ask("CLIENT", "REPLY", "OFF"), undefined);
  assertEquals(caller.ask("CLIENT", "REPLY", "SKIP"), undefined);
  assertEquals(caller.client.replyMode, "off");
  assertEquals(caller.ask("CLIENT", "REPLY", "ON"), "OK");
});
