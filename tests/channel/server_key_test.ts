import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { ServerKey } from "../../lib/channel/server_key.ts";
import session from "../vectors/noise_nx_session_v1.json" with { type: "json" };

Deno.test("ServerKey.from() makes of the same bytes the same key, and wipes them", async () => {
  const bytes = Uint8Array.fromHex(session.serverStatic);
  const key = await ServerKey.from(bytes);
  assertEquals(bytes, new Uint8Array(32));
  assertEquals(key.keyPair.publicKey.toHex(), session.serverStaticPublic);
  assertEquals(key.pin, "cms1_ew1H2TQn-DERYHgcfHM_2J-IlwrvSQ2KoO4ZpMuKGxQ");
  assertEquals(key.fingerprint, "SHA256:Gb0ZX4+p7Llf2qjd1clvkQHFR9U9ioifDhBeRzsK/zY");
});

Deno.test("ServerKey.generate() makes another key each time, and never shows the private half", async () => {
  const [one, other] = [await ServerKey.generate(), await ServerKey.generate()];
  assertNotEquals(one.pin, other.pin);
  assert(!one.keyPair.privateKey.extractable);
});

Deno.test("ServerKey.generateBytes() makes bytes that can be kept and taken again", async () => {
  const bytes = ServerKey.generateBytes();
  const kept = bytes.slice();
  assertEquals((await ServerKey.from(bytes)).pin, (await ServerKey.from(kept)).pin);
});

Deno.test("ServerKey.from() refuses what cannot be a key, and wipes that too", async () => {
  for (const length of [0, 31, 33, 64]) {
    const bytes = new Uint8Array(length).fill(7);
    await assertRejects(() => ServerKey.from(bytes), RangeError, `it has ${length} bytes and must have 32`);
    assertEquals(bytes, new Uint8Array(length));
  }
  await assertRejects(() => ServerKey.from(new Uint8Array(32)), RangeError, "all of its bytes are zero");
  await assertRejects(() => ServerKey.from("secret" as unknown as Uint8Array), TypeError, "it is not bytes");
});
