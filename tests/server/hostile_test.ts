/** What a hostile or broken client can do on a connection, and that nobody else notices. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import net from "node:net";
import { textOf } from "../../lib/bytes.ts";
import { serve } from "../../lib/server/serve.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { frame, reply } from "../support/cm_frame.ts";
import { canListen } from "../support/permissions.ts";
import { Random } from "../support/random.ts";
import { RawClient } from "../support/raw_client.ts";

const SET = 1, GET = 2, PING = 4, CLEAR = 19;
const OK = 1, NOT_FOUND = 0;
const MIB = 1024 * 1024;

function hostileTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !canListen, fn });
}

/** Connects and resets at once, so that no FIN is ever seen. */
async function connectAndReset(port: number, before?: Uint8Array): Promise<void> {
  const socket = net.connect(port, "127.0.0.1");
  await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  if (before !== undefined) await new Promise((resolve) => socket.write(before, resolve));
  socket.resetAndDestroy();
  await new Promise((resolve) => socket.once("close", resolve));
}

hostileTest("announced values of 4 GiB on 200 connections are refused without allocating (P1)", async () => {
  await using server = serve({ port: 0 });
  const announced = frame({ opcode: SET, key: "k", valueLength: 0xffff_ffff });
  const before = Deno.memoryUsage().external;
  for (let round = 0; round < 10; round++) {
    await Promise.all(Array.from({ length: 20 }, async () => {
      using client = await RawClient.connect(server.address);
      await client.send(announced);
      assertStringIncludes(textOf(await client.readToEnd()), "TOO_LARGE ");
    }));
  }
  const grown = Deno.memoryUsage().external - before;
  // What the test's own 20 × 64 KiB read buffers and the server's small ones leave for the collector.
  assert(grown < 40 * MIB, `external memory grew by ${grown} bytes`);
});

