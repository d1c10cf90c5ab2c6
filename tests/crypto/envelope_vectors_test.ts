import { assertEquals, assertRejects } from "@std/assert";
import { associatedData, type ValueType } from "../../lib/crypto/envelope.ts";
import { keyIdText, LAYOUT_1 } from "../../lib/crypto/envelope_header.ts";
import { Keyring } from "../../lib/crypto/keyring.ts";
import { Sealer, type SealerOptions } from "../../lib/crypto/sealer.ts";
import { decodeValue } from "../../lib/crypto/value.ts";
import { IntegrityError, type IntegrityReason } from "../../lib/errors.ts";
import { FakeClock } from "../support/fake_clock.ts";
import vectors from "../vectors/envelope_v1.json" with { type: "json" };
import { assertRefused, bytes, hex, sourceOf, vectorSlot } from "./sealers.ts";

const ROOTS = vectors.keyring.map(({ root }) => hex(root));

/** All keys of the vectors, one of them active. */
async function vectorSealer(active: number, options?: SealerOptions): Promise<Sealer> {
  const openOnly = ROOTS.filter((_, i) => i !== active);
  return Sealer.create(await Keyring.create({ active: ROOTS[active]!, openOnly }, bytes("")), options);
}

for (const vector of vectors.positive) {
  Deno.test(`Sealer opens the vector "${vector.comment}", whichever key is active`, async () => {
    const { keyId } = vectors.keyring[vector.root]!;
    assertEquals(associatedData(LAYOUT_1, hex(keyId), vectorSlot(vector)).toHex(), vector.aad);
    for (const active of ROOTS.keys()) {
      const sealer = await vectorSealer(active, { clock: new FakeClock() });
      const opened = await sealer.open(vectorSlot(vector), hex(vector.envelope));
      assertEquals(keyIdText(opened.keyId), keyId);
      assertEquals({ ...opened, keyId: 0 }, {
        type: vector.valueType as ValueType,
        body: hex(vector.value),
        keyId: 0,
        notAfterMs: vector.notAfterMs ?? undefined,
        sequence: undefined,
        name: undefined,
      });
    }
  });

  // Encoders may deflate differently; inner_test.ts makes the bytes around what was deflated.
  if (vector.compression === 0) {
    Deno.test(`Sealer makes the bytes of the vector "${vector.comment}"`, async () => {
      const randomBytes = sourceOf(hex(vector.nonce));
      const sealer = await vectorSealer(vector.root, { randomBytes, padding: vector.padded });
      const value = { type: vector.valueType as ValueType, body: hex(vector.value) };
      const options = vector.notAfterMs === null ? {} : { notAfterMs: vector.notAfterMs };
      assertEquals((await sealer.seal(vectorSlot(vector), value, options)).toHex(), vector.envelope);
    });
  }
}

for (const vector of vectors.negative) {
  Deno.test(`Sealer refuses the vector "${vector.comment}" as ${vector.expect}`, async () => {
    const sealer = await vectorSealer(0, { maxValueBytes: 1024 * 1024 });
    const opening = async () => decodeValue(await sealer.open(vectorSlot(vector), hex(vector.envelope)));
    await assertRefused(opening, vector.expect as IntegrityReason);
  });
}

Deno.test("the vectors are all there", () => {
  assertEquals([vectors.positive.length, vectors.negative.length], [9, 24]);
});

Deno.test("open() says the same whatever the reason, and nothing of the value", async () => {
  const sealer = await vectorSealer(0, { maxValueBytes: 1024 });
  const messages = new Set<string>();
  for (const vector of vectors.negative) {
    const opening = async () => decodeValue(await sealer.open(vectorSlot(vector), hex(vector.envelope)));
    messages.add((await assertRejects(opening, IntegrityError)).message);
  }
  assertEquals([...messages], [
    "Cannot open value: it was not sealed with this key for this place, or it was changed since",
  ]);
});
