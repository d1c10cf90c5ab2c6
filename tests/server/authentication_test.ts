/** A server that asks who is there, in every dialect, over real TCP: what is refused before, and what is taken. */

import { concat } from "@std/bytes";
import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { textOf, utf8 } from "../../lib/bytes.ts";
import { OPCODE, OPERATIONS } from "../../lib/codec/operations.ts";
import { Authentication } from "../../lib/security/authentication.ts";
import { createToken } from "../../lib/security/token.ts";
import { serve } from "../../lib/server/serve.ts";
import type { RunningServer, ServeOptions } from "../../lib/server/serve_options.ts";
import { Session } from "../../lib/server/session.ts";
import { peerOf } from "../../lib/server/wire.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { frame, reply } from "../support/cm_frame.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryConnection, sessionContext } from "../support/memory_connection.ts";
import { canListen } from "../support/permissions.ts";
import { RawClient } from "../support/raw_client.ts";
import { command } from "../support/resp_frame.ts";

const { AUTH, GET, SET, PING } = OPCODE;
const PASSWORD = "correct horse";
/** Of that password, as cheap as one may be. */
const HASH = "$scrypt$ln=13,r=8,p=8$AAECAwQFBgcICQoLDA0ODw$s31QjcMXuIrhwMOWrDGxm0aipN4OnLHXYKQh2IipaL4";
const FULL = createToken({ name: "full", can: ["read", "write", "admin", "publish"] });
const READER = createToken({ name: "reader", can: ["read"], prefixes: ["app:"] });
/** Of a token's form, so that no slow hash is made of it. */
const WRONG = `cmt1_zzzzzzzz_${"x".repeat(43)}`;
const AUTHENTICATION = { passwordHash: HASH, tokens: [FULL.token, READER.token] };

const FAILED = "AUTH_FAILED invalid username-password pair or user is disabled.";
const REQUIRED = "AUTH_REQUIRED Authentication required.";
const NUL_LINE = "\r\n";

interface World {
  readonly server: RunningServer;
  readonly client: RawClient;
  readonly engine: Engine;
}

function authTest(name: string, run: (world: World) => Promise<void>, options: ServeOptions = {}): void {
  Deno.test({
    name,
    ignore: !canListen,
    async fn() {
      const engine = new Engine();
      await using server = serve({ port: 0, store: engine, authentication: AUTHENTICATION, ...options });
      using client = await RawClient.connect(server.address);
      await run({ server, client, engine });
    },
  });
}

/** Sends everything at once and reads to the end. */
async function talk(client: RawClient, request: string | Uint8Array): Promise<string> {
  await client.send(typeof request === "string" ? utf8(request) : request);
  await client.connection.closeWrite();
  return textOf(await client.readToEnd());
}

async function talkTo(server: RunningServer, request: string | Uint8Array): Promise<string> {
  using client = await RawClient.connect(server.address);
  return await talk(client, request);
}

/** A CM request, and the status and code of its answer. */
async function ask(client: RawClient, fields: Parameters<typeof frame>[0]): Promise<[status: number, value: string]> {
  await client.send(frame(fields));
  const header = await client.read(7);
  return [header[2]!, textOf(await client.read(new DataView(header.buffer).getUint32(3)))];
}

/** Whom a connection is, or is not: none of these opens another one. */
const STATES: readonly [
  name: string,
  prepare: (client: RawClient, server: RunningServer) => Promise<RawClient | void>,
][] = [
  ["without authentication", async () => {}],
  ["after a failed one", async (client) => {
    assertEquals(await ask(client, { opcode: AUTH, value: WRONG }), [4, FAILED]);
  }],
  ["after one on another connection", async (_client, server) => {
    const other = await RawClient.connect(server.address);
    assertEquals(await ask(other, { opcode: AUTH, value: FULL.secret }), [1, ""]);
    return other;
  }],
];

