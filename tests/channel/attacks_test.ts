/**
 * The attacks of CRYPTO.md §7 on the way between client and server, 11 to 17. Those on lengths and limits that need no
 * channel are in record_reader_test.ts and cipher_state_test.ts.
 *
 * @module
 */

import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { concat } from "@std/bytes";
import { textOf, utf8 } from "../../lib/bytes.ts";
import { acceptChannel, type AcceptOptions } from "../../lib/channel/accept_channel.ts";
import { ChannelError, type ChannelFailure, HandshakeError } from "../../lib/channel/channel_error.ts";
import { ChannelStream } from "../../lib/channel/channel_stream.ts";
import { CipherState } from "../../lib/channel/cipher_state.ts";
import { ClientHandshake, ServerHandshake } from "../../lib/channel/handshake.ts";
import { HandshakeSlots } from "../../lib/channel/handshake_slots.ts";
import { newHello, prologueOf, putKey } from "../../lib/channel/hello.ts";
import { openChannel } from "../../lib/channel/open_channel.ts";
import { Opcode, recordOf } from "../../lib/channel/record_layout.ts";
import { ServerKey } from "../../lib/channel/server_key.ts";
import { generateX25519 } from "../../lib/crypto/subtle.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { Random } from "../support/random.ts";
import { LOW_ORDER_POINTS } from "./low_order_points.ts";
import {
  connect,
  type Connected,
  keptRecords,
  MemoryStream,
  readAll,
  readSome,
  serverKey,
  settle,
  wire,
} from "./memory_stream.ts";

const PINS = [serverKey.keyPair.publicKey];
const NOTHING = new Uint8Array(0);
const HELLO_BYTES = 45;

function acceptOptions(
  clock: FakeClock = new FakeClock(),
  slots: HandshakeSlots = new HandshakeSlots(),
): AcceptOptions {
  return { clock, slots, mustAuthenticate: true };
}

/** Opens a channel to somebody who answers to the hello with these bytes, and then is gone or not. */
async function openTo(answer: (hello: Uint8Array<ArrayBuffer>) => Uint8Array | Promise<Uint8Array>): Promise<{
  error: HandshakeError;
  sent: Uint8Array;
}> {
  const stream = new MemoryStream();
  stream.onWrite = async (hello) => {
    stream.onWrite = () => {};
    stream.deliver(await answer(hello as Uint8Array<ArrayBuffer>));
    stream.end();
  };
  const clock = new FakeClock();
  const error = await assertRejects(() => openChannel(stream, PINS, { clock }), HandshakeError);
  assertEquals([stream.isClosed, clock.pendingTimers], [true, 0]);
  return { error, sent: stream.sent };
}

/** What the real server answers to a hello, whoever has sent it. */
async function answerOf(hello: Uint8Array, key = serverKey): Promise<Uint8Array> {
  const stream = new MemoryStream();
  const channel = await acceptChannel(stream, key, hello, acceptOptions());
  const { sent } = stream;
  channel.close();
  return sent;
}

Deno.test("attack 11: a server with another key gets the 45 bytes of the hello, and the client names both keys", async () => {
  const other = await ServerKey.generate();
  const { error, sent } = await openTo((hello) => answerOf(hello, other));
  assertEquals([sent.length, error.reason, error.code], [HELLO_BYTES, "wrong-key", "UNTRUSTED"]);
  for (const part of [serverKey.pin, serverKey.fingerprint, other.pin, other.fingerprint]) {
    assert(error.message.includes(part), error.message);
  }
});

Deno.test("attack 11: whoever is in between with keys of his own gets nothing either, from a client with several pins", async () => {
  const mallory = await ServerKey.generate();
  const [clientEnd, between] = wire();
  const retired = await ServerKey.generate();
  const opening = openChannel(clientEnd, [retired.keyPair.publicKey, ...PINS], { clock: new FakeClock() });
  opening.catch(() => {});
  const channel = await acceptChannel(between, mallory, NOTHING, acceptOptions());
  await assertRejects(() => readSome(channel), ChannelError, "without the word that nothing more comes");
  await assertRejects(() => opening, HandshakeError, retired.fingerprint);
  assertEquals(clientEnd.sent.length, HELLO_BYTES);
});

