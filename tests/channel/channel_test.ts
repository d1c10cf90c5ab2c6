import { assert, assertEquals, assertRejects } from "@std/assert";
import { concat } from "@std/bytes";
import { textOf, utf8 } from "../../lib/bytes.ts";
import { acceptChannel, sendRejection } from "../../lib/channel/accept_channel.ts";
import { ChannelError, HandshakeError } from "../../lib/channel/channel_error.ts";
import { ChannelStream } from "../../lib/channel/channel_stream.ts";
import { type CipherStart, CipherState } from "../../lib/channel/cipher_state.ts";
import { HandshakeSlots } from "../../lib/channel/handshake_slots.ts";
import { openChannel } from "../../lib/channel/open_channel.ts";
import { ServerKey } from "../../lib/channel/server_key.ts";
import session from "../vectors/noise_nx_session_v1.json" with { type: "json" };
import { FakeClock } from "../support/fake_clock.ts";
import { canListen } from "../support/permissions.ts";
import { Random } from "../support/random.ts";
import { connect, MemoryStream, readAll, readSome, serverKey, settle, wire } from "./memory_stream.ts";

const PINS = [serverKey.keyPair.publicKey];
const NOTHING = new Uint8Array(0);

const hex = (text: string) => Uint8Array.fromHex(text);

Deno.test("a session says, byte for byte, what the recorded one says", async () => {
  const [clientEnd, serverEnd] = wire();
  const clock = new FakeClock();
  const key = await ServerKey.from(hex(session.serverStatic));
  const [client, server] = await withEphemeralKeys([session.clientEphemeral, session.serverEphemeral], () => {
    const opening = openChannel(clientEnd, [hex(session.serverStaticPublic)], { clock });
    const options = { clock, slots: new HandshakeSlots(), mustAuthenticate: false };
    return Promise.all([opening, acceptChannel(serverEnd, key, NOTHING, options)]);
  });
  assertEquals([clientEnd.sent.toHex(), serverEnd.sent.toHex()], [session.frame1, session.frame2]);

  const said = { "c>s": clientEnd, "s>c": serverEnd };
  for (const { dir, plaintext, record } of session.records) {
    // There, the empty record is one like any other; here it is the last.
    const [channel, end, other] = dir === "c>s" ? [client, clientEnd, server] : [server, serverEnd, client];
    end.writes.length = 0;
    if (plaintext === "") await channel.closeWrite();
    else await channel.write(hex(plaintext));
    assertEquals(said[dir as "c>s"].sent.toHex(), record);
    assertEquals((await readSome(other))?.toHex(), plaintext === "" ? undefined : plaintext);
    if (plaintext === "") break;
  }
});

Deno.test("records seal and open, byte for byte, as the recorded ones", async () => {
  for (const start of [{}, { usesNative: false }]) {
    const keys = { "c>s": session.keyClientToServer, "s>c": session.keyServerToClient };
    for (const [direction, key] of Object.entries(keys)) {
      const sealing = new CipherState(hex(key), start), opening = new CipherState(hex(key), start);
      for (const { dir, plaintext, record, rekeyedBefore } of session.records) {
        if (dir !== direction || rekeyedBefore) continue;
        const header = hex(record.slice(0, 10));
        assertEquals((await sealing.seal(header, hex(plaintext))).toHex(), record.slice(10));
        assertEquals((await opening.open(header, hex(record.slice(10))))?.toHex(), plaintext);
      }
    }
  }
});

/** Has the next key pairs be made of these private keys, in this order. */
async function withEphemeralKeys<T>(privateKeys: string[], action: () => Promise<T>): Promise<T> {
  const { generateKey } = crypto.subtle;
  const pairs = await Promise.all(privateKeys.map(async (bytes) => {
    const pkcs8 = concat([hex("302e020100300506032b656e04220420"), hex(bytes)]);
    const privateKey = await crypto.subtle.importKey("pkcs8", pkcs8, "X25519", true, ["deriveBits"]);
    const { x } = await crypto.subtle.exportKey("jwk", privateKey);
    const publicKey = await crypto.subtle.importKey("jwk", { kty: "OKP", crv: "X25519", x: x! }, "X25519", true, []);
    return { privateKey, publicKey };
  }));
  crypto.subtle.generateKey = (() => Promise.resolve(pairs.shift())) as unknown as typeof generateKey;
  try {
    return await action();
  } finally {
    crypto.subtle.generateKey = generateKey;
  }
}

