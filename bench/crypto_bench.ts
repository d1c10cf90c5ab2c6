/**
 * What sealing costs the client, per value: alone, as a program that awaits each call pays it, and with 64 calls in
 * flight, as a busy one does. `deno bench bench/crypto_bench.ts`
 *
 * @module
 */

import { type Slot, SlotKind } from "../lib/crypto/envelope.ts";
import { Sealer } from "../lib/crypto/sealer.ts";
import { decodeValue, encodeValue, type Value } from "../lib/crypto/value.ts";

const IN_FLIGHT = 64;

const slot: Slot = {
  kind: SlotKind.STRING,
  namespace: new Uint8Array(0),
  key: new TextEncoder().encode("session:0123456789"),
};
const sealer = await Sealer.create(crypto.getRandomValues(new Uint8Array(32)));
const values: Record<string, Value> = {
  "100 bytes": crypto.getRandomValues(new Uint8Array(100)),
  "16 KiB": crypto.getRandomValues(new Uint8Array(16 * 1024)),
};

for (const [size, value] of Object.entries(values)) {
  const body = encodeValue(value);
  const envelope = await sealer.seal(slot, body);

  Deno.bench(`seal ${size}, alone`, async () => {
    await sealer.seal(slot, body);
  });
  Deno.bench(`seal ${size}, ${IN_FLIGHT} in flight (figures are for all ${IN_FLIGHT})`, async () => {
    await Promise.all(Array.from({ length: IN_FLIGHT }, () => sealer.seal(slot, body)));
  });
  Deno.bench(`open ${size}, alone`, async () => {
    await sealer.open(slot, envelope);
  });
  Deno.bench(`open ${size}, ${IN_FLIGHT} in flight (figures are for all ${IN_FLIGHT})`, async () => {
    await Promise.all(Array.from({ length: IN_FLIGHT }, () => sealer.open(slot, envelope)));
  });
}

const session = {
  user: "user:1",
  roles: ["admin", "editor"],
  seen: 1_767_225_600_000,
  flags: { beta: true, theme: "dark" },
};
const sealedSession = encodeValue(session);
Deno.bench("encode a small object", () => void encodeValue(session));
Deno.bench("decode a small object", () => void decodeValue(sealedSession));
Deno.bench("encode a text of 100 characters", () => void encodeValue("0123456789".repeat(10)));
