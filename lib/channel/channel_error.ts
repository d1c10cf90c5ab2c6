/**
 * Why a secure channel is over, or never came to be.
 *
 * @module
 */

import { CryptomemError, type ErrorCode } from "../errors.ts";

/**
 * What went wrong, for counting. The other side is told none of it.
 *
 * - `refused`: the server said that it does not want to; nothing proves that it was the server who said so.
 * - `wrong-key`: the server has proven a key that is not pinned.
 * - `malformed`: what came is not laid out as it must be, or longer than it may be.
 * - `tampered`: what came is laid out right but was not made by who holds the keys, or not for this place.
 * - `cut`: the stream ended without the other side having said so inside of the channel.
 * - `timeout`: handshake or authentication took too long.
 * - `closed`: this side had closed the channel, or its sending half, before.
 * - `worn-out`: the channel has carried as much, or lived as long, as one handshake is good for.
 */
export type ChannelFailure =
  | "refused"
  | "wrong-key"
  | "malformed"
  | "tampered"
  | "cut"
  | "timeout"
  | "closed"
  | "worn-out";

/** A channel failed. It is closed and its keys are gone; nothing in here is from inside of it. */
export class ChannelError extends CryptomemError {
  /** The name of the class, for logs. */
  override readonly name: string = "ChannelError";
  /** What went wrong. */
  readonly reason: ChannelFailure;

  /**
   * A failure after the handshake.
   *
   * @param state the end of a sentence that says what could not be done
   */
  constructor(reason: ChannelFailure, state: string, code: ErrorCode = "DISCONNECTED", cannot = "use the") {
    super(code, `Cannot ${cannot} secure channel: ${state}`);
    this.reason = reason;
  }
}

/** What has come is not from a trusted server; everything else is no more than a connection that could not be made. */
const UNTRUSTED: readonly ChannelFailure[] = ["wrong-key", "malformed", "tampered"];

/** A handshake failed: there is no channel, and nothing but the handshake was sent. */
export class HandshakeError extends ChannelError {
  /** The name of the class, for logs. */
  override readonly name = "HandshakeError";

  /** @param state the end of the sentence "Cannot open a secure channel: …" */
  constructor(reason: ChannelFailure, state: string) {
    super(reason, state, UNTRUSTED.includes(reason) ? "UNTRUSTED" : "UNREACHABLE", "open a");
  }
}
