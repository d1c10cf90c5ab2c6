/**
 * What a hostile server can try on sealed values, by the numbers of CRYPTO.md §7. Attacks on the connection and on the
 * server itself are tested where those are.
 */

import { assert, assertEquals } from "@std/assert";
import { deflateRaw } from "../../lib/crypto/deflate.ts";
import { associatedData, encodeEnvelope, type SealedBody, type Slot, SlotKind } from "../../lib/crypto/envelope.ts";
import { type Layout, LAYOUT_1, LAYOUT_2 } from "../../lib/crypto/envelope_header.ts";
import type { HeldKey, Keyring } from "../../lib/crypto/keyring.ts";
import { paddedLength } from "../../lib/crypto/padding.ts";
import { Sealer } from "../../lib/crypto/sealer.ts";
import { decodeValue, encodeValue } from "../../lib/crypto/value.ts";
import type { IntegrityReason } from "../../lib/errors.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { canRead } from "../support/permissions.ts";
import vectors from "../vectors/envelope_v1.json" with { type: "json" };
import { assertRefused, bytes, hex, KEY, keyringOf, OTHER_KEY, sealerOf, slotOf, vectorSlot } from "./sealers.ts";
import type { SealingRequest } from "./sealing_worker.ts";

const SLOT = slotOf({ namespace: "app", key: "user:1" });
const SECRET: SealedBody = encodeValue("a secret");
const MEBIBYTE = 1024 * 1024;
const ROOT = hex(vectors.keyring[0]!.root);

/** Options that lead to each of the layouts. */
const SHAPES = {
  "layout 1": {},
  "layout 2": { sequence: 7, name: bytes("user:1") },
};

Deno.test("attack 1: an envelope does not open for another key, namespace, field or kind", async () => {
  const sealer = await sealerOf(KEY);
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
  for (const options of Object.values(SHAPES)) {
    for (const sealed of slots) {
      const envelope = await sealer.seal(sealed, SECRET, options);
      for (const asked of slots) {
        if (asked === sealed) assertEquals(decodeValue(await sealer.open(asked, envelope)), "a secret");
        else await assertRefused(() => sealer.open(asked, envelope), "auth");
      }
    }
  }
});

Deno.test("attack 2: a vector with any one of its 472 bits flipped is refused", async () => {
  const vector = vectors.positive.find(({ comment }) => comment === "utf-8 string")!;
  const sealer = await sealerOf(ROOT);
  assertEquals(await refusedFlips(sealer, vectorSlot(vector), hex(vector.envelope)), 472);
});

Deno.test("attack 2: an envelope of layout 2 with any one bit flipped is refused", async () => {
  const sealer = await sealerOf(KEY, { padding: true });
  const envelope = await sealer.seal(SLOT, SECRET, SHAPES["layout 2"]);
  assertEquals(await refusedFlips(sealer, SLOT, envelope), (45 + 64) * 8);
});

async function refusedFlips(sealer: Sealer, slot: Slot, envelope: Uint8Array): Promise<number> {
  await sealer.open(slot, envelope);
  const bits = envelope.length * 8;
  for (let bit = 0; bit < bits; bit++) {
    const flipped = new Uint8Array(envelope);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    const reason = bit < 8 ? "unknown-version" : bit < 5 * 8 ? "unknown-key-id" : "auth";
    await assertRefused(() => sealer.open(slot, flipped), reason, `bit ${bit}`);
  }
  return bits;
}

Deno.test("attack 2: an envelope cut anywhere or made longer is refused", async () => {
  const sealer = await sealerOf(KEY);
  for (const options of Object.values(SHAPES)) {
    const envelope = await sealer.seal(SLOT, SECRET, options);
    for (let length = 0; length < envelope.length; length++) {
      const cut = envelope.slice(0, length);
      await assertRefused(() => sealer.open(SLOT, cut), length < 46 ? "too-short" : "auth", `${length} bytes`);
    }
    for (const more of [1, 16, 46]) {
      const longer = new Uint8Array(envelope.length + more);
      longer.set(envelope);
      await assertRefused(() => sealer.open(SLOT, longer), "auth");
    }
  }
});

Deno.test("attack 3: plaintext in place of an envelope is refused, never passed through", async () => {
  const sealer = await sealerOf(KEY);
  const texts = ["x", "1", '{"admin":true}', "plain text", "p".repeat(46), `{"data":"${"d".repeat(100)}"}`, "\uffff"];
  for (const text of texts) await assertRefused(() => sealer.open(SLOT, bytes(text)), "unknown-version", text);
  await assertRefused(() => sealer.open(SLOT, bytes("")), "too-short");
});

