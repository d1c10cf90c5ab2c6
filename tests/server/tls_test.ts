/** The TLS port over real sockets: who comes through, who they are then, and what becomes of those who do not. */

import { concat } from "@std/bytes";
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import net from "node:net";
import { textOf, utf8 } from "../../lib/bytes.ts";
import { writeAll } from "../../lib/channel/byte_stream.ts";
import { SHUTDOWN_GRACE_MS } from "../../lib/limits.ts";
import { createToken } from "../../lib/security/token.ts";
import { serve } from "../../lib/server/serve.ts";
import type { RunningServer, ServeOptions } from "../../lib/server/serve_options.ts";
import { type Certificate, makeCertificates } from "../support/certificates.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { settled } from "../support/memory_server.ts";
import { canListen, temporaryFolder } from "../support/permissions.ts";
import { RawClient } from "../support/raw_client.ts";
import { command } from "../support/resp_frame.ts";

const certificates = canListen ? await makeCertificates() : undefined;
const READER = createToken({ name: "alice", can: ["read"], prefixes: ["app:"] });
const FULL = createToken({ name: "full", can: ["read", "write", "admin", "publish"] });

function tlsTest(
  name: string,
  options: (one: NonNullable<typeof certificates>) => ServeOptions,
  run: (server: RunningServer, one: NonNullable<typeof certificates>) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: certificates === undefined,
    async fn() {
      await using server = serve({ port: 0, ...options(certificates!) });
      await server.ready;
      await run(server, certificates!);
    },
  });
}

/** Options of a TLS port, on which clients need certificates. */
function mutual(one: NonNullable<typeof certificates>): Pick<ServeOptions, "tls"> {
  return { tls: { port: 0, ...one.server, clientCa: one.ca.cert } };
}

function connect({ tlsAddress }: RunningServer, client?: Certificate): Promise<Deno.TlsConn> {
  return Deno.connectTls({
    hostname: "localhost",
    port: tlsAddress!.port,
    caCerts: [certificates!.ca.cert],
    ...client,
  });
}

/** All that comes in answer, to the end; nothing if there was no way through. */
async function talk(server: RunningServer, request: string | Uint8Array, client?: Certificate): Promise<string> {
  const parts: Uint8Array[] = [];
  try {
    using connection = await connect(server, client);
    await connection.write(typeof request === "string" ? utf8(request) : request);
    const buffer = new Uint8Array(64 * 1024);
    for (let count; (count = await connection.read(buffer)) !== null;) parts.push(buffer.slice(0, count));
  } catch {
    // How it was refused is the other side's affair: TLS 1.3 may tell a client only with its first read.
  }
  return textOf(concat(parts));
}

/** Reads once. */
async function ask(connection: Deno.Conn, request: string | Uint8Array): Promise<string> {
  await connection.write(typeof request === "string" ? utf8(request) : request);
  const buffer = new Uint8Array(64 * 1024);
  return textOf(buffer.subarray(0, await connection.read(buffer) ?? 0));
}

tlsTest(
  "mutual TLS: the certificate's name is the user, also where nobody is asked for a token",
  mutual,
  async (server, one) => {
    const request = concat([command("CLIENT", "INFO"), command("QUIT")]);
    assertStringIncludes(await talk(server, request, one.alice), " user=alice ");
    assertStringIncludes(await talk(server, request, one.bob), " user=bob ");
  },
);

tlsTest(
  "mutual TLS with tokens: the token of that name gives its rights, a wrong token takes them, RESET gives them back",
  (one) => ({ ...mutual(one), authentication: { tokens: [READER.token, FULL.token] } }),
  async (server, one) => {
    const answer = await talk(
      server,
      concat([
        ...[command("GET", "app:k"), command("GET", "k"), command("SET", "app:k", "v")],
        ...[command("AUTH", FULL.secret), command("SET", "app:k", "v"), command("RESET"), command("SET", "app:k", "v")],
        ...[command("AUTH", `${FULL.secret.slice(0, -1)}_`), command("GET", "app:k"), command("QUIT")],
      ]),
      one.alice,
    );
    assertMatch(
      answer,
      /^\$-1\r\n-NOPERM [^\n]*\n-NOPERM [^\n]*\n\+OK\r\n\+OK\r\n\+RESET\r\n-NOPERM [^\n]*\n-WRONGPASS [^\n]*\n-NOAUTH [^\n]*\n\+OK\r\n$/,
    );
  },
);

tlsTest(
  "mutual TLS with tokens: a name that no token has is refused, and one whose token goes is closed",
  (one) => ({ ...mutual(one), authentication: { tokens: [READER.token, FULL.token] } }),
  async (server, one) => {
    assertEquals(await talk(server, "PING\nQUIT\n", one.bob), "");
    using alice = await connect(server, one.alice);
    assertEquals(await ask(alice, "PING\n"), "PONG\n");
    assertEquals(server.replaceTokens([FULL.token]), 1);
    assertEquals(await alice.read(new Uint8Array(1)).catch(() => null), null);
    assertEquals(await talk(server, "PING\nQUIT\n", one.alice), "");
  },
);

