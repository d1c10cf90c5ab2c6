import { assertEquals } from "@std/assert";
import { associatedData, ENVELOPE_OVERHEAD_BYTES } from "../../lib/crypto/envelope.ts";
import {
  envelopeKeyId,
  isLayout,
  keyIdText,
  LAYOUT_1,
  LAYOUT_2,
  MIN_ENVELOPE_BYTES,
} from "../../lib/crypto/envelope_header.ts";
import { NONCE_BYTES, TAG_BYTES } from "../../lib/crypto/xaes.ts";
import vectors from "../vectors/envelope_v1.json" with { type: "json" };
import { hex, slotOf } from "./sealers.ts";

Deno.test("envelopeKeyId() reads the key id of every vector", () => {
  for (const vector of vectors.positive) {
    const envelope = hex(vector.envelope);
    const keyId = envelopeKeyId(envelope, 0, envelope.length);
    assertEquals(keyIdText(keyId), vectors.keyring[vector.root]!.keyId);
  }
});

Deno.test("envelopeKeyId() reads in the middle of an array, and no further than it is told", () => {
  const envelope = hex(vectors.positive[0]!.envelope);
  const around = new Uint8Array(200);
  around.set(envelope, 77);
  assertEquals(envelopeKeyId(around, 77, envelope.length), 0x08b0b48b);
  assertEquals(envelopeKeyId(around, 77, MIN_ENVELOPE_BYTES - 1), -1);
  assertEquals(envelopeKeyId(around, 76, envelope.length), -1);
});

Deno.test("envelopeKeyId() gives ids with the highest bit as positive numbers", () => {
  const envelope = new Uint8Array(46).fill(0xff);
  for (const layout of [LAYOUT_1, LAYOUT_2]) {
    envelope[0] = layout;
    assertEquals(envelopeKeyId(envelope, 0, 46), 0xffffffff);
  }
});

Deno.test("envelopeKeyId() takes two first bytes and no other", () => {
  const envelope = new Uint8Array(46);
  const taken = Array.from({ length: 256 }, (_, i) => i).filter((first) => {
    envelope[0] = first;
    assertEquals(isLayout(first), envelopeKeyId(envelope, 0, 46) === 0);
    return envelopeKeyId(envelope, 0, 46) !== -1;
  });
  assertEquals(taken, [0xc1, 0xf5]);
});

Deno.test("no text can be taken for an envelope: no UTF-8 has these bytes anywhere", () => {
  const utf8 = new TextDecoder("utf-8", { fatal: true });
  for (const layout of [LAYOUT_1, LAYOUT_2]) {
    for (let next = 0; next < 256; next++) {
      let isText = true;
      try {
        utf8.decode(Uint8Array.of(layout, next, 0x80, 0x80));
      } catch {
        isText = false;
      }
      assertEquals(isText, false);
    }
  }
});

Deno.test("keyIdText() is 8 hexadecimal digits", () => {
  assertEquals(keyIdText(0), "00000000");
  assertEquals(keyIdText(0x08b0b48b), "08b0b48b");
  assertEquals(keyIdText(0xffffffff), "ffffffff");
});

Deno.test("the shortest envelope is layout, key id, nonce, flags and tag", () => {
  assertEquals(MIN_ENVELOPE_BYTES, 1 + 4 + NONCE_BYTES + 1 + TAG_BYTES);
  assertEquals(ENVELOPE_OVERHEAD_BYTES, 46);
});

Deno.test("associatedData() differs between the layouts in their byte and in nothing else", () => {
  const slot = slotOf({ namespace: "app", key: "user:1" });
  const first = associatedData(LAYOUT_1, hex("08b0b48b"), slot).toHex();
  assertEquals(first, vectors.positive[1]!.aad);
  assertEquals(associatedData(LAYOUT_2, hex("08b0b48b"), slot).toHex(), first.replace("7631c1", "7631f5"));
});
