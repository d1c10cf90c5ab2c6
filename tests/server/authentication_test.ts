/** A server with a password, in every dialect, over real TCP: what is refused before it, and what it takes. */

import { concat } from "@std/bytes";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { textOf, utf8 } from "../../lib/bytes.ts";
import { OPERATIONS } from "../../lib/codec/operations.ts";
import { CryptomemError } from "../../lib/errors.ts";
import { serve, type ServeOptions } from "../../lib/server/serve.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { frame, reply } from "../support/cm_frame.ts";
import { canListen } from "../support/permissions.ts";
import { RawClient } from "../support/raw_client.ts";

const PASSWORD = "correct horse";
const NUL_LINE = "\r\n";

/** Stands for the slow check: what it does to the connection is the same. */
function checkPassword(given: Uint8Array): Promise<boolean> {
  if (textOf(given) === "busy") return Promise.reject(new CryptomemError("BUSY", "try again"));
  return Promise.resolve(textOf(given) === PASSWORD);
}

function authTest(name: string, run: (client: RawClient, engine: Engine) => Promise<void>, options: ServeOptions = {}) {
  Deno.test({
    name,
    ignore: !canListen,
    async fn() {
      const engine = new Engine();
      await using server = serve({ port: 0, store: engine, checkPassword, ...options });
      using client = await RawClient.connect(server.address);
      await run(client, engine);
    },
  });
}

/** Sends everything at once and reads to the end. */
async function talk(client: RawClient, request: string | Uint8Array): Promise<string> {
  await client.send(typeof request === "string" ? utf8(request) : request);
  await client.connection.closeWrite();
  return textOf(await client.readToEnd());
}

authTest(
  "CM: all but connection commands are refused before AUTH, 2 for the first three, 4 for the others",
  async (client, engine) => {
    for (const { opcode, access, takes: { key, value, ttl } } of OPERATIONS) {
      if (opcode === 0 || access === "connection") continue;
      const text = opcode === 18 ? "123456789012" : "12345678";
      await client.send(
        frame({ opcode, ...(key && { key: "k" }), ...(value && { value: text }), ...(ttl && { ttl: 1n }) }),
      );
      const header = await client.read(7);
      const answer = textOf(await client.read(new DataView(header.buffer).getUint32(3)));
      assertEquals([header[2], answer.split(" ")[0]], [opcode <= 3 ? 2 : 4, "AUTH_REQUIRED"], `command ${opcode}`);
    }
    assertEquals(engine.stats().entries, 0);
    await client.exchange(frame({ opcode: 4, value: "x" }), reply(1, "x"));
  },
);

authTest("CM: AUTH with the password opens the connection, any other is 4, and busy is told", async (client) => {
  await client.exchange(frame({ opcode: 5, value: "wrong" }), reply(4, "AUTH_FAILED invalid password"));
  await client.exchange(frame({ opcode: 5, value: "busy" }), reply(2, "BUSY try again"));
  await client.exchange(frame({ opcode: 5, value: PASSWORD }), reply(1));
  await client.exchange(frame({ opcode: 1, key: "k", value: "v" }), reply(1));
});

authTest("CM: what is sent behind AUTH at once is carried out after it", async (client) => {
  const SET = frame({ opcode: 1, key: "k", value: "v" });
  await client.exchange(
    concat([frame({ opcode: 5, value: "wrong" }), SET, frame({ opcode: 5, value: PASSWORD }), SET]),
    concat([
      reply(4, "AUTH_FAILED invalid password"),
      reply(2, "AUTH_REQUIRED Authentication required."),
      reply(1),
      reply(1),
    ]),
  );
});

const LINES = [
  "GET k",
  "SET k v",
  "SET k v 60",
  "SET k v NX",
  "GETEX k",
  "TTL k",
  "DEL k",
  "DEL k k",
  "DELETE k",
  "EXISTS k",
]
  .concat(["EXISTS k k", "INCR k", "DECR k 2"]);

for (const [pinned, refusal] of [["text", "Unauthorized"], ["gocache", "ERROR Unauthorized"]] as const) {
  authTest(`${pinned}: all but connection commands are "${refusal}" before PASS`, async (client, engine) => {
    const answers = (await talk(client, LINES.join("\n") + "\nPING\n")).split("\n");
    assertEquals(answers, [...LINES.map(() => refusal), "PONG", ""]);
    assertEquals(engine.stats().entries, 0);
  }, { dialects: [pinned] });
}

authTest("text: PASS with the password opens the connection, once, and any other does not", async (client) => {
  const lines = [
    "pass wrong",
    "GET k",
    `PASS "${PASSWORD}"`,
    "GET k",
    `PASS "${PASSWORD}"`,
    "PASS wrong",
    "SET k v",
    "QUIT",
  ];
  assertEquals((await talk(client, lines.join("\n") + "\n")).split("\n"), [
    "ERR: invalid password",
    "Unauthorized",
    "OK",
    "(nil)",
    "Already authenticated",
    "Already authenticated",
    "OK",
    "OK",
    "",
  ]);
});

authTest("text: a password too many at once is told as busy", async (client) => {
  assertEquals(await talk(client, "PASS busy\n"), "ERR: BUSY try again\n");
});

authTest("stash: every command is ERR, and the connection goes on", async (client, engine) => {
  const names = ["GET", "INC", "DEC", "DEL"].map((name) => `${name}\x001\0k${NUL_LINE}`);
  const answer = await talk(client, `${names.join("")}SET\x001\0k\x001\0v${NUL_LINE}`);
  assertEquals(answer, "ERR\r\n".repeat(5));
  assertEquals(engine.stats().entries, 0);
});

authTest("RESP: commands are refused with NOAUTH before AUTH, and taken behind it", async (client) => {
  const words = (...texts: string[]) =>
    `*${texts.length}\r\n${texts.map((it) => `$${it.length}\r\n${it}\r\n`).join("")}`;
  const answer = await talk(
    client,
    [["SET", "k", "v"], ["AUTH", "wrong"], ["GET", "k"], ["AUTH", PASSWORD], ["SET", "k", "v"]].map((it) =>
      words(...it)
    ).join(""),
  );
  const lines = answer.split("\r\n");
  assertMatch(lines[0]!, /^-NOAUTH /);
  assertMatch(lines[1]!, /^-WRONGPASS /);
  assertMatch(lines[2]!, /^-NOAUTH /);
  assertEquals(lines.slice(3), ["+OK", "+OK", ""]);
});

Deno.test({
  name: "a password opens one connection and no other",
  ignore: !canListen,
  async fn() {
    await using server = serve({ port: 0, checkPassword });
    using first = await RawClient.connect(server.address);
    using second = await RawClient.connect(server.address);
    await first.exchange(frame({ opcode: 5, value: PASSWORD }), reply(1));
    assert((await talk(second, "GET k\n")) === "Unauthorized\n");
  },
});
