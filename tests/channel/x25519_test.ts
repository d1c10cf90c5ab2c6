import { assert, assertEquals } from "@std/assert";
import { generateX25519, importX25519, x25519 } from "../../lib/crypto/subtle.ts";
import { readVectors, vectorTest } from "../support/vectors.ts";
import { LOW_ORDER_POINTS } from "./low_order_points.ts";

const hex = (text: string) => Uint8Array.fromHex(text);

Deno.test("importX25519() and x25519() agree with the example of RFC 7748", async () => {
  const alice = await importX25519(hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"));
  assertEquals(alice.publicKey.toHex(), "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
  const bob = hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
  const shared = await x25519(alice.privateKey, bob);
  assertEquals(shared?.toHex(), "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
});

Deno.test("generateX25519() makes pairs that share a secret, and private keys that cannot be exported", async () => {
  const [one, other] = [await generateX25519(), await generateX25519()];
  assertEquals(await x25519(one.privateKey, other.publicKey), await x25519(other.privateKey, one.publicKey));
  for (const { privateKey } of [one, await importX25519(new Uint8Array(32).fill(7))]) assert(!privateKey.extractable);
});

Deno.test("x25519() shares nothing with a point of low order, with the ignored bit set or not", async () => {
  const { privateKey } = await generateX25519();
  for (const point of LOW_ORDER_POINTS) {
    assertEquals(await x25519(privateKey, point), undefined);
    point[31]! |= 0x80;
    assertEquals(await x25519(privateKey, point), undefined);
    point[31]! &= 0x7f;
  }
});

vectorTest("x25519() passes Wycheproof, and shares nothing where the secret would be zero", async () => {
  type Test = Record<"public" | "private" | "shared", string> & { tcId: number; flags: string[] };
  const { testGroups } = await readVectors<{ testGroups: { tests: Test[] }[] }>("wycheproof/x25519_test.json");
  let shared = 0, refused = 0;
  for (const test of testGroups.flatMap((group) => group.tests)) {
    const { privateKey } = await importX25519(hex(test.private));
    const secret = await x25519(privateKey, hex(test.public));
    if (test.flags.includes("ZeroSharedSecret")) {
      refused++;
      assertEquals(secret, undefined, `test ${test.tcId}`);
    } else {
      shared++;
      assertEquals(secret?.toHex(), test.shared, `test ${test.tcId}`);
    }
  }
  assertEquals([shared, refused], [487, 31]);
});