Deno.test("attack 12: a hello of which anything was changed on the way ends the handshake, with nothing more sent", async () => {
  for (let bit = 0; bit < 8 * HELLO_BYTES; bit++) {
    const { error, sent } = await openTo(async (hello) => {
      const changed = hello.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      const stream = new MemoryStream();
      stream.end();
      const accepted = acceptChannel(stream, serverKey, changed, acceptOptions());
      await accepted.then((channel) => channel.close(), () => {});
      return stream.sent;
    });
    const where = `bit ${bit}: ${error.message}`;
    assertEquals(sent.length, HELLO_BYTES, where);
    assert(["refused", "tampered", "cut"].includes(error.reason), where);
  }
});

Deno.test("attack 12: a server rejects what it does not speak with a code, and closes", async () => {
  const cases: [at: number, value: number, code: number][] = [
    [9, 0, 1],
    [10, 2, 1],
    [11, 0, 2],
    [11, 2, 2],
    [11, 255, 2],
    [12, 1, 3],
    [12, 128, 3],
  ];
  for (const [at, value, code] of cases) {
    const stream = new MemoryStream();
    const hello = newHello();
    hello[at] = value;
    const error = await assertRejects(() => acceptChannel(stream, serverKey, hello, acceptOptions()), HandshakeError);
    assertEquals([error.reason, stream.sent.toHex(), stream.isClosed], ["refused", `ef000000010${code}`, true]);
  }
});

Deno.test("a server speaks this version with a client that would also speak a later one", async () => {
  const hello = newHello();
  hello[9] = 7;
  const handshake = new ClientHandshake(prologueOf(hello), await generateX25519());
  putKey(hello, await handshake.start());
  const answer = await answerOf(hello);
  const learned = await handshake.finish(answer.slice(5) as Uint8Array<ArrayBuffer>);
  assertEquals(JSON.parse(textOf(learned!.payload)).v, 1);
});

Deno.test("attack 12: a rejection is a text for people, whoever sent it, and nothing more is tried", async () => {
  const texts = ["this version", "this cipher suite", "a flag", "no room", "no key", "code 6"];
  for (const [i, text] of texts.entries()) {
    const { error, sent } = await openTo(() => Uint8Array.of(0xef, 0, 0, 0, 1, i + 1));
    assertEquals([error.reason, error.code, sent.length], ["refused", "UNREACHABLE", HELLO_BYTES]);
    assert(error.message.includes(text), error.message);
    assert(error.message.includes("or somebody in its place"), error.message);
  }
});

Deno.test("attack 12: an answer in plaintext, or of a wrong length, is none", async () => {
  const answers: [Uint8Array, ChannelFailure][] = [
    [utf8("-ERR unknown command\r\n"), "malformed"],
    [utf8("+OK\r\n"), "malformed"],
    [utf8("ERR\r\n"), "malformed"],
    [Uint8Array.fromHex("434d0100000000"), "malformed"],
    [Uint8Array.fromHex("15030300020228"), "malformed"],
    [recordOf(Opcode.DATA, new Uint8Array(16)), "malformed"],
    [recordOf(Opcode.HELLO, new Uint8Array(40)), "malformed"],
    [recordOf(Opcode.REJECT, new Uint8Array(2)), "malformed"],
    [recordOf(Opcode.REPLY, new Uint8Array(95)), "malformed"],
    [recordOf(Opcode.REPLY, new Uint8Array(96 + 1025)), "malformed"],
    [Uint8Array.fromHex("e1ffffffff"), "malformed"],
    [recordOf(Opcode.REPLY, new Uint8Array(96)), "tampered"],
    [recordOf(Opcode.REPLY, crypto.getRandomValues(new Uint8Array(121))), "tampered"],
    [NOTHING, "cut"],
    [Uint8Array.of(0xe1, 0, 0), "cut"],
    [Uint8Array.of(0xef, 0, 0, 0, 1), "cut"],
    [recordOf(Opcode.REPLY, new Uint8Array(121)).slice(0, -1), "cut"],
  ];
  for (const [answer, reason] of answers) {
    const { error, sent } = await openTo(() => answer);
    assertEquals([error.reason, sent.length], [reason, HELLO_BYTES], answer.toHex());
    assertEquals(error.code, reason === "cut" ? "UNREACHABLE" : "UNTRUSTED");
  }
});

