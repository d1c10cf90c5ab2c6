/**
 * What sealing costs the client, per value: alone, as a program that awaits each call pays it, and with 64 calls in
 * flight, as a busy one does. `deno bench bench/crypto_bench.ts`
 *
 * @module
 */

import { type SealedBody, type SealOptions, type Slot, SlotKind } from "../lib/crypto/envelope.ts";
import { Keyring } from "../lib/crypto/keyring.ts";
import { NameKey } from "../lib/crypto/name_key.ts";
import { importNativeGcm, nativeGcmSeal } from "../lib/crypto/native_gcm.ts";
import { Sealer, type SealerOptions } from "../lib/crypto/sealer.ts";
import { aesGcmSeal, importAesGcm } from "../lib/crypto/subtle.ts";
import { decodeValue, encodeValue } from "../lib/crypto/value.ts";

const IN_FLIGHT = 64;

const namespace = new Uint8Array(0);
const name = new TextEncoder().encode("session:0123456789");
const slot: Slot = { kind: SlotKind.STRING, namespace, key: name };
const key = crypto.getRandomValues(new Uint8Array(32));
const keyring = await Keyring.create({ active: key }, namespace);

const random = (size: number) => encodeValue(crypto.getRandomValues(new Uint8Array(size)));

/** Text in which much repeats, as in a list of similar objects; of 1 KiB or a little more. */
const listing = encodeValue(
  Array.from(
    { length: 16 },
    (_, i) => ({ user: `user:${1000 + i * i}`, role: "editor", active: true, visits: i * 37 }),
  ),
);

const cases: [name: string, body: SealedBody, sealing: SealerOptions, options: SealOptions][] = [
  ["100 bytes", random(100), {}, {}],
  ["100 bytes, padded", random(100), { padding: true }, {}],
  ["100 bytes, with expiry, sequence and name", random(100), {}, { notAfterMs: 2 ** 47, sequence: 7, name }],
  ["100 bytes, fresh", random(100), { fresh: true }, {}],
  ["a listing of 1 KiB", listing, {}, {}],
  ["a listing of 1 KiB, compressed", listing, { compression: true }, {}],
  ["2 KiB", random(2 * 1024 - 1), {}, {}],
  ["4 KiB", random(4 * 1024), {}, {}],
  ["16 KiB", random(16 * 1024), {}, {}],
];

/** One call after the other, and many at once, counted for one call each. */
function benchBoth(name: string, call: () => unknown): void {
  Deno.bench(`${name}, alone`, async () => {
    await call();
  });
  Deno.bench(`${name}, ${IN_FLIGHT} in flight (figures are for all ${IN_FLIGHT})`, async () => {
    await Promise.all(Array.from({ length: IN_FLIGHT }, call));
  });
}

for (const [name, body, sealing, options] of cases) {
  const sealer = Sealer.create(keyring, sealing);
  const envelope = await sealer.seal(slot, body, options);
  benchBoth(`seal ${name}`, () => sealer.seal(slot, body, options));
  benchBoth(`open ${name}`, () => sealer.open(slot, envelope));
}

const names = await NameKey.create(key);
benchBoth("blind a name in use", () => names.blind(namespace, name));
let next = 0;
benchBoth("blind a name for the first time", () => names.blind(namespace, new TextEncoder().encode(`user:${next++}`)));

// From which size on WebCrypto's way through another thread is worth it: MAX_NATIVE_CIPHER_BYTES comes from here.
const native = importNativeGcm(key)!;
const web = await importAesGcm(key);
const nonce = new Uint8Array(12);
for (const size of [100, 1024, 2 * 1024, 4 * 1024]) {
  const { body } = random(size);
  const plaintext = new Uint8Array(body);
  Deno.bench(`node:crypto, ${size} bytes`, () => void nativeGcmSeal(native, nonce, nonce, plaintext));
  benchBoth(`WebCrypto, ${size} bytes`, () => aesGcmSeal(web, nonce, nonce, plaintext));
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
