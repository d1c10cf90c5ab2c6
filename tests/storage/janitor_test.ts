import { assertEquals } from "@std/assert";
import { ByteRange, utf8 } from "../../lib/bytes.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { Janitor } from "../../lib/storage/janitor.ts";
import { FakeClock } from "../support/fake_clock.ts";

Deno.test("the janitor gives expired entries back soon after their time, with nobody asking", () => {
  const clock = new FakeClock();
  const engine = new Engine({ clock });
  const janitor = new Janitor(engine, clock);
  janitor.start();
  for (let i = 0; i < 20_000; i++) engine.set(ByteRange.of(utf8(`key ${i}`)), ByteRange.of(utf8("v")), 60_000);
  clock.advance(59_000);
  assertEquals(engine.stats().entries, 20_000);
  clock.advance(2_000);
  assertEquals(engine.stats().entries, 0);
  assertEquals(engine.stats().valueBytes, 0);
  janitor.stop();
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("the janitor works in slices, with a turn for others between them", () => {
  const clock = new FakeClock();
  const store = new Engine({ clock });
  let pieces = 0, slices = 0, lastPieceIn = -1;
  store.tidy = () => {
    if (lastPieceIn !== turn) slices++;
    lastPieceIn = turn;
    return ++pieces < 1_000;
  };
  // On a clock that stands still, a slice ends by its count; each one begins in a timer's turn of its own.
  let turn = 0;
  const counting = {
    ...bind(clock),
    schedule: (ms: number, run: () => void) => clock.schedule(ms, () => (turn++, run())),
  };
  const janitor = new Janitor(store, counting);
  janitor.start();
  clock.advance(100);
  assertEquals(pieces, 1_000);
  assertEquals(slices, 4);
  janitor.stop();
});

function bind(clock: FakeClock): Pick<FakeClock, "nowMs" | "wallMs"> {
  return { nowMs: () => clock.nowMs(), wallMs: () => clock.wallMs() };
}
