import { assertEquals, assertThrows } from "@std/assert";
import { FakeClock } from "./fake_clock.ts";

Deno.test("FakeClock.advance() runs due timers in order of time, each at its own moment", () => {
  const clock = new FakeClock();
  const seen: [string, number][] = [];
  const note = (name: string) => () => void seen.push([name, clock.nowMs()]);
  clock.schedule(30, note("late"));
  clock.schedule(10, note("early"));
  clock.schedule(10, note("early too"));
  clock.schedule(31, note("not yet"));
  clock.advance(30);
  assertEquals(seen, [["early", 10], ["early too", 10], ["late", 30]]);
  assertEquals(clock.pendingTimers, 1);
});

Deno.test("FakeClock.advance() runs timers that timers set, and none that were cancelled", () => {
  const clock = new FakeClock();
  let ticks = 0;
  const tick = () => {
    ticks++;
    clock.schedule(10, tick);
  };
  clock.schedule(10, tick);
  const cancelled = clock.schedule(5, () => ticks = 1000);
  cancelled.cancel();
  cancelled.cancel();
  clock.advance(35);
  assertEquals(ticks, 3);
  assertEquals(clock.nowMs(), 35);
  assertThrows(() => clock.advance(-1), RangeError);
});

Deno.test("FakeClock.setWall() moves the date and no deadline", () => {
  const clock = new FakeClock({ nowMs: 100, wallMs: 1_000 });
  let ran = false;
  clock.schedule(10, () => ran = true);
  clock.setWall(5_000_000);
  clock.jumpWall(-1_000);
  assertEquals([clock.nowMs(), clock.wallMs(), ran], [100, 4_999_000, false]);
  clock.advance(10);
  assertEquals([clock.nowMs(), clock.wallMs(), ran], [110, 4_999_010, true]);
});
