/**
 * Over which wire a client speaks and how it says who it is, against servers in memory: every byte that leaves it is seen.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { Client, type ClientOptions, CryptomemError } from "../../client.ts";
import { ServerKey } from "../../server.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { announcement, ERROR, OK, PING, reply } from "./frames.ts";
import { KEY, MemoryServer } from "./memory_server.ts";
import { MemoryTransport, settle, until } from "./memory_transport.ts";

const AUTH = 5;
const HELLO_BYTES = 45;
const TOKEN = `cmt1_abcdefgh_${"A".repeat(43)}`;
const PIN = (await ServerKey.generate()).pin;
const PEM = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n";

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** A server that takes one secret, and everything from who has given it. */
function askingServer(secret: string, clock = new FakeClock()): MemoryServer {
  const server = new MemoryServer(clock);
  server.intercept = ({ opcode, value }) => {
    if (opcode !== AUTH) return undefined;
    return textOf(value) === secret ? reply(OK) : reply(ERROR, "AUTH_FAILED wrong password");
  };
  return server;
}

/** The error's code, and that it shows no secret. */
async function codeOf(call: Promise<unknown>, ...secrets: string[]): Promise<string> {
  const error = await assertRejects(() => call, CryptomemError);
  for (const secret of secrets) assert(!Deno.inspect(error).includes(secret), Deno.inspect(error));
  return error.code;
}

Deno.test("a client speaks plain TCP with another machine only if that is said to be meant", () => {
  for (
    const address of ["cache.internal:8080", "10.0.0.7", "[2001:db8::1]:8080", "localhost.example.org", "127.1.example"]
  ) {
    const error = assertThrows(() => new Client(address), TypeError) as TypeError;
    for (const way of [address.split(":")[0]!, "pin", "tls", "insecure"]) assertStringIncludes(error.message, way);
    for (const options of [{ pin: PIN }, { tls: true }, { insecure: true }]) new Client(address, options);
  }
  for (const address of ["localhost", "LOCALHOST:1", "127.0.0.1", "127.3.2.1:9", "[::1]", "unix:/run/cache"]) {
    new Client(address);
  }
});

Deno.test("options of a wire that are none, or contradict each other, are refused without being shown", () => {
  const wrong: [ClientOptions, string][] = [
    [{ pin: PIN, tls: true }, "pin and tls"],
    [{ tls: true, connect: () => Promise.reject() }, "connect"],
    [{ password: "hunter2", token: TOKEN }, "password and token"],
    [{ pin: [] }, "pin"],
    [{ pin: "cms1_hunter2" }, "pin"],
    [{ pin: PIN.toUpperCase() }, "pin"],
    [{ pin: [PIN, "hunter2"] }, "pin"],
    [{ pin: 7 as unknown as string[] }, ""],
    [{ password: "" }, "password"],
    [{ password: "hunter2\ud800" }, "password"],
    [{ password: "hunter2".repeat(74) }, "512"],
    [{ password: 7 as unknown as string }, "password"],
    [{ token: "hunter2" }, "cmt1_"],
    [{ token: `${TOKEN}hunter2` }, "cmt1_"],
    [{ tls: { cert: PEM } }, "tls.cert"],
    [{ tls: { key: "hunter2" } }, "tls.key"],
    [{ tls: { caCerts: ["hunter2.pem"] } }, "PEM"],
    [{ tls: { caCerts: [PEM], cert: "hunter2", key: "hunter2" } }, "PEM"],
  ];
  for (const [options, state] of wrong) {
    const error = assertThrows(() => new Client("localhost", options));
    assert(error instanceof TypeError || error instanceof RangeError, String(error));
    assertStringIncludes(error.message, state);
    assert(!error.message.includes("hunter2"), error.message);
  }
  assertThrows(() => new Client("unix:/run/cache", { tls: true }), TypeError, "unix socket");
});

Deno.test("a password goes first on every connection, alone, and nothing follows before the server has agreed", async () => {
  const server = askingServer("hunter2");
  const held = server.intercept;
  server.intercept = (request) => request.opcode === AUTH ? new Uint8Array(0) : held(request);
  await using client = server.client({ password: "hunter2" });
  const calls = [client.set("k", "v"), client.get("k")];
  await until(() => server.requests.length > 0);
  await settle();
  assertEquals(server.requests.map(({ opcode, value }) => [opcode, textOf(value)]), [[AUTH, "hunter2"]]);
  server.transports[0]!.feed(reply(OK));
  assertEquals(await Promise.all(calls), [undefined, "v"]);

  server.intercept = held;
  server.transports[0]!.end();
  await settle();
  assertEquals(await client.get("k"), "v");
  assertEquals(server.transports[1]!.requests[0]!.opcode, AUTH);
});

Deno.test("a token goes where a password goes", async () => {
  const server = askingServer(TOKEN);
  await using client = server.client({ token: TOKEN });
  await client.set("k", "v");
  assertEquals(textOf(server.requests[0]!.value), TOKEN);
});

Deno.test("a refused password fails all calls that wait, and is not given again for ten seconds", async () => {
  const server = askingServer("right");
  await using client = server.client({ password: "hunter2" });
  const codes = await Promise.all(["a", "b", "c"].map((key) => codeOf(client.get(key), "hunter2")));
  assertEquals(codes, ["AUTH_FAILED", "AUTH_FAILED", "AUTH_FAILED"]);
  const fake = server.clock as FakeClock;
  for (let i = 0; i < 9; i++) {
    assertEquals(await codeOf(client.get("k"), "hunter2"), "AUTH_FAILED");
    fake.advance(1_000);
  }
  assertEquals(server.requests.length, 1);
  assertEquals(server.transports.map(({ closed }) => closed), [true]);
  fake.advance(1_000);
  server.intercept = () => undefined;
  server.answer = ({ opcode, value }) => opcode === AUTH ? reply(OK) : reply(OK, value);
  assert(await client.ping() >= 0);
});

