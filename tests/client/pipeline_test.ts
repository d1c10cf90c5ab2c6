import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Pipeline } from "../../lib/client/pipeline.ts";
import { encodeRequest } from "../../lib/codec/cm.ts";
import { CryptomemError, type ErrorCode } from "../../lib/errors.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { announcement, concat, GET, NOT_FOUND, OK, reply } from "./frames.ts";
import { MemoryTransport, settle } from "./memory_transport.ts";

const TIMEOUT_MS = 1_000;

/** A pipeline, the clock it lives by, and the connections it has opened. */
class Bench {
  readonly clock = new FakeClock();
  readonly transports: MemoryTransport[] = [];
  readonly attempts: AbortSignal[] = [];
  /** Connecting fails with this. */
  dialError: Error | undefined = undefined;
  /** Connecting never ends by itself. */
  dialHangs = false;
  readonly pipeline = new Pipeline({
    address: "test:1",
    timeoutMs: TIMEOUT_MS,
    maxValueBytes: 1000,
    clock: this.clock,
    dial: async (signal) => {
      this.attempts.push(signal);
      if (this.dialError !== undefined) throw this.dialError;
      if (this.dialHangs) {
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      }
      this.transports.push(new MemoryTransport());
      return this.transports.at(-1)!;
    },
  });

  /** Calls with a get of that key. */
  get(key: string): Promise<string> {
    return this.call(key, frameOf(key));
  }

  call(key: string, frame: Uint8Array | Promise<Uint8Array>): Promise<string> {
    const call = this.pipeline.send("get", key, frame).then(({ value }) => new TextDecoder().decode(value));
    call.catch(() => {}); // the test may look at it later
    return call;
  }

  /** The connection in use. */
  get transport(): MemoryTransport {
    return this.transports.at(-1)!;
  }

  /** The keys that the connection in use was asked for. */
  get asked(): string[] {
    return this.transport.requests.map((request) => request.key);
  }
}

function frameOf(key: string): Uint8Array {
  return encodeRequest(GET, new TextEncoder().encode(key), new Uint8Array(0), 0);
}

async function assertCode(call: Promise<unknown>, code: ErrorCode, text = ""): Promise<void> {
  assertEquals((await assertRejects(() => call, CryptomemError, text)).code, code);
}

Deno.test("Pipeline connects with the first call and not before", async () => {
  const bench = new Bench();
  await settle();
  assertEquals(bench.attempts.length, 0);
  bench.get("a");
  bench.get("b");
  await settle();
  assertEquals(bench.attempts.length, 1);
});

Deno.test("Pipeline sends calls that are made together in one write", async () => {
  const bench = new Bench();
  const calls = Array.from({ length: 100 }, (_, i) => bench.get(`k${i}`));
  await settle();
  assertEquals([bench.transport.writes.length, bench.asked.length], [1, 100]);
  bench.transport.feed(...calls.map((_, i) => reply(OK, `v${i}`)));
  assertEquals(await Promise.all(calls), calls.map((_, i) => `v${i}`));
});

Deno.test("Pipeline gathers what becomes ready during a write into the next one", async () => {
  const bench = new Bench();
  bench.get("first");
  await settle();
  const resume = bench.transport.holdWrites();
  for (let i = 0; i < 10; i++) {
    bench.get(`k${i}`);
    await settle();
  }
  resume();
  await settle();
  // "first", then k0, whose write was held, then the nine that came meanwhile.
  assertEquals(bench.transport.writes.length, 3);
  assertEquals(bench.asked.length, 11);
});

Deno.test("Pipeline finishes short writes", async () => {
  const bench = new Bench();
  bench.get("warm up");
  await settle();
  bench.transport.maxWriteBytes = 1;
  bench.get("a");
  bench.get("b");
  await settle();
  await settle();
  assertEquals(bench.asked, ["warm up", "a", "b"]);
});

Deno.test("Pipeline sends more than one gathered write can hold, in order", async () => {
  const bench = new Bench();
  const keys = Array.from({ length: 5 }, (_, i) => `${i}`.repeat(30_000));
  for (const key of keys) bench.get(key);
  await settle();
  assertEquals(bench.asked, keys);
});

