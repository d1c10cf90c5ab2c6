/** How many clients there may be, in all and from one address. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { textOf, utf8 } from "../../lib/bytes.ts";
import { OPCODE } from "../../lib/codec/operations.ts";
import { ConnectionLimits, FULL } from "../../lib/server/connection_limits.ts";
import { networkOf, THIS_MACHINE } from "../../lib/security/peer_network.ts";
import { ServerKey } from "../../server.ts";
import { frame } from "../support/cm_frame.ts";
import { type MemoryPeer, MemoryServer, settled } from "../support/memory_server.ts";
import { Random } from "../support/random.ts";
import { command } from "../support/resp_frame.ts";

const PING = frame({ opcode: OPCODE.PING });
const [HERE, THERE, ELSEWHERE] = ["203.0.113.7", "203.0.113.8", "198.51.100.1"] as const;

/** Whether a connection is served. */
async function isServed(peer: MemoryPeer): Promise<boolean> {
  peer.send(PING);
  await settled();
  return textOf(peer.written).startsWith("CM\x01");
}

Deno.test("so many clients per address, so many in all, and each that leaves makes room for one", () => {
  const limits = new ConnectionLimits(5, 2);
  assertEquals([limits.admit(HERE), limits.admit(HERE), limits.admit(HERE)], [undefined, undefined, FULL.address]);
  assertEquals([limits.admit(THERE), limits.admit(ELSEWHERE)], [undefined, undefined]);
  assertEquals([limits.admit(THERE), limits.admit(THERE)], [undefined, FULL.server]);
  limits.leave(HERE);
  assertEquals([limits.admit(THERE), limits.admit(HERE), limits.admit(HERE)], [FULL.address, undefined, FULL.server]);
});

Deno.test("this machine may have as many clients as it likes, but no more than there may be in all", () => {
  const limits = new ConnectionLimits(4, 1);
  for (const host of ["127.0.0.1", "127.9.9.9", "::1", undefined]) {
    assertEquals(limits.admit(networkOf(host)), undefined);
  }
  assertEquals(limits.admit(THIS_MACHINE), FULL.server);
});

Deno.test("whatever comes and goes, a limit counts who is there", () => {
  const random = new Random();
  const limits = new ConnectionLimits(20, 6);
  const there: string[] = [];
  for (let step = 0; step < 20_000; step++) {
    if (random.below(2) === 0 && there.length > 0) {
      limits.leave(there.splice(random.below(there.length), 1)[0]!);
      continue;
    }
    const network = ["a", "b", "c", "d", THIS_MACHINE][random.below(5)]!;
    const fromThere = there.filter((one) => one === network).length;
    const expected = there.length === 20
      ? FULL.server
      : network !== THIS_MACHINE && fromThere === 6
      ? FULL.address
      : undefined;
    assertEquals(limits.admit(network), expected);
    if (expected === undefined) there.push(network);
  }
});

Deno.test("the next client from one address is told BUSY and closed; other addresses, and this machine, are served", async () => {
  await using world = new MemoryServer({ maxClientsPerAddress: 2 });
  const [first, second] = [world.connect(HERE), world.connect(HERE)];
  assert(await isServed(first) && await isServed(second));
  const third = world.connect(HERE);
  third.send(utf8("GET k\n"));
  await settled();
  assertEquals(textOf(third.written), `ERR: BUSY ${FULL.address}\n`);
  assertEquals(third.hasEnded, true);
  await world.pass(1_000);
  assertEquals(third.isClosed, true);
  for (const host of [THERE, "127.0.0.1", "127.0.0.1", "127.0.0.1", "::1"]) assert(await isServed(world.connect(host)));
  second.leave();
  await settled();
  assert(await isServed(world.connect(HERE)), "there is room again");
  assert(!await isServed(world.connect(HERE)), "but for one");
});

/** What clients begin with, and how they are told that there is no room. */
const TOLD: Readonly<Record<string, [Uint8Array, string]>> = {
  CM: [
    frame({ opcode: OPCODE.SET, key: "k", value: "v" }),
    `CM\x02\0\0\0${String.fromCharCode(5 + FULL.server.length)}BUSY ${FULL.server}`,
  ],
  RESP: [command("SET", "k", "v"), `-BUSY ${FULL.server}\r\n`],
  text: [utf8("SET k v\n"), `ERR: BUSY ${FULL.server}\n`],
  stash: [utf8("SET\x001\0k\x001\0v\r\n"), "ERR\r\n"],
  "a secure channel": [Uint8Array.of(0xe0, 0, 0, 0, 40), "\xef\0\0\0\x01"],
};

