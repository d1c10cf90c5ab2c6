/**
 * A handshake's time. Whoever takes longer, or sends something wrong, is closed and told nothing.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { type ByteStream, closeQuietly } from "./byte_stream.ts";
import { HandshakeError } from "./channel_error.ts";

/**
 * Does a handshake over a stream. However it fails, the stream is closed then.
 *
 * @param handshake given a check that throws once it is too late, to be made before work that would be for nothing
 * @param signal aborting it ends the handshake with its reason
 * @throws HandshakeError `timeout` after so many milliseconds, or what the handshake rejects with
 */
export async function withinTimeLimit<T>(
  stream: ByteStream,
  { clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number },
  handshake: (checkTime: () => void) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  let isLate = false;
  const close = () => closeQuietly(stream);
  const timer = clock.schedule(timeoutMs, () => {
    isLate = true;
    close();
  });
  signal?.addEventListener("abort", close);
  const checkTime = () => {
    signal?.throwIfAborted();
    if (isLate) throw new HandshakeError("timeout", `no handshake within ${timeoutMs} ms`);
  };
  try {
    checkTime();
    const result = await handshake(checkTime);
    checkTime();
    return result;
  } catch (error) {
    close();
    // What closing the stream has broken is not what happened.
    checkTime();
    throw error;
  } finally {
    timer.cancel();
    signal?.removeEventListener("abort", close);
  }
}
