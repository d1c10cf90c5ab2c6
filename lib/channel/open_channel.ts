/**
 * The client's side of opening a channel: 45 bytes go out, and nothing else until the server has proven to hold a key
 * that is pinned.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import { generateX25519 } from "../crypto/subtle.ts";
import { MAX_HANDSHAKE_MS } from "../limits.ts";
import { type ByteStream, writeAll } from "./byte_stream.ts";
import { HandshakeError } from "./channel_error.ts";
import { ChannelStream } from "./channel_stream.ts";
import { CipherState } from "./cipher_state.ts";
import { ClientHandshake } from "./handshake.ts";
import { newHello, prologueOf, putKey } from "./hello.ts";
import { checkPinned, checkPins } from "./pin.ts";
import { decodeTerms, readReply } from "./reply.ts";
import { withinTimeLimit } from "./time_limit.ts";

/** How to open a channel. */
export interface OpenOptions {
  /** Where time comes from. Default: the machine's clock. */
  readonly clock?: Clock;
  /** Aborting it closes the stream and rejects with its reason, as long as there is no channel yet. */
  readonly signal?: AbortSignal;
}

/**
 * Opens a secure channel to a server that is pinned.
 *
 * If the server asks for authentication, records stay short until the client calls {@linkcode ChannelStream.authenticated}
 * on what this returns.
 *
 * @param stream a connection on which nothing has been said; it belongs to the channel, and is closed if there will be
 * none
 * @param pins public keys of which the server must have one, from `parsePin()`
 * @throws RangeError if there are no pins, or one is not 32 bytes
 * @throws CryptomemError `UNTRUSTED` if what answers does not prove to be such a server, `UNREACHABLE` if nothing
 * answers, not in time, or only to refuse; or what the stream rejects with. None of them is a reason to try again
 * without a channel
 */
export async function openChannel(
  stream: ByteStream,
  pins: readonly Uint8Array[],
  options: OpenOptions = {},
): Promise<ChannelStream> {
  const { clock = systemClock, signal } = options;
  checkPins(pins);
  return await withinTimeLimit(
    stream,
    { clock, timeoutMs: MAX_HANDSHAKE_MS },
    () => shakeHands(stream, pins, clock),
    signal,
  );
}

async function shakeHands(stream: ByteStream, pins: readonly Uint8Array[], clock: Clock): Promise<ChannelStream> {
  const hello = newHello();
  const handshake = new ClientHandshake(prologueOf(hello), await generateX25519());
  putKey(hello, await handshake.start());
  await writeAll(stream, hello);

  const answer = await handshake.finish(await readReply(stream));
  if (answer === undefined) {
    throw new HandshakeError(
      "tampered",
      "the server's answer is not to what was sent; somebody is in between",
    );
  }
  // The one line that tells the server from somebody in its place. Until here it was sent nothing but the hello.
  await checkPinned(answer.serverKey, pins);
  const { maxBodyBytes, maxUnauthenticatedBodyBytes } = decodeTerms(answer.payload);
  const { sending, receiving } = await handshake.split();
  return new ChannelStream(stream, new CipherState(sending), new CipherState(receiving), {
    clock,
    maxSentBodyBytes: maxBodyBytes,
    ...maxUnauthenticatedBodyBytes !== undefined &&
      { unauthenticated: { maxSentBodyBytes: maxUnauthenticatedBodyBytes } },
  });
}
