/**
 * The client over every wire that a server offers, with passwords and tokens: over real sockets.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Client, type ClientOptions, CryptomemError } from "../../client.ts";
import { createToken, type RunningServer, serve, type ServeOptions, ServerKey } from "../../server.ts";
import { utf8 } from "../../lib/bytes.ts";
import { canMakeCertificates, makeCertificate } from "../support/certificates.ts";
import { runIn } from "../support/client_world.ts";
import { canListen, canWrite, temporaryFolder } from "../support/permissions.ts";
import { RawClient } from "../support/raw_client.ts";

const ignore = !canListen;
const KEY = "your-32-byte-very-secret-key-!!!";
const PASSWORD = "correct horse battery staple";
const serverKey = await ServerKey.generate();
/** Deno counts a unix socket as a host of its own, and where these are is not known before. */
const canListenAnywhere = (await Deno.permissions.query({ name: "net" })).state === "granted";

function clientOf({ address }: RunningServer, options: ClientOptions): Client {
  return new Client(`127.0.0.1:${address.port}`, { key: KEY, timeout: 60_000, ...options });
}

async function failureOf(client: Client): Promise<CryptomemError> {
  return await assertRejects(() => client.set("k", "v"), CryptomemError);
}

/** A server that asks, through its secure channel only. */
function askingServer(options: ServeOptions = {}): RunningServer {
  return serve({ port: 0, serverKey, requireSecure: true, authentication: { password: utf8(PASSWORD) }, ...options });
}

Deno.test({
  name: "a client with a pin and a password speaks through the secure channel, with values of any size",
  ignore,
  async fn() {
    await using server = askingServer();
    await using client = clientOf(server, { pin: serverKey.pin, password: PASSWORD });
    const large = crypto.getRandomValues(new Uint8Array(60_000));
    await Promise.all([client.set("small", "v"), client.set("large", large)]);
    assertEquals(await client.get("small"), "v");
    assertEquals(await client.get("large"), large);
    const many = Array.from({ length: 500 }, (_, i) => client.set(`k${i}`, i).then(() => client.get(`k${i}`)));
    assertEquals(await Promise.all(many), many.map((_, i) => i));
  },
});

Deno.test({
  name: "a client comes back through the channel, and logs in again, after the connection was lost",
  ignore,
  async fn() {
    await using server = askingServer();
    const connections: Deno.Conn[] = [];
    await using client = clientOf(server, {
      pin: serverKey.pin,
      password: PASSWORD,
      async connect() {
        const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.address.port });
        connections.push(connection);
        return connection;
      },
    });
    for (let round = 1; round <= 3; round++) {
      await client.set("k", round);
      connections.at(-1)!.close();
      // The call that finds the connection broken fails; it may have come to nothing, or not.
      while (await client.get("k").then(() => false, ({ code }) => code === "DISCONNECTED"));
      assertEquals(await client.get("k"), round);
      assertEquals(connections.length, round + 1);
    }
  },
});

Deno.test({
  name: "attack 11: a client gives a server with another key than the pinned ones nothing, and shows both keys",
  ignore,
  async fn() {
    await using server = askingServer();
    const pins = [(await ServerKey.generate()).pin, (await ServerKey.generate()).pin];
    await using client = clientOf(server, { pin: pins, password: PASSWORD });
    const error = await failureOf(client);
    assertEquals(error.code, "UNTRUSTED");
    for (const pin of [...pins, serverKey.pin]) assertStringIncludes(error.message, pin);
    assert(!error.message.includes(PASSWORD));
    await using rotated = clientOf(server, { pin: [...pins, serverKey.pin], password: PASSWORD });
    await rotated.set("k", "v");
  },
});

Deno.test({
  name: "attack 12: where a server has no channel, or wants one, a client is told so, and does not try another wire",
  ignore,
  async fn() {
    await using plain = serve({ port: 0 });
    await using wanting = clientOf(plain, { pin: serverKey.pin });
    assertEquals((await failureOf(wanting)).code, "UNREACHABLE");
    await using server = askingServer();
    await using open = clientOf(server, { password: PASSWORD });
    assertEquals((await failureOf(open)).code, "FORBIDDEN");
    await using raw = await RawClient.connect(plain.address);
    await raw.send(new TextEncoder().encode("GET k\nQUIT\n"));
    assertStringIncludes(new TextDecoder().decode(await raw.readToEnd()), "(nil)");
  },
});