tlsTest(
  "mutual TLS: no certificate, another authority's, an expired one and one without a name are refused",
  (one) => ({
    ...mutual(one),
    maxClients: 1,
  }),
  async (server, one) => {
    for (const client of [undefined, one.stranger, one.expired, one.nameless, one.other]) {
      assertEquals(await talk(server, "SET k v\nQUIT\n", client), "");
    }
    // The only place is free, and nothing was carried out.
    assertEquals(await untilServed(() => talk(server, "GET k\nQUIT\n", one.alice)), "(nil)\nOK\n");
  },
);

tlsTest(
  "mutual TLS: a certificate is refused from the moment on that the server's clock is past it",
  (one) => ({ ...mutual(one), clock: new FakeClock({ wallMs: Date.now() + 3 * 24 * 3_600_000 }) }),
  async (server, one) => assertEquals(await talk(server, "PING\nQUIT\n", one.alice), ""),
);

tlsTest("TLS without a client's authority: nobody is asked for a certificate, and there is no user by one", (one) => ({
  tls: { port: 0, ...one.server },
  requireSecure: true,
}), async (server, one) => {
  for (const client of [undefined, one.alice, one.stranger]) {
    const answer = await talk(server, concat([command("CLIENT", "INFO"), command("QUIT")]), client);
    assertStringIncludes(answer, " user=default ");
  }
});

tlsTest("other credentials hold for the connections to come, and bad ones for none", mutual, async (server, one) => {
  using before = await connect(server, one.alice);
  assertEquals(await ask(before, "PING\n"), "PONG\n");
  assertThrows(
    () => server.replaceTlsCredentials({ ...one.server, key: one.bob.key, clientCa: one.ca.cert }),
    RangeError,
  );
  assertThrows(() => server.replaceTlsCredentials(one.renewed), RangeError, "whether clients need certificates");
  assertEquals(await talk(server, "PING\nQUIT\n", one.alice), "PONG\nOK\n");
  server.replaceTlsCredentials({ ...one.renewed, clientCa: one.other.cert });
  assertEquals(await ask(before, "PING\n"), "PONG\n");
  assertEquals(await talk(server, "PING\nQUIT\n", one.stranger), "PONG\nOK\n");
  assertEquals(await talk(server, "PING\nQUIT\n", one.alice), "");
});