for (const [state, prepare] of STATES) {
  authTest(
    `CM ${state}: all but connection commands are refused, 2 for the first three, 4 for the others`,
    async ({ server, client, engine }) => {
      using _other = await prepare(client, server) ?? null;
      for (const { opcode, access, name, takes: { key, value, ttl } } of OPERATIONS) {
        // Who has not said who they are may end what they have not begun.
        if (opcode === 0 || access === "connection" && name !== "UNSUBSCRIBE") continue;
        const text = name === "SCAN" ? "123456789012" : "12345678";
        const fields = { opcode, ...(key && { key: "k" }), ...(value && { value: text }), ...(ttl && { ttl: 1n }) };
        assertEquals(await ask(client, fields), [opcode <= 3 ? 2 : 4, REQUIRED], name);
      }
      assertEquals(engine.stats().entries, 0);
      assertEquals(await ask(client, { opcode: PING, value: "x" }), [1, "x"]);
    },
  );
}

for (const state of [[], ["AUTH", WRONG]]) {
  authTest(
    `RESP ${
      state.length === 0 ? "without" : "after a failed"
    } authentication: all but AUTH, HELLO, QUIT and RESET are refused`,
    async ({ client, engine }) => {
      const free = new Set(["AUTH", "HELLO", "QUIT", "RESET", "PASS"]);
      const operations = OPERATIONS.filter(({ arity, name }) => arity !== 0 && !free.has(name));
      const requests = operations.map(({ name, arity }) => command(name, ...Array(Math.abs(arity) - 1).fill("k")));
      const answers = (await talk(client, concat([...state.length === 0 ? [] : [command(...state)], ...requests])))
        .split("\r\n");
      if (state.length > 0) assertMatch(answers.shift()!, /^-WRONGPASS /);
      assertEquals(answers, [...operations.map(() => "-NOAUTH Authentication required."), ""]);
      assertEquals(engine.stats().entries, 0);
    },
  );
}

const LINES = [
  ...["GET k", "SET k v", "SET k v 60", "SET k v NX", "GETEX k", "TTL k", "DEL k", "DEL k k", "DELETE k", "EXISTS k"],
  ...["EXISTS k k", "INCR k", "DECR k 2", "ACCENT minigostore", "HELP"],
];

for (const [pinned, refusal] of [["text", "Unauthorized"], ["gocache", "ERROR Unauthorized"]] as const) {
  authTest(
    `${pinned}: all but PASS, PING and QUIT are "${refusal}" before PASS and after a wrong one`,
    async ({ client, engine }) => {
      const answers = (await talk(client, [...LINES, `PASS ${WRONG}`, ...LINES, "PING", "QUIT"].join("\n") + "\n"))
        .split("\n");
      const refusals = LINES.map(() => refusal);
      const wrong = pinned === "text" ? "ERR: invalid password" : "ERROR invalid password";
      assertEquals(answers, [...refusals, wrong, ...refusals, "PONG", "OK", ""]);
      assertEquals(engine.stats().entries, 0);
    },
    { dialects: [pinned] },
  );
}

authTest("stash: every command is ERR, and the connection goes on", async ({ client, engine }) => {
  const names = ["GET", "INC", "DEC", "DEL"].map((name) => `${name}\x001\0k${NUL_LINE}`);
  const answer = await talk(client, `${names.join("")}SET\x001\0k\x001\0v${NUL_LINE}`);
  assertEquals(answer, "ERR\r\n".repeat(5));
  assertEquals(engine.stats().entries, 0);
});