Deno.test({
  name: "a wrong password, none, and one for a server that asks nobody are errors of their own",
  ignore,
  async fn() {
    await using server = askingServer();
    const { pin } = serverKey;
    await using wrong = clientOf(server, { pin, password: "hunter2" });
    const refused = await failureOf(wrong);
    assertEquals(refused.code, "AUTH_FAILED");
    assert(!Deno.inspect(refused).includes("hunter2"));
    await using nobody = clientOf(server, { pin });
    assertEquals((await failureOf(nobody)).code, "AUTH_REQUIRED");
    await using friendly = serve({ port: 0 });
    await using eager = clientOf(friendly, { password: PASSWORD });
    assertEquals((await failureOf(eager)).code, "BAD_REQUEST");
  },
});

Deno.test({
  name: "a token opens what it is for and no more, also through the SDK",
  ignore,
  async fn() {
    const { secret, token } = createToken({ name: "web", can: ["read"], prefixes: ["app:"] });
    await using server = askingServer({ authentication: { password: utf8(PASSWORD), tokens: [token] } });
    const { pin } = serverKey;
    await using administrator = clientOf(server, { pin, password: PASSWORD, namespace: "app" });
    await administrator.set("k", "v");
    await using reader = clientOf(server, { pin, token: secret, namespace: "app" });
    assertEquals(await reader.get("k"), "v");
    assertEquals((await failureOf(reader)).code, "FORBIDDEN");
    await using other = clientOf(server, { pin, token: secret, namespace: "other" });
    assertEquals((await assertRejects(() => other.get("k"), CryptomemError)).code, "FORBIDDEN");

    assertEquals(server.replaceTokens([]), 2);
    const error = await assertRejects(async () => {
      // The first call may still be under way on the connection that was closed.
      await reader.get("k").catch(({ code }) => assertEquals(code, "DISCONNECTED"));
      await reader.get("k");
    }, CryptomemError);
    assertEquals(error.code, "AUTH_FAILED");
  },
});

Deno.test({
  name: "a client speaks TLS with a server whose certificate it knows, and with no other",
  ignore: !canListen || !canMakeCertificates,
  async fn() {
    const certificate = await makeCertificate();
    await using server = serve({
      port: 0,
      tls: { port: 0, ...certificate },
      authentication: { password: utf8(PASSWORD) },
    });
    await server.ready;
    const address = `localhost:${server.tlsAddress!.port}`;
    const options = { key: KEY, timeout: 60_000, password: PASSWORD };
    await using client = new Client(address, { ...options, tls: { caCerts: [certificate.cert] } });
    await client.set("k", "v");
    assertEquals(await client.get("k"), "v");
    await using stranger = new Client(address, { ...options, tls: true });
    assertEquals((await failureOf(stranger)).code, "UNTRUSTED");
    await using other = new Client(address, { ...options, tls: { caCerts: [(await makeCertificate()).cert] } });
    assertEquals((await failureOf(other)).code, "UNTRUSTED");
    await using plainPort = clientOf(server, { ...options, tls: { caCerts: [certificate.cert] } });
    assertEquals((await failureOf(plainPort)).code, "UNREACHABLE");
  },
});

Deno.test({
  name: "a client shows its certificate to a server that asks for one, and is who it names",
  ignore: !canListen || !canMakeCertificates,
  async fn() {
    const authority = await makeCertificate({ name: "authority", isAuthority: true });
    const [ofServer, ofClient] = [
      await makeCertificate({ signer: authority }),
      await makeCertificate({ name: "web", signer: authority }),
    ];
    await using server = serve({ port: 0, tls: { port: 0, ...ofServer, clientCa: authority.cert } });
    await server.ready;
    const address = `localhost:${server.tlsAddress!.port}`;
    const caCerts = [authority.cert];
    await using client = new Client(address, { key: KEY, timeout: 60_000, tls: { caCerts, ...ofClient } });
    await client.set("k", "v");
    assertEquals(await client.get("k"), "v");
    await using nobody = new Client(address, { key: KEY, timeout: 60_000, tls: { caCerts } });
    assert(["DISCONNECTED", "UNREACHABLE"].includes((await failureOf(nobody)).code));
  },
});

