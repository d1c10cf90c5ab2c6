import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Client, type ClientOptions, CryptomemError } from "../../client.ts";
import { MAX_CONCURRENT_SCAN_READS } from "../../lib/limits.ts";
import { concat, GET, OK, reply } from "./frames.ts";
import { i64, KEY, MemoryServer, page, SCAN } from "./memory_server.ts";
import { settle } from "./memory_transport.ts";

const NAMES_KEY = "names-32-byte-very-secret-key-!!";
const BLINDED: ClientOptions = { keys: { active: KEY, names: NAMES_KEY }, blindNames: true, namespace: "app" };

async function names(client: Client, prefix?: string, count?: number): Promise<string[]> {
  const options = { ...prefix !== undefined && { prefix }, ...count !== undefined && { count } };
  return (await Array.fromAsync(client.scan(options), ({ name }) => name)).sort();
}

/** How many requests of a kind the server has had. */
function asked(server: MemoryServer, opcode: number): number {
  return server.requests.filter((request) => request.opcode === opcode).length;
}

Deno.test("Client.scan() walks the names of its namespace, page by page", async () => {
  const server = new MemoryServer();
  await using app = server.client({ namespace: "app" });
  await using other = server.client({ namespace: "other" });
  for (let i = 0; i < 10; i++) await app.set(`user:${i}`, i);
  await app.set("order:1", 1);
  await other.set("user:99", 1);
  assertEquals(await names(app, "user:", 3), Array.from({ length: 10 }, (_, i) => `user:${i}`));
  assertEquals((await names(app)).length, 11);
  assertEquals(await names(other), ["user:99"]);
});

Deno.test("Client.scan() asks for a page when the one before was taken, and for nothing before that", async () => {
  const server = new MemoryServer();
  await using client = server.client();
  for (let i = 0; i < 10; i++) await client.set(`k${i}`, i);
  const scan = client.scan({ count: 5 });
  assertEquals(asked(server, SCAN), 0);
  const names = scan[Symbol.asyncIterator]();
  for (let i = 0; i < 5; i++) await names.next();
  await settle();
  assertEquals(asked(server, SCAN), 1);
  await names.next();
  assertEquals(asked(server, SCAN), 2);
  for await (const _name of scan) break;
  assertEquals(asked(server, SCAN), 3);
});

Deno.test("Client.scan() shows real names of blinded entries, and opens few at once", async () => {
  const server = new MemoryServer();
  await using client = server.client(BLINDED);
  const keys = Array.from({ length: 50 }, (_, i) => `user:${i}`);
  for (const key of keys) await client.set(key, key);
  let most = 0;
  const walk = client.scan()[Symbol.asyncIterator]();
  for (let taken = 0; !(await walk.next()).done; taken++) most = Math.max(most, asked(server, GET) - taken);
  assertEquals(most, MAX_CONCURRENT_SCAN_READS);
  assertEquals(await names(client), keys.toSorted());
  assertEquals(await names(client, "user:4"), keys.filter((key) => key.startsWith("user:4")).sort());
});

Deno.test("Client.scan() shows what does not open by the server's name, but not to who asks for a prefix", async () => {
  const server = new MemoryServer();
  await using client = server.client(BLINDED);
  await client.set("good", 1);
  const blinded = [...server.entries.keys()][0]!;
  const forged = ["app:AAAAAAAAAAAAAAAAAAAAAA", "app:plain", "app:empty"];
  server.put(forged[0]!, server.valueOf(blinded)); // an envelope of another name
  server.put(forged[1]!, "no envelope at all");
  server.put(forged[2]!, "");
  const scanned = await Array.fromAsync(client.scan());
  assertEquals(scanned.filter(({ isOpened }) => isOpened), [{ name: "good", isOpened: true }]);
  assertEquals(
    scanned.filter(({ isOpened }) => !isOpened).map(({ name }) => `app:${name}`).sort(),
    forged.toSorted(),
  );
  assertEquals(await names(client, "g"), ["good"]);
  assertEquals(await names(client, "p"), []);
});