authTest(
  "CM: AUTH takes the password or a whole token without a key, a token's secret with its id or name as the key",
  async ({ server }) => {
    const random = READER.secret.slice(-43);
    const right: { key?: string; value: string }[] = [
      ...[{ value: PASSWORD }, { key: "default", value: PASSWORD }, { value: READER.secret }],
      ...["reader", READER.token.id].flatMap((key) => [{ key, value: random }, { key, value: READER.secret }]),
    ];
    for (const fields of right) {
      using client = await RawClient.connect(server.address);
      assertEquals(await ask(client, { opcode: AUTH, ...fields }), [1, ""], fields.key);
      assertEquals((await ask(client, { opcode: GET, key: "app:k" }))[0], 0);
    }
    const wrong: { key?: string; value: string }[] = [
      ...[{ value: WRONG }, { key: "reader", value: WRONG.slice(-43) }, { key: "full", value: random }],
      ...[{ value: "" }, { key: "nobody", value: random }, { key: FULL.token.id, value: READER.secret }],
    ];
    for (const fields of wrong) {
      using client = await RawClient.connect(server.address);
      assertEquals(await ask(client, { opcode: AUTH, ...fields }), [4, FAILED]);
      assertEquals(await ask(client, { opcode: GET, key: "app:k" }), [2, REQUIRED]);
    }
  },
);

authTest("RESP: AUTH and HELLO take the same, in the words of Redis", async ({ server }) => {
  const random = READER.secret.slice(-43);
  for (
    const words of [["AUTH", READER.secret], ["AUTH", "reader", random], ["AUTH", READER.token.id, READER.secret], [
      "AUTH",
      "default",
      PASSWORD,
    ]]
  ) {
    assertEquals(await talkTo(server, concat([command(...words), command("GET", "app:k")])), "+OK\r\n$-1\r\n");
  }
  const hello = await talkTo(
    server,
    concat([command("HELLO", "3", "AUTH", "reader", random), command("GET", "app:k")]),
  );
  assertMatch(hello, /^%8\r\n[^]*\r\n_\r\n$/);
  for (const words of [["AUTH", "nobody", random], ["HELLO", "3", "AUTH", "default", READER.secret.slice(0, -1)]]) {
    assertMatch(
      await talkTo(server, concat([command(...words), command("GET", "app:k")])),
      /^-WRONGPASS [^]*\r\n-NOAUTH /,
    );
  }
});

authTest("text: PASS opens the connection, once, for as much as its token allows", async ({ server }) => {
  const lines = [
    `PASS ${WRONG}`,
    "GET app:k",
    `PASS ${READER.secret}`,
    "GET app:k",
    `PASS ${FULL.secret}`,
    "PASS wrong",
    "GET k",
    "SET app:k v",
    "QUIT",
  ];
  assertEquals((await talkTo(server, lines.join("\n") + "\n")).split("\n"), [
    "ERR: invalid password",
    "Unauthorized",
    "OK",
    "(nil)",
    "Already authenticated",
    "Already authenticated",
    "ERR: FORBIDDEN this user has no permissions to access one of the keys used as arguments",
    "ERR: FORBIDDEN this user has no permissions to run the 'set' command",
    "OK",
    "",
  ]);
  assertEquals(await talkTo(server, `PASS "${PASSWORD}"\nSET k v\n`), "OK\nOK\n");
});

authTest(
  "CM: what a token does not allow is FORBIDDEN, 2 for the first three commands, 4 for the others",
  async ({ client }) => {
    await ask(client, { opcode: AUTH, value: READER.secret });
    const [noKey, noSet] = ["access one of the keys used as arguments", "run the 'set' command"].map((what) =>
      `FORBIDDEN this user has no permissions to ${what}`
    );
    assertEquals(await ask(client, { opcode: GET, key: "k" }), [2, noKey]);
    assertEquals(await ask(client, { opcode: SET, key: "app:k", value: "v" }), [2, noSet]);
    assertEquals(await ask(client, { opcode: OPCODE.TTL, key: "k" }), [4, noKey]);
    assertEquals(await ask(client, { opcode: OPCODE.SCAN, value: new Uint8Array(12) }), [4, noKey]);
    assertEquals((await ask(client, { opcode: OPCODE.SCAN, key: "app:", value: new Uint8Array(12) }))[0], 1);
    assertEquals((await ask(client, { opcode: OPCODE.STATS }))[0], 4);
    assertEquals((await ask(client, { opcode: OPCODE.SUBSCRIBE, key: "ap*" }))[0], 4);
    assertEquals((await ask(client, { opcode: OPCODE.SUBSCRIBE, key: "app:*" }))[0], 1);
    assertEquals((await ask(client, { opcode: OPCODE.PUBLISH, key: "app:c", value: "v" }))[0], 4);
  },
);

