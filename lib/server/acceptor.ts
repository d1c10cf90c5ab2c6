/**
 * Accepts connections from one listener until it is closed, whatever single accepts end in.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { ACCEPT_RETRY_MS } from "../limits.ts";

/** What connections are accepted from. */
export type Listener = Deno.TcpListener | Deno.UnixListener;

/** The accept loop of one listener. */
export class Acceptor {
  readonly #listener: Listener;
  readonly #clock: Clock;
  #isClosed = false;

  constructor(listener: Listener, clock: Clock) {
    this.#listener = listener;
    this.#clock = clock;
  }

  /** Hands out connections until {@linkcode Acceptor.close}. Never rejects. */
  async run(onConnection: (connection: Deno.Conn) => void): Promise<void> {
    while (!this.#isClosed) {
      let connection: Deno.Conn;
      try {
        connection = await this.#listener.accept();
      } catch (error) {
        // One failed accept says nothing about the next: a client that resets early makes accept() itself throw.
        // Without descriptors or memory, accepting again at once would only burn the processor (denoland/deno#10148).
        if (isExhaustion(error)) await new Promise<void>((done) => this.#clock.schedule(ACCEPT_RETRY_MS, done));
        continue;
      }
      onConnection(connection);
    }
  }

  /** Stops listening. */
  close(): void {
    this.#isClosed = true;
    this.#listener.close();
  }
}

function isExhaustion(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return code === "EMFILE" || code === "ENFILE" || code === "ENOMEM" || code === "ENOBUFS";
}