hostileTest("memory grows with the bytes received, not with those announced (P2)", async () => {
  await using server = serve({ port: 0 });
  const before = Deno.memoryUsage();
  const clients: RawClient[] = [];
  try {
    for (let i = 0; i < 100; i++) {
      const client = await RawClient.connect(server.address);
      clients.push(client);
      await client.send(frame({ opcode: SET, key: "k", value: new Uint8Array(1_024), valueLength: 16 * MIB }));
    }
    using other = await RawClient.connect(server.address);
    await other.exchange(frame({ opcode: PING }), reply(OK));
    const after = Deno.memoryUsage();
    const grown = after.external - before.external;
    assert(grown < 20 * MIB, `external memory grew by ${grown} bytes`);
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
});

hostileTest("a frame that never completes is cut at the deadline, and only it (C1)", async () => {
  const clock = new FakeClock();
  await using server = serve({ port: 0, clock, frameTimeoutMs: 10_000 });
  using started = await RawClient.connect(server.address);
  using idle = await RawClient.connect(server.address);
  await idle.exchange(frame({ opcode: PING }), reply(OK));
  await started.send(frame({ opcode: SET, key: "k", value: "v" }).subarray(0, 5));
  // A reply on another connection proves that the server has had its turn, but not that it has read the five bytes:
  // the deadline begins when it has, so go on until it strikes.
  const ended = started.readToEnd();
  let isOver = false;
  ended.then(() => isOver = true);
  let waitedMs = 0;
  for (; !isOver && waitedMs < 15_000; waitedMs += 500) {
    clock.advance(500);
    await idle.exchange(frame({ opcode: PING }), reply(OK));
  }
  assertEquals((await ended).length, 0);
  assert(waitedMs >= 10_000, `cut after ${waitedMs} ms`);
  await idle.exchange(frame({ opcode: GET, key: "k" }), reply(NOT_FOUND));
});

hostileTest("a trickle of bytes does not move the deadline of a started frame (C1)", async () => {
  const clock = new FakeClock();
  await using server = serve({ port: 0, clock, frameTimeoutMs: 10_000 });
  using slow = await RawClient.connect(server.address);
  using other = await RawClient.connect(server.address);
  const bytes = frame({ opcode: SET, key: "k", value: "a value that takes its time" });
  let sent = 0;
  let isOver = false;
  const ended = slow.readToEnd();
  ended.then(() => isOver = true);
  for (; !isOver && sent < bytes.length - 1; sent++) {
    await slow.send(bytes.subarray(sent, sent + 1)).catch(() => {});
    await other.exchange(frame({ opcode: PING }), reply(OK));
    clock.advance(1_000);
  }
  await ended;
  assert(sent <= 14, `still open after ${sent} seconds`);
  await other.exchange(frame({ opcode: GET, key: "k" }), reply(NOT_FOUND));
});

hostileTest("a large value that keeps coming is given the time it needs", async () => {
  const clock = new FakeClock();
  await using server = serve({ port: 0, clock, frameTimeoutMs: 1_000 });
  using client = await RawClient.connect(server.address);
  using other = await RawClient.connect(server.address);
  const bytes = frame({ opcode: SET, key: "k", value: new Uint8Array(MIB).fill(1) });
  for (let at = 0; at < bytes.length; at += 64 * 1024) {
    await client.send(bytes.subarray(at, at + 64 * 1024));
    for (let i = 0; i < 5; i++) await other.exchange(frame({ opcode: PING }), reply(OK));
    clock.advance(1_000);
  }
  assertEquals(await client.read(7), reply(OK));
});

hostileTest("1,000 connections at once are all served", async () => {
  await using server = serve({ port: 0 });
  const clients = await Promise.all(Array.from({ length: 1_000 }, () => RawClient.connect(server.address)));
  try {
    await Promise.all(clients.map(async (client, i) => {
      await client.exchange(frame({ opcode: SET, key: `k${i}`, value: `v${i}` }), reply(OK));
      await client.exchange(frame({ opcode: GET, key: `k${i}` }), reply(OK, `v${i}`));
    }));
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
});

hostileTest("random bytes on 200 connections crash nothing and lose nothing", async () => {
  const random = new Random();
  const engine = new Engine();
  await using server = serve({ port: 0, store: engine });
  using witness = await RawClient.connect(server.address);
  await witness.exchange(frame({ opcode: SET, key: "witness", value: "stays" }), reply(OK));
  await Promise.all(Array.from({ length: 200 }, async (_, i) => {
    using client = await RawClient.connect(server.address);
    const bytes = random.bytes(1 + random.below(300));
    // Half of them look like a frame at first, but can neither name the witness nor announce a long wait, nor clear all.
    const opcode = 1 + random.below(30);
    if (i % 2 === 0 && opcode !== CLEAR) {
      bytes.set(frame({ opcode, key: "", valueLength: 0 }).subarray(0, bytes.length));
    }
    await client.send(bytes).catch(() => {});
    await client.connection.closeWrite().catch(() => {});
    await client.readToEnd();
  }));
  await witness.exchange(frame({ opcode: GET, key: "witness" }), reply(OK, "stays"));
  engine.verify();
});

hostileTest("clients that connect and reset at once leave the server accepting (C5)", async () => {
  const lines: string[] = [];
  await using server = serve({ port: 0, log: (line) => lines.push(line) });
  for (let round = 0; round < 20; round++) {
    await Promise.all(Array.from({ length: 50 }, () => connectAndReset(server.address.port)));
  }
  using client = await RawClient.connect(server.address);
  await client.exchange(frame({ opcode: PING }), reply(OK));
  assertEquals(lines, []);
});

hostileTest(
  "clients that reset in the middle of a command, or end in the middle of a value, harm nobody (C5)",
  async () => {
    const engine = new Engine();
    const lines: string[] = [];
    await using server = serve({ port: 0, store: engine, log: (line) => lines.push(line) });
    const whole = frame({ opcode: SET, key: "k", value: "value" });
    for (let cut = 1; cut < whole.length; cut++) {
      await connectAndReset(server.address.port, whole.subarray(0, cut));
      using client = await RawClient.connect(server.address);
      await client.send(whole.subarray(0, cut));
      await client.connection.closeWrite();
      assertEquals(await client.readToEnd(), new Uint8Array(0));
    }
    using client = await RawClient.connect(server.address);
    await client.exchange(frame({ opcode: GET, key: "k" }), reply(NOT_FOUND));
    assertEquals(engine.stats().entries, 0);
    assertEquals(lines, []);
  },
);

hostileTest("a client that does not read its replies is not read from either, and others go on", async () => {
  await using server = serve({ port: 0 });
  using greedy = await RawClient.connect(server.address);
  using other = await RawClient.connect(server.address);
  await greedy.exchange(frame({ opcode: SET, key: "k", value: new Uint8Array(4 * MIB) }), reply(OK));
  const before = Deno.memoryUsage().external;
  const requests = frame({ opcode: GET, key: "k" });
  for (let i = 0; i < 500; i++) await greedy.send(requests);
  await other.exchange(frame({ opcode: PING }), reply(OK));
  const grown = Deno.memoryUsage().external - before;
  assert(grown < 20 * MIB, `external memory grew by ${grown} bytes`);
});

hostileTest("a listener without descriptors is asked again after a pause, not in a busy loop (C4)", async () => {
  const clock = new FakeClock();
  const real = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let failures = 0;
  const exhausted = {
    addr: real.addr,
    close: () => real.close(),
    accept() {
      if (failures++ < 3) return Promise.reject(Object.assign(new Error("Too many open files"), { code: "EMFILE" }));
      return real.accept();
    },
  } as unknown as Deno.TcpListener;
  await using server = serve({ listener: exhausted, clock });
  const connecting = RawClient.connect(server.address);
  for (let expected = 1; expected <= 3; expected++) {
    await connecting;
    assertEquals(failures, expected);
    clock.advance(50);
    await new Promise((resolve) => queueMicrotask(() => queueMicrotask(() => resolve(undefined))));
  }
  using client = await connecting;
  await client.exchange(frame({ opcode: PING }), reply(OK));
});
