/** Attacks 12 and 14 to 16 on the secure channels of a whole server: what they change, and who notices. */

import { concat } from "@std/bytes";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { textOf, utf8 } from "../../lib/bytes.ts";
import type { ByteStream } from "../../lib/channel/byte_stream.ts";
import type { ChannelStream } from "../../lib/channel/channel_stream.ts";
import { openChannel } from "../../lib/channel/open_channel.ts";
import { parsePin } from "../../lib/channel/pin.ts";
import { OPCODE } from "../../lib/codec/operations.ts";
import { serve } from "../../lib/server/serve.ts";
import type { RunningServer, ServeOptions } from "../../lib/server/serve_options.ts";
import { ServerKey } from "../../server.ts";
import { frame } from "../support/cm_frame.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryServer, settled } from "../support/memory_server.ts";
import { canListen } from "../support/permissions.ts";
import { RawClient } from "../support/raw_client.ts";
import { command } from "../support/resp_frame.ts";

const serverKey = await ServerKey.generate();
const SET = frame({ opcode: OPCODE.SET, key: "k", value: "v" });
const PING = frame({ opcode: OPCODE.PING });
const HEADER_BYTES = 5;

/** A connection on which somebody in between changes what the client writes. */
class Tapped implements ByteStream {
  readonly connection: Deno.TcpConn;
  /** What becomes of a write; by default it is left as it is. */
  change: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes;

  constructor(connection: Deno.TcpConn) {
    this.connection = connection;
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.connection.read(into);
  }

  async write(bytes: Uint8Array): Promise<number> {
    const changed = this.change(bytes.slice());
    for (let at = 0; at < changed.length;) at += await this.connection.write(changed.subarray(at));
    return bytes.length;
  }

  close(): void {
    this.connection.close();
  }
}

function channelTest(
  name: string,
  run: (server: RunningServer) => Promise<void>,
  options: ServeOptions = {},
): void {
  Deno.test({
    name,
    ignore: !canListen,
    async fn() {
      await using server = serve({ port: 0, serverKey, ...options });
      await run(server);
    },
  });
}

async function open({ address }: RunningServer): Promise<{ tap: Tapped; channel: ChannelStream }> {
  const tap = new Tapped(await Deno.connect({ hostname: "127.0.0.1", port: address.port }));
  return { tap, channel: await openChannel(tap, [parsePin(serverKey.pin)]) };
}

async function ask(channel: ByteStream, request: Uint8Array): Promise<string> {
  await channel.write(request);
  const answer = new Uint8Array(4096);
  return textOf(answer.subarray(0, await channel.read(answer) ?? 0));
}

/** What the server has counted, as STATS tells it. */
async function counts(server: RunningServer): Promise<{ brokenChannels: number; clients: number; entries: number }> {
  using client = await RawClient.connect(server.address);
  await client.send(frame({ opcode: OPCODE.STATS }));
  const header = await client.read(7);
  return JSON.parse(textOf(await client.read(new DataView(header.buffer).getUint32(3))));
}

/** Asks until the server has noticed what became of connections. */
async function countsOnce(server: RunningServer, holds: (now: { brokenChannels: number; clients: number }) => boolean) {
  for (let tries = 1;; tries++) {
    const now = await counts(server);
    if (holds(now) || tries === 500) return now;
  }
}

/** What somebody in between does to a client's record of a SET; `before` is an earlier record of the same channel. */
const TAMPERINGS: Readonly<Record<string, (record: Uint8Array, before: Uint8Array) => Uint8Array>> = {
  "of another opcode": (record) => flipped(record, 0),
  "of another length": (record) => flipped(record, HEADER_BYTES - 1),
  "of another body": (record) => flipped(record, HEADER_BYTES),
  "of another tag": (record) => flipped(record, record.length - 1),
  "that is too short for a tag": () => Uint8Array.of(0xe2, 0, 0, 0, 15, ...new Uint8Array(15)),
  "that is announced to have 4 GiB": () => Uint8Array.of(0xe2, 0xff, 0xff, 0xff, 0xff),
  "that has come before": (_, before) => before,
  "behind one that is dropped": (record) => record.subarray(record.length / 2),
  "that is plaintext": () => SET,
};

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  bytes[at]! ^= 1;
  return bytes;
}

