/** How long a client may be silent, take to begin, and take for what it has begun. All on a clock that is turned by hand. */

import { assertEquals } from "@std/assert";
import { textOf, utf8 } from "../../lib/bytes.ts";
import { OPCODE } from "../../lib/codec/operations.ts";
import { createToken } from "../../lib/security/token.ts";
import type { ServeOptions } from "../../lib/server/serve_options.ts";
import { ServerKey } from "../../server.ts";
import { frame } from "../support/cm_frame.ts";
import { type MemoryPeer, MemoryServer, settled } from "../support/memory_server.ts";
import { command } from "../support/resp_frame.ts";

const PING = frame({ opcode: OPCODE.PING });
const { secret, token } = createToken({ name: "full", can: ["read", "write", "admin", "publish"] });
const ASKS: ServeOptions = { authentication: { tokens: [token] } };
const SECOND_MS = 1_000;

function deadlineTest(name: string, options: ServeOptions, run: (world: MemoryServer) => Promise<void>): void {
  Deno.test(name, async () => {
    await using world = new MemoryServer(options);
    await run(world);
  });
}

/** How long a connection lasts that sends something each second, to the second; at most a minute. */
async function secondsOpen(world: MemoryServer, peer: MemoryPeer, eachSecond?: Uint8Array): Promise<number> {
  for (let seconds = 0; seconds < 60; seconds++) {
    if (peer.isClosed) return seconds;
    if (eachSecond !== undefined) peer.send(eachSecond);
    await world.pass(SECOND_MS);
  }
  return Infinity;
}

deadlineTest(
  "a client may be silent for ever where nobody is asked, unless there is an idle timeout",
  {},
  async (world) => {
    // As programs do that open connections before they need them, and people who think before they type.
    const [client, silent] = [world.connect(), world.connect()];
    client.send(PING);
    await world.pass(3_600 * SECOND_MS);
    assertEquals([client.isClosed, silent.isClosed], [false, false]);
  },
);

deadlineTest(
  "idle timeout: a silent client is closed after it; who speaks, and who has subscribed, stays",
  { idleTimeoutMs: 30_000 },
  async (world) => {
    const [silent, busy, subscriber, former] = [world.connect(), world.connect(), world.connect(), world.connect()];
    for (const one of [silent, busy]) one.send(PING);
    subscriber.send(command("SUBSCRIBE", "news"));
    former.send(command("SUBSCRIBE", "news"));
    await world.pass(20_000);
    busy.send(PING);
    await world.pass(9_000);
    assertEquals(silent.isClosed, false);
    former.send(command("UNSUBSCRIBE", "news"));
    await world.pass(2_000);
    assertEquals([silent, busy, subscriber, former].map(({ isClosed }) => isClosed), [true, false, false, false]);
    await world.pass(30_000);
    assertEquals([busy, subscriber, former].map(({ isClosed }) => isClosed), [true, false, true]);
  },
);

/** What a client does instead of beginning: at once, and then each second. */
const NOT_BEGUN: Readonly<Record<string, [ServeOptions, Uint8Array?, Uint8Array?]>> = {
  "says nothing to a server that asks who it is": [ASKS],
  "says nothing to a server that wants a secure wire": [{ requireSecure: true }],
  "sends half a beginning": [{}, utf8("C")],
  "sends half a stash command": [{}, utf8("SE")],
  "has not said who it is and only asks whether the server is there": [ASKS, PING, PING],
  "has not said who it is and sends an empty line each second": [ASKS, utf8("\n"), utf8("\n")],
  "has not said who it is and is refused each second": [ASKS, command("GET", "k"), command("GET", "k")],
};

for (const [what, [options, first, eachSecond]] of Object.entries(NOT_BEGUN)) {
  for (const [handshakeTimeoutMs, seconds] of [[undefined, 5], [20_000, 20]] as const) {
    deadlineTest(
      `handshake deadline: a client that ${what} is closed after ${seconds} seconds`,
      { ...options, ...handshakeTimeoutMs !== undefined && { handshakeTimeoutMs } },
      async (world) => {
        const client = world.connect();
        if (first !== undefined) client.send(first);
        assertEquals(await secondsOpen(world, client, eachSecond), seconds);
      },
    );
  }
}

