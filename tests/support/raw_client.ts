/**
 * A TCP connection that sends exactly the bytes a test names and reads what comes, without any client code between.
 *
 * @module
 */

import { concat } from "@std/bytes";
import { assertEquals } from "@std/assert";

/** One connection to a server on this machine. */
export class RawClient implements Disposable {
  readonly connection: Deno.TcpConn;

  private constructor(connection: Deno.TcpConn) {
    this.connection = connection;
  }

  static async connect({ port }: { port: number }): Promise<RawClient> {
    return new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** Sends all of the given parts, one write for each. */
  async send(...parts: Uint8Array[]): Promise<void> {
    for (const part of parts) {
      for (let sent = 0; sent < part.length;) sent += await this.connection.write(part.subarray(sent));
    }
  }

  /** Reads exactly so many bytes; fails if the connection ends before. */
  async read(length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    for (let filled = 0; filled < length;) {
      const count = await this.connection.read(bytes.subarray(filled));
      if (count === null) throw new Error(`the connection ended after ${filled} of ${length} bytes`);
      filled += count;
    }
    return bytes;
  }

  /** Reads to the end of the connection; a reset counts as an end. */
  async readToEnd(): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    const buffer = new Uint8Array(64 * 1024);
    try {
      for (let count = await this.connection.read(buffer); count !== null; count = await this.connection.read(buffer)) {
        parts.push(buffer.slice(0, count));
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
    }
    return concat(parts);
  }

  /** Sends a request and expects exactly this answer. */
  async exchange(request: Uint8Array, answer: Uint8Array): Promise<void> {
    await this.send(request);
    assertEquals(await this.read(answer.length), answer);
  }

  [Symbol.dispose](): void {
    try {
      this.connection.close();
    } catch {
      // Closed before.
    }
  }
}
