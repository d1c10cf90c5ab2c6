/**
 * Over which wires a server is reached, and how many may: over real sockets.
 *
 * @module
 */

import { assertEquals, assertMatch, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { openChannel } from "../../lib/channel/open_channel.ts";
import { parsePin } from "../../lib/channel/pin.ts";
import { textOf, utf8 } from "../../lib/bytes.ts";
import { CryptomemError } from "../../lib/errors.ts";
import { type RunningServer, serve, ServerKey } from "../../server.ts";
import { askLine } from "../support/ask_line.ts";
import { canListen, canWrite, temporaryFolder } from "../support/permissions.ts";
import { RawClient } from "../support/raw_client.ts";

const ignore = !canListen;
/** Deno counts a unix socket as a host of its own, and where these are is not known before. */
const canListenAnywhere = (await Deno.permissions.query({ name: "net" })).state === "granted";
const PING = utf8("PING\n");

function connect(server: RunningServer): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port: server.address.port });
}

Deno.test({
  name: "one client more than there may be is told BUSY and closed, and finds room when another has gone",
  ignore,
  async fn() {
    await using server = serve({ port: 0, maxClients: 2 });
    using first = await connect(server);
    {
      using second = await connect(server);
      assertEquals([await askLine(first, "PING"), await askLine(second, "PING")], ["PONG", "PONG"]);
      using third = await RawClient.connect(server.address);
      await third.send(PING);
      assertStringIncludes(textOf(await third.readToEnd()), "BUSY");
    }
    for (let tries = 0;; tries++) {
      using next = await connect(server);
      const answer = await askLine(next, "PING").catch(() => "");
      if (answer === "PONG") break;
      if (tries === 100) throw new Error(`still ${answer}`);
    }
    assertEquals(await askLine(first, "PING"), "PONG");
  },
});

Deno.test({
  name: "a secure channel to the pinned key carries any dialect, on the same port as plain connections",
  ignore,
  async fn() {
    const serverKey = await ServerKey.generate();
    await using server = serve({ port: 0, serverKey });
    using plain = await connect(server);
    assertEquals(await askLine(plain, "SET k v"), "OK");
    const channel = await openChannel(await connect(server), [parsePin(serverKey.pin)]);
    assertEquals(await askLine(channel, "GET k"), "v");
    channel.close();
    const resp = await openChannel(await connect(server), [parsePin(serverKey.pin)]);
    assertEquals(await askLine(resp, "*2\r\n$3\r\nGET\r\n$1\r\nk\r"), "$1\r\nv");
    resp.close();
  },
});

Deno.test({
  name: "attack 11: a server with another key than the pinned one is left before anything is sent to it",
  ignore,
  async fn() {
    const [pinned, other] = [await ServerKey.generate(), await ServerKey.generate()];
    await using server = serve({ port: 0, serverKey: other });
    const error = await assertRejects(
      async () => await openChannel(await connect(server), [parsePin(pinned.pin)]),
      CryptomemError,
    );
    assertEquals(error.code, "UNTRUSTED");
    for (const shown of [pinned.pin, other.pin]) assertStringIncludes(error.message, shown);
  },
});

Deno.test({
  name: "attack 12: a server that wants a secure wire refuses a plain one, in its dialect, and runs nothing",
  ignore,
  async fn() {
    const serverKey = await ServerKey.generate();
    await using server = serve({ port: 0, serverKey, requireSecure: true });
    for (const request of ["SET k v\n", "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n"]) {
      using plain = await RawClient.connect(server.address);
      await plain.send(utf8(request));
      assertMatch(textOf(await plain.readToEnd()), /FORBIDDEN|NOPERM/);
    }
    const channel = await openChannel(await connect(server), [parsePin(serverKey.pin)]);
    assertEquals(await askLine(channel, "GET k"), "(nil)");
    channel.close();
  },
});

Deno.test({
  name: "attack 16: a channel that announces a record of 4 GiB is closed, and others are served",
  ignore,
  async fn() {
    const serverKey = await ServerKey.generate();
    await using server = serve({ port: 0, serverKey });
    using hostile = await RawClient.connect(server.address);
    await hostile.send(Uint8Array.of(0xe0, 0xff, 0xff, 0xff, 0xff));
    await hostile.readToEnd();
    using plain = await connect(server);
    assertEquals(await askLine(plain, "PING"), "PONG");
  },
});

Deno.test({
  name: "a unix socket is a wire of this machine, and its file goes with the server",
  ignore: !canListenAnywhere || !canWrite || Deno.build.os === "windows",
  async fn() {
    const folder = await Deno.makeTempDir({ dir: temporaryFolder() });
    const path = `${folder}/s`;
    {
      await using server = serve({ port: 0, unix: { path } });
      await server.ready;
      assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
      using connection = await Deno.connect({ transport: "unix", path });
      assertEquals(await askLine(connection, "PING"), "PONG");
    }
    await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
    await Deno.remove(folder, { recursive: true });
  },
});

for (const hostname of ["0.0.0.0", "::", "192.0.2.1"]) {
  Deno.test(`a server that asks nobody does not listen on ${hostname}, and says what to do`, () => {
    const error = assertThrows(() => serve({ port: 0, hostname }), RangeError) as RangeError;
    for (const way of ["--password-file", "--token-file", "--insecure"]) assertStringIncludes(error.message, way);
  });
}
