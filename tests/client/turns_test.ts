import { assertEquals, assertRejects } from "@std/assert";
import { CryptomemError } from "../../client.ts";
import { Turns } from "../../lib/client/turns.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { settle } from "./memory_transport.ts";
import { GETV, MemoryServer } from "./memory_server.ts";

const TIMEOUT_MS = 1_000;

/** Turns, and the order in which things happen. */
class Bench {
  readonly clock = new FakeClock();
  readonly turns = new Turns(this.clock, TIMEOUT_MS);
  readonly events: string[] = [];

  /** A turn that begins, and ends when it is told to. */
  turn(name: string, ...keys: string[]): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.turns.take("update", keys, () => {
      this.events.push(name);
      return promise;
    }).catch((error) => this.events.push(`${name}: ${error.code}`));
    return resolve;
  }

  /** A call of one request. */
  async call(name: string, key: string): Promise<void> {
    const turn = this.turns.before("get", key);
    try {
      if (turn !== undefined) await turn;
      this.events.push(name);
    } catch (error) {
      this.events.push(`${name}: ${(error as CryptomemError).code}`);
    }
  }
}

Deno.test("Turns.take() begins at once when nobody is before it", () => {
  const bench = new Bench();
  bench.turn("first", "a");
  bench.turn("elsewhere", "b");
  assertEquals(bench.events, ["first", "elsewhere"]);
});

Deno.test("Turns gives turns and lets calls pass in the order in which they asked", async () => {
  const bench = new Bench();
  const endFirst = bench.turn("turn 1", "a");
  bench.call("call 2", "a");
  bench.call("call 3", "a");
  const endSecond = bench.turn("turn 4", "a");
  bench.call("call 5", "a");
  await settle();
  assertEquals(bench.events, ["turn 1"]);
  endFirst();
  await settle();
  assertEquals(bench.events, ["turn 1", "call 2", "call 3", "turn 4"]);
  endSecond();
  await settle();
  assertEquals(bench.events.at(-1), "call 5");
  assertEquals(bench.clock.pendingTimers, 0);
});

Deno.test("Turns at two keys wait for both, and two of them never for each other", async () => {
  const bench = new Bench();
  const ends = [bench.turn("a to b", "a", "b"), bench.turn("b to a", "b", "a"), bench.turn("b", "b")];
  await settle();
  assertEquals(bench.events, ["a to b"]);
  for (const end of ends) {
    end();
    await settle();
  }
  await bench.turns.finished();
  assertEquals(bench.events, ["a to b", "b to a", "b"]);
});

Deno.test("Turns goes on after a turn that fails", async () => {
  const bench = new Bench();
  bench.turns.take("update", ["a"], () => Promise.reject(new Error("of the task"))).catch(() => {});
  bench.turn("next", "a")();
  await bench.turns.finished();
  assertEquals(bench.events, ["next"]);
  assertEquals(bench.turns.before("get", "a"), undefined);
});

Deno.test("Turns lets nobody wait longer than the timeout", async () => {
  const bench = new Bench();
  const end = bench.turn("endless", "a");
  bench.call("call", "a");
  bench.turn("turn", "a");
  bench.clock.advance(TIMEOUT_MS);
  await settle();
  assertEquals(bench.events.sort(), ["call: TIMEOUT", "endless", "turn: TIMEOUT"]);
  end();
  await bench.turns.finished();
});

Deno.test("Client carries calls on one key out in their order, also those of several steps", async () => {
  await using client = new MemoryServer().client();
  const results = await Promise.all([
    client.set("n", 1),
    client.increment("n"),
    client.get("n"),
    client.set("n", 10),
    client.increment("n", 5),
    client.rename("m", "n"),
    client.get("n"),
    client.delete("n"),
    client.exists("n"),
  ]);
  assertEquals(results, [undefined, 2, 2, undefined, 15, false, 15, true, false]);
});

Deno.test("Client.update() that calls its client about the same key ends with TIMEOUT instead of never", async () => {
  const clock = new FakeClock();
  await using client = new MemoryServer(clock).client({ timeout: TIMEOUT_MS });
  const update = client.update("k", async () => await client.get<string>("k"));
  await settle();
  clock.advance(TIMEOUT_MS);
  const error = await assertRejects(() => update, CryptomemError, 'Cannot get "k": a change of it');
  assertEquals(error.code, "TIMEOUT");
});

Deno.test("Client.close() waits for calls of several steps, and for those that wait for them", async () => {
  const server = new MemoryServer();
  const client = server.client();
  await client.ping();
  const { promise: mayGoOn, resolve: goOn } = Promise.withResolvers<void>();
  const calls = [
    client.update("k", async () => {
      await mayGoOn;
      return 1;
    }),
    client.increment("k"),
    client.get("k"),
  ];
  let isClosed = false;
  const closing = client.close().then(() => isClosed = true);
  await settle();
  assertEquals([isClosed, server.requests.filter(({ opcode }) => opcode === GETV).length], [false, 1]);
  goOn();
  assertEquals(await Promise.all(calls), [1, 2, 2]);
  await closing;
  assertEquals(server.transports.map(({ closed }) => closed), [true]);
});
