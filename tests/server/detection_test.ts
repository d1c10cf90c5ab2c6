/** How a connection's first bytes decide, over real TCP: P5, P6 and what can be switched off. */

import { concat } from "@std/bytes";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { textOf, utf8 } from "../../lib/bytes.ts";
import type { DialectName } from "../../lib/codec/dialect.ts";
import { serve } from "../../lib/server/serve.ts";
import type { ServeOptions } from "../../lib/server/serve_options.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { frame, reply } from "../support/cm_frame.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { canListen } from "../support/permissions.ts";
import { RawClient } from "../support/raw_client.ts";

const AT_ONCE = 64;
const CM_PING = frame({ opcode: 4 });
/** One request of each dialect with its answer. */
const PINGS: Record<DialectName, [string | Uint8Array, string | Uint8Array]> = {
  cm: [CM_PING, reply(1)],
  text: ["PING\n", "PONG\n"],
  gocache: ["FLY\n", "ERROR unknown command\n"],
  stash: ["DEC\x001\0k\r\n", "-1\r\n"],
  resp: ["*1\r\n$4\r\nPING\r\n", "+PONG\r\n"],
};

function detectionTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !canListen, fn });
}

function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === "string" ? utf8(content) : content;
}

async function speaks(address: Deno.NetAddr, dialect: DialectName): Promise<boolean> {
  using client = await RawClient.connect(address);
  const [request, answer] = PINGS[dialect].map(bytesOf) as [Uint8Array, Uint8Array];
  await client.send(request);
  await client.connection.closeWrite();
  const received = textOf(await client.readToEnd());
  return received === textOf(answer);
}

/** What bytes are answered with until the end, and how many entries they leave. */
async function outcome(bytes: string | Uint8Array, options: ServeOptions = {}) {
  const engine = new Engine();
  const lines: string[] = [];
  await using server = serve({ port: 0, store: engine, log: (line) => lines.push(line), ...options });
  using client = await RawClient.connect(server.address);
  await client.send(bytesOf(bytes));
  const answer = textOf(await client.readToEnd());
  return { answer, entries: engine.stats().entries, lines };
}

detectionTest("any two first bytes end in a reply or a close within the frame timeout (P5)", async () => {
  const clock = new FakeClock();
  const engine = new Engine();
  const errors: string[] = [];
  const log = (line: string) => void (line.startsWith("client ") || errors.push(line));
  await using server = serve({ port: 0, clock, store: engine, frameTimeoutMs: 10_000, log });
  using witness = await RawClient.connect(server.address);
  const silent: string[] = [];
  for (let first = 0; first < 65_536; first += AT_ONCE) {
    const clients = await Promise.all(Array.from({ length: AT_ONCE }, () => RawClient.connect(server.address)));
    let isOver = false;
    const ends = clients.map(async (client, i) => {
      const bytes = Uint8Array.of((first + i) >> 8, first + i);
      await client.send(bytes);
      // Only blank lines ask for nothing: such a connection is as idle as a new one, and still serves.
      if (/^[\r\n \t]?\n$/.test(textOf(bytes))) {
        silent.push(textOf(bytes));
        await client.exchange(utf8("PING\n"), utf8("PONG\n"));
      } else await client.connection.read(new Uint8Array(64)).catch(() => null);
    });
    const all = Promise.all(ends).then(() => isOver = true);
    for (let seconds = 0; !isOver; seconds++) {
      assert(seconds < 30, `still open: one of ${first.toString(16)} to ${(first + AT_ONCE - 1).toString(16)}`);
      await witness.exchange(CM_PING, reply(1));
      clock.advance(1_000);
    }
    await all;
    for (const client of clients) client[Symbol.dispose]();
  }
  assertEquals(silent, ["\t\n", "\n\n", "\r\n", " \n"]);
  assertEquals([engine.stats().entries, errors], [0, []]);
});

