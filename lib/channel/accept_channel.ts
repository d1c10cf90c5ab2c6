/**
 * The server's side of opening a channel, with the limits for whoever has not said who it is.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { generateX25519 } from "../crypto/subtle.ts";
import { MAX_HANDSHAKE_MS, MAX_RECORD_BODY_BYTES, MAX_UNAUTHENTICATED_BODY_BYTES } from "../limits.ts";
import { type ByteStream, readFully, writeAll } from "./byte_stream.ts";
import { HandshakeError } from "./channel_error.ts";
import { ChannelStream } from "./channel_stream.ts";
import { CipherState } from "./cipher_state.ts";
import { ServerHandshake } from "./handshake.ts";
import type { HandshakeSlots } from "./handshake_slots.ts";
import { checkHelloHeader, HELLO_BYTES, keyOf, prologueOf, rejectionOf } from "./hello.ts";
import { HEADER_BYTES, Opcode, recordOf, type Rejection, REJECTIONS } from "./record_layout.ts";
import { encodeTerms, type ServerTerms } from "./reply.ts";
import type { ServerKey } from "./server_key.ts";
import { withinTimeLimit } from "./time_limit.ts";
import type { Bytes } from "../crypto/subtle.ts";

/** How a server accepts channels. */
export interface AcceptOptions {
  readonly clock: Clock;
  /** One for all channels of a server. */
  readonly slots: HandshakeSlots;
  /**
   * Whether the client has to authenticate. If so, it may send short records only, and for five seconds from the start
   * of the handshake, until {@linkcode ChannelStream.authenticated} is called on what this returns.
   */
  readonly mustAuthenticate: boolean;
  /** How long both may take, in milliseconds; at most {@linkcode MAX_HANDSHAKE_MS}, which is the default. */
  readonly timeoutMs?: number;
}

/**
 * Answers to a client that wants a secure channel.
 *
 * @param stream belongs to the channel from now on, and is closed if there will be none
 * @param first what has been read of it already; copied
 * @throws HandshakeError, or what the stream rejects with. The client is told nothing of it, except for a
 * {@linkcode REJECTIONS | rejection} of what it wants to speak
 */
export function acceptChannel(
  stream: ByteStream,
  key: ServerKey,
  first: Uint8Array,
  options: AcceptOptions,
): Promise<ChannelStream> {
  const { clock, slots, mustAuthenticate } = options;
  const timeoutMs = Math.min(options.timeoutMs ?? MAX_HANDSHAKE_MS, MAX_HANDSHAKE_MS);
  const endMs = clock.nowMs() + timeoutMs;
  const start = first.slice();
  return withinTimeLimit(stream, { clock, timeoutMs }, async (checkTime) => {
    const hello = await readHello(stream, start);
    const rejection = rejectionOf(hello);
    if (rejection !== undefined) {
      await sendRejection(stream, rejection);
      throw new HandshakeError("refused", `the client was told: ${rejection}`);
    }
    return await slots.run(() => {
      checkTime();
      return shakeHands(stream, key, hello, clock, mustAuthenticate ? endMs : undefined);
    });
  });
}

/** Tells a client that there will be no channel. For a server that is full, before it closes the connection. */
export function sendRejection(stream: ByteStream, rejection: Rejection): Promise<void> {
  return writeAll(stream, recordOf(Opcode.REJECT, Uint8Array.of(REJECTIONS.indexOf(rejection) + 1)));
}

async function readHello(stream: ByteStream, first: Uint8Array): Promise<Bytes> {
  if (first.length > HELLO_BYTES) {
    // A client that cannot know yet who it talks to has sent more than its hello.
    throw new HandshakeError("malformed", "the client did not wait for an answer");
  }
  const hello = new Uint8Array(HELLO_BYTES);
  hello.set(first);
  // The header by itself first: who announces something else is not waited for.
  let isWhole = await readFully(stream, hello.subarray(Math.min(first.length, HEADER_BYTES), HEADER_BYTES));
  if (isWhole) {
    checkHelloHeader(hello);
    isWhole = await readFully(stream, hello.subarray(Math.max(first.length, HEADER_BYTES)));
  }
  if (!isWhole) throw new HandshakeError("cut", "the client went away in the middle of its first record");
  return hello;
}

async function shakeHands(
  stream: ByteStream,
  key: ServerKey,
  hello: Bytes,
  clock: Clock,
  authenticationEndMs: number | undefined,
): Promise<ChannelStream> {
  const terms: ServerTerms = {
    maxBodyBytes: MAX_RECORD_BODY_BYTES,
    maxUnauthenticatedBodyBytes: authenticationEndMs === undefined ? undefined : MAX_UNAUTHENTICATED_BODY_BYTES,
  };
  const handshake = new ServerHandshake(prologueOf(hello), key.keyPair, await generateX25519());
  const answer = await handshake.answer(keyOf(hello), encodeTerms(terms));
  if (answer === undefined) throw new HandshakeError("tampered", "the client's key is a point of low order");
  await writeAll(stream, recordOf(Opcode.REPLY, answer));
  const { sending, receiving } = await handshake.split();
  return new ChannelStream(stream, new CipherState(sending), new CipherState(receiving), {
    clock,
    maxSentBodyBytes: MAX_RECORD_BODY_BYTES,
    ...authenticationEndMs !== undefined &&
      { unauthenticated: { maxReceivedBodyBytes: MAX_UNAUTHENTICATED_BODY_BYTES, endMs: authenticationEndMs } },
  });
}