Deno.test("attack 4: an envelope of an unknown or a retired key is refused, and no key is tried on it", async () => {
  const keyring = await keyringOf(KEY, OTHER_KEY);
  const sealer = Sealer.create(keyring);
  const unknown = await (await sealerOf(new Uint8Array(32).fill(1))).seal(SLOT, SECRET);
  const retired = await (await sealerOf(OTHER_KEY)).seal(SLOT, SECRET);
  keyring.drop(keyring.list()[1]!.id);
  await keyring.add(new Uint8Array(32).fill(2));

  const calls = countCipherCalls(keyring);
  await assertRefused(() => sealer.open(SLOT, unknown), "unknown-key-id");
  await assertRefused(() => sealer.open(SLOT, retired), "dropped-key-id");
  assertEquals(calls.count, 0);
  // Under the id of a key that is held, that one key is tried and no other.
  unknown.set(keyring.active.idBytes, 1);
  await assertRefused(() => sealer.open(SLOT, unknown), "auth");
  assertEquals(calls.count, 1);
});

/** From now on, counts how often any key of a keyring is used to open. */
function countCipherCalls(keyring: Keyring): { count: number } {
  const calls = { count: 0 };
  for (const { id } of keyring.list()) {
    const { cipher } = keyring.find(id)!;
    const open = cipher.open;
    cipher.open = (...args) => {
      calls.count++;
      return open.apply(cipher, args);
    };
  }
  return calls;
}

Deno.test("attack 4: an envelope of another version is refused, also when the other one exists", async () => {
  const sealer = await sealerOf(KEY);
  for (const options of Object.values(SHAPES)) {
    const envelope = await sealer.seal(SLOT, SECRET, options);
    for (let version = 0; version < 256; version++) {
      if (version === envelope[0]) continue;
      const changed = new Uint8Array(envelope);
      changed[0] = version;
      const reason = version === LAYOUT_1 || version === LAYOUT_2 ? "auth" : "unknown-version";
      await assertRefused(() => sealer.open(SLOT, changed), reason, `version ${version}`);
    }
  }
});

Deno.test("attack 5: an older envelope of the same key opens, unless its own expiry has passed", async () => {
  const clock = new FakeClock();
  const sealer = await sealerOf(KEY, { clock });
  const older = await sealer.seal(SLOT, encodeValue("older"));
  const bound = await sealer.seal(SLOT, encodeValue("older"), { notAfterMs: clock.wallMs() + 60_000 });
  await sealer.seal(SLOT, encodeValue("newer"));
  assertEquals(decodeValue(await sealer.open(SLOT, bound)), "older");
  clock.jumpWall(365 * 86_400_000);
  assertEquals(decodeValue(await sealer.open(SLOT, older)), "older", "nothing in it says that there is a newer one");
  await assertRefused(() => sealer.open(SLOT, bound), "expired");
});

const MALFORMED: [name: string, layout: Layout, inner: string, reason: IntegrityReason][] = [
  ["nothing inside", LAYOUT_1, "", "too-short"],
  ["nothing inside", LAYOUT_2, "", "too-short"],
  ["a sequence where layout 1 has none", LAYOUT_1, "40" + "00".repeat(8), "reserved-flag"],
  ["a name where layout 1 has none", LAYOUT_1, "80" + "0000", "reserved-flag"],
  ["type 3", LAYOUT_1, "30", "reserved-flag"],
  ["type 3", LAYOUT_2, "30", "reserved-flag"],
  ["compression 2", LAYOUT_1, "02", "reserved-flag"],
  ["a sequence that is no safe integer", LAYOUT_2, "40" + "ff".repeat(8), "reserved-flag"],
  ["half a sequence", LAYOUT_2, "40" + "00".repeat(4), "too-short"],
  ["a name that ends too early", LAYOUT_2, "80" + "ffff" + "6b31", "too-short"],
  ["half a notAfter", LAYOUT_1, "08" + "0000", "too-short"],
  ["padding without a mark", LAYOUT_1, "04" + "00".repeat(63), "bad-padding"],
  ["padding without a mark behind a name", LAYOUT_2, "84" + "0001" + "80" + "0000", "bad-padding"],
  ["no deflate stream", LAYOUT_1, "01" + "ffffffff", "bad-compression"],
  ["more behind a deflate stream", LAYOUT_2, "01" + "0300" + "00", "bad-compression"],
  ["text that is not UTF-8", LAYOUT_1, "10" + "61ff", "bad-utf8"],
  ["JSON that is not UTF-8", LAYOUT_2, "20" + "22ff22", "bad-utf8"],
  ["JSON that ends too early", LAYOUT_1, "20" + "7b", "bad-json"],
  ["JSON of nothing", LAYOUT_1, "20", "bad-json"],
];

