// Messages between connections of different dialects, and a subscriber that does not read.

import { assert, assertEquals } from "@std/assert";
import { concat } from "@std/bytes";
import { textOf, utf8 } from "../../lib/bytes.ts";
import { DEFAULT_MAX_PENDING_BYTES } from "../../lib/limits.ts";
import { serve } from "../../lib/server/serve.ts";
import { frame, reply } from "../support/cm_frame.ts";
import { canListen } from "../support/permissions.ts";
import { RawClient } from "../support/raw_client.ts";
import { command } from "../support/resp_frame.ts";

const PUBLISH = 21, SUBSCRIBE = 22;
const OK = 1, MESSAGE = 5;
const KIB = 1024;

function u64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}

/** Reads up to a text and with it. */
async function readUntil(client: RawClient, end: string): Promise<string> {
  let text = "";
  while (!text.endsWith(end)) text += textOf(await client.read(1));
  return text;
}

Deno.test("a message goes from every dialect to every dialect", { ignore: !canListen }, async () => {
  await using server = serve({ port: 0 });
  using cm = await RawClient.connect(server.address);
  using resp2 = await RawClient.connect(server.address);
  using resp3 = await RawClient.connect(server.address);
  await cm.exchange(frame({ opcode: SUBSCRIBE, key: "ch" }), reply(OK));
  await resp2.exchange(command("SUBSCRIBE", "ch"), utf8("*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n"));
  await resp3.send(command("HELLO", 3));
  await readUntil(resp3, "modules\r\n*0\r\n");
  await resp3.exchange(command("PSUBSCRIBE", "c*"), utf8(">3\r\n$10\r\npsubscribe\r\n$2\r\nc*\r\n:1\r\n"));

  const senders: [request: Uint8Array, answer: Uint8Array][] = [
    [frame({ opcode: PUBLISH, key: "ch", value: "hi" }), reply(OK, u64(3))],
    [command("PUBLISH", "ch", "hi"), utf8(":3\r\n")],
  ];
  for (const [request, answer] of senders) {
    using sender = await RawClient.connect(server.address);
    await sender.exchange(request, answer);
    const push = reply(MESSAGE, concat([Uint8Array.of(0, 2), utf8("chhi")]));
    assertEquals(await cm.read(push.length), push);
    const message = utf8("*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$2\r\nhi\r\n");
    assertEquals(await resp2.read(message.length), message);
    const matched = utf8(">4\r\n$8\r\npmessage\r\n$2\r\nc*\r\n$2\r\nch\r\n$2\r\nhi\r\n");
    assertEquals(await resp3.read(matched.length), matched);
  }
});

Deno.test("messages stand between replies, never inside one", { ignore: !canListen }, async () => {
  await using server = serve({ port: 0 });
  using subscriber = await RawClient.connect(server.address);
  using publisher = await RawClient.connect(server.address);
  const value = new Uint8Array(200 * KIB).fill(0x2e);
  await subscriber.exchange(frame({ opcode: SUBSCRIBE, key: "ch" }), reply(OK));
  await subscriber.exchange(frame({ opcode: 1, key: "k", value }), reply(OK));
  const rounds = 200;
  const publishing = publisher.send(
    ...Array.from({ length: rounds }, () => frame({ opcode: PUBLISH, key: "ch", value: "m".repeat(100) })),
  );
  const asking = subscriber.send(...Array.from({ length: rounds }, () => frame({ opcode: 2, key: "k" })));
  const counts = { [OK]: 0, [MESSAGE]: 0 };
  while (counts[OK] < rounds || counts[MESSAGE] < rounds) {
    const header = await subscriber.read(7);
    assertEquals(textOf(header.subarray(0, 2)), "CM");
    const status = header[2] as 1 | 5;
    const body = await subscriber.read(new DataView(header.buffer).getUint32(3));
    if (status === OK) assert(body.every((byte) => byte === 0x2e));
    else assertEquals(body.length, 2 + 2 + 100);
    counts[status]++;
  }
  await Promise.all([publishing, asking]);
  await publisher.read(rounds * 15);
});

Deno.test("a subscriber that does not read is cut off; nobody else notices", { ignore: !canListen }, async () => {
  const lines: string[] = [];
  await using server = serve({ port: 0, log: (line) => void lines.push(line) });
  using idle = await RawClient.connect(server.address);
  using reader = await RawClient.connect(server.address);
  using publisher = await RawClient.connect(server.address);
  const subscribed = utf8("*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n");
  for (const client of [idle, reader]) await client.exchange(command("SUBSCRIBE", "ch"), subscribed);

  const message = new Uint8Array(64 * KIB).fill(0x61);
  const request = command("PUBLISH", "ch", message);
  let receivers = "";
  let sent = 0;
  // The system's own buffers take some more before anything waits in the server.
  while (receivers !== ":1\r\n" && sent < 3 * DEFAULT_MAX_PENDING_BYTES) {
    await publisher.send(request);
    receivers = textOf(await publisher.read(4));
    const push = await reader.read(utf8("*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$65536\r\n").length + message.length + 2);
    assertEquals(push.at(-3), 0x61);
    sent += push.length;
  }
  assertEquals(receivers, ":1\r\n", "it is no receiver any more");
  assert(sent > DEFAULT_MAX_PENDING_BYTES, `${sent} bytes were too early`);
  assertEquals(lines.length, 1);
  assert(lines[0]!.includes("does not read what it subscribed to"));
});

Deno.test("a waiting command does not keep a server that ends", { ignore: !canListen }, async () => {
  const server = serve({ port: 0 });
  using sleeper = await RawClient.connect(server.address);
  using killer = await RawClient.connect(server.address);
  await sleeper.exchange(command("CLIENT", "ID"), utf8(":1\r\n"));
  await sleeper.send(command("DEBUG", "SLEEP", 1_000));
  let list = "";
  do {
    await killer.send(command("CLIENT", "LIST", "ID", 1));
    list = await readUntil(killer, "lib-ver=\n\r\n");
  } while (!list.includes("cmd=debug"));
  await killer.exchange(command("CLIENT", "KILL", "ID", 1), utf8(":1\r\n"));
  assertEquals((await sleeper.readToEnd()).length, 0);
  await server.shutdown();
});
