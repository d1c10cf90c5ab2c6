import { assertEquals, assertRejects } from "@std/assert";
import { HandshakeSlots } from "../../lib/channel/handshake_slots.ts";

Deno.test("HandshakeSlots lets so many work at once, and the others in the order in which they came", async () => {
  const slots = new HandshakeSlots(2);
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const all = [0, 1, 2, 3].map((i) =>
    slots.run(() => {
      begun.push(i);
      return new Promise<void>((end) => ends.push(end));
    })
  );
  assertEquals([begun, slots.waiting], [[0, 1], 2]);
  ends[1]!();
  await all[1];
  assertEquals([begun, slots.waiting], [[0, 1, 2], 1]);
  ends[0]!();
  await all[0];
  assertEquals([begun, slots.waiting], [[0, 1, 2, 3], 0]);
  ends[2]!();
  ends[3]!();
  await Promise.all(all);
});

Deno.test("HandshakeSlots takes a slot back from work that fails, and tells how it failed", async () => {
  const slots = new HandshakeSlots(1);
  for (let i = 0; i < 3; i++) {
    await assertRejects(() => slots.run(() => Promise.reject(new Error(`no. ${i}`))), Error, `no. ${i}`);
  }
  assertEquals(await slots.run(() => Promise.resolve("done")), "done");
});
