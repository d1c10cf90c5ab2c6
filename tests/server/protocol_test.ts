/** The rules of PROTOCOL.md §1 over real TCP: one named case for each. */

import { concat } from "@std/bytes";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { textOf } from "../../lib/bytes.ts";
import { serve } from "../../lib/server/serve.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { frame, reply } from "../support/cm_frame.ts";
import { canListen } from "../support/permissions.ts";
import { Random } from "../support/random.ts";
import { RawClient } from "../support/raw_client.ts";

const SET = 1, GET = 2, DELETE = 3, PING = 4, HELLO = 24;
const OK = 1, NOT_FOUND = 0, ERROR = 2;

/** A test with a server on a free port and one connection to it. */
function serverTest(
  name: string,
  run: (client: RawClient, server: { port: number }) => Promise<void>,
  options: { maxValueBytes?: number } = {},
): void {
  Deno.test({
    name,
    ignore: !canListen,
    async fn() {
      await using server = serve({ port: 0, ...options });
      using client = await RawClient.connect(server.address);
      await run(client, server.address);
    },
  });
}

async function readError(client: RawClient): Promise<string> {
  const header = await client.read(7);
  assertEquals(header[2], ERROR);
  return textOf(await client.read(new DataView(header.buffer).getUint32(3)));
}

serverTest("SET, GET and DELETE answer as published", async (client) => {
  await client.exchange(frame({ opcode: GET, key: "k" }), reply(NOT_FOUND));
  await client.exchange(frame({ opcode: SET, key: "k", value: "v" }), reply(OK));
  await client.exchange(frame({ opcode: GET, key: "k" }), reply(OK, "v"));
  await client.exchange(frame({ opcode: DELETE, key: "k" }), reply(OK));
  await client.exchange(frame({ opcode: DELETE, key: "k" }), reply(NOT_FOUND));
  await client.exchange(frame({ opcode: GET, key: "k" }), reply(NOT_FOUND));
});

serverTest("PING answers with the same bytes", async (client) => {
  await client.exchange(frame({ opcode: PING }), reply(OK));
  await client.exchange(frame({ opcode: PING, value: "\0\r\nCM" }), reply(OK, "\0\r\nCM"));
});

serverTest("HELLO tells server, version, limits and commands as JSON", async (client) => {
  for (const value of ["", "{}", '{"client":"test"}']) {
    await client.send(frame({ opcode: HELLO, value }));
    const header = await client.read(7);
    assertEquals(header[2], OK);
    const hello = JSON.parse(textOf(await client.read(new DataView(header.buffer).getUint32(3))));
    assertEquals(hello.server, "cryptomem");
    assertEquals(hello.limits, { maxKeyBytes: 65_535, maxValueBytes: 16 * 1024 * 1024 });
    assertEquals(hello.commands.GET, GET);
    assertEquals(hello.features, ["cas", "pubsub", "scan"]);
  }
  await client.send(frame({ opcode: HELLO, value: "not json" }));
  assertStringIncludes(await readError(client), "BAD_REQUEST ");
});

serverTest("keys and values are any bytes, also names that mean something to JavaScript", async (client) => {
  const everyByte = Uint8Array.from({ length: 256 }, (_, i) => i);
  for (
    const key of ["__proto__", "constructor", "toString", "a\r\nb", everyByte, Uint8Array.of(0), Uint8Array.of(0xff)]
  ) {
    await client.exchange(frame({ opcode: GET, key }), reply(NOT_FOUND));
    await client.exchange(frame({ opcode: SET, key, value: everyByte }), reply(OK));
    await client.exchange(frame({ opcode: GET, key }), reply(OK, everyByte));
  }
});

serverTest("a value of 16 MiB, one of 0 bytes and a key of 65,535 bytes go there and back", async (client) => {
  const large = new Uint8Array(16 * 1024 * 1024).map((_, i) => i * 7);
  const longKey = new Uint8Array(65_535).fill(0x6b);
  await client.exchange(frame({ opcode: SET, key: longKey, value: large }), reply(OK));
  await client.exchange(frame({ opcode: SET, key: "empty" }), reply(OK));
  await client.exchange(frame({ opcode: GET, key: longKey }), reply(OK, large));
  await client.exchange(frame({ opcode: GET, key: "empty" }), reply(OK));
});

Deno.test({
  name: "an entry is gone when its ttl is over, to the millisecond",
  ignore: !canListen,
  async fn() {
    const clock = new FakeClock();
    await using server = serve({ port: 0, store: new Engine({ clock }) });
    using client = await RawClient.connect(server.address);
    await client.exchange(frame({ opcode: SET, key: "k", value: "v", ttl: 10_000_001n }), reply(OK));
    clock.advance(10);
    await client.exchange(frame({ opcode: GET, key: "k" }), reply(OK, "v"));
    clock.advance(1);
    await client.exchange(frame({ opcode: GET, key: "k" }), reply(NOT_FOUND));
  },
});