deadlineTest(
  "handshake deadline: who has said who it is in time stays, until it is nobody again",
  ASKS,
  async (world) => {
    const client = world.connect();
    await world.pass(4_000);
    client.send(command("AUTH", secret));
    await world.pass(60_000);
    assertEquals([client.isClosed, textOf(client.written)], [false, "+OK\r\n"]);
    client.send(command("RESET"));
    await world.pass(4_000);
    assertEquals(client.isClosed, false);
    await world.pass(3_000);
    assertEquals(client.isClosed, true);
  },
);

Deno.test("attack 16: a hello that comes byte by byte is closed at the deadline, and others are served", async () => {
  const serverKey = await ServerKey.generate();
  await using world = new MemoryServer({ serverKey });
  const slow = world.connect();
  let sent = 0;
  for (; !slow.isClosed && sent < 45; sent++) {
    slow.send(Uint8Array.of(sent === 0 ? 0xe0 : 0));
    await world.pass(SECOND_MS / 4);
  }
  assertEquals(slow.isClosed && sent <= 20, true, `${sent} bytes`);
  const other = world.connect();
  other.send(PING);
  await settled();
  assertEquals(other.writtenBytes, 7);
});

/** A request of each dialect, of which all but the last byte is sent. */
const STARTED: Readonly<Record<string, Uint8Array>> = {
  CM: frame({ opcode: OPCODE.SET, key: "k", value: "v" }),
  text: utf8("SET k v\n"),
  stash: utf8("SET\x001\0k\x001\0v\r\n"),
  RESP: command("SET", "k", "v"),
  "RESP, of which only the star has come,": utf8("*1"),
};

for (const [dialect, request] of Object.entries(STARTED)) {
  for (const [frameTimeoutMs, seconds] of [[undefined, 10], [20_000, 20]] as const) {
    deadlineTest(
      `frame deadline: a request in ${dialect} that is not completed ends after ${seconds} seconds, also byte by byte`,
      { ...frameTimeoutMs !== undefined && { frameTimeoutMs } },
      async (world) => {
        const started = world.connect(), trickle = world.connect();
        started.send(request.subarray(0, -1));
        // Enough to tell the dialect.
        const begun = Math.min(4, request.length - 1);
        trickle.send(request.subarray(0, begun));
        for (let second = 0; second < seconds; second++) {
          assertEquals([started.isClosed, trickle.isClosed], [false, false], `after ${second} s`);
          const at = begun + second;
          if (at < request.length - 1) trickle.send(request.subarray(at, at + 1));
          await world.pass(SECOND_MS);
        }
        // What was received earns a fraction of a millisecond each byte, and it is looked once a second.
        await world.pass(SECOND_MS);
        assertEquals([started.isClosed, trickle.isClosed], [true, true]);
        assertEquals([started.writtenBytes, trickle.writtenBytes], [0, 0]);
      },
    );
  }
}

deadlineTest(
  "frame deadline: a stream of requests that is never cut between two of them goes on",
  {},
  async (world) => {
    const client = world.connect(), request = frame({ opcode: OPCODE.PING, value: "x" });
    client.send(request.subarray(0, 9));
    for (let second = 0; second < 60; second++) {
      client.send(request.subarray(9));
      // The rest of one and the beginning of the next in one piece, as a pipeline is read.
      await settled();
      client.send(request.subarray(0, 9));
      await world.pass(SECOND_MS);
    }
    assertEquals([client.isClosed, client.writtenBytes], [false, 60 * 8]);
    const joined = world.connect(), both = new Uint8Array([...request.subarray(9), ...request.subarray(0, 9)]);
    joined.send(request.subarray(0, 9));
    for (let second = 0; second < 60; second++) {
      joined.send(both);
      await world.pass(SECOND_MS);
    }
    assertEquals([joined.isClosed, joined.writtenBytes], [false, 60 * 8]);
  },
);

deadlineTest(
  "frame deadline: it does not run while the server has to wait until the client reads",
  {},
  async (world) => {
    const client = world.connect();
    client.isReading = false;
    client.send(PING.subarray(0, 9));
    await world.pass(SECOND_MS);
    client.send(PING.subarray(9));
    await world.pass(60 * SECOND_MS);
    assertEquals(client.isClosed, false);
    client.readOn();
    await settled();
    assertEquals(client.writtenBytes, 7);
  },
);
