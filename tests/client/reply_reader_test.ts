import { assertEquals, assertLess } from "@std/assert";
import { type Reply, ReplyReader, type Unreadable } from "../../lib/client/reply_reader.ts";
import { CLIENT_READ_BUFFER_BYTES, CLIENT_REPLY_STEP_BYTES } from "../../lib/limits.ts";
import { Random } from "../support/random.ts";
import { announcement, concat, ERROR, NOT_FOUND, OK, reply } from "./frames.ts";

const MIB = 1024 * 1024;

/** Gives the reader the bytes, in pieces of the given sizes and then the rest as it likes. */
function read(reader: ReplyReader, bytes: Uint8Array, pieces: Iterable<number> = []) {
  const replies: Reply[] = [];
  const sizes = pieces[Symbol.iterator]();
  let ending: Unreadable | undefined;
  for (let at = 0; at < bytes.length && ending === undefined;) {
    const room = reader.room();
    const wanted = sizes.next().value ?? Infinity;
    const piece = bytes.subarray(at, at + Math.min(room.length, wanted));
    room.set(piece);
    at += piece.length;
    ending = reader.accept(piece.length, (reply) => replies.push(reply));
  }
  return { replies, ending };
}

const THREE_REPLIES = concat(reply(OK, "first"), reply(NOT_FOUND), reply(ERROR, "BUSY try later"));
const THREE_DECODED = [
  { status: OK, value: new TextEncoder().encode("first") },
  { status: NOT_FOUND, value: new Uint8Array(0) },
  { status: ERROR, value: new TextEncoder().encode("BUSY try later") },
];

Deno.test("ReplyReader gives every reply that came with one read, in order", () => {
  assertEquals(read(new ReplyReader(100), THREE_REPLIES), { replies: THREE_DECODED, ending: undefined });
});

Deno.test("ReplyReader understands replies split at every byte", () => {
  for (let split = 1; split < THREE_REPLIES.length; split++) {
    assertEquals(read(new ReplyReader(100), THREE_REPLIES, [split]).replies, THREE_DECODED, `split at ${split}`);
  }
});

Deno.test("ReplyReader understands replies that come byte by byte", () => {
  assertEquals(read(new ReplyReader(100), THREE_REPLIES, THREE_REPLIES.map(() => 1)).replies, THREE_DECODED);
});

Deno.test("ReplyReader understands replies of all sizes around its buffers, however they are split", () => {
  const random = new Random();
  const sizes = [CLIENT_READ_BUFFER_BYTES, 2 * CLIENT_READ_BUFFER_BYTES, CLIENT_REPLY_STEP_BYTES]
    .flatMap((size) => [-8, -7, -6, -1, 0, 1].map((more) => size + more));
  const values = [...sizes, 0, 1, 3 * MIB].sort(() => random.below(3) - 1).map((size) => random.bytes(size));
  const pieces = (function* () {
    while (true) yield 1 + random.below(random.below(2) === 0 ? 20 : 50_000);
  })();
  const { replies } = read(new ReplyReader(4 * MIB), concat(...values.map((value) => reply(OK, value))), pieces);
  assertEquals(replies.length, values.length, `seed ${random.seed}`);
  replies.forEach((reply, i) => assertEquals(equal(reply.value, values[i]!), true, `reply ${i}, seed ${random.seed}`));
});

Deno.test("ReplyReader hands over bytes that later replies do not touch", () => {
  const reader = new ReplyReader(100);
  const [first] = read(reader, reply(OK, "first")).replies;
  read(reader, reply(OK, "other"));
  assertEquals(new TextDecoder().decode(first!.value), "first");
});

Deno.test("ReplyReader refuses a reply that is not CM at its first wrong byte, after the replies before it", () => {
  for (const wrong of ["H", "CN", "HTTP/1.1 400 Bad Request"]) {
    const { replies, ending } = read(new ReplyReader(100), concat(reply(OK), new TextEncoder().encode(wrong)));
    assertEquals([replies.length, ending?.code], [1, "BAD_MAGIC"], wrong);
  }
});

Deno.test("ReplyReader refuses a status that answers no request", () => {
  assertEquals(read(new ReplyReader(100), reply(5, "push")).ending?.code, "BAD_MAGIC");
  assertEquals(read(new ReplyReader(100), reply(255)).ending?.code, "BAD_MAGIC");
});

Deno.test("ReplyReader refuses an announced 4 GiB by the header alone and allocates nothing for it", () => {
  const reader = new ReplyReader(16 * MIB);
  const { replies, ending } = read(reader, announcement(OK, 2 ** 32 - 1));
  assertEquals([replies.length, ending?.code], [0, "TOO_LARGE"]);
  assertEquals(reader.bufferBytes, CLIENT_READ_BUFFER_BYTES);
});

Deno.test("ReplyReader accepts a reply of exactly the limit and refuses one byte more", () => {
  assertEquals(read(new ReplyReader(3), reply(OK, "abc")).replies.length, 1);
  assertEquals(read(new ReplyReader(3), reply(OK, "abcd")).ending?.code, "TOO_LARGE");
});

Deno.test("ReplyReader's memory follows the bytes received, not the bytes announced", () => {
  const reader = new ReplyReader(512 * MIB);
  read(reader, announcement(OK, 512 * MIB));
  assertLess(reader.bufferBytes, 2 * MIB);
  read(reader, new Uint8Array(10 * MIB));
  assertLess(reader.bufferBytes, 21 * MIB);
});

Deno.test("ReplyReader lets go of a big reply's buffer", () => {
  const reader = new ReplyReader(16 * MIB);
  assertEquals(read(reader, concat(reply(OK, new Uint8Array(5 * MIB)), reply(OK))).replies.length, 2);
  assertEquals(reader.bufferBytes, CLIENT_READ_BUFFER_BYTES);
});

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
