import { assert, assertEquals, assertRejects } from "@std/assert";
import { createToken, type Token } from "../../lib/security/token.ts";
import { formatTokenFile, parseTokenFile } from "../../lib/security/token_file.ts";

const HASH = "9703fd4ba197350f24cd9140c5f632fa70105002f11427c8d0d37246b32cd6a4";
const ENTRY = `  - {id: ab3defgh, name: billing, can: [read], sha256: ${HASH}}`;

Deno.test("a file of tokens is read as it was written", async () => {
  const tokens: Token[] = [
    createToken({ name: "all", can: ["read", "write", "admin", "publish"] }).token,
    createToken({ name: "x.y:z@w-1_2", can: ["read"], prefixes: ["a:", 'q"\\\n\u0000é: #', "- x"], expiresMs: 1 })
      .token,
    // YAML takes either for a number unless they stand between quotes.
    { ...createToken({ name: "12345", can: ["publish"] }).token, id: "1e345678", sha256: "1".repeat(64) },
  ];
  assertEquals(await parseTokenFile(formatTokenFile(tokens)), tokens);
  assertEquals(await parseTokenFile(formatTokenFile([])), []);
});

Deno.test("a file of tokens may be written by hand, with dates of midnight or of a time", async () => {
  const token = { id: "ab3defgh", name: "billing", can: ["read"], prefixes: [], sha256: HASH } as const;
  assertEquals(await parseTokenFile(`# mine\ntokens:\n${ENTRY}\n`), [token]);
  for (const date of ['"2026-01-31"', "'2026-01-31T00:00:00Z'", '"2026-01-31T00:00Z"']) {
    const text = `tokens:\n${ENTRY.replace("}", `, expires: ${date}}`)}\n`;
    assertEquals(await parseTokenFile(text), [{ ...token, expiresMs: Date.UTC(2026, 0, 31) }], date);
  }
});

Deno.test("a file of tokens that is not in its form is refused as a whole, and no error shows a hash", async () => {
  const change = (from: string | RegExp, to: string) => `tokens:\n${ENTRY.replace(from, to)}\n`;
  const cases: Record<string, string> = {
    "": "it begins with",
    "[]": "it begins with",
    "token:\n": "it begins with",
    [`tokens:\n${ENTRY}\nusers: []\n`]: "nothing stands beside it",
    "tokens:": 'write "tokens: []" for none',
    "tokens: {}": 'write "tokens: []" for none',
    "tokens:\n  - billing\n": "Cannot use token 1: write its fields",
    "tokens: [": "Cannot read it as YAML",
    "tokens: []\ntokens: []\n": "Cannot read it as YAML",
    // A slip that would else give away all keys.
    [change("can:", "prefix: [a], can:")]: 'Cannot use token 1: it has an unknown field "prefix"',
    [change("can:", "prefixes: [], can:")]: "Cannot use token 1: write its prefixes as a list",
    [change("can:", "prefixes: a, can:")]: "Cannot use token 1: write its prefixes as a list",
    [change("can:", "prefixes: , can:")]: "Cannot use token 1: write its prefixes as a list",
    [change("can:", "prefixes: [1], can:")]: "Cannot use token 1: write its prefixes between quotes",
    [change("can:", "prefixes: [''], can:")]: "Cannot use an empty prefix",
    [change("[read]", "read")]: "Cannot use token 1: write its can as a list",
    [change("[read]", "[reed]")]: 'Cannot let a token "reed"',
    [change("can: [read],", "")]: "Cannot use token 1: write its can as a list",
    [change("ab3defgh", "12345678")]: "Cannot use token 1: write its id between quotes",
    [change("billing", "default")]: 'Cannot use "default" as the name of a token',
    [change(HASH, HASH.slice(1))]: "Cannot use the hash of a token",
    [change("}", ", expires: soon}")]: "Cannot use token 1: write the date",
    [change("}", ", expires: 1}")]: "Cannot use token 1: write the date",
    [change("}", ", expires: 2026-01-01}")]: "Cannot use token 1: write the date",
    [change("}", ", expires: '2026-99-01'}")]: "Cannot use token 1: write the date",
    [change("}", ", expires: '2026-02-30'}")]: "Cannot use token 1: write the date",
    [change("}", ", expires: '2026-02-30T00:00:00Z'}")]: "Cannot use token 1: write the date",
    [`tokens:\n${ENTRY}\n${ENTRY}\n`]: 'Cannot use two tokens that are called "ab3defgh"',
  };
  for (const [text, expected] of Object.entries(cases)) {
    const { message } = await assertRejects(() => parseTokenFile(text), Error, "", text);
    assert(message.includes(expected), `${text} → ${message}`);
    assert(!message.includes(HASH.slice(1)) && !message.includes("\n"), message);
  }
});