Deno.test("a channel carries bytes both ways, split in any way, into room of any size", async () => {
  const random = new Random();
  for (const largest of [1, 30, 3_000, 200_000]) {
    const { client, server, clientEnd, serverEnd } = await connect();
    clientEnd.readLimit = serverEnd.readLimit = () => 1 + random.below(largest);
    const texts = [0, 1].map(() => random.bytes(largest === 1 ? 3_000 : 300_000));
    const write = async (channel: ChannelStream, bytes: Uint8Array) => {
      for (let at = 0; at < bytes.length;) {
        at += await channel.write(bytes.subarray(at, at + 1 + random.below(100_000)));
      }
      await channel.closeWrite();
    };
    const read = (channel: ChannelStream) => readAll(channel, () => 1 + random.below(100_000));
    const [, , toServer, toClient] = await Promise.all([
      write(client, texts[0]!),
      write(server, texts[1]!),
      read(server),
      read(client),
    ]);
    assertEquals(toServer, texts[0], `seed ${random.seed}`);
    assertEquals(toClient, texts[1], `seed ${random.seed}`);
    client.close();
    server.close();
  }
});

Deno.test("a write is one record, and one write to the stream, as long as a record can hold it", async () => {
  const { client, clientEnd, server } = await connect();
  for (const size of [1, 100, 3_000, 65_519]) {
    clientEnd.writes.length = 0;
    assertEquals(await client.write(new Uint8Array(size)), size);
    assertEquals(clientEnd.writes.map((record) => record.length), [5 + size + 16]);
    for (let left = size; left > 0;) left -= (await readSome(server, 1 << 20))!.length;
  }
  clientEnd.writes.length = 0;
  assertEquals(await client.write(new Uint8Array(65_520 + 65_519)), 65_520 + 65_519);
  assertEquals(clientEnd.writes.map((record) => record.length), [65_540, 65_540, 22]);
});

Deno.test("a write of nothing sends nothing: an empty record would be the end", async () => {
  const { client, clientEnd, server } = await connect();
  assertEquals(await client.write(NOTHING), 0);
  assertEquals(clientEnd.writes, []);
  await client.write(utf8("more"));
  assertEquals(textOf((await readSome(server))!), "more");
  assertEquals(await server.read(NOTHING), 0);
});

Deno.test("one read gets all records that are there and fit", async () => {
  const { client, server } = await connect();
  for (const text of ["one ", "two ", "three"]) await client.write(utf8(text));
  assertEquals(textOf((await readSome(server))!), "one two three");
  for (const text of ["12345", "6789"]) await client.write(utf8(text));
  assertEquals(textOf((await readSome(server, 8))!), "12345");
  assertEquals(textOf((await readSome(server, 3))!), "678");
  assertEquals(textOf((await readSome(server, 3))!), "9");
});

Deno.test("attack 17: 1,000 writes at once arrive in their order, whichever cipher seals them", async () => {
  const random = new Random();
  const starts: CipherStart[] = [{}, { usesNative: false }];
  for (const start of starts) {
    const [clientEnd, serverEnd] = wire();
    const { client, server } = channelsOver(clientEnd, serverEnd, start);
    // Some are long enough for WebCrypto, which answers later than node:crypto.
    const texts = Array.from(
      { length: 1_000 },
      () => random.bytes(1 + random.below(random.below(5) === 0 ? 9_000 : 50)),
    );
    const [read] = await Promise.all([
      readAll(server, () => 1 + random.below(20_000)),
      ...texts.map((text) => client.write(text)),
      client.closeWrite(),
    ]);
    assertEquals(read, concat(texts), `seed ${random.seed}`);
    client.close();
    server.close();
  }
});