Deno.test("Pipeline keeps the order of the calls, whichever request is ready first", async () => {
  const bench = new Bench();
  const slow = Promise.withResolvers<Uint8Array>();
  const set = bench.call("slow", slow.promise);
  const get = bench.get("fast");
  await settle();
  assertEquals(bench.asked, []);
  slow.resolve(frameOf("slow"));
  await settle();
  assertEquals(bench.asked, ["slow", "fast"]);
  assertEquals(bench.transport.writes.length, 1);
  bench.transport.feed(reply(OK, "1"), reply(OK, "2"));
  assertEquals(await Promise.all([set, get]), ["1", "2"]);
});

Deno.test("Pipeline lets a request that could not be made fail alone, with its own error", async () => {
  const bench = new Bench();
  const fault = new TypeError("cannot be sealed");
  const bad = bench.call("bad", Promise.reject(fault));
  const good = bench.get("good");
  await settle();
  assertEquals(bench.asked, ["good"]);
  assertStrictEquals(await bad.catch((error) => error), fault);
  bench.transport.feed(reply(OK, "1"));
  assertEquals(await good, "1");
});

Deno.test("Pipeline matches replies that come split at every byte", async () => {
  const bench = new Bench();
  const calls = ["a", "b", "c"].map((key) => bench.get(key));
  await settle();
  for (const byte of concat(reply(OK, "1"), reply(NOT_FOUND), reply(OK, "3"))) {
    bench.transport.feed(Uint8Array.of(byte));
    await settle();
  }
  assertEquals(await Promise.all(calls), ["1", "", "3"]);
});

Deno.test("Pipeline fails the calls that waited for a connection which could not be made, and tries again", async () => {
  const bench = new Bench();
  bench.dialError = new Error("Connection refused (os error 111)");
  const calls = [bench.get("a"), bench.get("b")];
  for (const call of calls) await assertCode(call, "UNREACHABLE", "Connection refused");
  bench.dialError = undefined;
  const next = bench.get("c");
  await settle();
  bench.transport.feed(reply(OK, "3"));
  assertEquals(await next, "3");
});

Deno.test("Pipeline fails what was in flight when the server closed in the middle of a reply, and only that", async () => {
  const bench = new Bench();
  const calls = ["a", "b", "c"].map((key) => bench.get(key));
  await settle();
  const unsent = Promise.withResolvers<Uint8Array>();
  const later = bench.call("later", unsent.promise);
  bench.transport.feed(reply(OK, "1"), announcement(OK, 5), new TextEncoder().encode("ab"));
  bench.transport.end();
  assertEquals(await calls[0], "1");
  await assertCode(calls[1]!, "DISCONNECTED", 'Cannot get "b"');
  await assertCode(calls[2]!, "DISCONNECTED");
  assertEquals(bench.transports[0]!.closed, true);

  // What had not been sent is not lost: it goes over a new connection.
  unsent.resolve(frameOf("later"));
  await settle();
  assertEquals([bench.transports.length, bench.asked.length], [2, 1]);
  bench.transport.feed(reply(OK, "4"));
  assertEquals(await later, "4");
});

Deno.test("Pipeline fails what was in flight when the connection broke, with the cause", async () => {
  const bench = new Bench();
  const call = bench.get("a");
  await settle();
  const cause = new Error("Connection reset by peer");
  bench.transport.end(cause);
  const error = await assertRejects(() => call, CryptomemError, "Connection reset by peer");
  assertEquals([error.code, error.cause], ["DISCONNECTED", cause]);
});

Deno.test("Pipeline connects again after the server closed an idle connection", async () => {
  const bench = new Bench();
  const first = bench.get("a");
  await settle();
  bench.transport.feed(reply(OK, "1"));
  await first;
  bench.transport.end();
  await settle();
  const second = bench.get("b");
  await settle();
  assertEquals(bench.transports.length, 2);
  bench.transport.feed(reply(OK, "2"));
  assertEquals(await second, "2");
});

Deno.test("Pipeline still reads the answer of a server that refused the rest of a request", async () => {
  const bench = new Bench();
  bench.get("warm up");
  await settle();
  bench.transport.feed(reply(OK));
  bench.transport.writeError = new Error("Broken pipe");
  const refused = bench.get("a");
  await settle();
  bench.transport.feed(reply(OK, "refused"));
  bench.transport.end();
  assertEquals(await refused, "refused");
});

