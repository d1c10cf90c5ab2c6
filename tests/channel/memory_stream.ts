/**
 * Streams without a network, and channels over them. A test sees every byte that goes over the wire and can change,
 * hold back or add some.
 *
 * @module
 */

import { concat } from "@std/bytes";
import { utf8 } from "../../lib/bytes.ts";
import { acceptChannel } from "../../lib/channel/accept_channel.ts";
import type { ByteStream } from "../../lib/channel/byte_stream.ts";
import type { ChannelStream } from "../../lib/channel/channel_stream.ts";
import { HandshakeSlots } from "../../lib/channel/handshake_slots.ts";
import { openChannel } from "../../lib/channel/open_channel.ts";
import { ServerKey } from "../../lib/channel/server_key.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** One end of a wire. It behaves like a socket of Deno: what waits when it is closed rejects. */
export class MemoryStream implements ByteStream {
  readonly #arrived: Uint8Array[] = [];
  #broken: Error | undefined;
  #hasEnded = false;
  #wakeReader = () => {};
  /** Each write that was made, as it was. */
  readonly writes: Uint8Array[] = [];
  isClosed = false;
  isWriteClosed = false;
  /** The largest room that a read has offered. */
  largestReadBytes = 0;
  /** What becomes of the bytes that are written here. */
  onWrite: (bytes: Uint8Array) => void = () => {};
  /** Told once that nothing more is written here. */
  onEnd: () => void = () => {};
  /** At most how many bytes the next read gets. */
  readLimit: () => number = () => Infinity;
  /** Awaited in every write, before the bytes are taken. */
  writeGate: () => Promise<void> = () => Promise.resolve();

  /** All bytes that were written. */
  get sent(): Uint8Array {
    return concat(this.writes);
  }

  /** Bytes arrive here. */
  deliver(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#arrived.push(bytes.slice());
    this.#wakeReader();
  }

  /** Nothing more arrives here. */
  end(): void {
    this.#hasEnded = true;
    this.#wakeReader();
  }

  /** The connection breaks. */
  reset(): void {
    this.#broken = new Deno.errors.ConnectionReset("the test broke it");
    this.#wakeReader();
  }

  async read(into: Uint8Array): Promise<number | null> {
    this.largestReadBytes = Math.max(this.largestReadBytes, into.length);
    while (this.#arrived.length === 0 && !this.#hasEnded && !this.isClosed && this.#broken === undefined) {
      await new Promise<void>((wake) => this.#wakeReader = wake);
    }
    if (this.isClosed) throw new Deno.errors.BadResource("the stream is closed");
    if (this.#broken !== undefined) throw this.#broken;
    if (this.#arrived.length === 0) return null;
    const room = Math.min(into.length, this.readLimit());
    let filled = 0;
    // All that is there, however it came, as a socket gives it.
    while (filled < room && this.#arrived.length > 0) {
      const chunk = this.#arrived.shift()!;
      const part = chunk.subarray(0, room - filled);
      into.set(part, filled);
      filled += part.length;
      if (part.length < chunk.length) this.#arrived.unshift(chunk.subarray(part.length));
    }
    return filled;
  }

  async write(bytes: Uint8Array): Promise<number> {
    if (this.isClosed) throw new Deno.errors.BadResource("the stream is closed");
    this.writes.push(bytes.slice());
    this.onWrite(bytes);
    await this.writeGate();
    return bytes.length;
  }

  closeWrite(): Promise<void> {
    if (!this.isWriteClosed) this.onEnd();
    this.isWriteClosed = true;
    return Promise.resolve();
  }

  close(): void {
    if (!this.isWriteClosed && !this.isClosed) this.onEnd();
    this.isClosed = true;
    this.#wakeReader();
  }
}

/** Both ends of a wire. */
export function wire(): [MemoryStream, MemoryStream] {
  const ends: [MemoryStream, MemoryStream] = [new MemoryStream(), new MemoryStream()];
  for (const [from, to] of [ends, [ends[1], ends[0]]] as const) {
    from.onWrite = (bytes) => to.deliver(bytes);
    from.onEnd = () => to.end();
  }
  return ends;
}

/** A channel from both sides. */
export interface Connected {
  readonly client: ChannelStream;
  readonly server: ChannelStream;
  /** What is under them. */
  readonly clientEnd: MemoryStream;
  readonly serverEnd: MemoryStream;
  readonly clock: FakeClock;
}

/** A key that tests share, as making one takes time and none is changed by being used. */
export const serverKey: ServerKey = await ServerKey.generate();

/** Connects a client and a server that trust each other. */
export async function connect(
  options: { mustAuthenticate?: boolean; clock?: FakeClock; slots?: HandshakeSlots } = {},
): Promise<Connected> {
  const { mustAuthenticate = false, clock = new FakeClock(), slots = new HandshakeSlots() } = options;
  const [clientEnd, serverEnd] = wire();
  const [client, server] = await Promise.all([
    openChannel(clientEnd, [serverKey.keyPair.publicKey], { clock }),
    acceptChannel(serverEnd, serverKey, new Uint8Array(0), { clock, slots, mustAuthenticate }),
  ]);
  clientEnd.writes.length = serverEnd.writes.length = 0;
  return { client, server, clientEnd, serverEnd, clock };
}

/** Reads once, into so much room. */
export async function readSome(stream: ByteStream, roomBytes = 1024): Promise<Uint8Array | null> {
  const into = new Uint8Array(roomBytes);
  const count = await stream.read(into);
  return count === null ? null : into.subarray(0, count);
}

/** Reads until the end. */
export async function readAll(stream: ByteStream, roomBytes: () => number = () => 64 * 1024): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let part = await readSome(stream, roomBytes()); part !== null; part = await readSome(stream, roomBytes())) {
    parts.push(part);
  }
  return concat(parts);
}

/** The records that the client makes of these texts; they are kept from the server. */
export async function keptRecords({ client, clientEnd }: Connected, ...texts: string[]): Promise<Uint8Array[]> {
  const records: Uint8Array[] = [];
  const { onWrite } = clientEnd;
  clientEnd.onWrite = (record) => void records.push(record.slice());
  for (const text of texts) await client.write(utf8(text));
  clientEnd.onWrite = onWrite;
  return records;
}

/** Lets everything happen that can without anything new. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((next) => setTimeout(next, 0));
}
