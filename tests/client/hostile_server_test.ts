/**
 * The client against servers that misbehave, over real TCP. What each of these does is spelled out here; what the
 * client makes of it in memory, to the last byte, is in pipeline_test.ts and reply_reader_test.ts.
 *
 * @module
 */

import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { Client, type ClientOptions, CryptomemError, type ErrorCode } from "../../client.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { canListen } from "../support/permissions.ts";
import { announcement, concat, NOT_FOUND, OK, reply, requestsIn } from "./frames.ts";

const ignore = !canListen;
const KEY = "your-32-byte-very-secret-key-!!!";

/** What a server does with one connection, which is closed when it is done. */
type Script = (connection: Deno.TcpConn) => Promise<void>;

/** A server that follows one script for its first connection, the next for the second, and the last ever after. */
class ScriptedServer implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #scripts: readonly Script[];
  readonly #connections: Deno.TcpConn[] = [];
  readonly #running: Promise<void>[] = [];

  constructor(...scripts: readonly Script[]) {
    this.#scripts = scripts;
    this.#running.push(this.#accept());
  }

  client(options: ClientOptions = {}): Client {
    return new Client(`127.0.0.1:${this.#listener.addr.port}`, { key: KEY, ...options });
  }

  /** How many connections were made. */
  get connections(): number {
    return this.#connections.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) close(connection);
    await Promise.allSettled(this.#running);
  }

  async #accept(): Promise<void> {
    try {
      while (true) {
        const connection = await this.#listener.accept();
        const script = this.#scripts[Math.min(this.#connections.length, this.#scripts.length - 1)]!;
        this.#connections.push(connection);
        this.#running.push(script(connection).catch(() => {}).finally(() => close(connection)));
      }
    } catch {
      // The listener was closed: the test is over.
    }
  }
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // It is closed already.
  }
}

/** Reads until that many requests have come. */
async function readRequests(connection: Deno.TcpConn, count: number): Promise<void> {
  let received = new Uint8Array(0);
  const buffer = new Uint8Array(64 * 1024);
  while (requestsIn(received).requests.length < count) {
    const read = await connection.read(buffer);
    if (read === null) throw new Error("The client closed the connection");
    received = concat(received, buffer.subarray(0, read));
  }
}

async function write(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) written += await connection.write(bytes.subarray(written));
}

/** Answers every request with Not Found. */
const wellBehaved: Script = async (connection) => {
  while (true) {
    await readRequests(connection, 1);
    await write(connection, reply(NOT_FOUND));
  }
};

async function assertCode(call: Promise<unknown>, code: ErrorCode): Promise<void> {
  assertEquals((await assertRejects(() => call, CryptomemError)).code, code);
}

Deno.test({
  name: "Client reports a server that is not there as UNREACHABLE, to every call, and finds it once it is",
  ignore,
  async fn() {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    await using client = new Client(`127.0.0.1:${port}`, { key: KEY });
    const calls = [client.set("a", 1), client.get("b"), client.ping()];
    for (const call of calls) await assertCode(call, "UNREACHABLE");

    const server = Deno.listen({ hostname: "127.0.0.1", port });
    const serving = server.accept().then(async (connection) => {
      await readRequests(connection, 1);
      await write(connection, reply(OK));
      return connection;
    });
    await client.ping();
    server.close();
    (await serving).close();
  },
});

Deno.test({
  name: "Client fails the calls that a silent server leaves waiting, and makes a new connection for the next",
  ignore,
  async fn() {
    const received = Promise.withResolvers<void>();
    const silent: Script = async (connection) => {
      await readRequests(connection, 2);
      received.resolve();
      await connection.read(new Uint8Array(1));
    };
    await using server = new ScriptedServer(silent, wellBehaved);
    const clock = new FakeClock();
    await using client = server.client({ clock });
    const calls = [client.get("a"), client.get("b")];
    await received.promise;
    clock.advance(5_000);
    for (const call of calls) await assertCode(call, "TIMEOUT");
    assertEquals(await client.get("c"), undefined);
    assertEquals(server.connections, 2);
  },
});

Deno.test({
  name: "Client fails exactly the calls that a server which closes in mid-reply leaves unanswered",
  ignore,
  async fn() {
    const closing: Script = async (connection) => {
      await readRequests(connection, 3);
      await write(connection, concat(reply(NOT_FOUND), announcement(OK, 100), new Uint8Array(50)));
    };
    await using server = new ScriptedServer(closing, wellBehaved);
    await using client = server.client();
    const calls = [client.get("a"), client.get("b"), client.get("c")];
    assertEquals(await calls[0], undefined);
    await assertCode(calls[1]!, "DISCONNECTED");
    await assertCode(calls[2]!, "DISCONNECTED");
    assertEquals(await client.get("d"), undefined);
  },
});

Deno.test({
  name: "Client tells a server that speaks something else by its first bytes",
  ignore,
  async fn() {
    const web: Script = async (connection) => {
      await readRequests(connection, 2);
      await write(connection, new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"));
      await connection.read(new Uint8Array(1));
    };
    await using server = new ScriptedServer(web, wellBehaved);
    await using client = server.client();
    const calls = [client.get("a"), client.get("b")];
    await assertCode(calls[0]!, "BAD_MAGIC");
    await assertCode(calls[1]!, "DISCONNECTED");
    assertEquals(await client.get("c"), undefined);
  },
});

Deno.test({
  name: "Client refuses a reply that announces 4 GiB without allocating for it",
  ignore,
  async fn() {
    const boastful: Script = async (connection) => {
      await readRequests(connection, 1);
      await write(connection, announcement(OK, 2 ** 32 - 1));
      await connection.read(new Uint8Array(1));
    };
    await using server = new ScriptedServer(boastful);
    await using client = server.client();
    // A huge array costs no resident memory until it is written to; it shows here (RELIABILITY.md §3, fact 6).
    const before = Deno.memoryUsage().external;
    await assertCode(client.get("a"), "TOO_LARGE");
    assertLess(Deno.memoryUsage().external - before, 16 * 1024 * 1024);
  },
});

Deno.test({
  name: "Client understands replies that arrive byte by byte",
  ignore,
  async fn() {
    const slow: Script = async (connection) => {
      await readRequests(connection, 2);
      for (const byte of concat(reply(NOT_FOUND), reply(OK))) await connection.write(Uint8Array.of(byte));
      await connection.read(new Uint8Array(1));
    };
    await using server = new ScriptedServer(slow);
    await using client = server.client();
    assertEquals(await Promise.all([client.get("a"), client.delete("b")]), [undefined, true]);
  },
});

Deno.test({
  name: "Client lets go of a server that stops reading, and of the request it was writing",
  ignore,
  async fn() {
    const begun = Promise.withResolvers<void>();
    const done = Promise.withResolvers<void>();
    const deaf: Script = async (connection) => {
      await connection.read(new Uint8Array(1));
      begun.resolve();
      await done.promise;
    };
    await using server = new ScriptedServer(deaf, wellBehaved);
    const clock = new FakeClock();
    await using client = server.client({ clock });
    const call = client.set("a", new Uint8Array(16 * 1024 * 1024));
    await begun.promise;
    clock.advance(5_000);
    await assertCode(call, "TIMEOUT");
    assertEquals(await client.get("b"), undefined);
    done.resolve();
  },
});