Deno.test("Client.scan() does not show an entry that has gone since its page came", async () => {
  const server = new MemoryServer();
  await using client = server.client(BLINDED);
  for (const key of ["a", "b"]) await client.set(key, key);
  const walk = client.scan()[Symbol.asyncIterator]();
  server.intercept = ({ opcode }) => {
    if (opcode === GET) server.entries.clear();
    return undefined;
  };
  assertEquals(await walk.next(), { done: true, value: undefined });
});

Deno.test("Client.scan() without a key cannot tell names from stand-ins, and says so", async () => {
  const server = new MemoryServer();
  await using client = server.client(BLINDED);
  await client.set("secret name", 1);
  await using without = new Client("memory", { connect: server.connect, namespace: "app" });
  const [entry, ...rest] = await Array.fromAsync(without.scan());
  assert(/^[\w-]{22}$/.test(entry!.name) && !entry!.isOpened && rest.length === 0);
});

Deno.test("Client.scan() leaves out what a server adds: other namespaces, no text, no name", async () => {
  const server = new MemoryServer();
  await using client = server.client({ namespace: "app" });
  const names = concat(page(0n, ["app:k", "other:k", "app:", ""]), Uint8Array.of(0, 5, 0x61, 0x70, 0x70, 0x3a, 0xff));
  server.intercept = ({ opcode }) => opcode === SCAN ? reply(OK, names) : undefined;
  assertEquals(await Array.fromAsync(client.scan()), [{ name: "k", isOpened: true }]);
  assertEquals(await Array.fromAsync(client.scan({ prefix: "j" })), []);
});

Deno.test("Client.scan() ends with INTERNAL at a page that is none, or does not go on", async () => {
  const answers: Uint8Array[] = [
    new Uint8Array(0),
    new Uint8Array(7),
    concat(i64(0n), Uint8Array.of(0)),
    concat(i64(0n), Uint8Array.of(0, 5, 1, 2, 3, 4)),
    concat(page(7n, ["a"]), Uint8Array.of(0xff, 0xff, 1)),
    page(7n, ["a"]),
  ];
  for (const answer of answers) {
    const server = new MemoryServer();
    await using client = server.client();
    server.intercept = ({ opcode }) => opcode === SCAN ? reply(OK, answer) : undefined;
    const error = await assertRejects(() => Array.fromAsync(client.scan()), CryptomemError);
    assertEquals(error.code, "INTERNAL", answer.toHex());
  }
});

Deno.test("Client.scan() refuses options that are none, and a client that is closed", async () => {
  const client = new MemoryServer().client();
  for (const count of [0, -1, 1.5, 1_001, NaN]) assertThrows(() => client.scan({ count }), RangeError, "count");
  assertThrows(() => client.scan({ prefix: "\ud800" }), TypeError, "surrogate");
  const scan = client.scan();
  await client.close();
  await assertRejects(() => Array.fromAsync(scan), TypeError, "Cannot scan: the client is closed");
});

Deno.test("Client.clear() removes a namespace, or what begins alike in it, and tells how many", async () => {
  const server = new MemoryServer();
  await using app = server.client({ namespace: "app" });
  await using other = server.client({ namespace: "other" });
  for (const key of ["a:1", "a:2", "b:1"]) await app.set(key, 1);
  await other.set("a:1", 1);
  assertEquals([await app.clear("a:"), await app.clear(), await app.clear()], [2, 1, 0]);
  assertEquals([...server.entries.keys()], ["other:a:1"]);
  await using blinded = server.client(BLINDED);
  await blinded.set("a:1", 1);
  await assertRejects(() => blinded.clear("a:"), TypeError, "names are blinded");
  assertEquals(await blinded.clear(), 1);
});
