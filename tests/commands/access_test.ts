// Who may do what, from the request to what is stored: a holder of a token learns and changes nothing beyond it.

import { assert, assertEquals } from "@std/assert";
import { ByteRange, utf8 } from "../../lib/bytes.ts";
import { fitsArity, OPERATIONS } from "../../lib/codec/operations.ts";
import type { Credentials } from "../../lib/commands/identity.ts";
import { createToken } from "../../lib/security/token.ts";
import { TokenScope } from "../../lib/security/access.ts";
import { Random } from "../support/random.ts";
import { type Answer, type Caller, TestServer } from "./resp_caller.ts";

const NO_KEY = "-NOPERM this user has no permissions to access one of the keys used as arguments";
const noCommand = (name: string) => `-NOPERM this user has no permissions to run the '${name}' command`;

type Made = ReturnType<typeof createToken>;

async function callerWith(server: TestServer, secret: string): Promise<Caller> {
  const caller = server.connect();
  assertEquals(await caller.askLater("AUTH", secret), "OK");
  return caller;
}

Deno.test("a token's holder may do what it says, and is refused the rest with NOPERM", async () => {
  const { secret, token } = createToken({ name: "billing", can: ["read"], prefixes: ["app:"] });
  const server = new TestServer({ password: "secret", tokens: [token] });
  const owner = await callerWith(server, "secret"), caller = await callerWith(server, secret);
  owner.ask("MSET", "app:1", "one", "other", "two");
  assertEquals(caller.ask("GET", "app:1"), "one");
  assertEquals(caller.ask("GET", "other"), NO_KEY);
  assertEquals(caller.ask("SET", "app:1", "x"), noCommand("set"));
  assertEquals(caller.ask("MGET", "app:1", "other"), NO_KEY);
  assertEquals(
    caller.ask("SUBSCRIBE", "other"),
    "-NOPERM this user has no permissions to access one of the channels used as arguments",
  );
  assertEquals(caller.ask("CONFIG", "GET", "*"), noCommand("config|get"));
  assertEquals(caller.ask("CLIENT", "KILL", "ID", "1"), noCommand("client|kill"));
  assertEquals(caller.ask("SHUTDOWN"), noCommand("shutdown"));
  assertEquals(caller.ask("KEYS", "app:*"), ["app:1"]);
  assertEquals(caller.ask("PING"), "PONG");
  assertEquals([owner.isKilled, server.shutdowns], [false, 0]);
});

Deno.test("CLIENT LIST tells administrators who is who, and KILL USER ends those meant", async () => {
  const { secret, token } = createToken({ name: "billing", can: ["read"] });
  const idle = createToken({ name: "idle", can: ["read"] });
  const server = new TestServer({ password: "secret", tokens: [token, idle.token] });
  const [owner, caller, nobody] = [
    await callerWith(server, "secret"),
    await callerWith(server, secret),
    server.connect(),
  ];
  const lines = String(owner.ask("CLIENT", "LIST")).trimEnd().split("\n");
  assertEquals(lines.map((line) => / user=(\S*) /.exec(line)?.[1]), ["default", "billing", ""]);
  assertEquals(String(caller.ask("CLIENT", "INFO")).includes(" user=billing "), true);
  assertEquals(owner.ask("CLIENT", "KILL", "USER", "idle"), 0);
  assertEquals(owner.ask("CLIENT", "KILL", "USER", "nobody"), "-ERR No such user 'nobody'");
  assertEquals(owner.ask("CLIENT", "KILL", "USER", "billing"), 1);
  assertEquals([owner.isKilled, caller.isKilled, nobody.isKilled], [false, true, false]);
});

Deno.test("what is refused breaks the transaction, and what was allowed when it was collected is looked at again", async () => {
  const { secret, token } = createToken({ name: "billing", can: ["read", "write"] });
  const server = new TestServer({ tokens: [token] });
  const caller = await callerWith(server, secret);
  caller.ask("MULTI");
  assertEquals(caller.ask("CONFIG", "GET", "port"), noCommand("config|get"));
  assertEquals(caller.ask("SET", "k", "v"), "QUEUED");
  assertEquals(caller.ask("EXEC"), "-EXECABORT Transaction discarded because of previous errors.");

  caller.ask("MULTI");
  for (const words of [["SET", "k", "v"], ["GET", "k"], ["SET", "app:k", "v"]]) {
    assertEquals(caller.ask(...words), "QUEUED");
  }
  caller.client.identity!.scope = new TokenScope(["write"], ["app:"]);
  assertEquals(caller.ask("EXEC"), [NO_KEY, noCommand("get"), "OK"]);
  assertEquals(server.engine.stats().entries, 1);
});

