import { assert, assertEquals, assertThrows } from "@std/assert";
import { ChannelError } from "../../lib/channel/channel_error.ts";
import { Opcode, recordOf } from "../../lib/channel/record_layout.ts";
import { RecordReader } from "../../lib/channel/record_reader.ts";
import { Random } from "../support/random.ts";
import { concat } from "@std/bytes";

const MAX_BODY_BYTES = 65_535;

/** Puts bytes into a reader as a stream would. */
function receive(reader: RecordReader, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) {
    const room = reader.room();
    const part = bytes.subarray(at, at + room.length);
    room.set(part);
    reader.received(part.length);
    at += part.length;
  }
}

function receiveHeader(header: number[], maxBodyBytes = MAX_BODY_BYTES): RecordReader {
  const reader = new RecordReader();
  receive(reader, Uint8Array.from(header));
  reader.nextBodyBytes(maxBodyBytes);
  return reader;
}

Deno.test("RecordReader finds the same records however they are split", () => {
  const random = new Random();
  const records = Array.from({ length: 200 }, (_, i) => {
    const length = i % 20 === 0 ? random.below(65_520) : random.below(300);
    return recordOf(Opcode.DATA, random.bytes(16 + length));
  });
  const stream = concat(records);
  for (let round = 0; round < 20; round++) {
    const largest = [1, 7, 100, 5_000, 100_000][round % 5]!;
    const reader = new RecordReader();
    let taken = 0;
    for (let at = 0; at < stream.length;) {
      const room = reader.room();
      const part = stream.subarray(at, at + Math.min(room.length, 1 + random.below(largest)));
      room.set(part);
      reader.received(part.length);
      at += part.length;
      let bodyBytes = reader.nextBodyBytes(MAX_BODY_BYTES);
      while (bodyBytes !== undefined) {
        assertEquals(reader.take(bodyBytes), records[taken++], `seed ${random.seed}`);
        bodyBytes = reader.nextBodyBytes(MAX_BODY_BYTES);
      }
    }
    assertEquals([taken, reader.hasPart], [records.length, false], `seed ${random.seed}`);
  }
});

Deno.test("RecordReader knows whether there is a part of a record", () => {
  const reader = new RecordReader();
  assert(!reader.hasPart);
  receive(reader, Uint8Array.of(0xe2));
  assert(reader.hasPart);
  receive(reader, Uint8Array.of(0, 0, 0, 16, ...new Uint8Array(16)));
  reader.take(reader.nextBodyBytes(MAX_BODY_BYTES)!);
  assert(!reader.hasPart);
});

Deno.test("attack 16: a length beyond the limit is refused with its header, and nothing is allocated for it", () => {
  for (
    const [length, limit] of [
      [[0xff, 0xff, 0xff, 0xff], MAX_BODY_BYTES],
      [[0x80, 0, 0, 0], MAX_BODY_BYTES],
      [[0, 1, 0, 0], MAX_BODY_BYTES],
      [[0, 0, 4, 1], 1024],
    ] as const
  ) {
    const error = assertThrows(() => receiveHeader([0xe2, ...length], limit), ChannelError, "a record announces");
    assertEquals(error.reason, "malformed");
  }
});

Deno.test("attack 16: a length that has no room for a tag is refused", () => {
  for (const length of [0, 1, 15]) {
    assertThrows(() => receiveHeader([0xe2, 0, 0, 0, length]), ChannelError, `announces ${length} bytes`);
  }
  receiveHeader([0xe2, 0, 0, 0, 16]);
});

Deno.test("attack 14: a record that is not data is refused at its first byte", () => {
  for (let opcode = 0; opcode < 256; opcode++) {
    if (opcode === 0xe2) continue;
    assertThrows(() => receiveHeader([opcode]), ChannelError, "neither data nor the end");
  }
});

Deno.test("attack 16: memory follows what has come of a record, not what it announces", () => {
  const reader = receiveHeader([0xe2, 0, 0, 0xff, 0xff]);
  assertEquals(reader.room().length, 2048 - 5);
  receive(reader, new Uint8Array(2042));
  assertEquals(reader.room().length, 1);
  receive(reader, new Uint8Array(1));
  assertEquals(reader.room().length, 16 * 1024 - 2048);
  receive(reader, new Uint8Array(14 * 1024));
  assertEquals(reader.room().length, 65_540 - 16 * 1024);
});

Deno.test("RecordReader waits with its smallest buffer, or the next one while records are longer than that", () => {
  const reader = new RecordReader();
  assertEquals(reader.room().length, 2048);
  const waits = [20, 5_000, 20, 20, MAX_BODY_BYTES, 20, 20].map((bodyBytes) => {
    receive(reader, recordOf(Opcode.DATA, new Uint8Array(bodyBytes)));
    reader.take(reader.nextBodyBytes(MAX_BODY_BYTES)!);
    return reader.room().length;
  });
  assertEquals(waits, [2048, 16_384, 16_384, 2048, 16_384, 16_384, 2048]);
});

Deno.test("RecordReader whose buffer was filled to its last byte waits with the next one", () => {
  const reader = new RecordReader();
  receive(reader, recordOf(Opcode.DATA, new Uint8Array(2048 - 5)));
  reader.take(reader.nextBodyBytes(MAX_BODY_BYTES)!);
  assertEquals(reader.room().length, 16_384);
});
