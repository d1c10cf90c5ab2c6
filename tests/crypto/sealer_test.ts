import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { CryptomemError, IntegrityError } from "../../lib/errors.ts";
import {
  associatedData,
  ENVELOPE_OVERHEAD_BYTES,
  type SealedBody,
  type Slot,
  SlotKind,
  ValueType,
} from "../../lib/crypto/envelope.ts";
import { Sealer } from "../../lib/crypto/sealer.ts";
import { decodeValue, encodeValue } from "../../lib/crypto/value.ts";
import { FakeClock } from "../support/fake_clock.ts";
import vectors from "../vectors/envelope_v1.json" with { type: "json" };

const hex = (text: string) => Uint8Array.fromHex(text);
const bytes = (text: string) => new TextEncoder().encode(text);

const KEY = new Uint8Array(32).map((_, i) => 7 * i);
const SLOT = slotOf({ namespace: "app", key: "user:1" });
const SECRET: SealedBody = encodeValue("a secret");

function slotOf(parts: { kind?: SlotKind; namespace?: string; key?: string; field?: string }): Slot {
  const { kind = SlotKind.STRING, namespace = "", key = "k", field = "" } = parts;
  return { kind, namespace: bytes(namespace), key: bytes(key), field: bytes(field) };
}

function vectorSlot(vector: { slotKind: number; namespace: string; key: string; sub: string }): Slot {
  return {
    kind: vector.slotKind as SlotKind,
    namespace: hex(vector.namespace),
    key: hex(vector.key),
    field: hex(vector.sub),
  };
}

/** Gives out a nonce, first its prefix and then its tail, as a source of random bytes. */
function sourceOf(nonce: Uint8Array): (target: Uint8Array) => void {
  let at = 0;
  return (target) => target.set(nonce.slice(at, at += target.length));
}

async function assertRefused(opening: () => Promise<unknown>, reason: string, note?: string): Promise<void> {
  const error = await assertRejects(opening, IntegrityError, undefined, note);
  assertEquals(error.reason, reason, note);
  assertEquals(error.code, "INTEGRITY");
}

// The vectors

for (const vector of vectors.positive) {
  Deno.test(`Sealer opens the vector "${vector.comment}"`, async () => {
    const sealer = await Sealer.create(hex(vectors.keyring[vector.root]!.root), { clock: new FakeClock() });
    assertEquals(associatedData(sealer.keyId, vectorSlot(vector)).toHex(), vector.aad);
    const { type, body } = await sealer.open(vectorSlot(vector), hex(vector.envelope));
    assertEquals(type, vector.valueType);
    assertEquals(body, hex(vector.value));
  });

  if (vector.compression === 0 && !vector.padded && vector.notAfterMs === null) {
    Deno.test(`Sealer makes the bytes of the vector "${vector.comment}"`, async () => {
      const root = hex(vectors.keyring[vector.root]!.root);
      const sealer = await Sealer.create(root, { randomBytes: sourceOf(hex(vector.nonce)) });
      const body = { type: vector.valueType as ValueType, body: hex(vector.value) };
      assertEquals((await sealer.seal(vectorSlot(vector), body)).toHex(), vector.envelope);
    });
  }
}

for (const vector of vectors.negative) {
  Deno.test(`Sealer refuses the vector "${vector.comment}" as ${vector.expect}`, async () => {
    const sealer = await Sealer.create(hex(vectors.keyring[0]!.root), { maxValueBytes: 1024 * 1024 });
    const opening = async () => decodeValue(await sealer.open(vectorSlot(vector), hex(vector.envelope)));
    await assertRefused(opening, vector.expect);
  });
}

Deno.test("the vectors are all there", () => {
  assertEquals([vectors.positive.length, vectors.negative.length], [9, 24]);
});

// Sealing

Deno.test("seal() gives a different envelope each time", async () => {
  const sealer = await Sealer.create(KEY);
  assertNotEquals(await sealer.seal(SLOT, SECRET), await sealer.seal(SLOT, SECRET));
});

Deno.test("seal() and open() keep every size, with 46 bytes of overhead", async () => {
  const sealer = await Sealer.create(KEY);
  assertEquals(ENVELOPE_OVERHEAD_BYTES, 46);
  for (const size of [0, 1, 14, 15, 16, 17, 31, 32, 33, 47, 48, 49, 1000, 4096, 65_535, 65_536, 1_048_577]) {
    const body = new Uint8Array(size).map((_, i) => i * 31);
    const envelope = await sealer.seal(SLOT, { type: ValueType.BYTES, body });
    assertEquals(envelope.length, size + 46);
    assertEquals(await sealer.open(SLOT, envelope), { type: ValueType.BYTES, body });
  }
});

Deno.test("seal() gives all of many calls at once their own nonce", async () => {
  const sealer = await Sealer.create(KEY);
  const envelopes = await Promise.all(Array.from({ length: 2_000 }, () => sealer.seal(SLOT, SECRET)));
  assertEquals(new Set(envelopes.map((envelope) => envelope.slice(5, 29).toHex())).size, 2_000);
  assertEquals(new Set(envelopes.map((envelope) => envelope.slice(5, 17).toHex())).size, 1, "one epoch");
});