const REFUSED_BUT_OPEN: { rule: string; request: Uint8Array; code: string }[] = [
  { rule: "a negative ttl", request: frame({ opcode: SET, key: "k", value: "v", ttl: -1n }), code: "BAD_REQUEST" },
  { rule: "an empty key in SET", request: frame({ opcode: SET, value: "v" }), code: "BAD_REQUEST" },
  { rule: "an empty key in GET", request: frame({ opcode: GET }), code: "BAD_REQUEST" },
  { rule: "an empty key in DELETE", request: frame({ opcode: DELETE }), code: "BAD_REQUEST" },
  { rule: "a value in GET", request: frame({ opcode: GET, key: "k", value: "v" }), code: "BAD_REQUEST" },
  { rule: "a value in DELETE", request: frame({ opcode: DELETE, key: "k", value: "v" }), code: "BAD_REQUEST" },
  { rule: "a ttl in GET", request: frame({ opcode: GET, key: "k", ttl: 1n }), code: "BAD_REQUEST" },
  { rule: "a key in PING", request: frame({ opcode: PING, key: "k" }), code: "BAD_REQUEST" },
  { rule: "an unknown command", request: frame({ opcode: 200, key: "k", value: "v" }), code: "UNKNOWN_COMMAND" },
  { rule: "command 0", request: frame({ opcode: 0 }), code: "UNKNOWN_COMMAND" },
];
for (const { rule, request, code } of REFUSED_BUT_OPEN) {
  serverTest(`${rule} is ${code}, changes nothing, and the connection goes on`, async (client) => {
    await client.exchange(frame({ opcode: SET, key: "k", value: "before" }), reply(OK));
    await client.send(request);
    assertStringIncludes(await readError(client), `${code} `);
    await client.exchange(frame({ opcode: GET, key: "k" }), reply(OK, "before"));
  });
}

serverTest("bad magic is answered with BAD_MAGIC, then the connection is closed", async (client, server) => {
  await client.exchange(frame({ opcode: PING }), reply(OK));
  await client.send(
    frame({ opcode: SET, key: "k", value: "v", magic: "XM" }),
    frame({ opcode: SET, key: "k", value: "v" }),
  );
  assertStringIncludes(textOf(await client.readToEnd()), "BAD_MAGIC ");
  using other = await RawClient.connect(server);
  await other.exchange(frame({ opcode: GET, key: "k" }), reply(NOT_FOUND));
});

serverTest("bad magic in the middle of a pipeline: what came before is answered", async (client) => {
  await client.send(
    concat([frame({ opcode: PING }), frame({ opcode: PING, value: "x" }), frame({ opcode: PING, magic: "CX" })]),
  );
  const answers = await client.readToEnd();
  assertEquals(answers.subarray(0, 15), concat([reply(OK), reply(OK, "x")]));
  assertStringIncludes(textOf(answers), "BAD_MAGIC ");
});

serverTest("a value above the configured limit is TOO_LARGE, then closed", async (client) => {
  await client.exchange(frame({ opcode: SET, key: "k", value: new Uint8Array(1_000) }), reply(OK));
  await client.send(frame({ opcode: SET, key: "k", value: new Uint8Array(1_001) }));
  assertStringIncludes(textOf(await client.readToEnd()), "TOO_LARGE ");
}, { maxValueBytes: 1_000 });

/** One of each kind of request with its answer. */
const CONVERSATION: [Uint8Array, Uint8Array][] = [
  [frame({ opcode: SET, key: "k", value: "value", ttl: 60_000_000_000n }), reply(OK)],
  [frame({ opcode: GET, key: "k" }), reply(OK, "value")],
  [frame({ opcode: GET, key: "nothing" }), reply(NOT_FOUND)],
  [frame({ opcode: PING, value: "CMCM" }), reply(OK, "CMCM")],
  [frame({ opcode: 77 }), reply(ERROR, "UNKNOWN_COMMAND there is no command 77")],
  [frame({ opcode: DELETE, key: "k" }), reply(OK)],
];
const REQUESTS = concat(CONVERSATION.map(([request]) => request));
const ANSWERS = concat(CONVERSATION.map(([, answer]) => answer));

serverTest("requests cut at any byte get the same answers as whole ones", async (_, server) => {
  for (let cut = 1; cut < REQUESTS.length; cut++) {
    using client = await RawClient.connect(server);
    await client.send(REQUESTS.subarray(0, cut));
    await client.send(REQUESTS.subarray(cut));
    assertEquals(await client.read(ANSWERS.length), ANSWERS, `cut at ${cut}`);
  }
});

serverTest("requests sent byte by byte get the same answers as whole ones", async (client) => {
  for (const byte of REQUESTS) await client.send(Uint8Array.of(byte));
  assertEquals(await client.read(ANSWERS.length), ANSWERS);
});

serverTest("a pipeline of 2,000 requests cut at random is answered in order", async (client) => {
  const random = new Random();
  const requests: Uint8Array[] = [], answers: Uint8Array[] = [];
  for (let i = 0; i < 2_000; i++) {
    const [request, answer] = CONVERSATION[i % CONVERSATION.length]!;
    requests.push(request);
    answers.push(answer);
  }
  const all = concat(requests), expected = concat(answers);
  const reading = client.read(expected.length);
  for (let at = 0; at < all.length;) {
    const length = 1 + random.below(random.below(10) === 0 ? 20_000 : 200);
    await client.send(all.subarray(at, at + length));
    at += length;
  }
  const received = await reading;
  assert(received.every((byte, i) => byte === expected[i]), `seed ${random.seed}`);
});

serverTest("many large replies to one small read arrive whole: output is written as it fills", async (client) => {
  const value = new Uint8Array(300_000).map((_, i) => i);
  await client.exchange(frame({ opcode: SET, key: "k", value }), reply(OK));
  const reading = client.read(100 * (7 + value.length));
  await client.send(concat(Array.from({ length: 100 }, () => frame({ opcode: GET, key: "k" }))));
  const received = await reading;
  const one = reply(OK, value);
  for (let i = 0; i < 100; i++) {
    assertEquals(received.subarray(i * one.length, i * one.length + 7), one.subarray(0, 7));
  }
  assertEquals(received.subarray(99 * one.length), one);
});

serverTest("a client that half-closes after a pipeline gets all replies, then the end (C8)", async (client) => {
  await client.send(concat(Array.from({ length: 500 }, () => frame({ opcode: PING, value: "0123456789" }))));
  await client.connection.closeWrite();
  assertEquals((await client.readToEnd()).length, 500 * 17);
});