const FOREIGN: [name: string, bytes: string | Uint8Array][] = [
  ["GET of HTTP/1.1", "GET / HTTP/1.1\r\nHost: x\r\n\r\nSET k v\r\n"],
  ["GET of HTTP/1.0", "GET /SET%20k%20v HTTP/1.0\r\n\r\nSET k v\r\n"],
  ["POST with commands in its body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nSET k v\r\n"],
  [
    "POST with CM frames in its body",
    concat([utf8("POST / HTTP/1.1\r\n\r\n"), frame({ opcode: 1, key: "k", value: "v" })]),
  ],
  ["POST with RESP in its body", "POST / HTTP/1.1\r\n\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n"],
  ["Host: alone", "Host: 127.0.0.1\r\nSET k v\r\n"],
  ["the greeting of a mail client", "EHLO mail.example\r\nSET k v\r\n"],
  ["the older greeting of a mail client", "HELO mail.example\r\nSET k v\r\n"],
  ["TLS ClientHello", concat([Uint8Array.fromHex("1603010200010001fc0303"), utf8("\r\nSET k v\r\n")])],
];
for (const [name, bytes] of FOREIGN) {
  detectionTest(`${name} on the plain port is closed without a reply, and nothing is carried out (P6)`, async () => {
    const { answer, entries, lines } = await outcome(bytes);
    assertEquals([answer, entries], ["", 0]);
    assertEquals(lines.length, name.startsWith("TLS") ? 1 : 0);
    if (name.startsWith("TLS")) assertStringIncludes(lines[0]!, "speaks TLS");
  });
}

detectionTest("HTTP is closed on listeners that are pinned too, and nothing is carried out", async () => {
  for (const dialect of ["text", "gocache", "cm", "stash"] as const) {
    const engine = new Engine();
    await using server = serve({ port: 0, store: engine, listen: [{ port: 0, dialect }] });
    using client = await RawClient.connect(server.addresses[0]!);
    await client.send(utf8("POST / HTTP/1.1\r\nHost: x\r\n\r\nSET k v\r\nSET\x001\0k\x001\0v\r\n"));
    await client.readToEnd();
    assertEquals(engine.stats().entries, 0, dialect);
  }
});

detectionTest("one port speaks every dialect, and all see the same entries", async () => {
  await using server = serve({ port: 0 });
  for (const dialect of ["cm", "text", "stash", "resp"] as const) {
    assert(await speaks(server.address, dialect), dialect);
  }
});

detectionTest("a dialect that is switched off is closed without a reply, with a line in the log", async () => {
  for (const dialect of ["cm", "text", "stash", "resp"] as const) {
    const dialects = (["cm", "text", "stash", "resp"] as const).filter((it) => it !== dialect);
    const { answer, lines } = await outcome(PINGS[dialect][0], { dialects });
    assertEquals([answer, lines.length], ["", 1]);
    assert(lines[0]!.endsWith(`speaks ${dialect}, which is switched off: closed`), lines[0]);
    await using server = serve({ port: 0, dialects });
    for (const other of dialects) assert(await speaks(server.address, other), other);
  }
});

detectionTest("where gocache is the only accent, lines are answered in it", async () => {
  await using server = serve({ port: 0, dialects: ["gocache"] });
  assert(await speaks(server.address, "gocache"));
});

detectionTest("a pinned listener speaks its dialect and no other", async () => {
  const pinned = ["cm", "text", "gocache", "stash", "resp"] as const;
  await using server = serve({ port: 0, listen: pinned.map((dialect) => ({ port: 0, dialect })) });
  for (const [i, dialect] of pinned.entries()) {
    assert(await speaks(server.addresses[i]!, dialect), dialect);
    if (dialect !== "cm") {
      using client = await RawClient.connect(server.addresses[i]!);
      await client.send(CM_PING);
      await client.connection.closeWrite();
      assertEquals(textOf(await client.readToEnd()).startsWith("CM"), false, dialect);
    }
  }
  using client = await RawClient.connect(server.addresses[0]!);
  await client.send(utf8("PING\n"));
  assertStringIncludes(textOf(await client.readToEnd()), "BAD_MAGIC ");
});