authTest(
  "attack 19: what stands behind a wrong AUTH in one segment is refused, also for who was somebody before",
  async ({ server, client, engine }) => {
    const set = frame({ opcode: SET, key: "k", value: "v" });
    const auth = (value: string) => frame({ opcode: AUTH, value });
    await client.exchange(
      concat([auth(WRONG), set, auth(FULL.secret), set, auth(WRONG), set, set]),
      concat([
        reply(4, FAILED),
        reply(2, REQUIRED),
        reply(1),
        reply(1),
        reply(4, FAILED),
        reply(2, REQUIRED),
        reply(2, REQUIRED),
      ]),
    );
    assertEquals(engine.stats().entries, 1);
    const words = concat([
      command("AUTH", FULL.secret),
      command("HELLO", "3", "AUTH", "x", WRONG),
      command("SET", "other", "v"),
    ]);
    assertMatch(await talkTo(server, words), /^\+OK\r\n-WRONGPASS [^]*\r\n-NOAUTH [^\n]*\n$/);
    assertEquals(engine.stats().entries, 1);
  },
);

authTest(
  "attack 18: the third wrong secret on a connection is the last, and nothing behind it is read",
  async ({ server, engine }) => {
    const cm = concat([WRONG, "", WRONG, FULL.secret].map((value) => frame({ opcode: AUTH, value })));
    using client = await RawClient.connect(server.address);
    await client.send(concat([cm, frame({ opcode: SET, key: "k", value: "v" })]));
    assertEquals(await client.readToEnd(), concat(Array(3).fill(reply(4, FAILED))));
    const lines = [...Array(500).fill(`PASS ${WRONG}`), `PASS ${FULL.secret}`, "SET k v"].join("\n");
    assertEquals(await talkTo(server, `${lines}\n`), "ERR: invalid password\n".repeat(3));
    const resp = await talkTo(
      server,
      concat([...Array(500).fill(command("AUTH", WRONG)), command("AUTH", FULL.secret), command("SET", "k", "v")]),
    );
    assertMatch(resp, /^(-WRONGPASS [^\n]*\n){3}$/);
    assertEquals(engine.stats().entries, 0);
  },
);

authTest(
  "attack 18: after ten wrong secrets from one address it has to wait, whoever is named, and a token does not",
  async ({ server }) => {
    for (let i = 0; i < 10; i++) assertEquals(await talkTo(server, `PASS ${WRONG}\n`), "ERR: invalid password\n");
    const busy = "BUSY too many wrong passwords have come from this address: try again in 1 s";
    assertEquals(await talkTo(server, `PASS ${WRONG}\n`), `ERR: ${busy}\n`);
    assertEquals(await talkTo(server, `PASS "${PASSWORD}"\n`), `ERR: ${busy}\n`);
    assertEquals(await talkTo(server, command("AUTH", "nobody", "wrong")), `-${busy}\r\n`);
    using client = await RawClient.connect(server.address);
    assertEquals(await ask(client, { opcode: AUTH, value: PASSWORD }), [2, busy]);
    assertEquals(await talkTo(server, `PASS ${FULL.secret}\n`), "OK\n");
  },
  { clock: new FakeClock() },
);

