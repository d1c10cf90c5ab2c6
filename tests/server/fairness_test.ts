/** How long one client keeps others waiting: counted in requests, never in time. */

import { concat } from "@std/bytes";
import { assert, assertEquals } from "@std/assert";
import { utf8 } from "../../lib/bytes.ts";
import type { Clock } from "../../lib/clock.ts";
import { OPCODE } from "../../lib/codec/operations.ts";
import { DEFAULT_REQUESTS_PER_TURN, REQUESTS_PER_TURN_CHECK } from "../../lib/limits.ts";
import type { ServeOptions } from "../../lib/server/serve_options.ts";
import { Turn } from "../../lib/server/turn.ts";
import { frame } from "../support/cm_frame.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryServer, settled, until } from "../support/memory_server.ts";
import { command } from "../support/resp_frame.ts";

const DEPTH = 100_000;
const PING = frame({ opcode: OPCODE.PING });

/** What is asked again and again, and how the server is started. */
interface Load {
  readonly request: Uint8Array;
  /** Asked once before, with an answer of the same length. Default: the same request. */
  readonly first?: Uint8Array;
  readonly options?: ServeOptions;
}

const LOADS: Readonly<Record<string, Load>> = {
  CM: { request: frame({ opcode: OPCODE.GET, key: "k" }) },
  text: { request: utf8("GET k\n") },
  gocache: { request: utf8("GET k\n"), options: { dialects: ["gocache", "cm"] } },
  stash: { request: utf8("GET\x001\0k\r\n") },
  RESP: { request: command("GET", "k") },
  "inline RESP": { request: utf8("GET k\r\n"), first: command("GET", "k") },
  "RESP that is refused": { request: command("GET") },
};

for (const [dialect, { request, first = request, options }] of Object.entries(LOADS)) {
  for (const requestsPerTurn of [undefined, 100, 10]) {
    const most = requestsPerTurn ?? DEFAULT_REQUESTS_PER_TURN;
    Deno.test(`a pipeline of ${DEPTH} requests in ${dialect} is answered at most ${most} at a time`, async () => {
      await using world = new MemoryServer({ ...options, ...requestsPerTurn !== undefined && { requestsPerTurn } });
      const deep = world.connect();
      deep.send(first);
      await settled();
      const answerBytes = deep.writtenBytes;
      let longest = 0;
      deep.onWrite = (bytes) => longest = Math.max(longest, bytes.length / answerBytes);
      deep.send(concat(Array<Uint8Array>(DEPTH).fill(request)));
      await until(() => deep.writtenBytes >= (DEPTH + 1) * answerBytes);
      assertEquals(deep.writtenBytes, (DEPTH + 1) * answerBytes, "every request was answered");
      assert(longest <= most, `${longest} at a time`);
    });
  }
}

for (const [dialect, { request, first = request, options }] of Object.entries(LOADS)) {
  Deno.test(`who comes while a pipeline of ${DEPTH} requests in ${dialect} is answered does not wait for half of it`, async () => {
    await using world = new MemoryServer({ ...options, requestsPerTurn: 10 });
    const deep = world.connect(), others = Array.from({ length: 10 }, () => world.connect()), waited: number[] = [];
    deep.send(first);
    await settled();
    const answerBytes = deep.writtenBytes;
    for (const other of others) other.onWrite = () => waited.push(deep.writtenBytes / answerBytes);
    deep.onWrite = () => {
      deep.onWrite = () => {};
      // As from the network: the event loop has to come by before anything new is there.
      setImmediate(() => others.forEach((other) => other.send(PING)));
    };
    deep.send(concat(Array<Uint8Array>(DEPTH).fill(request)));
    await until(() => deep.writtenBytes >= (DEPTH + 1) * answerBytes);
    assertEquals([deep.writtenBytes, waited.length], [(DEPTH + 1) * answerBytes, others.length]);
    assert(Math.max(...waited) < DEPTH / 2, `they waited for ${Math.max(...waited)} requests`);
  });
}

Deno.test("a long request counts for as many as its length says", () => {
  const turn = new Turn(new FakeClock(), 1_000, { requests: 0 });
  assertEquals(turn.count(999 * 256 - 1), false);
  assertEquals(turn.count(0), true);
});

Deno.test("a turn of slow requests is over after a millisecond, which is looked at once in so many requests", async () => {
  let readings = 0, nowMs = 0;
  const clock: Clock = { nowMs: () => (readings++, nowMs), wallMs: () => 0, schedule: () => ({ cancel: () => {} }) };
  const turn = new Turn(clock, 1_000_000, { requests: 0 });
  turn.begin(false);
  for (let i = 1; i < 10 * REQUESTS_PER_TURN_CHECK; i++) assertEquals(turn.count(0), false);
  assertEquals(readings, 9);
  nowMs = 1;
  assertEquals([turn.count(0), turn.isOver], [true, true]);
  await turn.pass();
  assertEquals(turn.isOver, false);
});

Deno.test("time in which a client sends nothing is not of its turn", () => {
  const clock = new FakeClock();
  const turn = new Turn(clock, 1_000_000, { requests: 0 });
  for (let round = 0; round < 100; round++) {
    turn.begin(false);
    for (let i = 0; i < REQUESTS_PER_TURN_CHECK; i++) assertEquals(turn.count(0), false);
    clock.advance(1_000);
  }
});

Deno.test("who sends without end counts together with others who do, over all that is read", async () => {
  const turns = { requests: 0 };
  const [one, other, small] = Array.from({ length: 3 }, () => new Turn(new FakeClock(), 1_000, turns));
  for (let i = 0; i < 999; i++) {
    for (const turn of [one, other]) turn!.begin(true);
    small!.begin(false);
    assertEquals(small!.count(0), false);
    assertEquals((i % 2 === 0 ? one! : other!).count(0), false);
  }
  one!.begin(true);
  assertEquals([one!.count(0), one!.isOver, other!.isOver, small!.isOver], [true, true, false, false]);
  await one!.pass();
  other!.begin(true);
  assertEquals([one!.isOver, other!.count(0)], [false, false]);
});