Deno.test("a revoked token ends its connections: transactions and subscriptions go with them", async () => {
  const { secret, token } = createToken({ name: "billing", can: ["read", "write"] });
  const server = new TestServer({ tokens: [token] });
  const [collecting, subscribed] = [await callerWith(server, secret), await callerWith(server, secret)];
  collecting.ask("MULTI");
  collecting.ask("SET", "k", "v");
  subscribed.ask("SUBSCRIBE", "c");
  assertEquals(server.authentication!.replaceTokens([]), 2);
  assertEquals([collecting.isKilled, subscribed.isKilled], [true, true]);
  // What it had sent before it noticed.
  assertEquals(collecting.ask("EXEC"), "-NOAUTH Authentication required.");
  assertEquals(server.engine.stats().entries, 0);
});

Deno.test("who tries to become somebody else and fails is nobody, and after three tries is sent away", async () => {
  const { secret, token } = createToken({ name: "billing", can: ["read"] });
  const server = new TestServer({ password: "secret", tokens: [token] });
  const caller = await callerWith(server, "secret");
  const wrong = "-WRONGPASS invalid username-password pair or user is disabled.";
  assertEquals(await caller.askLater("AUTH", "billing", "wrong"), wrong);
  assertEquals(caller.ask("GET", "k"), "-NOAUTH Authentication required.");
  assertEquals(await caller.askLater("HELLO", 3, "AUTH", "billing", secret) instanceof Array, true);
  assertEquals(caller.ask("SET", "k", "v"), noCommand("set"));
  assertEquals(await caller.askLater("HELLO", 3, "AUTH", "default", "wrong"), wrong);
  assertEquals([caller.client.isQuitting, caller.client.refusedAttempts], [false, 2]);
  assertEquals(await caller.askLater("AUTH", "wrong"), wrong);
  assertEquals(caller.client.isQuitting, true);
});

Deno.test("attack 19: of a secret or a name with more than 512 bytes nothing reaches who would hash it", async () => {
  const given: Credentials[] = [];
  const server = new TestServer({ password: "secret" });
  const prove = server.authentication!.prove.bind(server.authentication);
  server.authentication!.prove = (credentials, ...where) => {
    given.push({ ...credentials, secret: credentials.secret.slice() });
    return prove(credentials, ...where);
  };
  const most = "x".repeat(512), more = "x".repeat(513);
  for (const words of [["AUTH", more], ["AUTH", more, "secret"], ["HELLO", "3", "AUTH", "a", more], ["PASS", more]]) {
    assertEquals(String(await server.connect().askLater(...words)).split(" ")[0], "-WRONGPASS");
  }
  assertEquals(given, Array(4).fill({ user: undefined, secret: new Uint8Array(0) }));
  await server.connect().askLater("AUTH", most, most);
  assertEquals(given.at(-1), { user: most, secret: utf8(most) });
});

Deno.test("subscriptions stay with who was allowed to have them, and with who may do everything", async () => {
  const [one, other] = ["one", "other"].map((name) => createToken({ name, can: ["read"] })) as [Made, Made];
  const server = new TestServer({ password: "secret", tokens: [one.token, other.token] });
  const owner = await callerWith(server, "secret");
  const cases: [secret: string, receivers: number][] = [[one.secret, 1], ["secret", 1], [other.secret, 0], [
    "wrong",
    0,
  ]];
  for (const [secret, receivers] of cases) {
    const caller = await callerWith(server, one.secret);
    await caller.askLater("HELLO", 3);
    caller.ask("SUBSCRIBE", "c");
    await caller.askLater("AUTH", secret);
    assertEquals(owner.ask("PUBLISH", "c", "x"), receivers, secret);
    server.state.channels.leave(caller.client);
  }
});

Deno.test("no secret is taken over a wire that others can read, and none is looked at", async () => {
  const server = new TestServer({ password: "secret" });
  const caller = server.connect({ isSecure: false });
  const refusal =
    "-NOPERM no secret is taken over a wire that others can read: use TLS, or a secure channel (a client with the pin)";
  assertEquals(await caller.askLater("AUTH", "secret"), refusal);
  assertEquals(await caller.askLater("HELLO", 3, "AUTH", "default", "secret"), refusal);
  assertEquals(caller.ask("GET", "k"), "-NOAUTH Authentication required.");
  assertEquals(await caller.askLater("PASS", "secret"), refusal);
  assertEquals(caller.client.isQuitting, true);
});

Deno.test("AUTH on a server that asks nobody is an error, however often", async () => {
  const caller = new TestServer().connect();
  for (let i = 0; i < 5; i++) {
    assertEquals(String(await caller.askLater("AUTH", "x")).slice(0, 26), "-ERR AUTH <password> calle");
  }
  assertEquals([caller.client.isQuitting, caller.ask("GET", "k")], [false, null]);
});