Deno.test("attack 12: an answer of which any byte was changed is none", async () => {
  for (let at = 0; at < 5 + 32 + 48 + 41; at++) {
    const { sent } = await openTo(async (hello) => {
      const answer = await answerOf(hello);
      answer[at]! ^= 0x10;
      return answer;
    });
    assertEquals(sent.length, HELLO_BYTES, `byte ${at}`);
  }
});

Deno.test("terms that no server may have are refused, those of servers to come are not", async () => {
  const open = async (terms: string | Uint8Array) => {
    const stream = new MemoryStream();
    stream.onWrite = async (hello) => {
      stream.onWrite = () => {};
      const prologue = prologueOf(hello as Uint8Array<ArrayBuffer>);
      const handshake = new ServerHandshake(prologue, serverKey.keyPair, await generateX25519());
      const payload = typeof terms === "string" ? utf8(terms) : new Uint8Array(terms);
      stream.deliver(recordOf(Opcode.REPLY, (await handshake.answer(hello.slice(13), payload))!));
    };
    return await openChannel(stream, PINS, { clock: new FakeClock() });
  };
  const wrong = [
    ...[
      "",
      "{",
      "[1]",
      "null",
      "1",
      '"x"',
      "{}",
      '{"v":2,"maxRecord":65535}',
      '{"v":1}',
      '{"v":1,"maxRecord":"65535"}',
    ],
    ...[
      '{"v":1,"maxRecord":1023}',
      '{"v":1,"maxRecord":-1}',
      '{"v":1,"maxRecord":2000.5}',
      '{"v":1,"maxRecord":1e999}',
    ],
    ...['{"v":1,"maxRecord":65535,"maxRecordBeforeAuth":10}', Uint8Array.of(0xff, 0xfe)],
  ];
  for (const terms of wrong) {
    const error = await assertRejects(() => open(terms), HandshakeError, undefined, String(terms));
    assertEquals(error.reason, "malformed", String(terms));
  }
  for (const terms of ['{"v":1,"maxRecord":1024}', '{"v":1,"maxRecord":16777216,"new":[1]}']) {
    (await open(terms)).close();
  }
});

Deno.test("attack 13: a server closes on a hello with a point of low order, and answers nothing", async () => {
  for (const point of LOW_ORDER_POINTS) {
    const stream = new MemoryStream();
    const hello = newHello();
    putKey(hello, point);
    const error = await assertRejects(() => acceptChannel(stream, serverKey, hello, acceptOptions()), HandshakeError);
    assertEquals([error.reason, stream.writes.length, stream.isClosed], ["tampered", 0, true]);
  }
});

Deno.test("attack 13: a client closes on an answer with a point of low order, whichever of its keys that is", async () => {
  for (const point of LOW_ORDER_POINTS) {
    const { privateKey } = await generateX25519();
    const asEphemeral = await openTo(async (hello) => {
      const answer = await answerOf(hello);
      answer.set(point, 5);
      return answer;
    });
    // One who claims to have such a key needs no private one: all that he shares with the client is known.
    const asStatic = await openTo(async (hello) => {
      const state = new ServerHandshake(prologueOf(hello), { privateKey, publicKey: point }, await generateX25519());
      return recordOf(Opcode.REPLY, (await state.answer(hello.slice(13), NOTHING))!);
    });
    for (const { error, sent } of [asEphemeral, asStatic]) {
      assertEquals([error.reason, error.code, sent.length], ["tampered", "UNTRUSTED", HELLO_BYTES]);
    }
  }
});

/** What may become of two records on the way. */
const TAMPERINGS: Record<string, (first: Uint8Array, second: Uint8Array) => Uint8Array[]> = {
  "another opcode": (first) => [changed(first, 0, 0x01)],
  "a reply's opcode": (first) => [changed(first, 0, 0x03)],
  "a shorter length": (first, second) => [changed(first, 4, 0x01), second],
  "a longer length": (first, second) => [changed(first, 4, 0x40), second, second, second],
  "a changed body": (first) => [changed(first, 5, 0x01)],
  "a changed tag": (first) => [changed(first, first.length - 1, 0x80)],
  "the second one first": (first, second) => [second, first],
  "only the second one": (_, second) => [second],
  "no body": (first) => [recordOf(Opcode.DATA, first.subarray(first.length - 16))],
  "a forged end": () => [recordOf(Opcode.DATA, new Uint8Array(16))],
  "plaintext": () => [utf8("SET key value\r\n")],
  "noise": () => [recordOf(Opcode.DATA, crypto.getRandomValues(new Uint8Array(40)))],
};

