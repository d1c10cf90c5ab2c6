/** Peers that do not read: what they cost is bounded, and nobody else notices. */

import { concat } from "@std/bytes";
import { assert, assertEquals } from "@std/assert";
import { utf8 } from "../../lib/bytes.ts";
import { serve } from "../../lib/server/serve.ts";
import type { RunningServer } from "../../lib/server/serve_options.ts";
import { frame, reply } from "../support/cm_frame.ts";
import { canListen } from "../support/permissions.ts";
import { RawClient } from "../support/raw_client.ts";
import { command } from "../support/resp_frame.ts";

const MIB = 1024 * 1024;
const OK = 1;
/** The server cuts a subscriber off at 32 MiB; what the system takes of a connection's bytes comes on top. */
const CUT_OFF_BYTES = 32 * MIB, SYSTEM_BUFFERS_BYTES = 16 * MIB;
const MESSAGE = new Uint8Array(64 * 1024).fill(0x6d);
const LARGE = new Uint8Array(64 * 1024).fill(0x76);
/** On a busy machine; a server that waits for the slow peer never answers at all. */
const MAX_ANSWER_MS = 2_000;

const SUBSCRIBERS: Readonly<Record<string, { request: Uint8Array; answer: Uint8Array; perMessageBytes: number }>> = {
  CM: { request: frame({ opcode: 22, key: "news" }), answer: reply(OK), perMessageBytes: 7 + 2 + 4 + MESSAGE.length },
  "CM by a prefix": {
    request: frame({ opcode: 22, key: "ne*" }),
    answer: reply(OK),
    perMessageBytes: 7 + 2 + 4 + MESSAGE.length,
  },
  RESP2: {
    request: command("SUBSCRIBE", "news"),
    answer: utf8("*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n"),
    perMessageBytes: utf8("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$65536\r\n\r\n").length + MESSAGE.length,
  },
};

for (const [name, { request, answer, perMessageBytes }] of Object.entries(SUBSCRIBERS)) {
  Deno.test({
    name: `a subscriber in ${name} that never reads is cut off; publisher and readers go on (C6)`,
    ignore: !canListen,
    async fn() {
      const lines: string[] = [];
      await using server = serve({ port: 0, log: (line) => lines.push(line) });
      using sleeper = await RawClient.connect(server.address);
      using reader = await RawClient.connect(server.address);
      using publisher = await RawClient.connect(server.address);
      for (const subscriber of [sleeper, reader]) await subscriber.exchange(request, answer);
      const before = Deno.memoryUsage().external;
      let published = 0, highest = before, slowestMs = 0;
      const buffer = new Uint8Array(64 * 1024);
      const publish = frame({ opcode: 21, key: "news", value: MESSAGE });
      while (lines.length === 0) {
        const startMs = performance.now();
        await publisher.exchange(publish, reply(OK, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 2)));
        slowestMs = Math.max(slowestMs, performance.now() - startMs);
        published++;
        for (let read = 0; read < perMessageBytes;) read += (await reader.connection.read(buffer))!;
        highest = Math.max(highest, Deno.memoryUsage().external);
        assert(published * MESSAGE.length < CUT_OFF_BYTES + SYSTEM_BUFFERS_BYTES, "it is not cut off");
      }
      assert(published * MESSAGE.length >= CUT_OFF_BYTES, `it was cut off after ${published} messages`);
      assert(slowestMs < MAX_ANSWER_MS, `the publisher waited for ${slowestMs} ms`);
      assert(highest - before < 3 * CUT_OFF_BYTES, `off-heap memory grew by ${highest - before} bytes`);
      assertEquals(lines.length, 1);
      // The reader is the only one left, and it goes on.
      await publisher.exchange(publish, reply(OK, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1)));
    },
  });
}

/** One request for a large value in each dialect. */
const GREEDY: Readonly<Record<string, Uint8Array>> = {
  CM: frame({ opcode: 2, key: "large" }),
  text: utf8("GET large\n"),
  stash: utf8("GET\x005\0large\r\n"),
  RESP: command("GET", "large"),
  "RESP with MGET": command("MGET", ...Array.from({ length: 16 }, () => "large")),
};

for (const [name, request] of Object.entries(GREEDY)) {
  Deno.test({
    name: `a client that pipelines GETs of 64 KiB in ${name} and never reads costs at most 16 MiB (C7)`,
    ignore: !canListen,
    async fn() {
      await using server = serve({ port: 0 });
      await storeLarge(server);
      using other = await RawClient.connect(server.address);
      const before = Deno.memoryUsage().external;
      using greedy = await RawClient.connect(server.address);
      const thousand = concat(Array.from({ length: 1_000 }, () => request));
      // Ends when the connection is closed: the server stops reading long before all is sent.
      const sending = sendUntilClosed(greedy, thousand, 1_000);
      let highest = 0, slowestMs = 0;
      for (let i = 0; i < 1_000; i++) {
        const startMs = performance.now();
        await other.exchange(frame({ opcode: 4, value: "x" }), reply(OK, "x"));
        slowestMs = Math.max(slowestMs, performance.now() - startMs);
        highest = Math.max(highest, Deno.memoryUsage().external - before);
      }
      assert(highest < 16 * MIB, `off-heap memory grew by ${highest} bytes`);
      assert(slowestMs < MAX_ANSWER_MS, `another client waited for ${slowestMs} ms`);
      greedy[Symbol.dispose]();
      assert(!await sending, "everything was sent, so everything was read");
    },
  });
}

async function storeLarge(server: RunningServer): Promise<void> {
  using client = await RawClient.connect(server.address);
  await client.exchange(frame({ opcode: 1, key: "large", value: LARGE }), reply(OK));
}

/** Returns whether all was sent. */
async function sendUntilClosed(client: RawClient, bytes: Uint8Array, times: number): Promise<boolean> {
  try {
    for (let i = 0; i < times; i++) await client.send(bytes);
    return true;
  } catch {
    return false;
  }
}
