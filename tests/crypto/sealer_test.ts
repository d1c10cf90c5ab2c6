import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { type SealedBody, SlotKind, ValueType } from "../../lib/crypto/envelope.ts";
import { Sealer } from "../../lib/crypto/sealer.ts";
import { decodeValue, encodeValue } from "../../lib/crypto/value.ts";
import { CryptomemError } from "../../lib/errors.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { assertRefused, bytes, KEY, keyringOf, OTHER_KEY, sealerOf, slotOf } from "./sealers.ts";

const SLOT = slotOf({ namespace: "app", key: "user:1" });
const SECRET: SealedBody = encodeValue("a secret");
const SIZES = [0, 1, 14, 15, 16, 17, 31, 32, 33, 47, 48, 49, 1000, 2047, 2048, 4096, 65_535, 65_536, 1_048_577];

/** A body that hardly compresses. */
function bodyOf(size: number): SealedBody {
  let state = 1;
  return {
    type: ValueType.BYTES,
    body: new Uint8Array(size).map(() => (state = Math.imul(state, 1664525) + 1013904223) >>> 24),
  };
}

function prefixOf(envelope: Uint8Array): string {
  return envelope.slice(5, 17).toHex();
}

// Sealing and opening

Deno.test("seal() gives a different envelope each time", async () => {
  const sealer = await sealerOf(KEY);
  assertNotEquals(await sealer.seal(SLOT, SECRET), await sealer.seal(SLOT, SECRET));
});

Deno.test("seal() and open() keep every size, with 46 bytes of overhead", async () => {
  const sealer = await sealerOf(KEY);
  for (const size of SIZES) {
    const envelope = await sealer.seal(SLOT, bodyOf(size));
    assertEquals(envelope.length, size + 46);
    const { type, body } = await sealer.open(SLOT, envelope);
    assertEquals({ type, body }, bodyOf(size));
  }
});

Deno.test("open() tells the key and what else was sealed", async () => {
  const keyring = await keyringOf(KEY);
  const sealer = Sealer.create(keyring);
  const nothing = { notAfterMs: undefined, sequence: undefined, name: undefined };
  const keyId = keyring.active.id;
  assertEquals(await sealer.open(SLOT, await sealer.seal(SLOT, SECRET)), { ...SECRET, keyId, ...nothing });
  const options = { notAfterMs: 4_000_000_000_000, sequence: 7, name: bytes("user:1") };
  assertEquals(await sealer.open(SLOT, await sealer.seal(SLOT, SECRET, options)), { ...SECRET, keyId, ...options });
});

Deno.test("seal() writes layout 2 only for a sequence or a name", async () => {
  const sealer = await sealerOf(KEY);
  const layout = async (options: object) => (await sealer.seal(SLOT, SECRET, options))[0];
  assertEquals(await layout({}), 0xc1);
  assertEquals(await layout({ notAfterMs: 1 }), 0xc1);
  assertEquals(await layout({ sequence: 0 }), 0xf5);
  assertEquals(await layout({ name: bytes("") }), 0xf5);
});

Deno.test("seal() adds 6 bytes for a notAfter, 8 for a sequence, 2 and itself for a name", async () => {
  const sealer = await sealerOf(KEY);
  const overhead = async (options: object) => (await sealer.seal(SLOT, bodyOf(100), options)).length - 100;
  assertEquals(await overhead({ notAfterMs: 1 }), 52);
  assertEquals(await overhead({ sequence: 1 }), 54);
  assertEquals(await overhead({ name: bytes("user:1") }), 54);
});

Deno.test("seal() and open() read their arguments before they return", async () => {
  for (const options of [{}, { compression: true }, { fresh: true }]) {
    const sealer = await sealerOf(KEY, options);
    const slot = slotOf({ namespace: "app", key: "user:1" });
    const body = bytes("a secret");
    const name = bytes("its name");
    const sealing = sealer.seal(slot, { type: ValueType.UTF8, body }, { name });
    for (const part of [body, name, slot.key]) part.fill(0);
    const envelope = await sealing;
    const again = slotOf({ namespace: "app", key: "user:1" });
    const opening = sealer.open(again, envelope);
    for (const part of [envelope, again.key]) part.fill(0);
    const opened = await opening;
    assertEquals(decodeValue(opened), "a secret");
    assertEquals(opened.name, bytes("its name"));
  }
});