authTest("attack 19: a password that is too long is refused, in every dialect", async ({ server }) => {
  const long = "x".repeat(513), megabyte = "x".repeat(1024 * 1024);
  assertMatch(await talkTo(server, command("AUTH", long)), /^-WRONGPASS /);
  assertMatch(await talkTo(server, command("AUTH", long, "secret")), /^-WRONGPASS /);
  assertEquals(await talkTo(server, `PASS ${long}\n`), "ERR: invalid password\n");
  using client = await RawClient.connect(server.address);
  assertEquals(await ask(client, { opcode: AUTH, value: long }), [4, FAILED]);
  // So long, it is not even read.
  assertMatch(await talkTo(server, command("AUTH", megabyte)), /^-NOAUTH /);
  assertMatch(await talkTo(server, `PASS ${megabyte}\n`), /^Unauthorized\n$/);
  using other = await RawClient.connect(server.address);
  assertMatch((await ask(other, { opcode: AUTH, value: megabyte }))[1], /^AUTH_REQUIRED /);
});

authTest("attack 19: 200 wrong passwords at once keep nobody else waiting (A1)", async ({ server, client }) => {
  const guessers = await Promise.all(Array.from({ length: 200 }, () => RawClient.connect(server.address)));
  try {
    const answers = guessers.map(async (guesser, i) => await ask(guesser, { opcode: AUTH, value: `guess ${i}` }));
    let isDone = false;
    const all = Promise.all(answers).finally(() => isDone = true);
    all.catch(() => {});
    assertEquals(await talkTo(server, `PASS ${FULL.secret}\n`), "OK\n");
    // How long others wait is measured by tests/faults/guessing.ts; here it counts that they do not wait for the guesses.
    assert(!isDone, "a right token is taken meanwhile");
    let pings = 0;
    for (; !isDone; pings++) await client.exchange(frame({ opcode: PING }), reply(1));
    assert(pings > 10, `${pings} PINGs answered meanwhile`);
    const codes = (await all).map(([, value]) => value.split(" ")[0]);
    assertEquals(codes.filter((code) => code === "AUTH_FAILED").length, 10);
    assertEquals(codes.filter((code) => code === "BUSY").length, 190);
  } finally {
    for (const guesser of guessers) guesser[Symbol.dispose]();
  }
});

authTest(
  "replaceTokens() closes the connections of tokens that are gone, at once, and no others",
  async ({ server, client }) => {
    using reader = await RawClient.connect(server.address);
    assertEquals(await ask(reader, { opcode: AUTH, value: READER.secret }), [1, ""]);
    assertEquals(await ask(reader, { opcode: OPCODE.SUBSCRIBE, key: "app:*" }), [1, ""]);
    assertEquals(await ask(client, { opcode: AUTH, value: FULL.secret }), [1, ""]);
    assertEquals(server.replaceTokens([FULL.token]), 1);
    assertEquals((await reader.readToEnd()).length, 0);
    assertEquals(await ask(client, { opcode: OPCODE.PUBLISH, key: "app:c", value: "v" }), [1, "\0".repeat(8)]);
    assertEquals(await talkTo(server, `PASS ${READER.secret}\n`), "ERR: invalid password\n");
    assertThrows(() => server.replaceTokens([FULL.token, FULL.token]), RangeError);
    assertEquals(await ask(client, { opcode: PING }), [1, ""]);
  },
);

Deno.test({
  name: "replaceTokens() of a server that asks nobody is refused",
  ignore: !canListen,
  async fn() {
    await using server = serve({ port: 0 });
    assertThrows(() => server.replaceTokens([]), TypeError, "Cannot replace tokens");
  },
});

Deno.test({
  name: "a token that expires closes its connections within a second",
  ignore: !canListen,
  async fn() {
    const clock = new FakeClock();
    const { secret, token } = createToken({ name: "short", can: ["read"], expiresMs: clock.wallMs() + 60_000 });
    await using server = serve({ port: 0, clock, authentication: { tokens: [token] } });
    using client = await RawClient.connect(server.address);
    assertEquals(await ask(client, { opcode: AUTH, value: secret }), [1, ""]);
    clock.advance(59_000);
    assertEquals(await ask(client, { opcode: GET, key: "k" }), [0, ""]);
    clock.advance(2_000);
    assertEquals((await client.readToEnd()).length, 0);
    assertEquals(await talkTo(server, `PASS ${secret}\n`), "ERR: invalid password\n");
  },
});

