import { assertEquals } from "@std/assert";
import { nearest } from "../../lib/cli/nearest.ts";

const WORDS = ["host", "port", "max-value-size", "frame-timeout"];

Deno.test("nearest() finds the word behind a typing error", () => {
  assertEquals(nearest("prot", WORDS), "port");
  assertEquals(nearest("hots", WORDS), "host");
  assertEquals(nearest("max_value_size", WORDS), "max-value-size");
  assertEquals(nearest("frametimeout", WORDS), "frame-timeout");
});

Deno.test("nearest() does not guess", () => {
  assertEquals(nearest("password", WORDS), undefined);
  assertEquals(nearest("x", WORDS), undefined);
  assertEquals(nearest("", WORDS), undefined);
});