Deno.test("seal() refuses a value beyond the limit", async () => {
  const sealer = await sealerOf(KEY, { maxValueBytes: 100 });
  const error = await assertRejects(() => sealer.seal(SLOT, bodyOf(101)), CryptomemError);
  assertEquals(error.code, "TOO_LARGE");
  await sealer.seal(SLOT, bodyOf(100));
});

Deno.test("seal() refuses options outside of their range", async () => {
  const sealer = await sealerOf(KEY);
  await assertRejects(() => sealer.seal(SLOT, SECRET, { notAfterMs: -1 }), RangeError, "notAfterMs");
  await assertRejects(() => sealer.seal(SLOT, SECRET, { sequence: 0.5 }), RangeError, "sequence");
});

Deno.test("open() refuses a value beyond its own limit, compressed or not, and takes one at the limit", async () => {
  for (const options of [{}, { padding: true }, { compression: true }]) {
    const writer = await sealerOf(KEY, options);
    const zeros = (size: number) => ({ type: ValueType.BYTES, body: new Uint8Array(size) });
    const sealer = await sealerOf(KEY, { maxValueBytes: 100 });
    const [longer, longest] = [await writer.seal(SLOT, zeros(101)), await writer.seal(SLOT, zeros(100))];
    await assertRefused(() => sealer.open(SLOT, longer), "size-limit");
    assertEquals((await sealer.open(SLOT, longest)).body.length, 100);
  }
});

// Nonces

Deno.test("seal() gives all of many calls at once their own nonce", async () => {
  const sealer = await sealerOf(KEY);
  const envelopes = await Promise.all(Array.from({ length: 2_000 }, () => sealer.seal(SLOT, SECRET)));
  assertEquals(new Set(envelopes.map((envelope) => envelope.slice(5, 29).toHex())).size, 2_000);
  assertEquals(new Set(envelopes.map(prefixOf)).size, 1, "one epoch");
});

Deno.test("seal() takes a new nonce prefix after 60 s", async () => {
  const clock = new FakeClock();
  const sealer = await sealerOf(KEY, { clock });
  const prefix = async () => prefixOf(await sealer.seal(SLOT, SECRET));
  const first = await prefix();
  clock.advance(59_999);
  assertEquals(await prefix(), first);
  clock.advance(1);
  assertNotEquals(await prefix(), first);
});

Deno.test("seal() takes a new nonce prefix for every value with fresh", async () => {
  const sealer = await sealerOf(KEY, { fresh: true });
  const envelopes = await Promise.all(Array.from({ length: 500 }, () => sealer.seal(SLOT, SECRET)));
  assertEquals(new Set(envelopes.map(prefixOf)).size, 500);
  for (const envelope of envelopes) assertEquals(decodeValue(await sealer.open(SLOT, envelope)), "a secret");
});

Deno.test("two sealers with one key open each other's envelopes", async () => {
  const [one, other] = [await sealerOf(KEY), await sealerOf(KEY)];
  assertEquals(decodeValue(await other.open(SLOT, await one.seal(SLOT, SECRET))), "a secret");
  assertEquals(decodeValue(await one.open(SLOT, await other.seal(SLOT, SECRET))), "a secret");
});

// Several keys

Deno.test("a sealer seals with the active key and opens with any, through a whole rotation", async () => {
  const keyring = await keyringOf(KEY);
  const sealer = Sealer.create(keyring);
  const before = await sealer.seal(SLOT, SECRET);
  const old = keyring.active.id;
  const next = await keyring.add(OTHER_KEY);
  assertEquals((await sealer.open(SLOT, await sealer.seal(SLOT, SECRET))).keyId, old, "added keys do not seal");

  keyring.promote(next);
  const after = await sealer.seal(SLOT, SECRET);
  assertEquals((await sealer.open(SLOT, after)).keyId, next);
  assertEquals((await sealer.open(SLOT, before)).keyId, old);

  keyring.drop(old);
  assertEquals((await sealer.open(SLOT, after)).keyId, next);
  await assertRefused(() => sealer.open(SLOT, before), "dropped-key-id");
});

