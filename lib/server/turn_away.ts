/**
 * Telling a client that there is no room for it. That takes a moment, because the client speaks first and chooses how;
 * it costs no session, and only so many are told at once.
 *
 * @module
 */

import { sendRejection } from "../channel/accept_channel.ts";
import { closeQuietly, writeAll } from "../channel/byte_stream.ts";
import { Opcode } from "../channel/record_layout.ts";
import type { Clock } from "../clock.ts";
import type { DialectName } from "../codec/dialect.ts";
import { MAX_CONCURRENT_TURN_AWAYS, TURN_AWAY_LINGER_MS, TURN_AWAY_READ_MS } from "../limits.ts";
import { refusalBytes } from "./refusal.ts";

/** Enough to tell the dialect and the command. */
const FIRST_BYTES = 512;

/** Turns away what comes to one server while it is full. */
export class TurnAway {
  readonly #clock: Clock;
  readonly #connections = new Set<Deno.Conn>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Says BUSY and why, then closes. Never rejects. */
  async turnAway(connection: Deno.Conn, pinned: DialectName | undefined, why: string): Promise<void> {
    if (this.#connections.size >= MAX_CONCURRENT_TURN_AWAYS) return closeQuietly(connection);
    this.#connections.add(connection);
    const timer = this.#clock.schedule(TURN_AWAY_READ_MS + TURN_AWAY_LINGER_MS, () => closeQuietly(connection));
    try {
      await this.#tell(connection, pinned, why);
    } catch {
      // It has gone by itself.
    } finally {
      timer.cancel();
      this.#connections.delete(connection);
      closeQuietly(connection);
    }
  }

  /** Lets go of all of them. */
  close(): void {
    for (const connection of this.#connections) closeQuietly(connection);
  }

  async #tell(connection: Deno.Conn, pinned: DialectName | undefined, why: string): Promise<void> {
    const buffer = new Uint8Array(FIRST_BYTES);
    const reading = connection.read(buffer);
    reading.catch(() => {});
    // Whoever says nothing is told in text.
    let timer;
    const silence = new Promise<number>((done) => timer = this.#clock.schedule(TURN_AWAY_READ_MS, () => done(0)));
    const count = await Promise.race([reading, silence]);
    timer!.cancel();
    if (count === null) return;
    if (buffer[0] === Opcode.HELLO) await sendRejection(connection, "it has no room for another connection");
    else {
      const answer = refusalBytes(buffer.subarray(0, count), pinned, { code: "BUSY", message: why });
      if (answer !== undefined) await writeAll(connection, answer);
    }
    await connection.closeWrite();
    // Closing with bytes unread would take the answer back (see LINGER_MS).
    if (count === 0) await reading;
    while (await connection.read(buffer) !== null);
  }
}
