/**
 * The client against the real server, over real TCP.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Client, CryptomemError, IntegrityError } from "../../client.ts";
import { serve } from "../../lib/server/serve.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { canListen, canRun } from "../support/permissions.ts";

const ignore = !canListen;
const KEY = "your-32-byte-very-secret-key-!!!";
const ROOT = new URL("../..", import.meta.url);

Deno.test({
  name: "Client and server keep what is set, forget what is deleted",
  ignore,
  async fn() {
    await using server = serve({ port: 0 });
    await using client = new Client(`localhost:${server.address.port}`, { timeout: 60_000, key: KEY });
    await client.set("user_session", "active_data_payload", { ttl: "10m" });
    assertEquals(await client.get("user_session"), "active_data_payload");
    assertEquals(await client.delete("user_session"), true);
    assertEquals(await client.get("user_session"), undefined);
    assert(await client.ping() >= 0);
  },
});

/** What a program's own types look like: an interface has no index signature. */
interface Session {
  readonly user: string;
  readonly roles: string[];
}

Deno.test({
  name: "Client takes and gives values of a program's own interfaces",
  ignore,
  async fn() {
    await using server = serve({ port: 0 });
    await using client = new Client(`localhost:${server.address.port}`, { key: KEY });
    const session: Session = { user: "ada", roles: ["admin"] };
    await client.set("session", session);
    const found = await client.get<Session>("session");
    assertEquals(found?.roles, ["admin"]);
    await assertRejects(() => client.set("date", { at: new Date(0) }), TypeError, "value.at");
  },
});

Deno.test({
  name: "Client and server carry values of 0 bytes and of almost 16 MiB, and refuse more by TOO_LARGE",
  ignore,
  async fn() {
    await using server = serve({ port: 0 });
    await using client = new Client(`127.0.0.1:${server.address.port}`, { timeout: 60_000, key: KEY });
    const largest = new Uint8Array(16 * 1024 * 1024 - 46).fill(7);
    await client.set("empty", new Uint8Array(0));
    await client.set("largest", largest);
    assertEquals(await client.get("empty"), new Uint8Array(0));
    const found = await client.get<Uint8Array>("largest");
    assertEquals([found?.length, found?.every((byte) => byte === 7)], [largest.length, true]);
    const refused = client.set("larger", new Uint8Array(largest.length + 1));
    assertEquals((await assertRejects(() => refused, CryptomemError)).code, "TOO_LARGE");
    assertEquals(await client.get("larger"), undefined);
  },
});

Deno.test({
  name: "Client and server let an entry live exactly as long as its ttl",
  ignore,
  async fn() {
    const clock = new FakeClock();
    await using server = serve({ port: 0, clock });
    await using client = new Client(`127.0.0.1:${server.address.port}`, { key: KEY });
    await client.set("k", "short-lived", { ttl: "10s" });
    clock.advance(9_999);
    assertEquals(await client.get("k"), "short-lived");
    clock.advance(1);
    assertEquals(await client.get("k"), undefined);
  },
});

Deno.test({
  name: "Client answers 10,000 concurrent calls right, over one connection",
  ignore,
  async fn() {
    await using server = serve({ port: 0 });
    await using client = new Client(`127.0.0.1:${server.address.port}`, { timeout: 60_000, key: KEY });
    const keys = Array.from({ length: 5_000 }, (_, i) => `key:${i}`);
    const results = await Promise.all(keys.flatMap((key) => [client.set(key, { key }), client.get(key)]));
    assertEquals(results, keys.flatMap((key) => [undefined, { key }]));
  },
});

Deno.test({
  name: "Client connects again after the server was restarted",
  ignore,
  async fn() {
    const first = serve({ port: 0 });
    const { port } = first.address;
    await using client = new Client(`127.0.0.1:${port}`, { key: KEY });
    await client.set("k", 1);
    await first.shutdown();
    await using _second = serve({ port });
    // The end of the first server may be seen only by the call that it fails.
    const value = await client.get("k").catch((error) => {
      assertEquals(error.code, "DISCONNECTED");
      return client.get("k");
    });
    assertEquals(value, undefined);
  },
});

Deno.test({
  name: "Client with another key gets an IntegrityError and the right one the value",
  ignore,
  async fn() {
    await using server = serve({ port: 0 });
    const address = `127.0.0.1:${server.address.port}`;
    await using right = new Client(address, { key: KEY });
    await using wrong = new Client(address, { key: crypto.getRandomValues(new Uint8Array(32)) });
    await right.set("k", "secret");
    await assertRejects(() => wrong.get("k"), IntegrityError);
    assertEquals(await right.get("k"), "secret");
  },
});

Deno.test({
  name: "Client leaves a process that is done free to end, without being closed",
  ignore: !canListen || !canRun,
  async fn() {
    await using server = serve({ port: 0 });
    const program = `
      import { Client } from ${JSON.stringify(new URL("client.ts", ROOT).href)};
      const client = new Client("127.0.0.1:${server.address.port}", { key: "${KEY}" });
      await client.set("k", "from a process that ended");
      console.log(await client.get("k"));
    `;
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", `--config=${new URL("deno.json", ROOT).pathname}`, program],
      stdout: "piped",
      stderr: "piped",
    }).output();
    const [said, complained] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assertEquals([code, said], [0, "from a process that ended\n"], complained);
  },
});
