import { assert, assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import { utf8 } from "../../lib/bytes.ts";
import { checkToken, checkTokens, createToken, isToken, type Token, tokenClaim } from "../../lib/security/token.ts";

const SECRET = "0123456789abcdefghijABCDEFGHIJ-_01234567890";
const TOKEN = `cmt1_ab3defgh_${SECRET}`;
const KEPT: Token = { id: "ab3defgh", name: "billing", can: ["read"], prefixes: [], sha256: "0".repeat(64) };

Deno.test("createToken() makes a secret of its form, of which only the hash is kept", async () => {
  const { secret, token } = createToken({
    name: "billing",
    can: ["read", "write"],
    prefixes: ["billing:"],
    expiresMs: 5,
  });
  assertMatch(secret, /^cmt1_[a-z2-9]{8}_[\w-]{43}$/);
  const [, id, random] = /^cmt1_(.{8})_(.+)$/.exec(secret)!;
  const sha256 = new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(random!))).toHex();
  assertEquals(token, {
    id: id!,
    name: "billing",
    can: ["read", "write"],
    prefixes: ["billing:"],
    expiresMs: 5,
    sha256,
  });
  assert(!JSON.stringify(token).includes(random!));
});

Deno.test("createToken() makes another token each time, for all keys and for ever unless it is told otherwise", () => {
  const [one, other] = [1, 2].map(() => createToken({ name: "a", can: ["admin"] }));
  assertNotEquals(one!.secret, other!.secret);
  assertNotEquals(one!.token.id, other!.token.id);
  assertEquals([one!.token.prefixes, one!.token.expiresMs], [[], undefined]);
});

Deno.test("checkToken() and createToken() refuse what is no token, and show no hash", () => {
  const cases: Partial<Record<keyof Token, unknown>>[] = [
    ...["", "short", "ninechars", "ab3defg-", "ab 3defg"].map((id) => ({ id })),
    ...["", " a", "a b", "a\n", "-a", "default", "é", "a=b", "a".repeat(65)].map((name) => ({ name })),
    ...[[], ["reed"], ["read", "read"], ["connection"], ["READ"]].map((can) => ({ can })),
    { prefixes: ["a", ""] },
    ...[1.5, NaN, Infinity].map((expiresMs) => ({ expiresMs })),
    ...["", "0".repeat(63), "G".repeat(64), "0".repeat(65)].map((sha256) => ({ sha256 })),
  ];
  checkToken(KEPT);
  for (const change of cases) {
    const token = { ...KEPT, ...change } as Token;
    const { message } = assertThrows(() => checkToken(token), RangeError, "Cannot ", JSON.stringify(change));
    assert(!message.includes("000000000"), message);
    const { id: _id, sha256: _sha256, ...options } = token;
    if (change.id === undefined && change.sha256 === undefined) assertThrows(() => createToken(options), RangeError);
  }
});

Deno.test("checkTokens() refuses two tokens of one id or name, also where one's name is the other's id", () => {
  const other: Token = { ...KEPT, id: "zz3defgh", name: "other" };
  checkTokens([KEPT, other]);
  for (const twin of [{ ...other, id: KEPT.id }, { ...other, name: KEPT.name }, { ...other, name: KEPT.id }]) {
    assertThrows(() => checkTokens([KEPT, twin]), RangeError, "Cannot use two tokens that are called ");
  }
});

Deno.test("tokenClaim() sees a whole token whoever is named, and a secret alone where somebody is", () => {
  const secret = utf8(SECRET);
  const claim = (user: string | undefined, text: string) => tokenClaim({ user, secret: utf8(text) });
  for (const user of [undefined, "default"]) {
    assertEquals(claim(user, TOKEN), { holder: "ab3defgh", user: undefined, secret });
    assertEquals(claim(user, SECRET), undefined, "43 such characters can be a password");
  }
  assertEquals(claim("billing", TOKEN), { holder: "ab3defgh", user: "billing", secret });
  assertEquals(claim("billing", SECRET), { holder: "billing", user: undefined, secret });
  assertEquals(claim("", TOKEN), { holder: "ab3defgh", user: "", secret });
});

Deno.test("tokenClaim() and isToken() take nothing else for a token", () => {
  assertEquals(isToken(utf8(TOKEN)), true);
  const changed = [...TOKEN].map((_, i) => `${TOKEN.slice(0, i)}.${TOKEN.slice(i + 1)}`);
  // Of the id any eight bytes do; what is no id is nobody's.
  for (const text of ["", TOKEN.slice(0, -1), `${TOKEN}0`, ...changed.filter((_, i) => i < 5 || i > 12)]) {
    assertEquals(isToken(utf8(text)), false, text);
    assertEquals(tokenClaim({ user: undefined, secret: utf8(text) }), undefined, text);
  }
  for (const text of [SECRET.slice(1), `${SECRET}0`, SECRET.replace("-", "+"), "é".repeat(21)]) {
    assertEquals(tokenClaim({ user: "billing", secret: utf8(text) }), undefined, text);
  }
});
