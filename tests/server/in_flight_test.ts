/** What the server holds of a client that does not read: counted in bytes that it has read and wants to write. */

import { concat } from "@std/bytes";
import { assert, assertEquals } from "@std/assert";
import { utf8 } from "../../lib/bytes.ts";
import { OPCODE } from "../../lib/codec/operations.ts";
import { BUFFER_BYTES, REPLY_FLUSH_BYTES } from "../../lib/limits.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { frame } from "../support/cm_frame.ts";
import { MemoryServer, settled, until } from "../support/memory_server.ts";
import { command } from "../support/resp_frame.ts";

const { GET, SET, PING, PUBLISH } = OPCODE;
const LARGE = new Uint8Array(64 * 1024).fill(0x76);
const LARGEST_READ_BYTES = BUFFER_BYTES.at(-1)!;
/** What a reply has beside its value, in any dialect. */
const REPLY_HEADER_BYTES = 32;
const MIB = 1024 * 1024;
const ANSWERED = 7;

/** A request for a large value, and what its answer takes. */
const GREEDY: Readonly<Record<string, [Uint8Array, number]>> = {
  CM: [frame({ opcode: GET, key: "large" }), 7 + LARGE.length],
  text: [utf8("GET large\n"), LARGE.length + 1],
  stash: [utf8("GET\x005\0large\r\n"), LARGE.length + 2],
  RESP: [command("GET", "large"), 8 + LARGE.length + 2],
};

async function store(world: MemoryServer, key: string, value: Uint8Array): Promise<void> {
  const client = world.connect();
  client.send(frame({ opcode: SET, key, value }));
  await until(() => client.writtenBytes >= ANSWERED);
  assertEquals(client.writtenBytes, ANSWERED);
  client.leave();
}

/** Whether others are served. */
async function isServing(world: MemoryServer): Promise<boolean> {
  const other = world.connect();
  other.send(frame({ opcode: PING }));
  await settled();
  other.leave();
  return other.writtenBytes === ANSWERED;
}

for (const [dialect, [request, answerBytes]] of Object.entries(GREEDY)) {
  Deno.test(`${dialect}: of a client that asks 10,000 times for 64 KiB and never reads, one read and one write are held (C7)`, async () => {
    const engine = new Engine();
    await using world = new MemoryServer({ store: engine });
    await store(world, "large", LARGE);
    const greedy = world.connect();
    greedy.isReading = false;
    greedy.send(concat(Array<Uint8Array>(10_000).fill(request)));
    await world.pass(60_000);
    assert(greedy.readBytes <= LARGEST_READ_BYTES, `${greedy.readBytes} bytes were read`);
    assert(greedy.largestRoomBytes <= LARGEST_READ_BYTES, `${greedy.largestRoomBytes} bytes of room`);
    const most = REPLY_FLUSH_BYTES + LARGE.length + REPLY_HEADER_BYTES;
    assert(greedy.longestWriteBytes <= most, `${greedy.longestWriteBytes} bytes wait to be written`);
    assert(engine.stats().hits <= 2, `${engine.stats().hits} requests were carried out`);
    assertEquals([greedy.isClosed, greedy.writtenBytes], [false, 0]);
    assert(await isServing(world));
  });

  Deno.test(`${dialect}: once such a client reads, it gets every answer`, async () => {
    await using world = new MemoryServer();
    await store(world, "large", LARGE);
    const slow = world.connect(), times = 300;
    slow.isReading = false;
    slow.send(concat(Array<Uint8Array>(times).fill(request)));
    await settled();
    slow.readOn();
    await until(() => slow.writtenBytes >= times * answerBytes);
    assertEquals(slow.writtenBytes, times * answerBytes);
  });
}