Deno.test({
  name: "a client reaches a server by its socket",
  ignore: !canListenAnywhere || !canWrite || Deno.build.os === "windows",
  async fn() {
    const folder = await Deno.makeTempDir({ dir: temporaryFolder() });
    try {
      await using server = serve({
        port: 0,
        unix: { path: `${folder}/s` },
        authentication: { password: utf8(PASSWORD) },
      });
      await server.ready;
      await using client = new Client(`unix:${folder}/s`, { key: KEY, password: PASSWORD });
      await client.set("k", "v");
      assertEquals(await client.get("k"), "v");
      await using nobody = new Client(`unix:${folder}/none`, { key: KEY });
      assertEquals((await failureOf(nobody)).code, "UNREACHABLE");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "the client's program takes pins as an option, and passwords and tokens from files and the environment",
  ignore,
  async fn() {
    const { secret, token } = createToken({ name: "web", can: ["read"] });
    await using server = askingServer({ authentication: { password: utf8(PASSWORD), tokens: [token] } });
    const files = { key: KEY, password: `${PASSWORD}\n`, token: `${secret}\n`, wrong: "hunter2", two: "a\nb" };
    const address = `127.0.0.1:${server.address.port}`;
    const run = (variables: Record<string, string>, ...args: string[]) =>
      runIn({ files, variables: { CRYPTOMEM_ADDRESS: address, ...variables } }, "--key-file", "key", ...args);
    const pin = ["--pin", serverKey.pin];
    assertEquals((await run({}, ...pin, "--password-file", "password", "set", "k", "v")).exit, 0);
    const pins = { CRYPTOMEM_PIN: `${(await ServerKey.generate()).pin}, ${serverKey.pin}` };
    assertEquals((await run(pins, "--token-file", "token", "get", "k")).output.trim(), "v");
    assertEquals((await run({ ...pins, CRYPTOMEM_TOKEN: secret }, "get", "k")).output.trim(), "v");
    assertEquals((await run({ ...pins, CRYPTOMEM_PASSWORD: PASSWORD }, "get", "k")).output.trim(), "v");
    assertEquals((await run({ ...pins, CRYPTOMEM_PASSWORD: "x" }, "--token-file", "token", "get", "k")).exit, 0);

    const both = await run({ ...pins, CRYPTOMEM_PASSWORD: PASSWORD, CRYPTOMEM_TOKEN: secret }, "get", "k");
    assertEquals(both.exit, 2);
    const wrong = await run(pins, "--password-file", "wrong", "get", "k");
    assertEquals(wrong.exit, 3);
    const asToken = await run(pins, "--token-file", "wrong", "get", "k");
    assertEquals(asToken.exit, 2);
    const asWord = await run(pins, "--password=hunter2", "get", "k");
    assertEquals(asWord.exit, 2);
    for (const { complaints } of [both, wrong, asToken, asWord]) {
      for (const shown of ["hunter2", PASSWORD, secret]) assert(!complaints.join("\n").includes(shown), complaints[0]);
    }
  },
});

Deno.test("the client's program names the permissions that its wire needs, in one command", async () => {
  const ran = await runIn(
    { denied: ["net", "read", "write"] },
    ...["--address", "unix:/run/cache", "--password-file", "p", "--key-file", "key", "get", "k"],
  );
  assertEquals(ran.exit, 2);
  for (const flag of ["--allow-net=unix:/run/cache", "--allow-read=/run/cache,key,p", "--allow-write=/run/cache"]) {
    assertStringIncludes(ran.complaints.join("\n"), flag);
  }
});
