import { assert, assertEquals, assertRejects } from "@std/assert";
import { inflateRaw } from "../../lib/crypto/inflate.ts";
import { IntegrityError } from "../../lib/errors.ts";

const MEBIBYTE = 1024 * 1024;

async function deflateRaw(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Bytes that hardly compress, the same each time. */
function noise(size: number): Uint8Array<ArrayBuffer> {
  let state = 1;
  return new Uint8Array(size).map(() => (state = Math.imul(state, 1664525) + 1013904223) >>> 24);
}

async function assertRefused(compressed: Uint8Array<ArrayBuffer>, limitBytes: number, reason: string): Promise<void> {
  const error = await assertRejects(() => inflateRaw(compressed, limitBytes), IntegrityError);
  assertEquals(error.reason, reason);
}

Deno.test("inflateRaw() gives back every size, up to exactly the limit", async () => {
  for (const size of [0, 1, 63, 64, 65, 1032, 4095, 4096, 4097, 100_000]) {
    for (const bytes of [noise(size), new Uint8Array(size)]) {
      const compressed = await deflateRaw(bytes);
      assertEquals(await inflateRaw(compressed, size), bytes);
      if (size > 0) await assertRefused(compressed, size - 1, "size-limit");
    }
  }
});

Deno.test("inflateRaw() refuses what is no stream, and anything behind its end", async () => {
  await assertRefused(Uint8Array.of(0xff, 0xff, 0xff, 0xff), MEBIBYTE, "bad-compression");
  for (const size of [0, 100, 4096, 10_000]) {
    const compressed = await deflateRaw(noise(size));
    for (const more of [1, 100, 5_000]) {
      const longer = new Uint8Array(compressed.length + more);
      longer.set(compressed);
      await assertRefused(longer, MEBIBYTE, "bad-compression");
    }
  }
});

Deno.test("inflateRaw() never has the engine inflate much more than the limit at once", async () => {
  const bomb = await deflateRaw(new Uint8Array(64 * MEBIBYTE));
  const readable = Object.getOwnPropertyDescriptor(DecompressionStream.prototype, "readable")!;
  let inflatedBytes = 0;
  // Counts what comes out of the engine, also the part that is thrown away.
  Object.defineProperty(DecompressionStream.prototype, "readable", {
    ...readable,
    get(this: DecompressionStream) {
      return (readable.get!.call(this) as ReadableStream<Uint8Array>).pipeThrough(
        new TransformStream({
          transform(chunk, controller) {
            inflatedBytes += chunk.length;
            controller.enqueue(chunk);
          },
        }),
      );
    },
  });
  try {
    await assertRefused(bomb, 16 * MEBIBYTE, "size-limit");
  } finally {
    Object.defineProperty(DecompressionStream.prototype, "readable", readable);
  }
  assert(inflatedBytes < 1.5 * 16 * MEBIBYTE, `${inflatedBytes} bytes were inflated`);
});
