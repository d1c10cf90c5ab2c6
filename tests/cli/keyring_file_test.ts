import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseKeyringFile } from "../../lib/cli/keyring_file.ts";
import { UsageError } from "../../lib/cli/usage_error.ts";

const keyOf = (part: string) => `cmk1_${part.repeat(14)}A`;
const [ACTIVE, PAST, FUTURE, NAMES] = [keyOf("Zq7"), keyOf("Xk9"), keyOf("Wj8"), keyOf("Vz6")] as const;
const TEXT_KEY = "legacy-32-byte-very-secret-key-#";
const SALT = "AAECAwQFBgcICQoLDA0ODw";
const FERNET = ["cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=", "dw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="];

function parse(content: string | Uint8Array) {
  return parseKeyringFile("f", typeof content === "string" ? new TextEncoder().encode(content) : content);
}

const NOTHING = {
  active: undefined,
  openOnly: [],
  names: undefined,
  derivation: undefined,
  perNamespace: false,
  fernet: [],
  warnings: [],
};

Deno.test("parseKeyringFile() takes a file that is one key, as text with or without a newline, or as bytes", () => {
  for (const text of [ACTIVE, TEXT_KEY]) {
    for (const end of ["", "\n", "\r\n"]) assertEquals(parse(text + end), { ...NOTHING, active: text });
  }
  const raw = Uint8Array.from({ length: 32 }, (_, i) => i); // it holds 10, a newline
  assertEquals(parse(raw), { ...NOTHING, active: raw });
  const named = "active: 32 characters in a line!";
  assertThrows(() => parse(named), UsageError, "f: line 1: Cannot use key");
});

Deno.test("parseKeyringFile() takes a keyring in lines, with comments and in any order", () => {
  const text = [
    "\t# the keys of production",
    `open: ${PAST}`,
    "",
    `names:${NAMES}  `,
    `open :\t${TEXT_KEY}`,
    `active: ${ACTIVE}\r`,
    `open: ${FUTURE}`,
    "perNamespace: true",
  ].join("\n");
  assertEquals(parse(text), {
    ...NOTHING,
    active: ACTIVE,
    openOnly: [PAST, TEXT_KEY, FUTURE],
    names: NAMES,
    perNamespace: true,
  });
  assertEquals(parse(`active: ${ACTIVE}\nperNamespace: false`), { ...NOTHING, active: ACTIVE });
});

Deno.test("parseKeyringFile() takes what turns a passphrase into a key, with and without an active key beside it", () => {
  const derivation = { salt: SALT, iterations: 600_000 };
  assertEquals(parse(`salt: ${SALT}\niterations: 600000\n`), { ...NOTHING, derivation });
  assertEquals(parse(`salt: ${SALT}\nactive: ${ACTIVE}\niterations: 600000`), {
    ...NOTHING,
    active: ACTIVE,
    derivation,
  });
  assertEquals(parse("saltNamespace: acme prod\niterations: 700000").derivation, {
    salt: { namespace: "acme prod" },
    iterations: 700_000,
  });
});

Deno.test("parseKeyringFile() takes Fernet keys, and nothing beside them", () => {
  assertEquals(parse(`fernet: ${FERNET[0]}`), { ...NOTHING, fernet: [FERNET[0]!] });
  assertEquals(parse(`fernet: ${FERNET[0]}\nfernet: ${FERNET[1]}`), { ...NOTHING, fernet: FERNET });
  assertThrows(() => parse(`fernet: ${FERNET[0]}\nopen: ${PAST}`), UsageError, "f: Cannot use fernet: beside");
});

Deno.test("parseKeyringFile() warns of weak keys, each with its line", () => {
  const sample = "your-32-byte-very-secret-key-!!!";
  assertEquals(parse(sample).warnings.length, 1);
  assertStringIncludes(parse(sample).warnings[0]!, "f: The key is the one of the documentation");
  const { warnings } = parse(`active: ${ACTIVE}\nopen: ${sample}\nnames: ${"ab".repeat(16)}`);
  assertEquals(warnings.length, 2);
  for (const line of ["f: line 2: ", "f: line 3: "]) assert(warnings.some((it) => it.startsWith(line)), `${warnings}`);
});

Deno.test("parseKeyringFile() refuses what it cannot use, with the line and without its content", () => {
  const wrong: [string | Uint8Array, string][] = [
    ["", "f: Cannot use key: the text has 0 bytes"],
    ["31 characters and a newline ...\n", "f: Cannot use key: the text has 31 bytes"],
    [`${ACTIVE}x`, "f: Cannot use key: what follows cmk1_"],
    [`# comment\n${ACTIVE}`, "f: line 2: Cannot read it: write active: "],
    [new Uint8Array(31), "f: Cannot use key: it has 31 bytes"],
    [new Uint8Array(33).fill(255), "f: Cannot use key: it has 33 bytes"],
    // 32 bytes that are lines are no raw key: they are what a disk that was full has left of a keyring.
    ["# 4567890123456789\nactive: cmk1_Z", "f: line 2: Cannot use key"],
    [`active:\n`, "f: line 1: Cannot use active: there is nothing behind it"],
    [`active: ${ACTIVE}\nactive: ${PAST}`, "f: line 2: Cannot set active again"],
    [`active: ${ACTIVE}\nopen: hunter2`, "f: line 2: Cannot use key: the text has 7 bytes"],
    [`active: ${ACTIVE}\nhunter2: x`, "f: line 2: Cannot read it"],
    [`active: ${ACTIVE}\nperNamespace: hunter2`, "f: line 2: Cannot read it: write true or false"],
    [`open: ${PAST}\nnames: ${NAMES}`, "f: Cannot seal without an active key"],
    ["# nothing\n", "f: Cannot seal without an active key"],
    [`salt: ${SALT}`, "f: Cannot use a passphrase without"],
    ["iterations: 600000\n", "f: Cannot use a passphrase without"],
    [`salt: ${SALT}\nsaltNamespace: a\niterations: 600000`, "f: Cannot use a passphrase without"],
    ["salt: AAEC\niterations: 600000", "f: Cannot use passphrase: its salt has 3 bytes"],
    ["salt: hunter2!\niterations: 600000", "f: Cannot use passphrase: its salt is not base64url"],
    [`salt: ${SALT}\niterations: 599999`, "f: Cannot use passphrase: iterations is 599999"],
    [`salt: ${SALT}\niterations: hunter2`, "f: Cannot use passphrase: iterations is NaN"],
  ];
  for (const [content, text] of wrong) {
    const { message } = assertThrows(() => parse(content), UsageError);
    assert(message.startsWith(text), `${message} begins with ${text}`);
    assert(!/\n|hunter2|Zq7|Xk9|AAECAwQF/.test(message), message);
  }
});