/** Channels without a handshake. */
function channelsOver(
  clientEnd: MemoryStream,
  serverEnd: MemoryStream,
  start: CipherStart = {},
): { client: ChannelStream; server: ChannelStream; clock: FakeClock } {
  const clock = new FakeClock();
  const options = { clock, maxSentBodyBytes: 65_535 };
  const state = (byte: number) => new CipherState(new Uint8Array(32).fill(byte), start);
  return {
    client: new ChannelStream(clientEnd, state(1), state(2), options),
    server: new ChannelStream(serverEnd, state(2), state(1), options),
    clock,
  };
}

Deno.test("attack 17: both sides change keys at record 65,536, and stay in step", async () => {
  const { client, server, clientEnd } = await connect();
  let read = 0;
  const reading = (async () => {
    for (let part = await readSome(server, 64 * 1024); part !== null; part = await readSome(server, 64 * 1024)) {
      for (const byte of part) assertEquals(byte, read++ & 0xff);
    }
  })();
  for (let i = 0; i < 65_600; i++) {
    clientEnd.writes.length = 0;
    await client.write(Uint8Array.of(i));
  }
  await client.closeWrite();
  await reading;
  assertEquals(read, 65_600);
});

Deno.test("the end of one direction leaves the other one open", async () => {
  const { client, server, clientEnd } = await connect();
  await client.write(utf8("question"));
  await client.closeWrite();
  await client.closeWrite();
  assert(clientEnd.isWriteClosed);
  assertEquals(textOf(await readAll(server)), "question");
  assertEquals(await readSome(server), null);
  await server.write(utf8("answer"));
  await server.closeWrite();
  assertEquals(textOf(await readAll(client)), "answer");
  await assertRejects(() => client.write(utf8("more")), ChannelError, "it is closed");
});

Deno.test("the end comes behind all that was written before", async () => {
  const { client, server } = await connect();
  const writes = Array.from({ length: 20 }, (_, i) => client.write(new Uint8Array(1_000 * i).fill(i)));
  const closed = client.closeWrite();
  assertEquals((await readAll(server)).length, 190_000);
  await Promise.all([...writes, closed]);
});

Deno.test("close() tells the other side, authentically, and closes the stream behind that", async () => {
  for (const start of [{}, { usesNative: false }]) {
    const [clientEnd, serverEnd] = wire();
    const { client, server, clock } = channelsOver(clientEnd, serverEnd, start);
    client.close();
    assertEquals(await readSome(server), null);
    await settle();
    assertEquals([clientEnd.writes.length, clientEnd.isClosed, clock.pendingTimers], [1, true, 0]);
  }
});

Deno.test("close() waits 100 ms for a side that does not read, and says nothing behind a part of a record", async () => {
  const { client, clientEnd, clock } = await connect();
  clientEnd.writeGate = () => new Promise(() => {});
  client.close();
  await settle();
  clock.advance(99);
  assert(!clientEnd.isClosed);
  clock.advance(1);
  assert(clientEnd.isClosed);

  const other = await connect();
  other.clientEnd.writeGate = () => new Promise(() => {});
  other.client.write(utf8("on its way"));
  await settle();
  other.client.close();
  assertEquals([other.clientEnd.writes.length, other.clientEnd.isClosed], [1, true]);
  assertEquals(textOf((await readSome(other.server))!), "on its way");
  await assertRejects(() => readSome(other.server), ChannelError, "without the word that nothing more comes");
});

Deno.test("a closed channel does nothing more, and what waits for it settles", async () => {
  const { client } = await connect();
  const reading = readSome(client);
  reading.catch(() => {});
  await settle();
  client.close();
  client.close();
  await assertRejects(() => reading, Deno.errors.BadResource);
  for (const action of [() => readSome(client), () => client.write(utf8("x")), () => client.closeWrite()]) {
    const error = await assertRejects(action, ChannelError, "it is closed");
    assertEquals([error.reason, error.code], ["closed", "DISCONNECTED"]);
  }
});

Deno.test("a large write in the middle of which the channel is closed sends no more of it, and says why", async () => {
  const { client, clientEnd } = await connect();
  clientEnd.writeGate = () => Promise.resolve(client.close());
  const error = await assertRejects(() => client.write(new Uint8Array(1 << 20)), ChannelError, "it is closed");
  assertEquals([error.reason, clientEnd.writes.length], ["closed", 1]);
});