for (const [name, layout, inner, reason] of MALFORMED) {
  Deno.test(`attack 6: an authentic envelope of ${layout.toString(16)} with ${name} is refused as ${reason}`, async () => {
    const keyring = await keyringOf(KEY);
    const sealer = Sealer.create(keyring);
    const envelope = await authenticEnvelope(keyring.active, layout, hex(inner));
    await assertRefused(async () => decodeValue(await sealer.open(SLOT, envelope)), reason);
  });
}

/** An envelope such as a faulty client might make: all is authentic, whatever it is. */
async function authenticEnvelope(key: HeldKey, layout: Layout, inner: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const nonce = crypto.getRandomValues(new Uint8Array(24));
  const sealed = await key.cipher.seal(nonce, associatedData(layout, key.idBytes, SLOT), inner);
  return encodeEnvelope(layout, key.idBytes, nonce, sealed);
}

Deno.test("attack 7: a decompression bomb ends at the limit, before it has taken twice as much memory", async () => {
  const maxValueBytes = 8 * MEBIBYTE;
  const keyring = await keyringOf(KEY);
  const sealer = Sealer.create(keyring, { maxValueBytes });
  const inner = new Uint8Array([0x01, ...await deflatedZeros(64)]);
  const bomb = await authenticEnvelope(keyring.active, LAYOUT_1, inner);
  const grownBytes = await peakGrowth(() => assertRefused(() => sealer.open(SLOT, bomb), "size-limit"));
  assert(grownBytes > maxValueBytes / 2, `only ${grownBytes} bytes more were seen: is this measured at all?`);
  assert(grownBytes < 2 * maxValueBytes, `${grownBytes} bytes more were in use`);
});

