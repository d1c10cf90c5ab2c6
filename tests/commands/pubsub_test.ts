// Publish and subscribe in the argument form.

import { assertEquals } from "@std/assert";
import { TestServer } from "./resp_caller.ts";

Deno.test("each channel is confirmed with the running count, in RESP2 and RESP3", () => {
  for (const version of [2, 3]) {
    const caller = new TestServer().connect();
    caller.ask("HELLO", version);
    assertEquals(caller.ask("SUBSCRIBE", "a", "b", "a"), undefined);
    assertEquals(caller.takePushes(), [["subscribe", "a", 1], ["subscribe", "b", 2], ["subscribe", "a", 2]]);
    caller.ask("PSUBSCRIBE", "x*");
    assertEquals(caller.takePushes(), [["psubscribe", "x*", 3]]);
    caller.ask("UNSUBSCRIBE", "b", "no");
    assertEquals(caller.takePushes(), [["unsubscribe", "b", 2], ["unsubscribe", "no", 2]]);
    caller.ask("UNSUBSCRIBE");
    assertEquals(caller.takePushes(), [["unsubscribe", "a", 1]]);
    caller.ask("PUNSUBSCRIBE");
    assertEquals(caller.takePushes(), [["punsubscribe", "x*", 0]]);
    caller.ask("PUNSUBSCRIBE");
    caller.ask("UNSUBSCRIBE");
    assertEquals(caller.takePushes(), [["punsubscribe", null, 0], ["unsubscribe", null, 0]]);
  }
});

Deno.test("PUBLISH reaches channels and patterns and counts every subscription", () => {
  const server = new TestServer();
  const publisher = server.connect(), one = server.connect(), two = server.connect();
  one.ask("SUBSCRIBE", "news");
  two.ask("SUBSCRIBE", "news");
  two.ask("PSUBSCRIBE", "n?ws", "other*");
  one.takePushes(), two.takePushes();
  assertEquals(publisher.ask("PUBLISH", "news", "hello"), 3);
  assertEquals(publisher.ask("PUBLISH", "nothing", "hello"), 0);
  assertEquals(one.takePushes(), [["message", "news", "hello"]]);
  assertEquals(two.takePushes(), [["message", "news", "hello"], ["pmessage", "n?ws", "news", "hello"]]);
});

Deno.test("PUBSUB tells channels, counts of subscribers and of patterns", () => {
  const server = new TestServer();
  const caller = server.connect(), subscriber = server.connect();
  assertEquals(caller.ask("PUBSUB", "CHANNELS"), []);
  subscriber.ask("SUBSCRIBE", "aa", "ab", "b");
  subscriber.ask("PSUBSCRIBE", "a*");
  assertEquals(caller.ask("PUBSUB", "CHANNELS"), ["aa", "ab", "b"]);
  assertEquals(caller.ask("PUBSUB", "channels", "a?"), ["aa", "ab"]);
  assertEquals(caller.ask("PUBSUB", "NUMSUB", "aa", "zz"), ["aa", 1, "zz", 0]);
  assertEquals(caller.ask("PUBSUB", "NUMSUB"), []);
  assertEquals(caller.ask("PUBSUB", "NUMPAT"), 1);
  assertEquals(caller.ask("PUBSUB", "FOO"), "-ERR unknown subcommand 'FOO'. Try PUBSUB HELP.");
  assertEquals(caller.ask("PUBSUB", "NUMPAT", "x"), "-ERR wrong number of arguments for 'pubsub|numpat' command");
});

Deno.test("a subscriber of RESP2 may say little else, one of RESP3 everything", () => {
  const server = new TestServer();
  const caller = server.connect();
  caller.ask("SUBSCRIBE", "a");
  assertEquals(
    caller.ask("GET", "a"),
    "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
  );
  assertEquals(caller.ask("PING"), ["pong", ""]);
  assertEquals(caller.ask("PING", "hey"), ["pong", "hey"]);
  assertEquals(caller.ask("RESET"), "RESET");
  assertEquals(caller.client.subscriptions, 0);
  assertEquals(caller.ask("PING"), "PONG");
  caller.ask("HELLO", 3);
  caller.ask("SUBSCRIBE", "a");
  assertEquals(caller.ask("GET", "a"), null);
  assertEquals(caller.ask("PING"), "PONG");
});
