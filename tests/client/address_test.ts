import { assertEquals, assertThrows } from "@std/assert";
import { formatAddress, parseAddress } from "../../lib/client/address.ts";

Deno.test("parseAddress() reads host and port", () => {
  assertEquals(parseAddress("localhost:8080"), { hostname: "localhost", port: 8080 });
  assertEquals(parseAddress("10.0.0.7:1"), { hostname: "10.0.0.7", port: 1 });
  assertEquals(parseAddress("cache.example.org:65535"), { hostname: "cache.example.org", port: 65535 });
});

Deno.test("parseAddress() takes port 8080 where none is given", () => {
  assertEquals(parseAddress("cache"), { hostname: "cache", port: 8080 });
  assertEquals(parseAddress("[::1]"), { hostname: "::1", port: 8080 });
});

Deno.test("parseAddress() reads IPv6 in brackets", () => {
  assertEquals(parseAddress("[::1]:9000"), { hostname: "::1", port: 9000 });
  assertEquals(parseAddress("[fe80::1%eth0]:9000"), { hostname: "fe80::1%eth0", port: 9000 });
});

Deno.test("parseAddress() reads the path of a unix socket, as it stands there", () => {
  assertEquals(parseAddress("unix:/run/cryptomem.sock"), { path: "/run/cryptomem.sock" });
  assertEquals(parseAddress("unix:a b:80"), { path: "a b:80" });
  for (const address of ["unix:", "unix:/run\0/cache"]) {
    assertThrows(() => parseAddress(address), TypeError, "unix:/path");
  }
});

Deno.test("parseAddress() refuses what is no address and says how one is written", () => {
  const wrong = [
    "",
    ":8080",
    "::1",
    "a:b",
    "a:80:90",
    "a:",
    "http://a:80",
    "a b",
    "[a",
    "a]:1",
    "[]:1",
    "a:-1",
    "a:1.5",
  ];
  for (const address of wrong) assertThrows(() => parseAddress(address), TypeError, "host:port", address);
  assertThrows(() => parseAddress(undefined as unknown as string), TypeError);
});

Deno.test("parseAddress() refuses a port that does not exist", () => {
  for (const address of ["a:0", "a:65536", "[::1]:70000"]) {
    assertThrows(() => parseAddress(address), RangeError, address);
  }
});

Deno.test("formatAddress() writes what parseAddress() reads", () => {
  for (const address of ["localhost:8080", "[::1]:9000", "unix:/run/cache"]) {
    assertEquals(formatAddress(parseAddress(address)), address);
  }
});
