import { assertEquals, assertThrows } from "@std/assert";
import { formatSize, parseSizeBytes } from "../../lib/cli/size.ts";

Deno.test("parseSizeBytes() reads bytes and units of 1024, in any case", () => {
  assertEquals(parseSizeBytes("1024"), 1024);
  assertEquals(parseSizeBytes(1024), 1024);
  assertEquals(parseSizeBytes("512kb"), 524_288);
  assertEquals(parseSizeBytes("16MB"), 16_777_216);
  assertEquals(parseSizeBytes("2 gb"), 2_147_483_648);
  assertEquals(parseSizeBytes("1.5kb"), 1536);
});

Deno.test("parseSizeBytes() throws TypeError at what is no size", () => {
  for (const text of ["", "mb", "1tb", "1k", "1e3", "0x10", "1,5mb"]) {
    assertThrows(() => parseSizeBytes(text), TypeError, JSON.stringify(text));
  }
});

Deno.test("parseSizeBytes() throws RangeError at what is no whole number of bytes", () => {
  for (const size of [-1, "-1kb", 0.5, "0.3kb", NaN, "99999999999gb"]) {
    assertThrows(() => parseSizeBytes(size), RangeError, "whole number of bytes");
  }
});

Deno.test("formatSize() writes the largest unit that divides", () => {
  assertEquals([0, 1, 1000, 1024, 1536, 16 * 1024 ** 2, 2 * 1024 ** 3].map(formatSize), [
    "0",
    "1",
    "1000",
    "1kb",
    "1536",
    "16mb",
    "2gb",
  ]);
});