Deno.test("seal() takes a new nonce prefix after 60 s", async () => {
  const clock = new FakeClock();
  const sealer = await Sealer.create(KEY, { clock });
  const prefix = async () => (await sealer.seal(SLOT, SECRET)).slice(5, 17).toHex();
  const first = await prefix();
  clock.advance(59_999);
  assertEquals(await prefix(), first);
  clock.advance(1);
  assertNotEquals(await prefix(), first);
});

Deno.test("two sealers with one key share no nonce prefix and open each other's envelopes", async () => {
  const [one, other] = [await Sealer.create(KEY), await Sealer.create(KEY)];
  const [first, second] = [await one.seal(SLOT, SECRET), await other.seal(SLOT, SECRET)];
  assertNotEquals(first.slice(5, 17), second.slice(5, 17));
  assertEquals(await other.open(SLOT, first), SECRET);
  assertEquals(await one.open(SLOT, second), SECRET);
});

Deno.test("seal() and open() read their arguments before they return", async () => {
  const sealer = await Sealer.create(KEY);
  const slot = slotOf({ namespace: "app", key: "user:1" });
  const body = bytes("a secret");
  const sealing = sealer.seal(slot, { type: ValueType.UTF8, body });
  body.fill(0);
  slot.key.fill(0);
  const envelope = await sealing;
  assertEquals(await sealer.open(SLOT, envelope), SECRET);

  const again = slotOf({ namespace: "app", key: "user:1" });
  const opening = sealer.open(again, envelope);
  envelope.fill(0);
  again.key.fill(0);
  assertEquals(await opening, SECRET);
});

Deno.test("seal() refuses a value beyond the limit", async () => {
  const sealer = await Sealer.create(KEY, { maxValueBytes: 100 });
  const body = new Uint8Array(101);
  const error = await assertRejects(() => sealer.seal(SLOT, { type: ValueType.BYTES, body }), CryptomemError);
  assertEquals(error.code, "TOO_LARGE");
  await sealer.seal(SLOT, { type: ValueType.BYTES, body: body.subarray(1) });
});

Deno.test("open() refuses a value beyond its own limit", async () => {
  const body = new Uint8Array(101);
  const envelope = await (await Sealer.create(KEY)).seal(SLOT, { type: ValueType.BYTES, body });
  const sealer = await Sealer.create(KEY, { maxValueBytes: 100 });
  await assertRefused(() => sealer.open(SLOT, envelope), "size-limit");
});

Deno.test("Sealer.create() leaves the caller's key as it is", async () => {
  const key = new Uint8Array(KEY);
  await Sealer.create(key);
  assertEquals(key, KEY);
});

Deno.test("Sealer.create() throws at once at a wrong key", () => {
  assertThrows(() => Sealer.create("too short"), RangeError);
  assertThrows(() => Sealer.create(undefined as unknown as string), TypeError);
});

// The attacks of CRYPTO.md §7

Deno.test("attack 1: an envelope does not open for another key, namespace, field or kind", async () => {
  const sealer = await Sealer.create(KEY);
  const slots = [
    slotOf({ namespace: "app", key: "user:1" }),
    slotOf({ namespace: "app", key: "user:2" }),
    slotOf({ namespace: "app2", key: "user:1" }),
    slotOf({ namespace: "", key: "app:user:1" }),
    slotOf({ namespace: "app:", key: "user:1" }),
    slotOf({ namespace: "appuser:1", key: "" }),
    slotOf({ kind: SlotKind.HASH_FIELD, namespace: "app", key: "user:1" }),
    slotOf({ kind: SlotKind.HASH_FIELD, namespace: "app", key: "user:1", field: "name" }),
    slotOf({ kind: SlotKind.HASH_FIELD, namespace: "app", key: "user:1", field: "mail" }),
    slotOf({ kind: SlotKind.HASH_FIELD, namespace: "app", key: "user:1name" }),
    slotOf({ kind: SlotKind.LIST_ELEMENT, namespace: "app", key: "user:1" }),
    slotOf({ kind: SlotKind.SET_MEMBER, namespace: "app", key: "user:1" }),
  ];
  for (const sealed of slots) {
    const envelope = await sealer.seal(sealed, SECRET);
    for (const asked of slots) {
      if (asked === sealed) assertEquals(await sealer.open(asked, envelope), SECRET);
      else await assertRefused(() => sealer.open(asked, envelope), "auth");
    }
  }
});

Deno.test("attack 2: an envelope with any one bit flipped is refused", async () => {
  const sealer = await Sealer.create(KEY);
  const envelope = await sealer.seal(SLOT, encodeValue("a secret of some length"));
  for (let bit = 0; bit < envelope.length * 8; bit++) {
    const flipped = new Uint8Array(envelope);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    const reason = bit < 8 ? "unknown-version" : bit < 5 * 8 ? "unknown-key-id" : "auth";
    await assertRefused(() => sealer.open(SLOT, flipped), reason, `bit ${bit}`);
  }
  assertEquals(await sealer.open(SLOT, envelope), encodeValue("a secret of some length"));
});

