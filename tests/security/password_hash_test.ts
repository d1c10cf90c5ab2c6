import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { utf8 } from "../../lib/bytes.ts";
import { PasswordHash } from "../../lib/security/password_hash.ts";

/** Made by Python's hashlib.scrypt, which is OpenSSL's. Passwords in hexadecimal digits. */
const MADE_ELSEWHERE: readonly [password: string, phc: string][] = [
  [
    "636f727265637420686f727365",
    "$scrypt$ln=15,r=8,p=3$AAECAwQFBgcICQoLDA0ODw$ANYWwrwG9exM4wRn3uDhnkTuLMG27uj4k9dz5KrBPkg",
  ],
  ["70c3a4737377c3b67264", "$scrypt$ln=16,r=8,p=1$AQIDBAUGBwgJCgsMDQ4PEA$9mVHReUJBvm3X/RU/GcfA5MRgOTRFv6Cm+A5sD/sIyQ"],
  [
    "00ff00ff00ff00ff00ff00ff00ff00ff",
    "$scrypt$ln=14,r=8,p=5$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8$" +
    "cndHHdxUg8YE/LIODTL6rblUtOFA1OmowwGZKvcjc1QiPih0FBrg/nu42qF78Jd2OOb8gaXqFmFx7c/8EvyomQ",
  ],
  ["78", "$scrypt$ln=17,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$fY826SA1IcdFXCl7TiAnPt6e8JwPSCjYdjde4wXCR4s"],
];

Deno.test("PasswordHash.of() makes a hash that knows the password from all others, and wipes what it was given", async () => {
  // Any bytes are a password.
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  const given = bytes.slice();
  const hash = await PasswordHash.of(given);
  assert(given.every((byte) => byte === 0));
  assertEquals(await hash.verify(bytes), true);
  for (const wrong of [bytes.subarray(0, 255), new Uint8Array(0), new Uint8Array(256)]) {
    assertEquals(await hash.verify(wrong), false);
  }
});

Deno.test("PasswordHash.of() refuses an empty password and one that no client could give, at once", () => {
  for (const length of [0, 513]) {
    const { message } = assertThrows(() => PasswordHash.of(new Uint8Array(length).fill(0x61)), RangeError);
    assertEquals(message, `Cannot use password: it has ${length} bytes and must have from 1 to 512`);
  }
});

Deno.test("phc() is a text that parse() reads, another one each time", async () => {
  const [text, other] = (await Promise.all(["hunter2", "hunter2"].map((it) => PasswordHash.of(utf8(it))))).map((it) =>
    it.phc()
  ) as [string, string];
  assert(text !== other);
  assert(/^\$scrypt\$ln=15,r=8,p=3\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/.test(text), text);
  const hash = PasswordHash.parse(text);
  assertEquals(hash.phc(), text);
  assertEquals([await hash.verify(utf8("hunter2")), await hash.verify(utf8("hunter3"))], [true, false]);
});

Deno.test("parse() reads hashes that other programs made, of other parameters and lengths", async () => {
  for (const [password, phc] of MADE_ELSEWHERE) {
    const hash = PasswordHash.parse(phc);
    assertEquals(hash.phc(), phc);
    assertEquals(await hash.verify(Uint8Array.fromHex(password)), true, phc);
  }
});

Deno.test("parse() refuses what is no such text and what would be too weak, too slow or too large, and shows none of it", () => {
  const [, good] = MADE_ELSEWHERE[0]!;
  const salt = "AAECAwQFBgcICQoLDA0ODw", hash = "ANYWwrwG9exM4wRn3uDhnkTuLMG27uj4k9dz5KrBPkg";
  const form: (string | [string])[] = [
    ...["", "hunter2", salt, `${good} `, ` ${good}`, `${good}\n`, good.slice(1), `${good}$`, `${good}=`],
    ...[good.replace("scrypt", "argon2id"), good.replace("ln=15", "ln=015"), good.replace("r=8", "r=-8")],
    ...[good.replace("ln=15,r=8", "r=8,ln=15"), good.replace("p=3", "p=3,x=1"), good.replace(salt, "AAEC-wQF")],
    `$scrypt$ln=15,r=8,p=3$${salt}AAA$${hash}`,
  ];
  const range = [
    ...["ln=14,r=8,p=3", "ln=10,r=8,p=1", "ln=1,r=1,p=1", "ln=18,r=8,p=1", "ln=30,r=8,p=1", "ln=99,r=99,p=99"],
    ...["ln=15,r=8,p=17", "ln=14,r=99,p=99"],
  ].map((cost) => good.replace("ln=15,r=8,p=3", cost));
  const lengths = [`$scrypt$ln=15,r=8,p=3$AAEC$${hash}`, `$scrypt$ln=15,r=8,p=3$${salt}$AAEC`];
  const texts: [string[], new (...args: never[]) => Error][] = [
    [form as string[], TypeError],
    [[...range, ...lengths, good.replace(hash, "A".repeat(88))], RangeError],
  ];
  for (const [cases, kind] of texts) {
    for (const text of cases) {
      const { message } = assertThrows(() => PasswordHash.parse(text), kind as typeof Error, "", text);
      assert(!message.includes(salt) && !message.includes(hash) && !message.includes("hunter2"), message);
    }
  }
});

Deno.test("a hash is not shown by what prints objects", () => {
  const hash = PasswordHash.parse(MADE_ELSEWHERE[0]![1]);
  const secret = hash.phc().split("$").at(-1)!;
  for (const shown of [Deno.inspect(hash), JSON.stringify({ hash }), String(hash)]) {
    assert(!shown.includes(secret), shown);
  }
});

Deno.test("verify() rejects if hashing fails, and knows no password then", async () => {
  const hash = PasswordHash.parse(MADE_ELSEWHERE[0]![1]);
  await assertRejects(() => hash.verify(undefined as unknown as Uint8Array));
});