Deno.test("a value is sealed with the key that was active when seal() was called", async () => {
  for (const compression of [false, true]) {
    const keyring = await keyringOf(KEY, OTHER_KEY);
    const [old, next] = keyring.list();
    const sealer = Sealer.create(keyring, { compression });
    const sealing = sealer.seal(SLOT, SECRET);
    keyring.promote(next!.id);
    assertEquals((await sealer.open(SLOT, await sealing)).keyId, old!.id);
  }
});

// Padding and compression

Deno.test("padding hides the length of values up to 62 bytes, and leaves few lengths beyond", async () => {
  const sealer = await sealerOf(KEY, { padding: true });
  const length = async (size: number) => (await sealer.seal(SLOT, bodyOf(size))).length;
  for (const size of [0, 1, 30, 62]) assertEquals(await length(size), 45 + 64);
  assertEquals(await length(63), 45 + 72);
  assertEquals(await length(1_000), 45 + 1_024);
  for (const size of SIZES) {
    assertEquals((await sealer.open(SLOT, await sealer.seal(SLOT, bodyOf(size)))).body, bodyOf(size).body);
  }
});

Deno.test("padding hides the length of a name", async () => {
  const sealer = await sealerOf(KEY, { padding: true });
  const lengths = ["a", "user:1", "a longer name"].map(async (name) =>
    (await sealer.seal(SLOT, SECRET, { name: bytes(name) })).length
  );
  assertEquals(await Promise.all(lengths), [45 + 64, 45 + 64, 45 + 64]);
});

Deno.test("compression makes what repeats smaller, and keeps every value", async () => {
  const sealer = await sealerOf(KEY, { compression: true });
  const texts = ["", "a", "ab".repeat(5_000), JSON.stringify(Array(100).fill({ user: "user:1", role: "admin" }))];
  for (const text of texts) {
    const envelope = await sealer.seal(SLOT, encodeValue(text));
    assertEquals(decodeValue(await sealer.open(SLOT, envelope)), text);
    if (text.length > 1_000) assert(envelope.length < text.length / 4);
  }
  for (const size of SIZES) {
    assertEquals((await sealer.open(SLOT, await sealer.seal(SLOT, bodyOf(size)))).body, bodyOf(size).body);
  }
});

Deno.test("compression is kept only when it makes a value smaller", async () => {
  const [compressing, padding] = [await sealerOf(KEY, { compression: true }), await sealerOf(KEY, { padding: true })];
  for (const size of [1, 100, 10_000]) {
    assertEquals(
      (await compressing.seal(SLOT, bodyOf(size))).length,
      (await padding.seal(SLOT, bodyOf(size))).length,
    );
  }
});

Deno.test("Sealer.create() refuses compression without padding", async () => {
  const keyring = await keyringOf(KEY);
  assertThrows(() => Sealer.create(keyring, { compression: true, padding: false }), TypeError, "without padding");
  Sealer.create(keyring, { compression: true, padding: true });
});

// Authenticated expiry

Deno.test("open() refuses a value after its notAfter, allowing 30 s for clocks that differ", async () => {
  const clock = new FakeClock();
  const sealer = await sealerOf(KEY, { clock });
  const notAfterMs = clock.wallMs() + 10_000;
  for (const options of [{ notAfterMs }, { notAfterMs, sequence: 1 }]) {
    clock.setWall(notAfterMs - 10_000);
    const envelope = await sealer.seal(SLOT, SECRET, options);
    clock.setWall(notAfterMs + 30_000);
    assertEquals((await sealer.open(SLOT, envelope)).notAfterMs, notAfterMs);
    clock.setWall(notAfterMs + 30_001);
    await assertRefused(() => sealer.open(SLOT, envelope), "expired");
  }
});

Deno.test("the kinds of slots are the numbers that are on the wire", () => {
  assertEquals(SlotKind, { STRING: 0, HASH_FIELD: 1, LIST_ELEMENT: 2, SET_MEMBER: 3 });
  assertEquals(ValueType, { BYTES: 0, UTF8: 1, JSON: 2 });
});