tlsTest(
  "openssl s_client reaches the TLS port and gets an answer; TLS 1.2 and foreign protocols are refused",
  (one) => ({
    tls: { port: 0, ...one.server },
  }),
  async (server, one) => {
    const folder = await Deno.makeTempDir({ dir: temporaryFolder() });
    try {
      await Deno.writeTextFile(`${folder}/ca`, one.ca.cert);
      const client = async (...options: string[]): Promise<string> => {
        const script = `printf 'PING\\nSET k v\\nGET k\\nQUIT\\n' | openssl s_client -quiet -verify_return_error ` +
          `-CAfile ${folder}/ca -verify_hostname localhost -connect 127.0.0.1:${server.tlsAddress!.port} ${
            options.join(" ")
          }`;
        const { stdout } = await new Deno.Command("sh", { args: ["-c", script], stderr: "null" }).output();
        return textOf(stdout);
      };
      assertEquals(await client(), "PONG\nOK\nv\nOK\n");
      assertEquals(await client("-tls1_3", "-alpn", "cryptomem/1"), "PONG\nOK\nv\nOK\n");
      for (const refused of [["-tls1_2"], ["-tls1_1"], ["-alpn", "http/1.1"], ["-alpn", "h2"]]) {
        assertNotMatch(await client(...refused), /PONG/, refused.join(" "));
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

/** Asks until the places of those before are free again: that takes them a moment. */
async function untilServed(ask: () => Promise<string>): Promise<string> {
  for (let tries = 1;; tries++) {
    const answer = await ask();
    if (answer !== "" || tries === 200) return answer;
  }
}

const HELLO_START = Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3);
/** What is sent instead of a handshake. */
const NO_HANDSHAKES: Readonly<Record<string, Uint8Array>> = {
  "nothing": new Uint8Array(),
  "a plain request": utf8("PING\n"),
  "a secure channel's hello": Uint8Array.of(0xe0, 0, 0, 0, 40, 1, 1, 0, 0),
  "the beginning of a ClientHello": HELLO_START,
  "a record that cannot be": Uint8Array.of(0x16, 3, 1, 0xff, 0xff, ...new Uint8Array(100)),
};

for (const [what, bytes] of Object.entries(NO_HANDSHAKES)) {
  tlsTest(`TLS: clients that send ${what} and reset, or leave, harm nobody and cost no place (C5)`, (one) => ({
    tls: { port: 0, ...one.server },
    maxClients: 3,
  }), async (server) => {
    const { port } = server.tlsAddress!;
    for (let round = 0; round < 30; round++) {
      const socket = net.connect(port, "127.0.0.1");
      socket.on("error", () => {});
      await new Promise((resolve) => socket.once("connect", resolve));
      if (bytes.length > 0) await new Promise((resolve) => socket.write(bytes, resolve));
      const closed = new Promise((resolve) => socket.once("close", resolve));
      if (round % 2 === 0) socket.resetAndDestroy();
      else {
        socket.end();
        socket.destroy();
      }
      await closed;
    }
    const clients: Deno.TlsConn[] = [];
    try {
      for (let tries = 0; clients.length < 3 && tries < 200; tries++) {
        const next = await connect(server);
        const answer = await ask(next, "PING\n").catch(() => "");
        if (answer === "PONG\n") clients.push(next);
        else next.close();
      }
      assertEquals(clients.length, 3);
    } finally {
      for (const client of clients) client.close();
    }
  });
}

Deno.test({
  name:
    "TLS: a handshake that is not done, and a client that only half begins behind it, are closed after five seconds",
  ignore: certificates === undefined,
  async fn() {
    const clock = new FakeClock({ nowMs: 1_000_000, wallMs: Date.now() });
    const lines: string[] = [];
    await using server = serve({
      port: 0,
      clock,
      tls: { port: 0, ...certificates!.server },
      log: (line) => void lines.push(line),
    });
    await server.ready;
    using silent = await RawClient.connect(server.tlsAddress!);
    using half = await RawClient.connect(server.tlsAddress!);
    await half.send(HELLO_START);
    using wordless = await connect(server);
    await wordless.write(utf8("C"));
    using good = await connect(server);
    assertEquals(await ask(good, "PING\n"), "PONG\n");
    for (let ms = 0; ms < 4_500; ms += 500) {
      clock.advance(500);
      assertEquals(await ask(good, "PING\n"), "PONG\n");
    }
    assertEquals(lines, []);
    const [ends, saidNothing] = [
      [silent, half].map((one) => one.readToEnd()),
      wordless.read(new Uint8Array(1)).catch(() => null),
    ];
    for (let ms = 0; ms < 1_500; ms += 500) {
      clock.advance(500);
      assertEquals(await ask(good, "PING\n"), "PONG\n");
    }
    assertEquals((await Promise.all(ends)).map(({ length }) => length), [0, 0]);
    assertEquals(await saidNothing, null);
    assertEquals(lines.length, 2, lines.join("\n"));
    for (const line of lines) assertStringIncludes(line, "it took too long");
  },
});

tlsTest(
  "TLS: a client that pipelines GETs and does not read is not written to without end, and gets all once it reads (C7)",
  (one) => ({ tls: { port: 0, ...one.server } }),
  async (server) => {
    const value = new Uint8Array(64 * 1024).fill(0x76), times = 500;
    using other = await connect(server);
    await writeAll(other, command("SET", "large", value).subarray(0, -1));
    assertEquals(await ask(other, "\n"), "+OK\r\n");
    using greedy = await connect(server);
    await writeAll(greedy, concat(Array<Uint8Array>(times).fill(command("GET", "large"))));
    let written = 0;
    for (let unchanged = 0; unchanged < 50;) {
      const info = await ask(other, command("INFO", "stats"));
      const now = Number(/total_net_output_bytes:(\d+)/.exec(info)![1]);
      // The answers to these questions are counted too.
      unchanged = now - written < value.length ? unchanged + 1 : 0;
      written = now;
    }
    const answerBytes = "$65536\r\n\r\n".length + value.length;
    assert(written < times * answerBytes / 2, `${written} bytes were written to who does not read`);
    const buffer = new Uint8Array(256 * 1024);
    for (let read = 0; read < times * answerBytes;) read += (await greedy.read(buffer))!;
  },
);

Deno.test({
  name: "TLS: a client that does not read what it asked for is cut when a shutdown has taken four seconds",
  ignore: certificates === undefined,
  async fn() {
    const clock = new FakeClock({ nowMs: 1_000_000 });
    const server = serve({ port: 0, clock, tls: { port: 0, ...certificates!.server } });
    await server.ready;
    using greedy = await connect(server);
    await writeAll(greedy, command("SET", "large", new Uint8Array(64 * 1024)).subarray(0, -1));
    assertEquals(await ask(greedy, "\n"), "+OK\r\n");
    await writeAll(greedy, concat(Array<Uint8Array>(500).fill(command("GET", "large"))));
    // So much is behind the first answer that the server cannot get rid of it.
    await greedy.read(new Uint8Array(1));
    const stopped = server.shutdown();
    let isOver = false;
    stopped.then(() => isOver = true);
    for (let turn = 0; turn < 50; turn++) await settled();
    assertEquals(isOver, false);
    clock.advance(SHUTDOWN_GRACE_MS);
    await stopped;
  },
});

Deno.test({
  name: "a server that cannot have its TLS port says so by ready, and is shut down",
  ignore: certificates === undefined,
  async fn() {
    const place = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const server = serve({ port: 0, tls: { port: place.addr.port, ...certificates!.server } });
    await assertRejects(() => server.ready, Error, "EADDRINUSE");
    await server.finished;
    place.close();
  },
});
