/**
 * What a channel needs of the connection under it, which is also what it offers: bytes in, bytes out.
 *
 * @module
 */

/** A stream of bytes in both directions: a TCP or unix connection of Deno, a client's transport, or a channel. */
export interface ByteStream {
  /** Reads into the array. Resolves with how many bytes, or `null` at the end; rejects when the stream is broken. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes some of the bytes. Resolves with how many; rejects when the stream is broken. */
  write(bytes: Uint8Array): Promise<number>;
  /** Closes both directions; a read and a write that are under way must then settle. */
  close(): void;
  /** Tells the other side that nothing more comes. */
  closeWrite?(): Promise<void>;
  /** Makes a read under way keep the process alive (the start), see {@linkcode unref}. */
  ref?(): void;
  /** Lets the process end while nothing but a read is under way. */
  unref?(): void;
}

/** Writes all of the bytes. */
export async function writeAll(stream: ByteStream, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await stream.write(written === 0 ? bytes : bytes.subarray(written));
  }
}

/** Reads until the array is full. Resolves with `false` if the stream ends before. */
export async function readFully(stream: ByteStream, into: Uint8Array): Promise<boolean> {
  for (let filled = 0; filled < into.length;) {
    const count = await stream.read(into.subarray(filled));
    if (count === null) return false;
    filled += count;
  }
  return true;
}

/** Closes a stream that may be closed or broken already. */
export function closeQuietly(stream: ByteStream): void {
  try {
    stream.close();
  } catch {
    // Nothing is left to be done about it.
  }
}
