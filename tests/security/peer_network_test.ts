import { assertEquals } from "@std/assert";
import { networkOf, THIS_MACHINE } from "../../lib/security/peer_network.ts";

Deno.test("networkOf() is the address for IPv4, also where it is written as IPv6", () => {
  assertEquals(networkOf("203.0.113.7"), "203.0.113.7");
  assertEquals(networkOf("::ffff:203.0.113.7"), "203.0.113.7");
  assertEquals(networkOf("::FFFF:203.0.113.7"), "203.0.113.7");
});

Deno.test("networkOf() is the upper half of an IPv6 address, however it is written", () => {
  const network = "2001:db8:0:1::/64";
  for (
    const address of [
      "2001:db8:0:1::7",
      "2001:db8:0:1:ffff:ffff:ffff:ffff",
      "2001:0db8:0000:0001:0:0:0:7",
      "2001:DB8:0:1::",
      "2001:db8::1:0:0:0:7",
      "2001:db8:0:1::7%eth0",
    ]
  ) {
    assertEquals(networkOf(address), network, address);
  }
  assertEquals(networkOf("2001:db8:0:2::7"), "2001:db8:0:2::/64");
  assertEquals(networkOf("2001:db8::7"), "2001:db8:0:0::/64");
  assertEquals(networkOf("fe80::1%2"), "fe80:0:0:0::/64");
  assertEquals(networkOf("::2"), "0:0:0:0::/64");
});

Deno.test("networkOf() takes loopback and unix sockets for one: this machine", () => {
  for (const address of [undefined, "127.0.0.1", "127.1.2.3", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1"]) {
    assertEquals(networkOf(address), THIS_MACHINE, address);
  }
});