Deno.test("the bytes of a secret are gone from where they were received", async () => {
  const { secret, token } = createToken({ name: "billing", can: ["read"] });
  const caller = new TestServer({ password: "secret", tokens: [token] }).connect();
  for (
    const words of [["AUTH", secret], ["AUTH", "default", "secret"], ["HELLO", "3", "AUTH", "billing", secret], [
      "PASS",
      secret,
    ]]
  ) {
    const received = await caller.askBytes(...words);
    for (const part of [secret.slice(-43), "secret"]) assert(!received.includes(part), words.join(" "));
  }
});

/** Words that meet keys, patterns, options and subcommands, inside and outside of what the token allows. */
const WORDS = [
  ...[
    "app:1",
    "app:2",
    "app:3",
    "app:",
    "other:1",
    "other:2",
    "other:",
    "hidden",
    "",
    "*",
    "app:*",
    "other:*",
    "[ao]*",
    "a*",
    "?*",
  ],
  ...[
    "\\app:*",
    "app:?",
    "0",
    "1",
    "2",
    "-1",
    "10",
    "100000",
    "app:1",
    "app:2",
    "1.5",
    "x",
    "value",
    "NX",
    "XX",
    "GET",
    "EX",
    "PX",
  ],
  ...[
    "KEEPTTL",
    "PERSIST",
    "MATCH",
    "COUNT",
    "TYPE",
    "string",
    "REPLACE",
    "DB",
    "ENCODING",
    "USAGE",
    "CHANNELS",
    "NUMSUB",
    "NUMPAT",
  ],
  ...["LIST", "KILL", "ID", "INFO", "SLEEP", "SETNAME", "HELP", "DOCS", "GETKEYS", "RESETSTAT", "gt", "all", "stats"],
];
/** They end the connection, or wait, or differ between two servers whatever they hold. */
const LEFT_OUT = new Set(["QUIT", "RESET", "AUTH", "HELLO", "PASS", "DEBUG", "SHUTDOWN"]);

function randomCommand(random: Random): string[] {
  for (;;) {
    const operation = OPERATIONS[random.below(OPERATIONS.length)]!;
    const words = Array.from({ length: random.below(6) }, () => WORDS[random.below(WORDS.length)]!);
    if (operation.arity !== 0 && fitsArity(operation, words.length + 1) && !LEFT_OUT.has(operation.name)) {
      return [operation.name, ...words];
    }
  }
}

Deno.test("whatever a token's holder asks for, what is not under its prefixes stays as it is and does not show", async () => {
  const random = new Random();
  const { secret, token } = createToken({ name: "app", can: ["read", "write", "publish"], prefixes: ["app:"] });
  // The two differ in nothing that the token allows to see, so every difference between their answers would be a leak.
  const full = new TestServer({ password: "secret", tokens: [token] });
  const bare = new TestServer({ password: "secret", tokens: [token] });
  const owner = await callerWith(full, "secret"), bareOwner = await callerWith(bare, "secret");
  const outside = { "other:1": "canary1", "other:2": "2", "hidden": "canary3" };
  for (const [key, value] of Object.entries(outside)) owner.ask("SET", key, value);
  const states = () => Object.keys(outside).map((key) => [owner.ask("GET", key), owner.ask("PTTL", key)]);
  const before = states();
  const caller = await callerWith(full, secret), bareCaller = await callerWith(bare, secret);

  let hasScanned = false;
  for (let i = 0; i < 30_000; i++) {
    const words = randomCommand(random);
    const about = `seed ${random.seed}, command ${i}: ${words.join(" ")}`;
    const [answer, bareAnswer] = await Promise.all([caller.askLater(...words), bareCaller.askLater(...words)]);
    // Where a walk over the keys stands depends on how many there are.
    if (words[0] === "SCAN") hasScanned = true;
    else if (words[0] !== "EXEC" || !hasScanned) assertEquals(sorted(answer), sorted(bareAnswer), about);
    if (words[0] === "EXEC") hasScanned = false;
    checkNothingShows(answer, about);
    if (random.below(50) === 0) {
      for (const channel of ["other:1", "hidden"]) owner.ask("PUBLISH", channel, "canary");
      for (const one of [owner, bareOwner]) one.ask("PUBLISH", "app:1", "hello");
    }
    const pushes = caller.takePushes();
    assertEquals(pushes, bareCaller.takePushes(), about);
    checkNothingShows(pushes, about);
    assert(!caller.isKilled && !owner.isKilled, about);
  }
  assertEquals(states(), before, `seed ${random.seed}`);
  assert(full.engine.version(ByteRange.of(utf8("hidden"))) > 0);
});

/** Keys come in an order that differs between servers. */
function sorted(answer: Answer | undefined): string {
  return Array.isArray(answer) ? JSON.stringify(answer.map(sorted).sort()) : JSON.stringify(answer ?? null);
}

function checkNothingShows(answer: Answer | undefined, about: string): void {
  assert(!JSON.stringify(answer ?? null).includes("canary"), about);
}