Deno.test("a pipeline of 16 MiB is read in pieces of at most 64 KiB, whether its client reads or not", async () => {
  await using world = new MemoryServer();
  const pings = concat(Array<Uint8Array>(16 * MIB / 32).fill(frame({ opcode: PING, value: "x".repeat(15) })));
  assertEquals(pings.length, 16 * MIB);
  const reading = world.connect(), silent = world.connect();
  silent.isReading = false;
  for (const one of [reading, silent]) one.send(pings);
  await until(() => reading.writtenBytes >= pings.length / 32 * 22);
  assertEquals([reading.readBytes, reading.writtenBytes], [pings.length, pings.length / 32 * 22]);
  for (const one of [reading, silent]) {
    assert(one.largestRoomBytes <= LARGEST_READ_BYTES, `${one.largestRoomBytes} bytes of room`);
    assert(one.longestWriteBytes <= REPLY_FLUSH_BYTES + REPLY_HEADER_BYTES, `${one.longestWriteBytes} in one write`);
  }
  assert(silent.readBytes <= LARGEST_READ_BYTES, `${silent.readBytes} bytes were read`);
  assertEquals(silent.writtenBytes, 0);
});

Deno.test("of a value that is sent, at most twice is held of what has come, whatever was announced", async () => {
  await using world = new MemoryServer();
  const client = world.connect(), bytes = frame({ opcode: SET, key: "k", value: new Uint8Array(8 * MIB) });
  for (let at = 0; at < bytes.length; at += 100_000) {
    client.send(bytes.subarray(at, at + 100_000));
    await settled();
    assert(client.readBytes + client.largestRoomBytes <= 2 * Math.max(client.readBytes, LARGEST_READ_BYTES) + 1);
  }
  assertEquals(client.writtenBytes, ANSWERED);
});

const SUBSCRIBERS: Readonly<Record<string, [Uint8Array, number]>> = {
  CM: [frame({ opcode: OPCODE.SUBSCRIBE, key: "news" }), 7 + 2 + 4],
  RESP: [command("SUBSCRIBE", "news"), utf8("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1000\r\n\r\n").length],
};

for (const [dialect, [request, overheadBytes]] of Object.entries(SUBSCRIBERS)) {
  Deno.test(`${dialect}: a subscriber that does not read is closed with the message that is too much, and no other one (C6)`, async () => {
    const lines: string[] = [];
    const message = new Uint8Array(1_000), eachBytes = overheadBytes + message.length, maxPendingBytes = 100_000;
    await using world = new MemoryServer({ maxPendingBytes, log: (line) => void lines.push(line) });
    const subscribers = [world.connect(), world.connect()] as const, publisher = world.connect();
    for (const one of subscribers) one.send(request);
    await settled();
    const [sleeper, reader] = subscribers, confirmedBytes = reader.writtenBytes;
    sleeper.isReading = false;
    const publish = async (): Promise<number> => {
      publisher.send(frame({ opcode: PUBLISH, key: "news", value: message }));
      await settled();
      return publisher.written.at(-1)!;
    };
    const fitting = Math.floor(maxPendingBytes / eachBytes);
    for (let i = 0; i < fitting; i++) assertEquals(await publish(), 2);
    assertEquals([sleeper.isClosed, lines.length], [false, 0]);
    await publish();
    assertEquals([sleeper.isClosed, lines.length], [true, 1]);
    assertEquals(await publish(), 1, "one subscriber is left");
    assertEquals(reader.writtenBytes, confirmedBytes + (fitting + 2) * eachBytes);
  });
}

Deno.test("a client that publishes to itself and does not read is not read from either", async () => {
  await using world = new MemoryServer();
  const client = world.connect();
  client.isReading = false;
  client.send(concat([command("HELLO", "3"), command("SUBSCRIBE", "news")]));
  client.send(concat(Array<Uint8Array>(1_000).fill(command("PUBLISH", "news", new Uint8Array(1_000)))));
  await settled();
  assert(client.longestWriteBytes <= 2 * REPLY_FLUSH_BYTES, `${client.longestWriteBytes} bytes wait to be written`);
  assert(client.readBytes <= 2 * LARGEST_READ_BYTES, `${client.readBytes} bytes were read`);
  assert(await isServing(world));
});