for (const [what, tamper] of Object.entries(TAMPERINGS)) {
  channelTest(
    `attack 14: a record ${what} closes its connection without a word; nothing is carried out, and others go on`,
    async (server) => {
      const { tap, channel } = await open(server);
      const other = await open(server);
      let before: Uint8Array = new Uint8Array();
      tap.change = (bytes) => before = bytes;
      assertStringIncludes(await ask(channel, PING), "CM\x01");
      if (what === "behind one that is dropped") {
        // Two SETs in two records: of what arrives, only the second one is left.
        tap.change = () => new Uint8Array();
        await channel.write(SET);
        tap.change = (bytes) => bytes;
      } else tap.change = (bytes) => tamper(bytes, before);
      await channel.write(SET);
      const wire = new Uint8Array(100);
      assertEquals(await tap.connection.read(wire).catch(() => null), null, "not a byte more comes");
      assertStringIncludes(await ask(other.channel, PING), "CM\x01");
      const { brokenChannels, entries } = await counts(server);
      assertEquals([brokenChannels, entries], [1, 0]);
      channel.close();
      other.channel.close();
    },
  );
}

channelTest(
  "attack 14: what came authentically before a tampered record was carried out",
  async (server) => {
    const { tap, channel } = await open(server);
    const records: Uint8Array[] = [];
    tap.change = (bytes) => (records.push(bytes), new Uint8Array());
    await channel.write(SET);
    await channel.write(frame({ opcode: OPCODE.SET, key: "other", value: "v" }));
    tap.change = (bytes) => bytes;
    await tap.write(records[0]!);
    await tap.connection.read(new Uint8Array(100));
    await tap.write(flipped(records[1]!, 10));
    assertEquals(await tap.connection.read(new Uint8Array(100)).catch(() => null), null);
    assertEquals((await counts(server)).entries, 1);
    channel.close();
  },
);

channelTest(
  "attack 15: a client that leaves without saying so is counted as cut, one that says so is not",
  async (server) => {
    const [polite, rude] = [await open(server), await open(server)];
    for (const { channel } of [polite, rude]) assertStringIncludes(await ask(channel, PING), "CM\x01");
    polite.channel.close();
    assertEquals((await countsOnce(server, ({ clients }) => clients === 2)).brokenChannels, 0);
    rude.tap.connection.close();
    assertEquals((await countsOnce(server, ({ clients }) => clients === 1)).brokenChannels, 1);
    rude.channel.close();
  },
);

channelTest("attack 15: of a request whose record is cut short nothing is carried out", async (server) => {
  for (let cut = 1; cut < SET.length + HEADER_BYTES + 16; cut++) {
    const { tap, channel } = await open(server);
    tap.change = (bytes) => bytes.subarray(0, cut);
    await channel.write(SET);
    tap.connection.close();
    channel.close();
  }
  const { brokenChannels, entries } = await countsOnce(server, ({ clients }) => clients === 1);
  assertEquals([brokenChannels, entries], [SET.length + HEADER_BYTES + 15, 0]);
});

channelTest("attack 15: a request that is cut between two records is not carried out either", async (server) => {
  const { tap, channel } = await open(server);
  await channel.write(SET.subarray(0, 10));
  tap.connection.close();
  channel.close();
  const { brokenChannels, entries } = await countsOnce(server, ({ clients }) => clients === 1);
  assertEquals([brokenChannels, entries], [1, 0]);
});

