/**
 * Decompression that cannot be made to fill the memory.
 *
 * @module
 */

import { refusal } from "./envelope.ts";

/** DEFLATE makes at most this many bytes of one (zlib's technical notes: 1032:1). */
const MAX_INFLATION = 1032;
/** Bounds of the pieces in which the input is fed. */
const MIN_PIECE_BYTES = 64;
const MAX_PIECE_BYTES = 4096;

/**
 * Opposite of raw DEFLATE (RFC 1951).
 *
 * The engine inflates each piece of input at once, all of it: 16 KiB in one piece give 16 MiB in one piece, whoever
 * reads. So the input goes in by pieces that are small against the limit, and the next one only when the output of
 * the one before has been counted.
 *
 * A stream that ends too early gives what it has: Deno 2.9.6 does not tell. Nobody but a faulty client can seal one,
 * since what is inflated here has been authenticated.
 *
 * @param limitBytes longest output
 * @throws IntegrityError with `size-limit` if the output would be longer, with `bad-compression` if the input is no
 * such stream or goes on behind its end
 */
export async function inflateRaw(
  compressed: Uint8Array<ArrayBuffer>,
  limitBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const inflater = new DecompressionStream("deflate-raw");
  const reader = inflater.readable.getReader();
  const feeding = feed(inflater.writable.getWriter(), compressed, limitBytes);
  // Its failure shows at the reader; this only keeps it from being reported as nobody's.
  feeding.catch(() => {});

  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for (;;) {
    let next: ReadableStreamReadResult<Uint8Array<ArrayBuffer>>;
    try {
      next = await reader.read();
    } catch {
      throw refusal("bad-compression");
    }
    if (next.done) return concatenated(chunks, length);
    length += next.value.length;
    if (length > limitBytes) {
      chunks.length = 0;
      await reader.cancel();
      throw refusal("size-limit");
    }
    chunks.push(next.value);
  }
}

async function feed(
  writer: WritableStreamDefaultWriter<BufferSource>,
  compressed: Uint8Array<ArrayBuffer>,
  limitBytes: number,
): Promise<void> {
  const pieceBytes = Math.min(MAX_PIECE_BYTES, Math.max(MIN_PIECE_BYTES, Math.floor(limitBytes / MAX_INFLATION)));
  for (let at = 0; at < compressed.length; at += pieceBytes) {
    // Settles once the piece is inflated, which waits until the reader has taken the output of the one before.
    await writer.write(compressed.subarray(at, at + pieceBytes));
  }
  await writer.close();
}

function concatenated(chunks: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
