import { assert, assertEquals } from "@std/assert";
import { BUFFER_BYTES } from "../../lib/limits.ts";
import { BufferPool } from "../../lib/server/buffer_pool.ts";
import { InputBuffer } from "../../lib/server/input_buffer.ts";

const [SMALLEST, SECOND, , LARGEST] = BUFFER_BYTES;

/** Lets bytes arrive in reads as large as there is room, and consumes all but `waiting` of each read. */
function receive(buffer: InputBuffer, bytes: number, waiting = 0, neededBytes = 0): number {
  let reads = 0;
  for (let left = bytes; left > 0; reads++) {
    const count = Math.min(left, buffer.room().length);
    buffer.received(count);
    left -= count;
    buffer.start = buffer.end - Math.min(waiting, buffer.end);
    buffer.prepare(neededBytes, Infinity);
  }
  return reads;
}

Deno.test("InputBuffer waits with its smallest buffer while reads are small", () => {
  const buffer = new InputBuffer(new BufferPool());
  for (let i = 0; i < 5; i++) receive(buffer, 100);
  assertEquals(buffer.bytes.length, SMALLEST);
});

Deno.test("InputBuffer takes batches that are a little too large for it in one read from the second on", () => {
  const buffer = new InputBuffer(new BufferPool());
  const reads = [0, 1, 2, 3, 4].map(() => receive(buffer, SMALLEST + 300));
  assertEquals(reads, [2, 1, 1, 1, 1]);
  assertEquals(buffer.bytes.length, SECOND);
});

Deno.test("InputBuffer goes back to its smallest buffer after two small reads", () => {
  const buffer = new InputBuffer(new BufferPool());
  for (let i = 0; i < 10; i++) receive(buffer, LARGEST);
  assertEquals(buffer.bytes.length, LARGEST);
  receive(buffer, 10);
  receive(buffer, 10);
  assertEquals(buffer.bytes.length, SMALLEST);
});

Deno.test("InputBuffer grows with what was received of a large request, not with what it announces", () => {
  const buffer = new InputBuffer(new BufferPool());
  const neededBytes = 16 * 1024 * 1024;
  for (let received = 0; received < neededBytes;) {
    const count = Math.min(buffer.room().length, 50_000, neededBytes - received);
    buffer.received(count);
    received += count;
    buffer.prepare(neededBytes, Infinity);
    assert(buffer.bytes.length <= Math.max(LARGEST, 2 * received), `${buffer.bytes.length} for ${received} received`);
    assert(buffer.room().length > 0 || received === neededBytes);
  }
  assertEquals(buffer.end, neededBytes);
  buffer.start = buffer.end;
  buffer.prepare(0, Infinity);
  assert(buffer.bytes.length <= LARGEST, "a large buffer goes with its request");
});

Deno.test("InputBuffer keeps the bytes that wait", () => {
  const buffer = new InputBuffer(new BufferPool());
  for (let round = 0; round < 50; round++) {
    const room = buffer.room();
    room.fill(round, 0, Math.min(700, room.length));
    buffer.received(Math.min(700, room.length));
    buffer.start = buffer.end - 300;
    buffer.prepare(0, Infinity);
    assertEquals([buffer.start, buffer.end], [0, 300]);
    assert(buffer.bytes.subarray(0, 300).every((byte) => byte === round));
  }
});

Deno.test("InputBuffer leaves nothing of what has come where it was, be it moved or given back: it may be a secret", () => {
  // Moved to the front, into another buffer, and not at all.
  for (const [received, waiting] of [[700, 300], [SMALLEST, 300], [SMALLEST, SMALLEST], [700, 0]] as const) {
    const buffer = new InputBuffer(new BufferPool());
    const used = [buffer.bytes];
    buffer.room().fill(1, 0, received);
    buffer.received(received);
    // Whoever was given the bytes before has wiped what was secret of them.
    buffer.bytes.fill(0, 0, received - waiting);
    buffer.start = received - waiting;
    buffer.prepare(0, Infinity);
    if (!used.includes(buffer.bytes)) used.push(buffer.bytes);
    const kept = used.flatMap((bytes) => [...bytes]).filter((byte) => byte === 1).length;
    assertEquals(kept, waiting, `${waiting} of ${received} bytes wait`);
    buffer.release();
    assert(used.every((bytes) => bytes.every((byte) => byte === 0)));
  }
});
