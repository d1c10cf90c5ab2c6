import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { ChannelError } from "../../lib/channel/channel_error.ts";
import { CipherState } from "../../lib/channel/cipher_state.ts";
import { aesGcmSeal, importAesGcm } from "../../lib/crypto/subtle.ts";
import { MAX_NATIVE_RECORD_BYTES } from "../../lib/limits.ts";
import session from "../vectors/noise_nx_session_v1.json" with { type: "json" };

const NOTHING = new Uint8Array(0);
/** Shorter than what node:crypto is asked for, and longer. */
const SIZES = [0, 1, 100, MAX_NATIVE_RECORD_BYTES, MAX_NATIVE_RECORD_BYTES + 1, 65_519];

const keyBytes = () => new Uint8Array(32).fill(5);
const withoutNative = { usesNative: false };
const hex = (text: string) => Uint8Array.fromHex(text);

/** What Noise has a key replaced with. */
async function rekeyed(key: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const nonce = hex("00000000ffffffffffffffff");
  return (await aesGcmSeal(await importAesGcm(key), nonce, NOTHING, new Uint8Array(32))).slice(0, 32);
}

Deno.test("CipherState opens what it sealed, whichever cipher did which", async () => {
  for (const [sealer, opener] of [[{}, {}], [{}, withoutNative], [withoutNative, {}]]) {
    const sealing = new CipherState(keyBytes(), sealer), opening = new CipherState(keyBytes(), opener);
    for (const size of SIZES) {
      const plaintext = crypto.getRandomValues(new Uint8Array(size));
      const sealed = await sealing.seal(Uint8Array.of(1), plaintext);
      assertEquals(sealed.length, size + 16);
      assertEquals(await opening.open(Uint8Array.of(1), sealed), plaintext);
    }
  }
});

Deno.test("CipherState answers at once where the message is short", async () => {
  const state = new CipherState(keyBytes());
  for (const size of SIZES) {
    const sealed = state.seal(NOTHING, new Uint8Array(size));
    assertEquals(sealed instanceof Promise, size > MAX_NATIVE_RECORD_BYTES);
    await sealed;
  }
});

Deno.test("CipherState opens a message in its place only", async () => {
  const sealing = new CipherState(keyBytes());
  const [first, second] = [
    await sealing.seal(NOTHING, Uint8Array.of(1)),
    await sealing.seal(NOTHING, Uint8Array.of(2)),
  ];
  assertEquals(await new CipherState(keyBytes()).open(NOTHING, second), undefined);
  const opening = new CipherState(keyBytes());
  assertEquals(await opening.open(NOTHING, first), Uint8Array.of(1));
  assertEquals(await opening.open(NOTHING, first), undefined);
});

Deno.test("CipherState takes a nonce with each call, so any number of calls at once keep their order", async () => {
  const sealing = new CipherState(keyBytes(), withoutNative), opening = new CipherState(keyBytes());
  const sealed = await Promise.all(
    Array.from({ length: 500 }, (_, i) => sealing.seal(NOTHING, new Uint8Array(1 + i % 300).fill(i))),
  );
  for (const [i, message] of sealed.entries()) {
    assertEquals(await opening.open(NOTHING, message), new Uint8Array(1 + i % 300).fill(i));
  }
});

Deno.test("CipherState changes its key as Noise says after every 65,536 messages, and goes on counting", async () => {
  // Short ones for node:crypto and long ones for WebCrypto, which have to change together.
  const short = NOTHING, long = new Uint8Array(3_000);
  for (const start of [{}, withoutNative]) {
    const state = new CipherState(keyBytes(), start);
    let key = keyBytes();
    for (const end of [65_536n, 131_072n]) {
      let last: Uint8Array[] = [];
      // Not all of them at once: each may wait for a thread.
      for (let i = 0; i < 64; i++) {
        last = await Promise.all(
          Array.from({ length: 1024 }, (_, j) => state.seal(NOTHING, j === 1023 ? long : short)),
        );
      }
      assertEquals(last.at(-1), await new CipherState(key.slice(), { counter: end - 1n }).seal(NOTHING, long));
      key = await rekeyed(key);
    }
    const expected = new CipherState(key, { counter: 131_072n });
    for (const message of [long, short]) {
      assertEquals(await state.seal(NOTHING, message), await expected.seal(NOTHING, message));
    }
  }
});

Deno.test("CipherState replaces its key with the one of the recorded session", async () => {
  const [, , , afterRekey] = session.records.filter(({ dir }) => dir === "c>s");
  assert(afterRekey!.rekeyedBefore);
  const record = hex(afterRekey!.record);
  const state = new CipherState(await rekeyed(hex(session.keyClientToServer)), { counter: BigInt(afterRekey!.n) });
  const sealed = await state.seal(record.slice(0, 5), hex(afterRekey!.plaintext));
  assertEquals(sealed, record.slice(5));
});

Deno.test("attack 17: the last nonce is refused, again and again", async () => {
  const state = new CipherState(keyBytes(), { counter: 2n ** 64n - 3n });
  const used = [await state.seal(NOTHING, NOTHING), await state.seal(NOTHING, NOTHING)];
  assertNotEquals(used[0], used[1]);
  for (let i = 0; i < 3; i++) {
    const error = assertThrows(() => state.seal(NOTHING, NOTHING), ChannelError, "its nonces are used up");
    assertEquals([error.reason, error.code], ["worn-out", "DISCONNECTED"]);
    assertThrows(() => state.open(NOTHING, new Uint8Array(16)), ChannelError);
  }
});

Deno.test("attack 17: the counter carries over all of its bytes", async () => {
  for (const bits of [8n, 16n, 32n, 53n, 56n]) {
    const state = new CipherState(keyBytes(), { counter: 2n ** bits - 1n });
    await state.seal(NOTHING, NOTHING);
    const expected = new CipherState(keyBytes(), { counter: 2n ** bits });
    assertEquals(await state.seal(NOTHING, NOTHING), await expected.seal(NOTHING, NOTHING));
  }
});

Deno.test("attack 17: no more than 2^40 bytes are sealed or opened", async () => {
  const bytes = 2 ** 40 - 100;
  const sealing = new CipherState(keyBytes(), { bytes }), opening = new CipherState(keyBytes(), { bytes });
  const sealed = await sealing.seal(NOTHING, new Uint8Array(60));
  assertThrows(() => sealing.seal(NOTHING, new Uint8Array(41)), ChannelError, "1099511627776 bytes");
  await sealing.seal(NOTHING, new Uint8Array(40));
  assertThrows(() => sealing.seal(NOTHING, new Uint8Array(1)), ChannelError, "1099511627776 bytes");
  assertEquals((await opening.open(NOTHING, sealed))?.length, 60);
  assertThrows(() => opening.open(NOTHING, new Uint8Array(41 + 16)), ChannelError, "1099511627776 bytes");
});

Deno.test("CipherState wipes its key when it is dropped, and does nothing more", () => {
  const key = keyBytes();
  const state = new CipherState(key);
  state.drop();
  assertEquals(key, new Uint8Array(32));
  assertThrows(() => state.seal(NOTHING, NOTHING), ChannelError);
  assertThrows(() => state.open(NOTHING, new Uint8Array(16)), ChannelError);
});
