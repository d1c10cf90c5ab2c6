import { assertEquals, assertThrows } from "@std/assert";
import { formatDuration, parseDurationMs } from "../lib/duration.ts";

Deno.test("parseDurationMs() reads each unit", () => {
  assertEquals(parseDurationMs("250ms"), 250);
  assertEquals(parseDurationMs("10s"), 10_000);
  assertEquals(parseDurationMs("5m"), 300_000);
  assertEquals(parseDurationMs("24h"), 86_400_000);
  assertEquals(parseDurationMs("7d"), 604_800_000);
});

Deno.test("parseDurationMs() takes a number, and digits alone, as milliseconds", () => {
  assertEquals(parseDurationMs(1500), 1500);
  assertEquals(parseDurationMs("1500"), 1500);
  assertEquals(parseDurationMs(0), 0);
});

Deno.test("parseDurationMs() takes decimals that come out as whole milliseconds", () => {
  assertEquals(parseDurationMs("1.5s"), 1500);
  // 1.005 * 1000 is 1004.9999999999999 in binary.
  assertEquals(parseDurationMs("1.005s"), 1005);
  assertThrows(() => parseDurationMs("0.5ms"), RangeError, "whole number of milliseconds");
});

Deno.test("parseDurationMs() throws TypeError at what is no duration", () => {
  for (const text of ["", "s", "10 s", "10sec", "10S", "1h30m", "1e3", "Infinity", "NaN", "0x10"]) {
    assertThrows(() => parseDurationMs(text), TypeError, JSON.stringify(text));
  }
  for (const value of [undefined, null, {}, true]) {
    assertThrows(() => parseDurationMs(value as unknown as string), TypeError);
  }
});

Deno.test("parseDurationMs() throws RangeError at what no timer can count", () => {
  for (const duration of [-1, "-1s", 1.5, NaN, Infinity, "9007199254740992", "999999999999d"]) {
    assertThrows(() => parseDurationMs(duration), RangeError, String(duration));
  }
});

Deno.test("formatDuration() writes what parseDurationMs() reads back", () => {
  for (const text of ["1ms", "999ms", "10s", "90s", "5m", "23h", "1d", "365d"]) {
    assertEquals(formatDuration(parseDurationMs(text)), text);
  }
  assertEquals(formatDuration(0), "0ms");
});
