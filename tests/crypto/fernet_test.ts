import { assert, assertEquals, assertMatch, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { CryptomemError, IntegrityError } from "../../lib/errors.ts";
import { MAX_FERNET_BODY_BYTES } from "../../lib/limits.ts";
import { Fernet, type FernetOptions, fernetTokenBytes } from "../../lib/crypto/fernet.ts";
import {
  aesCbcDecrypt,
  aesCbcEncrypt,
  hmacSign,
  hmacVerify,
  importAesCbc,
  importHmac,
} from "../../lib/crypto/subtle.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { Random } from "../support/random.ts";
import { readVectors, vectorTest } from "../support/vectors.ts";
import interop from "../vectors/fernet_interop_pyca.json" with { type: "json" };

const hex = (text: string) => Uint8Array.fromHex(text);
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (of: Uint8Array) => new TextDecoder().decode(of);
const base64url = (of: Uint8Array) => of.toBase64({ alphabet: "base64url" });
const fromBase64url = (token: Uint8Array) => Uint8Array.fromBase64(text(token), { alphabet: "base64url" });

const KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER_KEY = "_v79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA=";
const SECRET = bytes("a secret");
const MINUTE_MS = 60_000;

function fernetOf(keys: string | string[] = KEY, options: Partial<FernetOptions> = {}): Fernet {
  return Fernet.create(keys, { clock: new FakeClock(), maxValueBytes: 1024 * 1024, ...options });
}

/** A clock that stands at a moment. */
function clockAt(wallMs: number): FakeClock {
  return new FakeClock({ wallMs });
}

/**
 * A token with a right MAC over any fields: what only somebody with the key can make, and what the specification's own
 * code would not.
 */
async function authenticToken(
  parts: { version?: number; seconds?: number; iv?: Uint8Array; ciphertext: Uint8Array },
): Promise<Uint8Array> {
  const { version = 0x80, seconds = new FakeClock().wallMs() / 1000, iv = new Uint8Array(16), ciphertext } = parts;
  const signed = new Uint8Array(25 + ciphertext.length);
  signed[0] = version;
  new DataView(signed.buffer).setBigUint64(1, BigInt(seconds));
  signed.set(iv, 9);
  signed.set(ciphertext, 25);
  const mac = await hmacSign(await importHmac(hex("000102030405060708090a0b0c0d0e0f")), signed);
  return bytes(base64url(new Uint8Array([...signed, ...mac])));
}

/** The messages of all refusals, which must be one. */
const messages = new Set<string>();

async function assertRefused(fernet: Fernet, token: Uint8Array, reason: string, note?: string): Promise<void> {
  const error = await assertRejects(() => fernet.open(token), IntegrityError, undefined, note);
  assertEquals(error.reason, reason, note);
  messages.add(error.message);
  assertEquals(messages.size, 1, "all refusals have one text");
}

// The vectors

for (const [i, { secret, now, ttl_sec, srcHex, token }] of interop.vectors.entries()) {
  Deno.test(`Fernet opens token ${i + 1} of Python's cryptography, a body of ${srcHex.length / 2} bytes`, async () => {
    const fernet = fernetOf(secret, { clock: clockAt(now * 1000), maxAgeMs: ttl_sec * 1000 });
    assertEquals((await fernet.open(bytes(token))).toHex(), srcHex);
  });

  Deno.test(`Fernet makes token ${i + 1} of Python's cryptography again from its IV`, async () => {
    const iv = fromBase64url(bytes(token)).subarray(9, 25);
    const fernet = fernetOf(secret, { clock: clockAt(now * 1000), randomBytes: (target) => target.set(iv) });
    assertEquals(text(await fernet.seal(hex(srcHex))), token);
  });
}

Deno.test("the tokens of Python's cryptography are all there", () => assertEquals(interop.vectors.length, 8));

interface SpecificationVector {
  desc?: string;
  token: string;
  now: string;
  secret: string;
}

vectorTest("Fernet passes the specification's generate.json", async () => {
  type Vector = SpecificationVector & { iv: number[]; src: string };
  const vectors = await readVectors<Vector[]>("fernet/generate.json");
  assertEquals(vectors.length, 1);
  for (const { token, now, iv, src, secret } of vectors) {
    const fernet = fernetOf(secret, { clock: clockAt(Date.parse(now)), randomBytes: (target) => target.set(iv) });
    assertEquals(text(await fernet.seal(bytes(src))), token);
  }
});

vectorTest("Fernet passes the specification's verify.json", async () => {
  type Vector = SpecificationVector & { ttl_sec: number; src: string };
  const vectors = await readVectors<Vector[]>("fernet/verify.json");
  assertEquals(vectors.length, 1);
  for (const { token, now, ttl_sec, src, secret } of vectors) {
    const fernet = fernetOf(secret, { clock: clockAt(Date.parse(now)), maxAgeMs: ttl_sec * 1000 });
    assertEquals(text(await fernet.open(bytes(token))), src);
  }
});

vectorTest("Fernet refuses all of the specification's invalid.json", async () => {
  const vectors = await readVectors<(SpecificationVector & { ttl_sec: number })[]>("fernet/invalid.json");
  assertEquals(vectors.length, 8);
  // Its one text without the version's characters is the one that is no base64 at all.
  const reasons: Record<string, string> = { "expired TTL": "expired", "invalid base64": "unknown-version" };
  for (const { desc = "", token, now, ttl_sec, secret } of vectors) {
    const fernet = fernetOf(secret, { clock: clockAt(Date.parse(now)), maxAgeMs: ttl_sec * 1000 });
    await assertRefused(fernet, bytes(token), reasons[desc] ?? "fernet", desc);
  }
});

interface Wycheproof<Test> {
  testGroups: { tagSize: number; tests: (Test & { tcId: number; result: "valid" | "invalid" })[] }[];
}

vectorTest("aesCbcEncrypt() and aesCbcDecrypt() pass Wycheproof", async () => {
  type Test = Record<"key" | "iv" | "msg" | "ct", string>;
  const { testGroups } = await readVectors<Wycheproof<Test>>("wycheproof/aes_cbc_pkcs5_128_test.json");
  const count = { valid: 0, invalid: 0 };
  for (const test of testGroups.flatMap((group) => group.tests)) {
    count[test.result]++;
    const key = await importAesCbc(hex(test.key));
    const opened = await aesCbcDecrypt(key, hex(test.iv), hex(test.ct));
    assertEquals(opened?.toHex(), test.result === "valid" ? test.msg : undefined, `test ${test.tcId}`);
    if (test.result === "invalid") continue;
    assertEquals((await aesCbcEncrypt(key, hex(test.iv), hex(test.msg))).toHex(), test.ct, `test ${test.tcId}`);
  }
  assertEquals(count, { valid: 24, invalid: 48 });
});

vectorTest("hmacSign() and hmacVerify() pass Wycheproof", async () => {
  type Test = Record<"key" | "msg" | "tag", string>;
  const { testGroups } = await readVectors<Wycheproof<Test>>("wycheproof/hmac_sha256_test.json");
  let whole = 0, cut = 0;
  for (const { tagSize, tests } of testGroups) {
    for (const test of tests) {
      const key = await importHmac(hex(test.key));
      const note = `test ${test.tcId}`;
      const isRight = test.result === "valid";
      const signed = (await hmacSign(key, hex(test.msg))).toHex();
      assertEquals(signed.slice(0, tagSize / 4) === test.tag, isRight, note);
      // A MAC that was cut is no MAC here, even where the rest of it is right.
      const isWhole = tagSize === 256;
      isWhole ? whole++ : cut++;
      assertEquals(await hmacVerify(key, hex(test.tag), hex(test.msg)), isWhole && isRight, note);
    }
  }
  assertEquals([whole, cut], [87, 87]);
});

Deno.test("importHmac() and importAesCbc() give keys that nobody can read", async () => {
  const raw = new Uint8Array(16);
  const keys = [await importHmac(raw), await importAesCbc(raw)];
  assertEquals(keys.map((key) => key.extractable), [false, false]);
});

Deno.test("aesCbcDecrypt() throws at misuse, which is no wrong padding", async () => {
  const encryptOnly = await crypto.subtle.importKey("raw", new Uint8Array(16), "AES-CBC", false, ["encrypt"]);
  await assertRejects(() => aesCbcDecrypt(encryptOnly, new Uint8Array(16), new Uint8Array(16)), DOMException);
});

// Sealing and opening

Deno.test("Fernet keeps every size, and fernetTokenBytes() says how long its token is", async () => {
  const fernet = fernetOf();
  for (const size of [0, 1, 14, 15, 16, 17, 30, 31, 32, 33, 47, 48, 49, 1000, 4096, 65_535, 65_536, 1_048_576]) {
    const body = new Uint8Array(size).map((_, i) => i * 31);
    const token = await fernet.seal(body);
    assertEquals(token.length, fernetTokenBytes(size));
    assertEquals(await fernet.open(token), body);
  }
  assertEquals([fernetTokenBytes(0), fernetTokenBytes(15), fernetTokenBytes(16)], [100, 100, 120]);
});

Deno.test("Fernet gives a different token each time", async () => {
  const fernet = fernetOf();
  const tokens = await Promise.all(Array.from({ length: 500 }, async () => text(await fernet.seal(SECRET))));
  assertEquals(new Set(tokens.map((token) => fromBase64url(bytes(token)).slice(9, 25).toHex())).size, 500);
});

Deno.test("a token shows the whole second in which it was made", async () => {
  const token = fromBase64url(await fernetOf(KEY, { clock: clockAt(1_700_000_000_999) }).seal(SECRET));
  assertEquals(new DataView(token.buffer).getBigUint64(1), 1_700_000_000n);
});

Deno.test("Fernet dates tokens beyond 2^32 seconds", async () => {
  const fernet = fernetOf(KEY, { clock: clockAt(2 ** 33 * 1000), maxAgeMs: 0 });
  const token = await fernet.seal(SECRET);
  assertEquals(new DataView(fromBase64url(token).buffer).getBigUint64(1), 2n ** 33n);
  assertEquals(await fernet.open(token), SECRET);
});

Deno.test("seal() and open() read their arguments before they return, also while keys are being imported", async () => {
  const body = bytes("a secret");
  const sealing = fernetOf().seal(body);
  body.fill(0);
  const token = await sealing;
  const opening = fernetOf().open(token);
  token.fill(0);
  assertEquals(await opening, SECRET);
});

Deno.test("seal() refuses a body beyond the limit", async () => {
  const fernet = fernetOf(KEY, { maxValueBytes: 100 });
  const error = await assertRejects(() => fernet.seal(new Uint8Array(101)), CryptomemError, "101 bytes");
  assertEquals(error.code, "TOO_LARGE");
  await fernet.seal(new Uint8Array(100));
});

Deno.test("seal() refuses a body that is too long for a token, whatever is configured", async () => {
  const fernet = fernetOf(KEY, { maxValueBytes: Infinity });
  // Never written to, so the system does not give it memory.
  const body = new Uint8Array(MAX_FERNET_BODY_BYTES + 1);
  const error = await assertRejects(() => fernet.seal(body), CryptomemError, `limit is ${MAX_FERNET_BODY_BYTES}`);
  assertEquals(error.code, "TOO_LARGE");
  assert(fernetTokenBytes(MAX_FERNET_BODY_BYTES) < 2 ** 29 - 24);
});

Deno.test("open() refuses a body beyond the limit, of which the token's length shows it or only the padding", async () => {
  const writer = fernetOf();
  const reader = fernetOf(KEY, { maxValueBytes: 100 });
  assertEquals((await reader.open(await writer.seal(new Uint8Array(100)))).length, 100);
  for (const size of [101, 111, 112, 1000]) {
    await assertRefused(reader, await writer.seal(new Uint8Array(size)), "size-limit", `${size} bytes`);
  }
});

// Keys

Deno.test("the first of several keys seals, and all of them open", async () => {
  const [older, newer] = [fernetOf(KEY), fernetOf(OTHER_KEY)];
  const both = fernetOf([OTHER_KEY, KEY]);
  assertEquals(await both.open(await older.seal(SECRET)), SECRET);
  assertEquals(await both.open(await newer.seal(SECRET)), SECRET);
  const token = await both.seal(SECRET);
  assertEquals(await newer.open(token), SECRET);
  await assertRefused(older, token, "fernet");
});

Deno.test("generateKey() makes a key that create() takes, another each time", async () => {
  const keys = Array.from({ length: 100 }, () => Fernet.generateKey());
  assertEquals(new Set(keys).size, 100);
  for (const key of keys) assertMatch(key, /^[A-Za-z0-9_-]{43}=$/);
  const fernet = fernetOf(keys);
  assertEquals(await fernet.open(await fernet.seal(SECRET)), SECRET);
});

const REFUSED_KEYS: Record<string, string> = {
  "that is empty": "",
  "without padding": KEY.slice(0, -1),
  "with more padding": `${KEY}=`,
  "one character short": `${KEY.slice(1)}`,
  "of 31 bytes": base64url(new Uint8Array(31).fill(0x5a)),
  "of 33 bytes": base64url(new Uint8Array(33).fill(0x5a)),
  "in the other base64": OTHER_KEY.replaceAll("_", "/").replaceAll("-", "+"),
  "with white space": `${KEY} `,
  "with a line end": `${KEY}\n`,
  "whose last bits are not zero": KEY.replace("8=", "9="),
  "of 32 bytes as text": "your-32-byte-very-secret-key-!!!",
  "of a keyring": "cmk1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
};

for (const [name, key] of Object.entries(REFUSED_KEYS)) {
  Deno.test(`create() refuses a key ${name} at once and names the form, never the key`, () => {
    for (const keys of [key, [KEY, key]]) {
      const error = assertThrows(() => fernetOf(keys), RangeError, "Cannot use Fernet key");
      assertMatch(error.message, /base64url with padding/);
      for (const shown of [KEY, key.trim(), "AAEC", "WlpaWl"]) {
        assert(shown === "" || !error.message.includes(shown), error.message);
      }
    }
  });
}

Deno.test("create() refuses keys that are no text", () => {
  for (const keys of [null, 1, {}, new Uint8Array(32), [new Uint8Array(32)], [undefined], [[KEY]]]) {
    assertThrows(() => fernetOf(keys as unknown as string), TypeError, "Cannot use Fernet key");
  }
});

Deno.test("create() refuses no key at all, and one key twice", () => {
  assertThrows(() => fernetOf([]), RangeError, "there is none");
  const error = assertThrows(() => fernetOf([KEY, OTHER_KEY, KEY]), RangeError, "twice");
  assert(!error.message.includes(KEY));
});

Deno.test("create() refuses a longest age that would never be reached or always", () => {
  for (const maxAgeMs of [NaN, -1, "60s" as unknown as number]) {
    assertThrows(() => fernetOf(KEY, { maxAgeMs }), RangeError, "longest age");
  }
});

// Attack 20: everything that is no token of ours gives one error

Deno.test("attack 20 (Fernet): a wrong MAC, wherever it is wrong, is refused", async () => {
  const fernet = fernetOf();
  const token = fromBase64url(await fernet.seal(SECRET));
  for (let at = token.length - 32; at < token.length; at++) {
    token[at]! ^= 0x10;
    await assertRefused(fernet, bytes(base64url(token)), "fernet", `byte ${at}`);
    token[at]! ^= 0x10;
  }
  token.fill(0, token.length - 32);
  await assertRefused(fernet, bytes(base64url(token)), "fernet", "zeros");
});

Deno.test("attack 20 (Fernet): flipping any bit is refused", async () => {
  const fernet = fernetOf(KEY, { maxAgeMs: MINUTE_MS });
  const token = fromBase64url(await fernet.seal(SECRET));
  for (let bit = 0; bit < token.length * 8; bit++) {
    const changed = token.slice();
    changed[bit >> 3]! ^= 0x80 >> (bit & 7);
    const error = await assertRejects(() => fernet.open(bytes(base64url(changed))), IntegrityError);
    const inVersion = bit < 8, inDate = bit < 72;
    const expected = inVersion ? ["unknown-version"] : inDate ? ["fernet", "expired"] : ["fernet"];
    assert(expected.includes(error.reason), `bit ${bit}: ${error.reason}`);
  }
});

Deno.test("attack 20 (Fernet): a token of another key is refused, whatever the number of keys", async () => {
  const token = await fernetOf(OTHER_KEY).seal(SECRET);
  await assertRefused(fernetOf(), token, "fernet");
  await assertRefused(fernetOf([KEY, Fernet.generateKey(), Fernet.generateKey()]), token, "fernet");
});

Deno.test("attack 20 (Fernet): an expired token is refused, from the second after its longest age on", async () => {
  const clock = new FakeClock();
  const fernet = fernetOf(KEY, { clock, maxAgeMs: MINUTE_MS });
  const token = await fernet.seal(SECRET);
  clock.advance(MINUTE_MS + 999);
  assertEquals(await fernet.open(token), SECRET);
  clock.advance(1);
  await assertRefused(fernet, token, "expired");
  assertEquals(await fernetOf(KEY, { clock }).open(token), SECRET, "without a longest age, any age will do");
});

Deno.test("attack 20 (Fernet): a longest age of 0 lets a token live for the second in which it was made", async () => {
  const clock = new FakeClock();
  const fernet = fernetOf(KEY, { clock, maxAgeMs: 0 });
  const token = await fernet.seal(SECRET);
  clock.advance(999);
  assertEquals(await fernet.open(token), SECRET);
  clock.advance(1);
  await assertRefused(fernet, token, "expired");
});

Deno.test("attack 20 (Fernet): the age is counted on the machine's date, not on the time since start", async () => {
  const clock = new FakeClock();
  const fernet = fernetOf(KEY, { clock, maxAgeMs: MINUTE_MS });
  const token = await fernet.seal(SECRET);
  clock.jumpWall(2 * MINUTE_MS);
  await assertRefused(fernet, token, "expired");
});

Deno.test("attack 20 (Fernet): a token from more than 60 s ahead is refused, also without a longest age", async () => {
  const clock = new FakeClock();
  const ahead = async (seconds: number) =>
    await fernetOf(KEY, { clock: clockAt(clock.wallMs() + seconds * 1000) }).seal(SECRET);
  for (const options of [{ clock }, { clock, maxAgeMs: MINUTE_MS }]) {
    const fernet = fernetOf(KEY, options);
    assertEquals(await fernet.open(await ahead(60)), SECRET);
    for (const seconds of [61, 3600, 2 ** 33]) await assertRefused(fernet, await ahead(seconds), "fernet");
  }
});

Deno.test("attack 20 (Fernet): the latest date there is does not pass for the past", async () => {
  const seconds = Number.MAX_SAFE_INTEGER;
  const ciphertext = new Uint8Array(16);
  await assertRefused(fernetOf(), await authenticToken({ seconds, ciphertext }), "fernet");
  const last = fromBase64url(await authenticToken({ ciphertext })).fill(0xff, 1, 9);
  await assertRefused(fernetOf(), bytes(base64url(last)), "fernet");
});

/** A change that leaves the bytes, or most of them, to a lenient decoder. */
const OTHER_TEXTS: Record<string, (token: string) => string> = {
  "without padding": (token) => token.replaceAll("=", ""),
  "with less padding": (token) => token.slice(0, -1),
  "with more padding": (token) => `${token}=`,
  "with padding inside": (token) => `${token.slice(0, 40)}==${token.slice(42)}`,
  "and another behind it": (token) => token + token,
  "with a line end": (token) => `${token}\n`,
  "with four blanks": (token) => `${token}    `,
  "with blanks inside": (token) => `${token.slice(0, 40)}    ${token.slice(40)}`,
  "with a blank for a character": (token) => `${token.slice(0, 40)} ${token.slice(41)}`,
  "with a NUL behind it": (token) => `${token}\0`,
  "in the other base64": (token) => `${token.slice(0, 40)}+/${token.slice(42)}`,
  "with characters of no base64": (token) => `${token.slice(0, 40)}%%${token.slice(42)}`,
  "with characters of no ASCII": (token) => `${token.slice(0, 40)}é${token.slice(42)}`,
};

for (const [name, change] of Object.entries(OTHER_TEXTS)) {
  Deno.test(`attack 20 (Fernet): non-canonical base64, a token ${name}, is refused`, async () => {
    const fernet = fernetOf();
    const token = text(await fernet.seal(SECRET));
    assert(token.endsWith("=="));
    assertNotEquals(change(token), token);
    await assertRefused(fernet, bytes(change(token)), "fernet");
  });
}

Deno.test("attack 20 (Fernet): non-canonical base64, other bits behind the last byte, is refused", async () => {
  const fernet = fernetOf();
  const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (const [size, padding] of [[0, "=="], [16, "="]] as const) {
    const body = new Uint8Array(size);
    const token = text(await fernet.seal(body));
    assert(token.endsWith(padding));
    let opened = 0;
    for (const last of ALPHABET) {
      const other = `${token.slice(0, -padding.length - 1)}${last}${padding}`;
      if (other === token) opened++;
      else await assertRefused(fernet, bytes(other), "fernet", last);
    }
    assertEquals(opened, 1);
  }
});

Deno.test("attack 20 (Fernet): bytes that are not UTF-8 within a token are refused", async () => {
  const fernet = fernetOf();
  const token = await fernet.seal(SECRET);
  for (const byte of [0x00, 0x80, 0xc1, 0xff]) {
    const changed = token.slice();
    changed[50] = byte;
    await assertRefused(fernet, changed, "fernet");
  }
});

Deno.test("attack 20 (Fernet): swapped, repeated or left out blocks are refused", async () => {
  const fernet = fernetOf();
  const token = fromBase64url(await fernet.seal(new Uint8Array(60).map((_, i) => i)));
  const block = (index: number) => token.subarray(25 + 16 * index, 25 + 16 * (index + 1));
  const [head, mac] = [token.subarray(0, 25), token.subarray(-32)];
  for (const order of [[1, 0, 2, 3], [0, 2, 1, 3], [0, 0, 1, 2, 3], [0, 1, 2, 3, 3], [0, 1, 3], [3], [0, 1, 2]]) {
    const blocks = order.flatMap((index) => [...block(index)]);
    await assertRefused(fernet, bytes(base64url(new Uint8Array([...head, ...blocks, ...mac]))), "fernet", `${order}`);
  }
});

Deno.test("attack 20 (Fernet): parts of two tokens are no token", async () => {
  const fernet = fernetOf();
  const [one, other] = [fromBase64url(await fernet.seal(SECRET)), fromBase64url(await fernet.seal(bytes("others!!")))];
  for (const [start, end] of [[9, 25], [25, 41], [41, 73]] as const) {
    const mixed = one.slice();
    mixed.set(other.subarray(start, end), start);
    await assertRefused(fernet, bytes(base64url(mixed)), "fernet", `bytes ${start} to ${end}`);
  }
});

Deno.test("attack 20 (Fernet): a token cut anywhere is refused, as text or as bytes", async () => {
  const fernet = fernetOf();
  const token = await fernet.seal(new Uint8Array(40));
  for (let length = 2; length < token.length; length++) {
    await assertRefused(fernet, token.subarray(0, length), "fernet", `${length} characters`);
  }
  const whole = fromBase64url(token);
  for (let length = 2; length < whole.length; length++) {
    await assertRefused(fernet, bytes(base64url(whole.subarray(0, length))), "fernet", `${length} bytes`);
  }
});

Deno.test("attack 20 (Fernet): authentic tokens without a ciphertext, or with part of a block, are refused", async () => {
  for (const size of [0, 1, 8, 15, 17, 24, 31]) {
    await assertRefused(fernetOf(), await authenticToken({ ciphertext: new Uint8Array(size) }), "fernet");
  }
});

Deno.test("attack 20 (Fernet): authentic tokens with a wrong padding get the error of a wrong MAC", async () => {
  const random = new Random();
  const fernet = fernetOf();
  for (let i = 0; i < 50; i++) {
    // A random block ends in a valid padding once in 255 times: then it opens as what nobody sealed but the key's owner.
    const token = await authenticToken({ ciphertext: random.bytes(32) });
    const opened = await fernet.open(token).catch((error) => error);
    if (opened instanceof Uint8Array) assert(opened.length < 32, `seed ${random.seed}`);
    else {
      assert(opened instanceof IntegrityError, `seed ${random.seed}`);
      await assertRefused(fernet, token, "fernet", `seed ${random.seed}`);
    }
  }
});

Deno.test("attack 20 (Fernet): nothing, plaintext, an envelope and other versions are no token at all", async () => {
  const fernet = fernetOf();
  const NO_TOKENS = ["", "g", "a secret", "{}", "null", "gzip", "cmk1_", "=", " gAAAAA", "%%%%", "\ufeffgAAAAA"];
  for (const value of NO_TOKENS) await assertRefused(fernet, bytes(value), "unknown-version", value);
  await assertRefused(fernet, new Uint8Array(46).fill(0xc1), "unknown-version");
  for (const version of [0x00, 0x7f, 0x81, 0x90, 0xff]) {
    const token = await authenticToken({ version, ciphertext: new Uint8Array(16) });
    await assertRefused(fernet, token, "unknown-version", `version ${version}`);
  }
});

Deno.test("attack 20 (Fernet): what begins like a token is never taken for plaintext", async () => {
  const fernet = fernetOf();
  for (const value of ["gA", "gP", "gAME OVER", "gAAAAABlU_EA", `gAAAAA${"=".repeat(94)}`]) {
    await assertRefused(fernet, bytes(value), "fernet", value);
  }
});

/** Runs with one method of WebCrypto replaced by one that counts its calls. */
async function callsOf(method: "decrypt" | "verify", run: () => Promise<unknown>): Promise<number> {
  const original = crypto.subtle[method];
  let calls = 0;
  Object.defineProperty(crypto.subtle, method, {
    configurable: true,
    value(...values: unknown[]) {
      calls++;
      return Reflect.apply(original, crypto.subtle, values);
    },
  });
  try {
    await run();
  } finally {
    Reflect.deleteProperty(crypto.subtle, method);
  }
  return calls;
}

Deno.test("attack 20 (Fernet): the MAC is checked before anything is decrypted", async () => {
  const fernet = fernetOf([KEY, OTHER_KEY]);
  const token = await fernet.seal(SECRET);
  assertEquals(await callsOf("decrypt", () => fernet.open(token)), 1);
  const wrong = fromBase64url(token);
  wrong[wrong.length - 1]! ^= 1;
  const opening = () => assertRefused(fernet, bytes(base64url(wrong)), "fernet");
  assertEquals(await callsOf("decrypt", opening), 0);
  assertEquals(await callsOf("verify", opening), 2, "one try for each key");
});

Deno.test("attack 20 (Fernet): a token of an impossible length or date costs no cryptography", async () => {
  const fernet = fernetOf(KEY, { maxAgeMs: MINUTE_MS });
  const now = new FakeClock().wallMs() / 1000;
  const block = new Uint8Array(16);
  const calls = await callsOf("verify", async () => {
    for (const size of [0, 15, 17]) {
      await assertRefused(fernet, await authenticToken({ ciphertext: new Uint8Array(size) }), "fernet");
    }
    await assertRefused(fernet, await authenticToken({ seconds: now - 61, ciphertext: block }), "expired");
    await assertRefused(fernet, await authenticToken({ seconds: now + 61, ciphertext: block }), "fernet");
  });
  assertEquals(calls, 0);
});

Deno.test("attack 20 (Fernet): a huge token is refused before it is decoded or copied", async () => {
  const fernet = fernetOf(KEY, { maxValueBytes: 1024 });
  const huge = new Uint8Array(64 * 1024 * 1024).fill("A".charCodeAt(0));
  huge[0] = "g".charCodeAt(0);
  const original = Uint8Array.fromBase64;
  let decoded = 0;
  Uint8Array.fromBase64 = (...values) => (decoded++, original(...values));
  try {
    await assertRefused(fernet, huge, "size-limit");
    await assertRefused(fernet, huge.subarray(0, fernetTokenBytes(1024) + 1), "size-limit");
    assertEquals(decoded, 0);
    await assertRefused(fernet, huge.subarray(0, fernetTokenBytes(1024)), "fernet");
    assertEquals(decoded, 1);
  } finally {
    Uint8Array.fromBase64 = original;
  }
});

Deno.test("attack 20 (Fernet): no random bytes are ever opened", async () => {
  const random = new Random();
  const fernet = fernetOf();
  const token = await fernet.seal(new Uint8Array(random.below(100)));
  for (let i = 0; i < 500; i++) {
    const changed = token.slice();
    for (let changes = 1 + random.below(4); changes > 0; changes--) {
      changed[random.below(changed.length)] = random.below(256);
    }
    if (text(changed) === text(token)) continue;
    await assertRejects(() => fernet.open(changed), IntegrityError, undefined, `seed ${random.seed}`);
    await assertRejects(
      () => fernet.open(random.bytes(random.below(300))),
      IntegrityError,
      undefined,
      `${random.seed}`,
    );
  }
});
