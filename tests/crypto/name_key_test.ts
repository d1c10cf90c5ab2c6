import { assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import { NameKey } from "../../lib/crypto/name_key.ts";
import envelopes from "../vectors/envelope_v1.json" with { type: "json" };
import vectors from "../vectors/name_blinding_v1.json" with { type: "json" };
import { bytes, hex, KEY, OTHER_KEY } from "./sealers.ts";

const NAMESPACE = bytes("app");

Deno.test("NameKey blinds as the vectors say", async () => {
  const { root, nameKey } = envelopes.keyring[0]!;
  assertEquals(nameKey, vectors.nameKey);
  const names = await NameKey.create(hex(root));
  for (const { namespace, key, blinded, wire } of vectors.vectors) {
    assertEquals(await names.blind(hex(namespace), hex(key)), wire);
    assertEquals(Uint8Array.fromBase64(wire, { alphabet: "base64url" }).toHex(), blinded);
  }
});

Deno.test("NameKey keeps apart what differs in key, namespace or where one ends", async () => {
  const names = await NameKey.create(KEY);
  const pairs = [["", ""], ["app", ""], ["", "app"], ["app", "k"], ["ap", "pk"], ["appk", ""], ["app", "k\0"]];
  const blinded = new Set<string>();
  for (const [namespace, key] of pairs) blinded.add(await names.blind(bytes(namespace!), bytes(key!)));
  assertEquals(blinded.size, pairs.length);
  const others = await NameKey.create(OTHER_KEY);
  assertNotEquals(await others.blind(NAMESPACE, bytes("k")), await names.blind(NAMESPACE, bytes("k")));
});

Deno.test("NameKey makes 22 characters of base64url of any name", async () => {
  const names = await NameKey.create(KEY);
  for (const size of [0, 1, 252, 253, 254, 1_000, 65_535]) {
    assertMatch(await names.blind(NAMESPACE, new Uint8Array(size).fill(0xff)), /^[A-Za-z0-9_-]{22}$/);
  }
});

Deno.test("NameKey computes the HMAC of a name in use once, also for calls that come at once", async () => {
  const names = await NameKey.create(KEY);
  const blind = () => names.blind(NAMESPACE, bytes("user:1"));
  assertEquals(await countHmacs(() => Promise.all([blind(), blind(), blind()])), 1);
  assertEquals(await countHmacs(blind), 0);
});

Deno.test("NameKey keeps the 4,096 names that were used last, and no long ones", async () => {
  const names = await NameKey.create(KEY);
  const blind = (i: number) => () => names.blind(NAMESPACE, bytes(`user:${i}`));
  await Promise.all(Array.from({ length: 4_096 }, (_, i) => blind(i)()));
  assertEquals(await countHmacs(blind(0)), 0);
  assertEquals(await countHmacs(blind(4_096)), 1);
  assertEquals(await countHmacs(blind(0)), 0);
  assertEquals(await countHmacs(blind(1)), 1);
  const long = () => names.blind(NAMESPACE, new Uint8Array(254));
  assertEquals(await countHmacs(long) + await countHmacs(long), 2);
  const longest = () => names.blind(NAMESPACE, new Uint8Array(253));
  assertEquals(await countHmacs(longest) + await countHmacs(longest), 1);
});

Deno.test("blind() reads its arguments before it returns", async () => {
  const names = await NameKey.create(KEY);
  const key = bytes("user:1");
  const blinding = names.blind(NAMESPACE, key);
  key.fill(0);
  assertEquals(await blinding, await names.blind(NAMESPACE, bytes("user:1")));
});

Deno.test("NameKey.create() throws at once at a wrong key, and takes every form", async () => {
  assertThrows(() => NameKey.create("too short"), RangeError, "Cannot use key");
  const text = `cmk1_${KEY.toBase64({ alphabet: "base64url", omitPadding: true })}`;
  const [one, other] = [await NameKey.create(KEY), await NameKey.create(text)];
  assertEquals(await one.blind(NAMESPACE, NAMESPACE), await other.blind(NAMESPACE, NAMESPACE));
});

async function countHmacs(action: () => Promise<unknown>): Promise<number> {
  const sign = crypto.subtle.sign;
  let count = 0;
  crypto.subtle.sign = (...call: Parameters<SubtleCrypto["sign"]>) => {
    count++;
    return sign.apply(crypto.subtle, call);
  };
  try {
    await action();
  } finally {
    crypto.subtle.sign = sign;
  }
  return count;
}
