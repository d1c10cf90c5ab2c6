import { assertEquals, assertNotStrictEquals, assertRejects, assertStrictEquals } from "@std/assert";
import type { ByteStream } from "../../lib/channel/byte_stream.ts";
import { ChannelStream } from "../../lib/channel/channel_stream.ts";
import { CipherState } from "../../lib/channel/cipher_state.ts";
import { giveRecord, takeRecord } from "../../lib/channel/record_buffers.ts";
import { MAX_NATIVE_RECORD_BYTES } from "../../lib/limits.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** A stream that takes what is written when it is told to, and shows it until then. */
class HeldStream implements ByteStream {
  held: Uint8Array = new Uint8Array(0);
  take: () => void = () => {};
  fail: (error: Error) => void = () => {};

  write(bytes: Uint8Array): Promise<number> {
    this.held = bytes;
    return new Promise((resolve, reject) => {
      this.take = () => resolve(bytes.length);
      this.fail = reject;
    });
  }

  read(): Promise<null> {
    return Promise.resolve(null);
  }

  close(): void {}
}

function channelOver(stream: ByteStream): ChannelStream {
  const [sending, receiving] = [1, 2].map((byte) => new CipherState(new Uint8Array(32).fill(byte)));
  return new ChannelStream(stream, sending!, receiving!, { clock: new FakeClock(), maxSentBodyBytes: 65_535 });
}

Deno.test("a buffer that was given back is taken again, one that was not is nobody else's", () => {
  const first = takeRecord(100), second = takeRecord(200);
  assertEquals([first.length, second.length], [100, 200]);
  assertNotStrictEquals(first.buffer, second.buffer);
  giveRecord(first);
  const third = takeRecord(MAX_NATIVE_RECORD_BYTES);
  assertStrictEquals(third.buffer, first.buffer);
  giveRecord(second);
  giveRecord(third);
});

Deno.test("a buffer for a long record is not kept", () => {
  const long = takeRecord(65_540);
  giveRecord(long);
  assertNotStrictEquals(takeRecord(65_540).buffer, long.buffer);
});

Deno.test("a record stays as it is until the stream has taken it, whatever other channels write meanwhile", async () => {
  const streams = Array.from({ length: 10 }, () => new HeldStream());
  const channels = streams.map(channelOver);
  for (let round = 0; round < 3; round++) {
    const writes = channels.map((channel, i) => channel.write(new Uint8Array(50).fill(i)));
    const sealed = streams.map(({ held }) => held.slice());
    // One is taken and writes on while the others still wait.
    streams[0]!.take();
    await writes[0];
    writes[0] = channels[0]!.write(new Uint8Array(50).fill(99));
    assertEquals(streams.slice(1).map(({ held }) => held.slice()), sealed.slice(1));
    for (const stream of streams) stream.take();
    await Promise.all(writes);
  }
});

Deno.test("the buffer of a write that failed is not used again: the stream may still hold it", async () => {
  const stream = new HeldStream(), channel = channelOver(stream);
  const written = channel.write(new Uint8Array(50));
  const { buffer } = stream.held;
  stream.fail(new Error("gone"));
  await assertRejects(() => written);
  const taken = Array.from({ length: 300 }, () => takeRecord(100));
  assertEquals(taken.filter((record) => record.buffer === buffer), []);
});
