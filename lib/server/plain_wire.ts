/**
 * A connection of TCP or of a unix socket. Its first byte may ask for a secure channel, on every port alike; from then on
 * it is that channel.
 *
 * @module
 */

import { closeQuietly } from "../channel/byte_stream.ts";
import type { ChannelStream } from "../channel/channel_stream.ts";
import { Opcode } from "../channel/record_layout.ts";
import type { Peer, Wire, WireKind } from "./wire.ts";

/** Opens a secure channel on a connection, of which these bytes have been read. */
export type OpenChannel = (connection: Deno.Conn, first: Uint8Array) => Promise<ChannelStream>;

/** See {@linkcode Wire}. */
export class PlainWire implements Wire {
  readonly peer: Peer;
  readonly identity = undefined;
  readonly #connection: Deno.Conn;
  readonly #openChannel: OpenChannel;
  #channel: ChannelStream | undefined;

  constructor(connection: Deno.Conn, peer: Peer, openChannel: OpenChannel) {
    this.#connection = connection;
    this.peer = peer;
    this.#openChannel = openChannel;
  }

  get kind(): WireKind {
    if (this.#channel !== undefined) return "channel";
    return this.#connection.localAddr.transport === "unix" ? "unix" : "plain";
  }

  async begin(into: Uint8Array): Promise<number | null> {
    const count = await this.#connection.read(into);
    if (count === null || into[0] !== Opcode.HELLO) return count;
    this.#channel = await this.#openChannel(this.#connection, into.subarray(0, count));
    return await this.#channel.read(into);
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.#channel === undefined ? this.#connection.read(into) : this.#channel.read(into);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#channel === undefined ? this.#connection.write(bytes) : this.#channel.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.#channel === undefined ? this.#connection.closeWrite() : this.#channel.closeWrite();
  }

  /** Also ends a handshake that is under way. */
  close(): void {
    closeQuietly(this.#channel ?? this.#connection);
  }

  authenticated(): void {
    this.#channel?.authenticated();
  }
}