Deno.test("attack 2: an envelope cut anywhere or made longer is refused", async () => {
  const sealer = await Sealer.create(KEY);
  const envelope = await sealer.seal(SLOT, SECRET);
  for (let length = 0; length < envelope.length; length++) {
    const cut = envelope.slice(0, length);
    await assertRefused(() => sealer.open(SLOT, cut), length < 46 ? "too-short" : "auth", `${length} bytes`);
  }
  for (const more of [1, 16, 46]) {
    const longer = new Uint8Array(envelope.length + more);
    longer.set(envelope);
    await assertRefused(() => sealer.open(SLOT, longer), "auth");
  }
});

Deno.test("attack 3: plaintext in place of an envelope is refused, never passed through", async () => {
  const sealer = await Sealer.create(KEY);
  const texts = ["x", "1", '{"admin":true}', "plain text", "p".repeat(46), `{"data":"${"d".repeat(100)}"}`];
  for (const text of texts) await assertRefused(() => sealer.open(SLOT, bytes(text)), "unknown-version", text);
  await assertRefused(() => sealer.open(SLOT, bytes("")), "too-short");
});

Deno.test("attack 4: an envelope of another key is refused without trying it", async () => {
  const sealer = await Sealer.create(KEY);
  const other = await Sealer.create(new Uint8Array(32).map((_, i) => 11 * i));
  const envelope = await other.seal(SLOT, SECRET);
  await assertRefused(() => sealer.open(SLOT, envelope), "unknown-key-id");
  envelope.set(sealer.keyId, 1);
  await assertRefused(() => sealer.open(SLOT, envelope), "auth");
});

Deno.test("attack 4: an envelope of another version is refused", async () => {
  const sealer = await Sealer.create(KEY);
  const envelope = await sealer.seal(SLOT, SECRET);
  for (let version = 0; version < 256; version++) {
    if (version === envelope[0]) continue;
    const changed = new Uint8Array(envelope);
    changed[0] = version;
    await assertRefused(() => sealer.open(SLOT, changed), "unknown-version", `version ${version}`);
  }
});

Deno.test("attack 5: an older envelope of the same key opens, unless its own expiry has passed", async () => {
  const vector = vectors.positive.find((positive) => positive.notAfterMs !== null)!;
  const notAfterMs = vector.notAfterMs!;
  const clock = new FakeClock();
  const sealer = await Sealer.create(hex(vectors.keyring[0]!.root), { clock });
  const open = () => sealer.open(vectorSlot(vector), hex(vector.envelope));
  clock.setWall(notAfterMs + 30_000); // the dates of two machines may differ by 30 s
  assertEquals((await open()).body, hex(vector.value));
  clock.setWall(notAfterMs + 30_001);
  await assertRefused(open, "expired");

  const older = await sealer.seal(SLOT, encodeValue("older"));
  await sealer.seal(SLOT, encodeValue("newer"));
  clock.jumpWall(365 * 86_400_000);
  assertEquals(await sealer.open(SLOT, older), encodeValue("older"));
});

Deno.test("attack 6: an authentic body that is not of its type is refused", async () => {
  const sealer = await Sealer.create(KEY);
  const reopened = async (type: ValueType, body: Uint8Array) =>
    decodeValue(await sealer.open(SLOT, await sealer.seal(SLOT, { type, body })));
  await assertRefused(() => reopened(ValueType.UTF8, Uint8Array.of(0x61, 0xff)), "bad-utf8");
  await assertRefused(() => reopened(ValueType.JSON, Uint8Array.of(0x22, 0xff, 0x22)), "bad-utf8");
  await assertRefused(() => reopened(ValueType.JSON, bytes('{"a":')), "bad-json");
  await assertRefused(() => reopened(ValueType.JSON, bytes("")), "bad-json");
  await assertRefused(() => reopened(3 as ValueType, bytes("")), "reserved-flag");
});

Deno.test("attack 7: a decompression bomb ends at the limit", async () => {
  const bomb = vectors.negative.find((negative) => negative.expect === "size-limit")!;
  const maxValueBytes = 15 * 1024 * 1024;
  const sealer = await Sealer.create(hex(vectors.keyring[0]!.root), { maxValueBytes });
  await assertRefused(() => sealer.open(vectorSlot(bomb), hex(bomb.envelope)), "size-limit");
  const roomy = await Sealer.create(hex(vectors.keyring[0]!.root), { maxValueBytes: 16 * 1024 * 1024 });
  const { body } = await roomy.open(vectorSlot(bomb), hex(bomb.envelope));
  assertEquals(body.length, 16 * 1024 * 1024);
  assert(body.every((byte) => byte === 0));
});

Deno.test("open() says the same whatever the reason, and nothing of the value", async () => {
  const sealer = await Sealer.create(hex(vectors.keyring[0]!.root), { maxValueBytes: 1024 });
  const messages = new Set<string>();
  for (const vector of vectors.negative) {
    const opening = async () => decodeValue(await sealer.open(vectorSlot(vector), hex(vector.envelope)));
    messages.add((await assertRejects(opening, IntegrityError)).message);
  }
  assertEquals(messages.size, 1);
});