Deno.test("a write that the stream rejects rejects, no later one is sent, and what comes can still be read", async () => {
  const { client, server, clientEnd } = await connect();
  clientEnd.write = () => Promise.reject(new Deno.errors.BrokenPipe("the test broke it"));
  const writes = [client.write(utf8("lost")), client.write(new Uint8Array(200_000)), client.closeWrite()];
  await assertRejects(() => writes[0]!, Deno.errors.BrokenPipe);
  await assertRejects(() => writes[1]!, ChannelError, "it is closed");
  await writes[2];
  await server.write(utf8("the answer to it"));
  assertEquals(textOf((await readSome(client))!), "the answer to it");
  client.close();
  server.close();
});

Deno.test("a channel holds two records of a large write, however long the other side does not read", async () => {
  const { client, clientEnd } = await connect();
  clientEnd.writeGate = () => new Promise(() => {});
  client.write(new Uint8Array(16 << 20));
  await settle();
  assertEquals(clientEnd.writes.length, 1);
});

Deno.test("a channel that waits reads into 2 KiB", async () => {
  const { client, server, serverEnd } = await connect();
  await client.write(new Uint8Array(1_000));
  await readSome(server);
  serverEnd.largestReadBytes = 0;
  const waiting = readSome(server);
  await settle();
  assertEquals(serverEnd.largestReadBytes, 2048);
  await client.closeWrite();
  await waiting;
});

Deno.test("a channel passes on what keeps the process alive", async () => {
  const calls: string[] = [];
  const end = Object.assign(new MemoryStream(), { ref: () => calls.push("ref"), unref: () => calls.push("unref") });
  const { client } = channelsOver(end, new MemoryStream());
  client.unref();
  client.ref();
  assertEquals(calls, ["unref", "ref"]);
  await Promise.resolve();
});

Deno.test("a server that is full can say so", async () => {
  const [clientEnd, serverEnd] = wire();
  const opening = openChannel(clientEnd, PINS, { clock: new FakeClock() });
  await sendRejection(serverEnd, "it has no room for another connection");
  const error = await assertRejects(() => opening, HandshakeError, "it has no room for another connection");
  assertEquals([error.reason, error.code], ["refused", "UNREACHABLE"]);
});

Deno.test("a handshake ends with its signal", async () => {
  const [clientEnd] = wire();
  const abort = new AbortController();
  const opening = openChannel(clientEnd, PINS, { clock: new FakeClock(), signal: abort.signal });
  await settle();
  abort.abort(new Error("nobody waits any more"));
  await assertRejects(() => opening, Error, "nobody waits any more");
  assert(clientEnd.isClosed);
  const late = new MemoryStream();
  await assertRejects(() => openChannel(late, PINS, { signal: abort.signal }), Error, "nobody waits any more");
  assertEquals([late.writes.length, late.isClosed], [0, true]);
});

Deno.test("openChannel() says nothing at all without pins", async () => {
  const stream = new MemoryStream();
  await assertRejects(() => openChannel(stream, []), RangeError, "no pin is given");
  assertEquals(stream.writes, []);
});

Deno.test({
  name: "a channel over TCP carries what is written, and its end, also when both come at once",
  ignore: !canListen,
  async fn() {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const accepted = listener.accept();
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    const clock = new FakeClock();
    const options = { clock, slots: new HandshakeSlots(), mustAuthenticate: false };
    const [client, server] = await Promise.all([
      openChannel(connection, PINS, { clock }),
      accepted.then((connection) => acceptChannel(connection, serverKey, NOTHING, options)),
    ]);
    const bytes = crypto.getRandomValues(new Uint8Array(60_000));
    const reading = readAll(server);
    for (let i = 0; i < 20; i++) await client.write(bytes);
    client.close();
    assertEquals((await reading).length, 20 * bytes.length);
    server.close();
    listener.close();
    await settle();
    assertEquals(clock.pendingTimers, 0);
  },
});