/** So many MiB of zeros, deflated without ever having all of them. */
async function deflatedZeros(mebibytes: number): Promise<Uint8Array> {
  const zeros = new Uint8Array(MEBIBYTE);
  const stream = ReadableStream.from(Array(mebibytes).fill(zeros)).pipeThrough(new CompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

Deno.test("attack 7: what is as long as the limit opens", async () => {
  const bomb = vectors.negative.find((negative) => negative.expect === "size-limit")!;
  const roomy = await sealerOf(ROOT, { maxValueBytes: 16 * MEBIBYTE });
  const { body } = await roomy.open(vectorSlot(bomb), hex(bomb.envelope));
  assertEquals(body.length, 16 * MEBIBYTE);
  assert(body.every((byte) => byte === 0));
});

/** How far memory grew above where it was at first, looked at whenever a piece has been inflated. */
async function peakGrowth(action: () => Promise<void>): Promise<number> {
  const usedBytes = () => {
    const { heapUsed, external } = Deno.memoryUsage();
    return heapUsed + external;
  };
  const readable = Object.getOwnPropertyDescriptor(DecompressionStream.prototype, "readable")!;
  const startBytes = usedBytes();
  let peakBytes = startBytes;
  Object.defineProperty(DecompressionStream.prototype, "readable", {
    ...readable,
    get(this: DecompressionStream) {
      const stream: ReadableStream<Uint8Array> = readable.get!.call(this);
      const getReader = stream.getReader.bind(stream);
      const watched = () => {
        const reader = getReader();
        const read = reader.read.bind(reader);
        reader.read = async () => {
          const result = await read();
          peakBytes = Math.max(peakBytes, usedBytes());
          return result;
        };
        return reader;
      };
      return Object.assign(stream, { getReader: watched });
    },
  });
  try {
    await action();
  } finally {
    Object.defineProperty(DecompressionStream.prototype, "readable", readable);
  }
  return peakBytes - startBytes;
}

const TOKEN = "token=k7-Zq1-994-aB3";

/** 200 guesses of one length, which have from nothing to all of the secret in common with it. */
const GUESSES = Array.from({ length: 200 }, (_, i) => TOKEN.slice(0, i % (TOKEN.length + 1)).padEnd(24, `${i}#`));

/** Values that have a secret and, beside it, what an attacker could put there: one short, one long. */
function besideSecret(guess: string): SealedBody[] {
  const log = Array.from({ length: 200 }, (_, i) => i * i).join();
  return [encodeValue(`${TOKEN}; ${guess}`), encodeValue(`${TOKEN}; ${guess}; ${log}`)];
}

/** How many lengths the envelopes of all guesses have, for each of the values. */
async function lengthsOfGuesses(sealer: Sealer): Promise<Set<number>[]> {
  const lengths = [new Set<number>(), new Set<number>()];
  for (const guess of GUESSES) {
    for (const [i, value] of besideSecret(guess).entries()) lengths[i]!.add((await sealer.seal(SLOT, value)).length);
  }
  return lengths;
}

Deno.test("attack 8: without compression, all 200 guesses beside a secret make envelopes of one length", async () => {
  const lengths = await lengthsOfGuesses(await sealerOf(KEY));
  assertEquals(lengths.map(({ size }) => size), [1, 1]);
});

Deno.test("attack 8: with compression, the lengths for 200 guesses are those of padding and no others", async () => {
  const bare = new Set<number>();
  for (const guess of GUESSES) bare.add((await deflateRaw(bytes(`${TOKEN}; ${guess}`))).length);
  assert(bare.size > 5, "without padding, a guess could be told from another");

  const lengths = await lengthsOfGuesses(await sealerOf(KEY, { compression: true }));
  for (const length of lengths.flatMap((set) => [...set])) {
    assertEquals(paddedLength(length - 45), length - 45, `${length} bytes`);
  }
  assertEquals(lengths[0], new Set([45 + 64]), "short values all have one length");
  assert(lengths[1]!.size <= 2, `long ones have ${[...lengths[1]!]}`);
});

Deno.test({
  name: "attack 9: in 100,000 writes of 4 clients with one key, no nonce repeats and no prefix is shared",
  ignore: !canRead,
  async fn() {
    const writes = 25_000;
    const ofClients = await Promise.all(Array.from({ length: 4 }, () => sealInWorker({ key: KEY, writes })));
    const nonces = new Set<string>();
    const prefixes: Set<string>[] = [];
    for (const client of ofClients) {
      const own = new Set<string>();
      for (let at = 0; at < client.length; at += 24) {
        const nonce = client.subarray(at, at + 24).toHex();
        nonces.add(nonce);
        own.add(nonce.slice(0, 24));
      }
      prefixes.push(own);
    }
    assertEquals(nonces.size, 4 * writes);
    const countOfPrefixes = prefixes.reduce((sum, { size }) => sum + size, 0);
    assertEquals(new Set(prefixes.flatMap((own) => [...own])).size, countOfPrefixes);
  },
});

async function sealInWorker(request: SealingRequest): Promise<Uint8Array> {
  const worker = new Worker(new URL("./sealing_worker.ts", import.meta.url), { type: "module" });
  const answered = Promise.withResolvers<Uint8Array>();
  worker.onmessage = ({ data }) => answered.resolve(data);
  worker.onerror = (event) => {
    event.preventDefault();
    answered.reject(new Error(event.message));
  };
  worker.postMessage(request);
  try {
    return await answered.promise;
  } finally {
    worker.terminate();
  }
}

Deno.test("attack 9: after 2^16 writes a sealer goes on under another prefix, and no nonce repeats", async () => {
  const sealer = await sealerOf(KEY, { clock: new FakeClock() });
  const nonces = new Set<string>();
  const writesOfPrefix = new Map<string, number>();
  for (let i = 0; i < 66_000; i++) {
    const nonce = (await sealer.seal(SLOT, SECRET)).subarray(5, 29).toHex();
    nonces.add(nonce);
    writesOfPrefix.set(nonce.slice(0, 24), (writesOfPrefix.get(nonce.slice(0, 24)) ?? 0) + 1);
  }
  assertEquals(nonces.size, 66_000);
  assertEquals([...writesOfPrefix.values()], [65_536, 66_000 - 65_536]);
});

Deno.test("attack 9: two clients with one key share no prefix", async () => {
  const prefixes = new Set<string>();
  for (let i = 0; i < 100; i++) {
    prefixes.add((await (await sealerOf(KEY)).seal(SLOT, SECRET)).slice(5, 17).toHex());
  }
  assertEquals(prefixes.size, 100);
});