function changed(record: Uint8Array, at: number, bits: number): Uint8Array {
  const copy = record.slice();
  copy[at]! ^= bits;
  return copy;
}

for (const [what, tamper] of Object.entries(TAMPERINGS)) {
  Deno.test(`attack 14: ${what} in place of a record closes the channel without a word, and nothing is read`, async () => {
    // Short enough for node:crypto, and long enough for WebCrypto.
    for (const size of [1, 3_000]) {
      const connected = await connect();
      const value = "value".repeat(size);
      const [first, second] = await keptRecords(connected, `SET key-1 ${value}`, `SET key-2 ${value}`);
      connected.serverEnd.deliver(concat(tamper(first!, second!)));
      await assertBroken(connected);
    }
  });
}

/** The server's side notices, tells nobody anything, and stays closed. */
async function assertBroken({ server, serverEnd }: Connected): Promise<void> {
  const error = await assertRejects(() => readSome(server), ChannelError);
  assert(error.reason === "tampered" || error.reason === "malformed", error.message);
  assert(!/SET|value/.test(error.message), error.message);
  assertEquals([serverEnd.writes.length, serverEnd.isClosed, error.code], [0, true, "DISCONNECTED"]);
  for (const again of [() => readSome(server), () => server.write(utf8("x")), () => server.closeWrite()]) {
    assertEquals(await assertRejects(again, ChannelError), error);
  }
  server.close();
  assertEquals(serverEnd.writes.length, 0);
}

Deno.test("attack 14: a record that comes again is refused", async () => {
  const connected = await connect();
  const [record] = await keptRecords(connected, "INCR counter");
  connected.serverEnd.deliver(record!);
  assertEquals(textOf((await readSome(connected.server))!), "INCR counter");
  connected.serverEnd.deliver(record!);
  await assertBroken(connected);
});

Deno.test("attack 14: of records that come at once, none is read if one is not right", async () => {
  const connected = await connect();
  const records = await keptRecords(connected, "SET a 1", "SET b 2", "SET c 3");
  connected.serverEnd.deliver(concat([records[0]!, records[1]!, changed(records[2]!, 9, 1)]));
  await assertBroken(connected);
});

Deno.test("attack 14: a record is not good for the other direction, nor for another channel", async () => {
  const connected = await connect();
  await connected.server.write(utf8("reflected"));
  connected.serverEnd.deliver(connected.serverEnd.writes.pop()!);
  await assertBroken(connected);

  const [one, other] = [await connect(), await connect()];
  const [record] = await keptRecords(one, "SET key value");
  other.serverEnd.deliver(record!);
  await assertBroken(other);
  one.serverEnd.deliver(record!);
  assertEquals(textOf((await readSome(one.server))!), "SET key value");
});

Deno.test("attack 14: no two channels, directions or records are encrypted alike", async () => {
  const one = await connect(), other = await connect();
  const seen = new Set<string>();
  for (const connected of [one, other]) {
    for (const record of await keptRecords(connected, "same", "same")) seen.add(record.toHex());
    connected.serverEnd.onWrite = () => {};
    await connected.server.write(utf8("same"));
    seen.add(connected.serverEnd.writes.pop()!.toHex());
  }
  assertEquals(seen.size, 6);
});

Deno.test("attack 14: whatever bytes come, each side ends with an error of its own kind and allocates little", async () => {
  const random = new Random();
  for (let round = 0; round < 300; round++) {
    const noise = random.bytes(random.below(200));
    // Half of them begin as they should.
    const start = [0xe0, 0, 0, 0, 40], data = [0xe2, 0, 0, 0, random.below(100)];
    const bytes = (right: number[]) => random.below(2) === 0 ? noise : concat([Uint8Array.from(right), noise]);
    const stream = new MemoryStream();
    stream.deliver(bytes(start));
    stream.end();
    const accepting = acceptChannel(stream, serverKey, NOTHING, acceptOptions());
    await assertRejects(() => accepting, HandshakeError, undefined, `seed ${random.seed}`);

    const { server, serverEnd } = await connect();
    serverEnd.deliver(bytes(data));
    serverEnd.end();
    await assertRejects(() => readSome(server), ChannelError, undefined, `seed ${random.seed}`);
    assertEquals([serverEnd.writes.length, serverEnd.isClosed], [0, true], `seed ${random.seed}`);
    assert(serverEnd.largestReadBytes <= 2048, `seed ${random.seed}`);
  }
});

