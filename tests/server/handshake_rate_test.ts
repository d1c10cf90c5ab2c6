import { assertEquals } from "@std/assert";
import { THIS_MACHINE } from "../../lib/security/peer_network.ts";
import { HandshakeRate } from "../../lib/server/handshake_rate.ts";
import { ServerKey } from "../../server.ts";
import { type MemoryPeer, MemoryServer, settled } from "../support/memory_server.ts";

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

/** What a client gets that begins a handshake which comes to nothing. */
async function answersTo(world: MemoryServer, hostname: string, clients: number): Promise<Set<string>> {
  const peers: MemoryPeer[] = [];
  for (let i = 0; i < clients; i++) {
    const peer = world.connect(hostname);
    peers.push(peer);
    // A hello of another layout: refused as soon as it is read, so this costs little.
    peer.send(Uint8Array.of(0xe0, 0, 0, 0, 41, ...new Uint8Array(41)));
    if (i % 100 === 99) await settled();
  }
  await settled();
  return new Set(peers.slice(-10).map(({ written }) => written.toHex()));
}

Deno.test("who shakes hands too often from one address is told that there is no room, and nobody else", async () => {
  const NO_ROOM = "ef0000000104";
  await using world = new MemoryServer({ serverKey: await ServerKey.generate(), maxClientsPerAddress: Infinity });
  assertEquals(await answersTo(world, "192.0.2.1", 1_000), new Set([""]));
  assertEquals(await answersTo(world, "192.0.2.1", 10), new Set([NO_ROOM]));
  assertEquals(await answersTo(world, "192.0.2.2", 10), new Set([""]));
  assertEquals(await answersTo(world, "127.0.0.1", 1_100), new Set([""]));
  await world.pass(1_000);
  assertEquals(await answersTo(world, "192.0.2.1", 10), new Set([""]));
});
