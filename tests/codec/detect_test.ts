import { assertEquals } from "@std/assert";
import { bytesOfBinaryText, utf8 } from "../../lib/bytes.ts";
import { detect } from "../../lib/codec/detect.ts";

function found(start: string): string {
  const bytes = bytesOfBinaryText(`xx${start}`);
  return detect(bytes, 2, bytes.length);
}

Deno.test("detect() tells each dialect by its first bytes", () => {
  const cases: Record<string, string> = {
    "CM": "cm",
    "CM\x01": "cm",
    "*1\r\n": "resp",
    "*": "resp",
    "GET\0": "stash",
    "SET\x001": "stash",
    "INC\0": "stash",
    "DEC\0": "stash",
    "DEL\0": "stash",
    "GET k": "text",
    "DELETE k": "text",
    "DECR k": "text",
    "get\0": "text",
    "Cm": "text",
    "\n": "text",
    "\0": "text",
    "\xe0": "channel",
    "\xe1": "text",
    "\x16\x03": "tls",
  };
  for (const [start, dialect] of Object.entries(cases)) assertEquals(found(start), dialect, JSON.stringify(start));
});

Deno.test("detect() waits exactly while the bytes may still become something else than text", () => {
  for (const start of ["", "C", "G", "GE", "GET", "S", "SE", "SET", "I", "IN", "INC", "D", "DE", "DEC", "DEL"]) {
    assertEquals(found(start), "incomplete", start);
  }
  for (const start of ["X", "CX", "GX", "GEX", "IT", "DX", "P", "*"]) {
    assertEquals(found(start) === "incomplete", false, start);
  }
});

Deno.test("detect() looks at no byte behind the end", () => {
  assertEquals(detect(utf8("GET\0"), 0, 3), "incomplete");
  assertEquals(detect(utf8("CM"), 0, 1), "incomplete");
});