Deno.test("attack 15: a stream that ends in the middle of a record, or between two, is no end", async () => {
  const whole = (await keptRecords(await connect(), "SET key value"))[0]!.length;
  for (let cut = 0; cut <= whole; cut++) {
    const connected = await connect();
    const [record] = await keptRecords(connected, "SET key value");
    connected.serverEnd.deliver(record!.subarray(0, cut));
    connected.serverEnd.end();
    if (cut === whole) assertEquals(textOf((await readSome(connected.server))!), "SET key value");
    const error = await assertRejects(() => readSome(connected.server), ChannelError);
    assertEquals([error.reason, connected.serverEnd.writes.length], ["cut", 0]);
    const middle = error.message.includes("in the middle of a record");
    assertEquals(middle, cut > 0 && cut < whole);
  }
});

Deno.test("attack 15: a reset rejects what waits, with the error of the stream", async () => {
  const { client, clientEnd } = await connect();
  await client.write(utf8("GET key"));
  const reading = readSome(client);
  clientEnd.reset();
  await assertRejects(() => reading, Deno.errors.ConnectionReset);
  await assertRejects(() => client.write(utf8("more")), ChannelError);
  assert(clientEnd.isClosed);
});

Deno.test("attack 15: nothing is read behind the end, even if it is authentic", async () => {
  const connected = await connect();
  const { client, server, clientEnd, serverEnd } = connected;
  clientEnd.onEnd = () => {};
  await client.write(utf8("last"));
  await client.closeWrite();
  serverEnd.deliver(utf8("anything"));
  assertEquals(textOf(await readAll(server)), "last");
  assertEquals(await readSome(server), null);
});

Deno.test("attack 16: a client that has not authenticated sends short records or is closed", async () => {
  const { client, server, serverEnd, clock } = await connect({ mustAuthenticate: true });
  // The client was told, and keeps to it.
  await client.write(new Uint8Array(5_000));
  for (let i = 0; i < 4; i++) assertEquals((await readSome(server, 10_000))?.length, 1008);
  assertEquals((await readSome(server, 10_000))?.length, 5_000 - 4 * 1008);
  // One that does not is not listened to.
  serverEnd.deliver(Uint8Array.of(0xe2, 0, 0, 4, 1));
  const error = await assertRejects(() => readSome(server), ChannelError, "announces 1025 bytes");
  assertEquals([error.reason, serverEnd.writes.length, clock.pendingTimers], ["malformed", 0, 0]);
});

Deno.test("authenticated() lifts the limits of both sides, also for what has come with the authentication", async () => {
  const { client, server, serverEnd, clientEnd, clock } = await connect({ mustAuthenticate: true });
  const kept = clientEnd.onWrite, records: Uint8Array[] = [];
  clientEnd.onWrite = (record) => void records.push(record.slice());
  await client.write(utf8("AUTH token"));
  client.authenticated();
  await client.write(new Uint8Array(60_000));
  assertEquals(records.length, 2);
  serverEnd.deliver(concat(records));
  assertEquals(textOf((await readSome(server, 100_000))!), "AUTH token");
  server.authenticated();
  assertEquals((await readSome(server, 100_000))?.length, 60_000);
  clock.advance(60_000);
  clientEnd.onWrite = kept;
  await client.write(utf8("still there"));
  assertEquals(textOf((await readSome(server))!), "still there");
});

Deno.test("attack 16: a client that does not authenticate is closed five seconds after the start of its handshake", async () => {
  const clock = new FakeClock();
  const [clientEnd, serverEnd] = wire();
  const accepting = acceptChannel(serverEnd, serverKey, NOTHING, acceptOptions(clock));
  clock.advance(3_000);
  const client = await openChannel(clientEnd, PINS, { clock });
  const server = await accepting;
  await client.write(utf8("PING"));
  assertEquals(textOf((await readSome(server))!), "PING");
  const reading = readSome(server);
  reading.catch(() => {});
  clock.advance(1_999);
  await settle();
  assert(!serverEnd.isClosed);
  clock.advance(1);
  const error = await assertRejects(() => reading, ChannelError, "has not authenticated in time");
  assertEquals([error.reason, serverEnd.isClosed, clock.pendingTimers], ["timeout", true, 0]);
});