Deno.test("Pipeline tells the oldest call of a reply that is no reply, and the others that the connection is gone", async () => {
  const hostile: [Uint8Array, ErrorCode][] = [
    [new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n"), "BAD_MAGIC"],
    [reply(77), "BAD_MAGIC"],
    [announcement(OK, 2 ** 32 - 1), "TOO_LARGE"],
    [announcement(OK, 1001), "TOO_LARGE"],
  ];
  for (const [bytes, code] of hostile) {
    const bench = new Bench();
    const calls = ["a", "b", "c"].map((key) => bench.get(key));
    await settle();
    bench.transport.feed(reply(OK, "1"), bytes);
    assertEquals(await calls[0], "1");
    await assertCode(calls[1]!, code);
    await assertCode(calls[2]!, "DISCONNECTED");
    assertEquals(bench.transport.closed, true);
  }
});

Deno.test("Pipeline closes a connection that replies to nothing, and calls go on over a new one", async () => {
  const bench = new Bench();
  const first = bench.get("a");
  await settle();
  bench.transport.feed(reply(OK, "1"), reply(OK, "to nobody"), reply(OK, "either"));
  assertEquals(await first, "1");
  await settle();
  assertEquals(bench.transport.closed, true);
  const second = bench.get("b");
  await settle();
  bench.transport.feed(reply(OK, "2"));
  assertEquals(await second, "2");
});

Deno.test("Pipeline fails a call at its timeout, and drops its late reply", async () => {
  const bench = new Bench();
  const late = bench.get("late");
  await settle();
  bench.clock.advance(TIMEOUT_MS - 1);
  const next = bench.get("next");
  await settle();
  bench.clock.advance(1);
  await assertCode(late, "TIMEOUT", "no reply within 1000 ms");
  bench.transport.feed(reply(OK, "of late"), reply(OK, "of next"));
  assertEquals(await next, "of next");
  // The server lives: what comes now is sent to it again, over the same connection.
  const after = bench.get("after");
  await settle();
  bench.transport.feed(reply(OK, "of after"));
  assertEquals(await after, "of after");
  assertEquals(bench.transports.length, 1);
});

Deno.test("Pipeline gives up a connection on which everything has timed out", async () => {
  const bench = new Bench();
  const calls = [bench.get("a"), bench.get("b")];
  await settle();
  bench.clock.advance(TIMEOUT_MS);
  for (const call of calls) await assertCode(call, "TIMEOUT");
  assertEquals(bench.transport.closed, true);
  const next = bench.get("c");
  await settle();
  assertEquals(bench.transports.length, 2);
  bench.transport.feed(reply(OK, "3"));
  assertEquals(await next, "3");
});

Deno.test("Pipeline sends nothing more to a server that has gone silent, and recovers under steady calls", async () => {
  const bench = new Bench();
  const outcomes: string[] = [];
  for (let i = 0; i < 40; i++) {
    bench.get(`${i}`).then(() => outcomes.push("OK"), (error) => outcomes.push(error.code));
    await settle();
    bench.clock.advance(TIMEOUT_MS / 10);
    await settle();
    // The first connection is dead; every later one answers.
    if (bench.transports.length > 1) {
      const answered = outcomes.filter((outcome) => outcome === "OK").length;
      bench.transport.feed(...bench.transport.requests.slice(answered).map(() => reply(OK)));
      await settle();
    }
  }
  assertEquals(bench.transports.length, 2);
  // Ten calls leave until the first times out; no more are sent. Once the tenth has timed out too, the rest go over
  // the new connection.
  assertEquals(bench.transports[0]!.requests.length, 10);
  assertEquals(outcomes.filter((outcome) => outcome === "TIMEOUT").length, 10);
  assertEquals(outcomes.filter((outcome) => outcome === "OK").length, 30);
});

Deno.test("Pipeline counts connecting into the timeout, and gives the attempt up", async () => {
  const bench = new Bench();
  bench.dialHangs = true;
  const call = bench.get("a");
  await settle();
  bench.clock.advance(TIMEOUT_MS);
  await assertCode(call, "TIMEOUT");
  assertEquals(bench.attempts[0]!.aborted, true);
  bench.dialHangs = false;
  const next = bench.get("b");
  await settle();
  bench.transport.feed(reply(OK, "2"));
  assertEquals(await next, "2");
});

Deno.test("Pipeline replaces an attempt that takes longer than the timeout while calls keep coming", async () => {
  const bench = new Bench();
  bench.dialHangs = true;
  const first = bench.get("a");
  await settle();
  bench.clock.advance(TIMEOUT_MS - 1);
  const second = bench.get("b");
  bench.dialHangs = false;
  bench.clock.advance(1);
  await assertCode(first, "TIMEOUT");
  await settle();
  assertEquals(bench.attempts.length, 2);
  bench.transport.feed(reply(OK, "2"));
  assertEquals(await second, "2");
});

Deno.test("Pipeline closes a connection that comes too late for everybody", async () => {
  const bench = new Bench();
  const dialed = Promise.withResolvers<MemoryTransport>();
  const pipeline = new Pipeline({
    address: "test:1",
    timeoutMs: TIMEOUT_MS,
    maxValueBytes: 0,
    clock: bench.clock,
    dial: () => dialed.promise,
  });
  const call = pipeline.send("ping", undefined, frameOf("a"));
  await settle();
  bench.clock.advance(TIMEOUT_MS);
  await assertCode(call, "TIMEOUT");
  const late = new MemoryTransport();
  dialed.resolve(late);
  await settle();
  assertEquals(late.closed, true);
});

Deno.test("Pipeline never sends a request that timed out before its turn", async () => {
  const bench = new Bench();
  const slow = Promise.withResolvers<Uint8Array>();
  const call = bench.call("slow", slow.promise);
  await settle();
  bench.clock.advance(TIMEOUT_MS);
  await assertCode(call, "TIMEOUT");
  slow.resolve(frameOf("slow"));
  await settle();
  assertEquals(bench.asked, []);
});

Deno.test("Pipeline watches any number of calls with one timer", async () => {
  const bench = new Bench();
  for (let i = 0; i < 1000; i++) {
    bench.get(`${i}`);
    if (i % 100 === 0) bench.clock.advance(1);
  }
  await settle();
  assertEquals(bench.clock.pendingTimers, 1);
});

Deno.test("Pipeline keeps the process alive while calls are under way, and not while it is idle", async () => {
  const bench = new Bench();
  const first = bench.get("a");
  await settle();
  assertEquals(bench.transport.keepsProcessAlive, true);
  bench.transport.feed(reply(OK));
  await first;
  assertEquals(bench.transport.keepsProcessAlive, false);
  bench.get("b");
  assertEquals(bench.transport.keepsProcessAlive, true);
});

Deno.test("Pipeline.close() waits for the calls under way, then closes, however often it is called", async () => {
  const bench = new Bench();
  const call = bench.get("a");
  await settle();
  let closed = false;
  const closing = Promise.all([bench.pipeline.close(), bench.pipeline.close()]).then(() => closed = true);
  await settle();
  assertEquals([closed, bench.transport.closed], [false, false]);
  bench.transport.feed(reply(OK, "1"));
  assertEquals(await call, "1");
  await closing;
  assertEquals(bench.transport.closed, true);
  assertEquals(bench.clock.pendingTimers, 0);
});

Deno.test("Pipeline.close() ends with the timeout of a call that gets no reply", async () => {
  const bench = new Bench();
  const call = bench.get("a");
  await settle();
  const closing = bench.pipeline.close();
  bench.clock.advance(TIMEOUT_MS);
  await assertCode(call, "TIMEOUT");
  await closing;
  assertEquals([bench.transport.closed, bench.clock.pendingTimers], [true, 0]);
});

Deno.test("Pipeline.close() waits also for a request that is being made for a call which has failed", async () => {
  const bench = new Bench();
  const slow = Promise.withResolvers<Uint8Array>();
  const call = bench.call("a", slow.promise);
  bench.clock.advance(TIMEOUT_MS);
  await assertCode(call, "TIMEOUT");
  let closed = false;
  const closing = bench.pipeline.close().then(() => closed = true);
  await settle();
  assertEquals(closed, false);
  slow.resolve(frameOf("a"));
  await closing;
});

Deno.test("Pipeline.close() of a pipeline that never connected does nothing", async () => {
  const bench = new Bench();
  await bench.pipeline.close();
  assertEquals(bench.attempts.length, 0);
});
