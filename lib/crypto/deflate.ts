/**
 * Compression of a value before it is sealed; opposite of inflate.ts.
 *
 * Length is the one thing about a value that encryption does not hide, and compression makes it depend on the content:
 * where an attacker can put text beside a secret, the envelope is shorter when the text repeats the secret. So this is
 * an option that nobody gets unasked, values share no dictionary, and padding comes with it.
 *
 * @module
 */

/** Raw DEFLATE (RFC 1951) of some bytes. They must stay as they are until the promise settles. */
export async function deflateRaw(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const deflater = new CompressionStream("deflate-raw");
  const writer = deflater.writable.getWriter();
  // Their failure shows at the reader; this only keeps it from being reported as nobody's.
  writer.write(bytes).catch(() => {});
  writer.close().catch(() => {});
  return new Uint8Array(await new Response(deflater.readable).arrayBuffer());
}
