/**
 * Somebody on the way between client and server who hands everything on and keeps a copy.
 *
 * @module
 */

import { concat } from "@std/bytes";

/** Listens on a free port of this machine and hands on to another. */
export class RecordingProxy implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #port: number;
  readonly #passed: Uint8Array[] = [];
  readonly #connections: Deno.Conn[] = [];
  readonly #ends: Promise<void>[] = [];

  constructor(port: number) {
    this.#port = port;
    this.#ends.push(this.#accept());
  }

  get address(): string {
    return `127.0.0.1:${(this.#listener.addr as Deno.NetAddr).port}`;
  }

  /** All that has passed, both ways. */
  get passed(): Uint8Array {
    return concat(this.#passed);
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      const server = await Deno.connect({ hostname: "127.0.0.1", port: this.#port });
      this.#connections.push(client, server);
      this.#ends.push(this.#handOn(client, server), this.#handOn(server, client));
    }
  }

  async #handOn(from: Deno.Conn, to: Deno.Conn): Promise<void> {
    const bytes = new Uint8Array(64 * 1024);
    try {
      for (let count = await from.read(bytes); count !== null; count = await from.read(bytes)) {
        const part = bytes.slice(0, count);
        this.#passed.push(part);
        for (let written = 0; written < part.length;) written += await to.write(part.subarray(written));
      }
      await to.closeWrite();
    } catch {
      // One of the two has gone, and with it the other.
      closeQuietly(to);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.#connections.forEach(closeQuietly);
    await Promise.all(this.#ends);
  }
}

function closeQuietly(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // Closed before.
  }
}