const clock = new FakeClock({ nowMs: 1_000_000 });
channelTest(
  "attack 16: among 1,000 half-open clients a good one gets its channel; they are gone after five seconds, and it is not",
  async (server) => {
    const halfOpen = await Promise.all(Array.from({ length: 1_000 }, () => RawClient.connect(server.address)));
    try {
      // A third each: half of a dialect, the first byte of a hello, all but the last one.
      const beginnings = [[0x43], [0xe0], [0xe0, 0, 0, 0, 40, ...new Uint8Array(39)]].map((one) =>
        Uint8Array.from(one)
      );
      await Promise.all(halfOpen.map((client, i) => client.send(beginnings[i % 3]!)));
      const { channel } = await open(server);
      assertStringIncludes(await ask(channel, SET), "CM\x01");
      const { clients } = await countsOnce(server, ({ clients }) => clients === 1_002);
      assertEquals(clients, 1_002);
      for (let ms = 0; ms < 6_000; ms += 500) {
        clock.advance(500);
        assertStringIncludes(await ask(channel, PING), "CM\x01");
      }
      const ends = await Promise.all(halfOpen.map((client) => client.readToEnd()));
      assertEquals(concat(ends).length, 0, "none was told anything");
      assertEquals((await countsOnce(server, ({ clients }) => clients === 2)).clients, 2);
      channel.close();
    } finally {
      for (const client of halfOpen) client[Symbol.dispose]();
    }
  },
  { clock },
);

Deno.test("attack 12: a server without a key answers a hello with EF and its reason, and closes", async () => {
  await using world = new MemoryServer();
  const client = world.connect();
  client.send(Uint8Array.of(0xe0, 0, 0, 0, 40, ...new Uint8Array(40)));
  await settled();
  assertEquals(client.written.subarray(0, HEADER_BYTES), Uint8Array.of(0xef, 0, 0, 0, 1));
  assertEquals([client.writtenBytes, client.isClosed], [6, true]);
});

Deno.test({
  name: "attack 12: a client with a pin is told that there is no key, and tries nothing else",
  ignore: !canListen,
  async fn() {
    await using server = serve({ port: 0 });
    let connections = 0;
    await assertRejects(
      async () => {
        connections++;
        await openChannel(await Deno.connect({ port: server.address.port }), [parsePin(serverKey.pin)]);
      },
      Error,
      "it has no key for a channel",
    );
    assertEquals(connections, 1);
  },
});

/** A request of each dialect, and how a server refuses it that wants a secure wire. */
const PLAIN: Readonly<Record<string, [Uint8Array, RegExp]>> = {
  CM: [SET, /^CM[^]{5}FORBIDDEN this server takes no wire that others can read[^\n]*$/],
  "CM, of which half has come,": [SET.subarray(0, 10), /^CM[^]{5}FORBIDDEN /],
  text: [utf8("SET k v\n"), /^ERR: FORBIDDEN this server takes no wire[^\n]*\n$/],
  stash: [utf8("SET\x001\0k\x001\0v\r\n"), /^ERR\r\n$/],
  RESP: [command("SET", "k", "v"), /^-NOPERM this server takes no wire[^\n]*\r\n$/],
  "RESP that begins with HELLO": [command("HELLO", "3", "AUTH", "default", "secret"), /^-NOPERM /],
};

for (const [dialect, [request, refusal]] of Object.entries(PLAIN)) {
  for (const host of ["127.0.0.1", "203.0.113.7"]) {
    Deno.test(`attack 12: a server that wants a secure wire refuses ${dialect} from ${host}, and carries out nothing`, async () => {
      await using world = new MemoryServer({ requireSecure: true, serverKey });
      const client = world.connect(host);
      client.send(request);
      client.send(SET);
      await settled();
      const answer = Array.from(client.written, (byte) => String.fromCharCode(byte)).join("");
      assert(refusal.test(answer), JSON.stringify(answer));
      assertEquals(client.hasEnded, true);
      await world.pass(1_000);
      assertEquals(client.isClosed, true);
    });
  }
}

Deno.test("attack 12: a ClientHello of TLS on the plain port is closed without an answer, and the log says what it was", async () => {
  for (const requireSecure of [false, true]) {
    const lines: string[] = [];
    await using world = new MemoryServer({ requireSecure, serverKey, log: (line) => void lines.push(line) });
    const client = world.connect();
    client.send(Uint8Array.of(0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0));
    await world.pass(1_000);
    assertEquals([client.writtenBytes, client.hasEnded, client.isClosed], [0, true, true]);
    if (!requireSecure) {
      assertEquals(lines, ["client 127.0.0.1:1024 speaks TLS, which this port does not speak: closed"]);
    }
  }
});