Deno.test("only a refusal of the secret is remembered: who was told BUSY or FORBIDDEN asks again with the next call", async () => {
  for (const code of ["BUSY", "FORBIDDEN", "BAD_REQUEST", "SHUTTING_DOWN"]) {
    const server = askingServer("p");
    server.intercept = ({ opcode }) => opcode === AUTH ? reply(ERROR, `${code} not now`) : undefined;
    await using client = server.client({ password: "p" });
    assertEquals(await codeOf(client.ping()), code);
    server.intercept = ({ opcode }) => opcode === AUTH ? reply(OK) : undefined;
    await client.ping();
  }
});

Deno.test("an answer to a password that is none ends the connection, and nothing more was sent", async () => {
  const answers: [Uint8Array, string][] = [
    [new TextEncoder().encode("+OK\r\n+OK\r\n"), "BAD_MAGIC"],
    [announcement(ERROR, 0xffff_ffff), "TOO_LARGE"],
    [reply(9), "INTERNAL"],
  ];
  for (const [answer, code] of answers) {
    const server = new MemoryServer();
    server.intercept = () => answer;
    await using client = server.client({ password: "hunter2" });
    const failed = await codeOf(client.set("k", "v"), "hunter2");
    assertEquals(failed, code);
    assertEquals(server.requests.map(({ opcode }) => opcode), [AUTH]);
    assert(server.transports[0]!.closed);
  }
});

Deno.test("a server that closes in place of an answer is unreachable, and one that is silent times out", async () => {
  const closing = new MemoryServer();
  closing.intercept = () => new Uint8Array(0);
  const { connect } = closing;
  closing.connect = async () => {
    const transport = await connect();
    transport.end();
    return transport;
  };
  await using client = closing.client({ password: "hunter2" });
  assertEquals(await codeOf(client.ping(), "hunter2"), "UNREACHABLE");

  const silent = new MemoryServer();
  silent.intercept = () => new Uint8Array(0);
  await using waiting = silent.client({ password: "hunter2", timeout: "5s" });
  const call = codeOf(waiting.ping(), "hunter2");
  await until(() => silent.requests.length === 1);
  (silent.clock as FakeClock).advance(5_000);
  assertEquals(await call, "TIMEOUT");
  await until(() => silent.transports[0]!.closed);
});

/** Takes bytes that are no requests. */
class DeafTransport extends MemoryTransport {
  override write(bytes: Uint8Array): Promise<number> {
    this.writes.push(bytes.slice());
    return Promise.resolve(bytes.length);
  }
}

/** What a client with a pin does at a server that plays no part in a channel. */
async function pinned(
  answer: (transport: MemoryTransport) => void,
): Promise<{ code: string; transports: MemoryTransport[] }> {
  const transports: MemoryTransport[] = [];
  await using client = new Client("cache.internal", {
    key: KEY,
    pin: PIN,
    password: "hunter2",
    clock: new FakeClock(),
    connect() {
      const transport = new DeafTransport();
      transports.push(transport);
      answer(transport);
      return Promise.resolve(transport);
    },
  });
  return { code: await codeOf(client.set("k", "v"), "hunter2"), transports };
}

Deno.test("attack 12: a client with a pin has no weaker wire: whatever answers, it has sent 45 bytes once and gives up", async () => {
  const answers: Record<string, [(transport: MemoryTransport) => void, string]> = {
    "a rejection": [(transport) => transport.feed(Uint8Array.of(0xef, 0, 0, 0, 1, 5)), "UNREACHABLE"],
    "plain CM": [(transport) => transport.feed(reply(OK)), "UNTRUSTED"],
    "plain text": [(transport) => transport.feed(new TextEncoder().encode("ERR: BAD_REQUEST\n")), "UNTRUSTED"],
    "the end": [(transport) => transport.end(), "UNREACHABLE"],
    "a reset": [(transport) => transport.end(new Error("reset")), "UNREACHABLE"],
  };
  for (const [what, [answer, code]] of Object.entries(answers)) {
    const result = await pinned(answer);
    assertEquals(result.code, code, what);
    assertEquals(result.transports.length, 1, what);
    assertEquals(result.transports[0]!.writes.reduce((sum, { length }) => sum + length, 0), HELLO_BYTES, what);
    assert(result.transports[0]!.closed, what);
  }
});

/** A transport that says when it is old. */
class AgingTransport extends MemoryTransport {
  isWearingOut = false;
}

Deno.test("a connection that wears out is replaced between calls: none of them fails", async () => {
  const transports: AgingTransport[] = [];
  await using client = new Client("localhost", {
    clock: new FakeClock(),
    connect() {
      const transport = new AgingTransport();
      transport.answer = ({ opcode }) => opcode === PING && transports.length > 1 ? reply(OK) : undefined;
      transports.push(transport);
      return Promise.resolve(transport);
    },
  });
  const first = client.ping();
  await until(() => transports[0]?.requests.length === 1);
  transports[0]!.isWearingOut = true;
  const second = client.ping();
  await settle();
  // What is under way ends where it began, and the next one waits for that.
  assertEquals([transports.length, transports[0]!.requests.length, transports[0]!.closed], [1, 1, false]);
  transports[0]!.feed(reply(OK));
  await Promise.all([first, second]);
  assertEquals([transports.length, transports[0]!.requests.length, transports[0]!.closed], [2, 1, true]);
});