Deno.test("attack 16: a hello that comes one byte a second is not waited for", async () => {
  const clock = new FakeClock();
  const stream = new MemoryStream();
  const accepting = acceptChannel(stream, serverKey, newHello().slice(0, 1), acceptOptions(clock));
  accepting.catch(() => {});
  const rest = newHello().subarray(1);
  for (let second = 1; second < 5; second++) {
    stream.deliver(rest.subarray(second - 1, second));
    clock.advance(1_000);
    await settle();
    assert(!stream.isClosed);
  }
  clock.advance(1_000);
  const error = await assertRejects(() => accepting, HandshakeError, "no handshake within 5000 ms");
  assertEquals([error.reason, stream.writes.length, stream.isClosed, clock.pendingTimers], ["timeout", 0, true, 0]);
});

Deno.test("attack 16: a server that does not answer is not waited for", async () => {
  const clock = new FakeClock();
  const stream = new MemoryStream();
  const opening = openChannel(stream, PINS, { clock });
  opening.catch(() => {});
  await settle();
  clock.advance(5_000);
  const error = await assertRejects(() => opening, HandshakeError, "no handshake within 5000 ms");
  assertEquals([error.reason, error.code, stream.isClosed], ["timeout", "UNREACHABLE", true]);
});

Deno.test("attack 16: a hello of another layout is refused as soon as that shows, without an answer", async () => {
  const wrong = [
    Uint8Array.fromHex("e0ffffffff"),
    Uint8Array.fromHex("e000000029"),
    Uint8Array.fromHex("e000000027"),
    Uint8Array.fromHex("e200000028"),
    concat([Uint8Array.fromHex("e000000028"), utf8("CMEN"), new Uint8Array(36)]),
    concat([newHello(), NOTHING, Uint8Array.of(0xe2)]),
  ];
  for (const hello of wrong) {
    for (const first of [hello, NOTHING]) {
      if (hello.length > HELLO_BYTES && first === NOTHING) continue;
      const stream = new MemoryStream();
      stream.deliver(hello.subarray(first.length));
      const error = await assertRejects(
        () => acceptChannel(stream, serverKey, first, acceptOptions()),
        HandshakeError,
      );
      assertEquals([error.reason, stream.writes.length, stream.isClosed], ["malformed", 0, true], hello.toHex());
      assert(stream.largestReadBytes <= HELLO_BYTES);
    }
  }
});

Deno.test("a hello is read in whatever parts it comes, and no byte behind it", async () => {
  for (let cut = 0; cut <= HELLO_BYTES; cut++) {
    const [clientEnd, serverEnd] = wire();
    const clock = new FakeClock();
    const hello = new Promise<Uint8Array>((resolve) => clientEnd.onWrite = (bytes) => resolve(bytes.slice()));
    const opening = openChannel(clientEnd, PINS, { clock });
    const bytes = await hello;
    clientEnd.onWrite = (bytes) => serverEnd.deliver(bytes);
    serverEnd.readLimit = () => 7;
    serverEnd.deliver(bytes.subarray(cut));
    const server = await acceptChannel(serverEnd, serverKey, bytes.subarray(0, cut), acceptOptions(clock));
    const client = await opening;
    await client.write(utf8("hi"));
    assertEquals(textOf((await readSome(server))!), "hi");
    client.close();
    server.close();
    await settle();
    assertEquals(clock.pendingTimers, 0);
  }
});

Deno.test("attack 16: 1,000 silent handshakes take no slot, and a client that speaks gets its channel", async () => {
  const clock = new FakeClock(), slots = new HandshakeSlots();
  const idle = Array.from({ length: 1_000 }, () => {
    const stream = new MemoryStream();
    const first = newHello().slice(0, 44);
    const accepting = acceptChannel(stream, serverKey, first, acceptOptions(clock, slots));
    return { stream, ended: assertRejects(() => accepting, HandshakeError) };
  });
  const { client, server } = await connect({ clock, slots });
  await client.write(utf8("PING"));
  assertEquals(textOf((await readSome(server))!), "PING");
  clock.advance(5_000);
  for (const { stream, ended } of idle) assertEquals([(await ended).reason, stream.isClosed], ["timeout", true]);
  client.close();
  server.close();
});