for (const [dialect, [request, answer]] of Object.entries(TOLD)) {
  Deno.test(`a client that there is no room for is told so in ${dialect}, and nothing is carried out`, async () => {
    await using world = new MemoryServer({ maxClients: 1, serverKey: await ServerKey.generate() });
    const only = world.connect();
    assert(await isServed(only));
    const next = world.connect();
    next.send(request);
    await settled();
    assertStringIncludes(String.fromCharCode(...next.written), answer);
    assertEquals(next.hasEnded, true);
    only.send(frame({ opcode: OPCODE.EXISTS, key: "k" }));
    await settled();
    assertEquals(only.written.at(7 + 2), 0);
  });
}

Deno.test("who is turned away and says nothing is told in text, and is gone after 550 ms; who comes late is not waited for", async () => {
  await using world = new MemoryServer({ maxClients: 1 });
  assert(await isServed(world.connect()));
  const silent = world.connect();
  await settled();
  world.clock.advance(49);
  await settled();
  assertEquals(silent.writtenBytes, 0);
  world.clock.advance(1);
  await settled();
  assertEquals(textOf(silent.written), `ERR: BUSY ${FULL.server}\n`);
  world.clock.advance(499);
  await settled();
  assertEquals(silent.isClosed, false);
  world.clock.advance(1);
  await settled();
  assertEquals(silent.isClosed, true);
});

Deno.test("who is turned away and does not read is closed all the same, and at most 128 are told at once", async () => {
  await using world = new MemoryServer({ maxClients: 1 });
  const only = world.connect();
  assert(await isServed(only));
  const crowd = Array.from({ length: 200 }, () => world.connect());
  for (const one of crowd) {
    one.isReading = false;
    one.send(PING);
  }
  await settled();
  assertEquals(crowd.filter(({ isClosed }) => isClosed).length, 200 - 128);
  await world.pass(1_000);
  assertEquals(crowd.filter(({ isClosed }) => isClosed).length, 200);
  assert(await isServed(only));
});

Deno.test("addresses of one IPv6 network of 64 bits count as one", async () => {
  await using world = new MemoryServer({ maxClientsPerAddress: 2 });
  assert(await isServed(world.connect("2001:db8:1:2::1")));
  assert(await isServed(world.connect("2001:db8:1:2:ffff:ffff:ffff:ffff")));
  assert(!await isServed(world.connect("2001:db8:1:2:3::4")));
  assert(await isServed(world.connect("2001:db8:1:3::1")));
  assert(await isServed(world.connect("::ffff:203.0.113.7")));
  assert(await isServed(world.connect("203.0.113.7")));
  assert(!await isServed(world.connect("203.0.113.7")), "an IPv4 address is one however it is written");
});

/** Ways in which a connection comes to nothing before it was served. */
const FAILURES: Readonly<Record<string, (peer: MemoryPeer) => void>> = {
  "leaves at once": (peer) => peer.leave(),
  "leaves in the middle of a request": (peer) => {
    peer.send(PING.subarray(0, 5));
    peer.leave();
  },
  "begins a channel and leaves": (peer) => {
    peer.send(Uint8Array.of(0xe0, 0, 0, 0, 40));
    peer.leave();
  },
  "begins a channel of a length that there is not": (peer) => peer.send(Uint8Array.of(0xe0, 0xff, 0xff, 0xff, 0xff)),
  "begins a channel and sends a point of low order": (peer) => {
    const hello = new Uint8Array(45);
    hello.set([0xe0, 0, 0, 0, 40]);
    peer.send(hello);
  },
  "begins a channel and says no more": (peer) => peer.send(Uint8Array.of(0xe0)),
  "speaks TLS": (peer) => {
    peer.send(Uint8Array.of(0x16, 3, 1, 0, 5, 1));
    peer.leave();
  },
};

for (const [what, fail] of Object.entries(FAILURES)) {
  Deno.test(`no place is lost to a client that ${what}`, async () => {
    await using world = new MemoryServer({
      maxClients: 2,
      maxClientsPerAddress: 1,
      serverKey: await ServerKey.generate(),
    });
    for (let round = 0; round < 10; round++) {
      const hopeless = world.connect(HERE);
      await settled();
      fail(hopeless);
      await world.pass(6_000);
      assertEquals(hopeless.isClosed, true);
    }
    assert(await isServed(world.connect(HERE)));
    assert(await isServed(world.connect(THERE)));
    assert(!await isServed(world.connect(ELSEWHERE)));
  });
}