Deno.test({
  name: "serve() refuses a password, a hash or tokens that cannot be used, and listens nowhere then",
  fn() {
    for (
      const authentication of [{ password: utf8("") }, { passwordHash: "hunter2" }, {
        tokens: [FULL.token, FULL.token],
      }]
    ) {
      assertThrows(() => serve({ port: 0, authentication }), Error, "Cannot ");
    }
  },
});

Deno.test("AUTH over a plain wire from another machine is FORBIDDEN, in every dialect", async () => {
  const requests: [Uint8Array, RegExp][] = [
    [
      frame({ opcode: AUTH, value: FULL.secret }),
      /^CM[^]{5}FORBIDDEN no secret is taken over a wire that others can read/,
    ],
    [utf8(`PASS ${FULL.secret}\n`), /^ERR: FORBIDDEN no secret/],
    [command("AUTH", FULL.secret), /^-NOPERM no secret/],
    [command("HELLO", "3", "AUTH", "full", FULL.secret), /^-NOPERM no secret/],
  ];
  for (const [request, expected] of requests) {
    for (
      const [hostname, isTaken] of [["203.0.113.7", false], ["2001:db8::1", false], ["127.0.0.2", true], [
        "::1",
        true,
      ]] as const
    ) {
      const clock = new FakeClock();
      const { context } = sessionContext(new Engine({ clock }), clock, 1024);
      const server = Object.assign(context.server, { authenticator: new Authentication({ tokens: [FULL.token] }) });
      const [remoteAddr, localAddr] = [hostname, "192.0.2.1"].map((
        host,
      ) => ({ transport: "tcp", hostname: host, port: 1 } as const));
      const connection = Object.assign(new MemoryConnection([request]), {
        peer: peerOf({ remoteAddr: remoteAddr!, localAddr: localAddr! }),
      });
      await new Session(connection, { ...context, server }, 1, undefined).run();
      const answer = String.fromCharCode(...connection.written);
      assertEquals(expected.test(answer), !isTaken, `${hostname}: ${answer}`);
    }
  }
});

Deno.test({
  name: "attack 20: no secret is in what a server tells or logs",
  ignore: !canListen,
  async fn() {
    const logged: string[] = [];
    const canary = `canary-${crypto.randomUUID()}`, guess = `guess-${crypto.randomUUID()}`;
    await using server = serve({
      port: 0,
      authentication: { password: utf8(canary), tokens: [FULL.token] },
      log: (line) => void logged.push(line),
    });
    const secret = FULL.secret.slice(-43);
    const told = await talkTo(
      server,
      concat([
        command("AUTH", canary),
        command("CONFIG", "SET", "slowlog-log-slower-than", "0"),
        command("AUTH", FULL.secret),
        command("HELLO", "3", "AUTH", "full", secret),
        command("AUTH", guess),
        command("AUTH", "default", canary),
        ...["INFO", "STATS", "COMMAND", "HELP"].map((name) => command(name)),
        ...["LIST", "INFO"].map((name) => command("CLIENT", name)),
        command("CONFIG", "GET", "*"),
        command("MULTI"),
        command("AUTH", FULL.secret),
        command("EXEC"),
        command("AUTH", "default", canary),
        command("SLOWLOG", "GET", "-1"),
      ]),
    );
    assertStringIncludes(told, "slowlog-max-len");
    assertStringIncludes(told, "acl_access_denied_auth:1");
    const slow = told.slice(told.lastIndexOf("+OK"));
    assertStringIncludes(slow, "$4\r\ninfo");
    for (const name of ["auth", "hello", "pass"]) assert(!new RegExp(`\r\n${name}\r\n`, "i").test(slow), name);
    for (const one of [canary, guess, secret, FULL.token.sha256, "$scrypt$"]) {
      assert(![told, ...logged].some((text) => text.includes(one)), one);
    }
  },
});