/** A hello that any server answers to. */
async function someHello(): Promise<Uint8Array<ArrayBuffer>> {
  const hello = newHello();
  putKey(hello, (await generateX25519()).publicKey);
  return hello;
}

/** Slots that count how many of them were taken at once. */
class CountedSlots extends HandshakeSlots {
  #taken = 0;
  mostTaken = 0;

  override run<T>(work: () => Promise<T>): Promise<T> {
    return super.run(async () => {
      this.mostTaken = Math.max(this.mostTaken, ++this.#taken);
      try {
        return await work();
      } finally {
        this.#taken--;
      }
    });
  }
}

Deno.test("attack 16: of 500 hellos at once, 64 are computed at a time, and all in the end", async () => {
  const clock = new FakeClock(), slots = new CountedSlots(), hello = await someHello();
  const channels = await Promise.all(Array.from(
    { length: 500 },
    () => acceptChannel(new MemoryStream(), serverKey, hello, acceptOptions(clock, slots)),
  ));
  for (const channel of channels) channel.close();
  await settle();
  assertEquals([slots.mostTaken, slots.waiting, clock.pendingTimers], [64, 0, 0]);
});

Deno.test("attack 16: a hello whose time is over before its turn is not computed", async () => {
  const clock = new FakeClock(), slots = new HandshakeSlots(1), hello = await someHello();
  let end = () => {};
  const busy = slots.run(() => new Promise<void>((done) => end = done));
  const stream = new MemoryStream();
  const accepting = acceptChannel(stream, serverKey, hello, acceptOptions(clock, slots));
  await settle();
  const { generateKey } = crypto.subtle;
  let computed = 0;
  crypto.subtle.generateKey = (() => void computed++) as unknown as typeof generateKey;
  try {
    clock.advance(5_000);
    end();
    await busy;
    assertEquals((await assertRejects(() => accepting, HandshakeError)).reason, "timeout");
  } finally {
    crypto.subtle.generateKey = generateKey;
  }
  assertEquals([computed, stream.writes.length, stream.isClosed, slots.waiting], [0, 0, true, 0]);
});

Deno.test("attack 17: a channel that is a day old is refused by whoever uses it first, and closed", async () => {
  for (const use of ["read", "write"] as const) {
    const { client, server, clientEnd, clock } = await connect();
    clock.advance(24 * 3_600_000 - 1);
    await server.write(utf8("x"));
    await client.write(utf8("x"));
    assertEquals((await readSome(client))?.length, 1);
    clientEnd.writes.length = 0;
    clock.advance(1);
    const error = await assertRejects(
      () => use === "read" ? readSome(client) : client.write(utf8("x")),
      ChannelError,
      "it is a day old; connect again",
    );
    assertEquals([error.reason, clientEnd.writes.length, clientEnd.isClosed], ["worn-out", 0, true]);
  }
});

Deno.test("attack 17: a channel whose nonces or bytes are used up is closed, and sends nothing more", async () => {
  for (const start of [{ counter: 2n ** 64n - 2n }, { bytes: 2 ** 40 - 10 }]) {
    const [clientEnd, serverEnd] = wire();
    const options = { clock: new FakeClock(), maxSentBodyBytes: 65_535 };
    const state = (byte: number) => new CipherState(new Uint8Array(32).fill(byte), start);
    const client = new ChannelStream(clientEnd, state(1), state(2), options);
    const server = new ChannelStream(serverEnd, state(2), state(1), options);
    await client.write(utf8("ten bytes!"));
    assertEquals(textOf((await readSome(server))!), "ten bytes!");
    for (let i = 0; i < 2; i++) {
      const error = await assertRejects(() => client.write(utf8("x")), ChannelError, "connect again");
      assertEquals([error.reason, clientEnd.writes.length, clientEnd.isClosed], ["worn-out", 1, true]);
    }
    await assertRejects(() => readSome(server), ChannelError, "without the word that nothing more comes");
  }
});

Deno.test("attack 17: every record of a direction has its own nonce, in order, whatever is written", async () => {
  const { client, clientEnd } = await connect();
  clientEnd.onWrite = () => {};
  await Promise.all(Array.from({ length: 300 }, (_, i) => client.write(new Uint8Array(i % 2 === 0 ? 20 : 3_000))));
  assertEquals(new Set(clientEnd.writes.map((record) => record.toHex())).size, 300);
  assertNotEquals(clientEnd.writes[0], clientEnd.writes[2]);
});
