import { assertEquals } from "@std/assert";
import { HandshakeRate } from "../../lib/server/handshake_rate.ts";
import { THIS_MACHINE } from "../../lib/security/peer_network.ts";

/** How many of so many handshakes at one moment are let through. */
function admitted(rate: HandshakeRate, network: string, tries: number, nowMs: number): number {
  return Array.from({ length: tries }, () => rate.admits(network, nowMs)).filter(Boolean).length;
}

Deno.test("a thousand clients of one address may shake hands at once, and then a hundred a second", () => {
  const rate = new HandshakeRate();
  assertEquals(admitted(rate, "192.0.2.1", 5_000, 0), 1_000);
  for (let second = 1; second <= 5; second++) assertEquals(admitted(rate, "192.0.2.1", 500, second * 1_000), 100);
  assertEquals(admitted(rate, "192.0.2.1", 5_000, 3_600_000), 1_000);
});

Deno.test("one address that shakes hands too often costs no other, nor this machine, any of theirs", () => {
  const rate = new HandshakeRate();
  admitted(rate, "192.0.2.1", 5_000, 0);
  assertEquals(admitted(rate, "192.0.2.2", 1_000, 0), 1_000);
  assertEquals(admitted(rate, THIS_MACHINE, 5_000, 0), 5_000);
});
