import { assertEquals, assertThrows } from "@std/assert";
import { ByteRange } from "../../lib/bytes.ts";
import { type SealingOptions, SealingRule } from "../../lib/storage/sealing_rule.ts";
import { envelopeLike } from "../support/envelopes.ts";
import { text } from "../support/ranges.ts";

/** What a rule lets in under a key: an envelope, a number, anything. */
function admitted(rule: SealingRule, key: string): string {
  const values = { "sealed": ByteRange.of(envelopeLike(7)), "numbers": text("-12"), "anything": text("x") };
  return Object.entries(values).filter(([, value]) => rule.admits(text(key), value)).map(([name]) => name).join(" ");
}

const ANYTHING = "sealed numbers anything", NUMBERS = "sealed numbers", SEALED = "sealed";

Deno.test("a rule without prefixes lets everything in", () => {
  const rule = new SealingRule({});
  assertEquals(rule.isEmpty, true);
  assertEquals(admitted(rule, "k"), ANYTHING);
});

Deno.test('a rule for "all" keys lets in sealed values only, and numbers where counters are', () => {
  const rule = new SealingRule({ sealedOnly: "all", counters: ["hits:", "n"] });
  assertEquals(rule.isEmpty, false);
  const keys = { "k": SEALED, "hit:1": SEALED, "hits:": NUMBERS, "hits:1": NUMBERS, "n": NUMBERS, "hits": SEALED };
  for (const [key, expected] of Object.entries(keys)) assertEquals(admitted(rule, key), expected, key);
});

Deno.test("a rule with prefixes is about the keys that begin so, byte for byte", () => {
  const rule = new SealingRule({ sealedOnly: ["user:", "é"], counters: ["user:hits:", "us"] });
  const keys = { "user": ANYTHING, "User:1": ANYTHING, " user:1": ANYTHING, "hits:1": ANYTHING, "us": ANYTHING };
  for (const [key, expected] of Object.entries(keys)) assertEquals(admitted(rule, key), expected, key);
  // The wider prefix of counters covers all of the narrower sealed one.
  assertEquals(admitted(rule, "user:1"), NUMBERS);
  assertEquals(admitted(rule, "é"), SEALED);
  const half = ByteRange.of(Uint8Array.of(0xc3));
  assertEquals(rule.isSealedOnly(half), false);
});

Deno.test("a rule looks at a key and a value where they lie", () => {
  const rule = new SealingRule({ sealedOnly: ["a"], counters: ["an"] });
  const around = new TextEncoder().encode("xxany 17 yy"), key = new ByteRange(), value = new ByteRange();
  key.point(around, 2, 3);
  value.point(around, 6, 2);
  assertEquals(rule.admits(key, value), true);
  value.point(around, 6, 3);
  assertEquals(rule.admits(key, value), false);
  key.point(around, 2, 1);
  assertEquals([rule.isSealedOnly(key), rule.admitsNumbers(key)], [true, false]);
});

Deno.test("what is nearly an envelope or a whole number is neither", () => {
  const rule = new SealingRule({ sealedOnly: "all", counters: ["n"] });
  const values = ["", " 1", "1 ", "01", "+1", "-0", "1.0", "1e3", "9223372036854775808", "1\n"].map(text);
  values.push(ByteRange.of(envelopeLike(7, 45)), ByteRange.of(new Uint8Array(100).fill(0xc0)));
  for (const value of values) assertEquals(rule.admits(text("n"), value), false, String(value.copy()));
});

Deno.test("a rule that makes no sense is refused, with what is wrong about it", () => {
  const cases: [SealingOptions, string][] = [
    [
      { counters: ["n:"] },
      'Cannot use "n:" as a prefix of counters: no key under it is sealed-only, so all of them take',
    ],
    [{ sealedOnly: [], counters: ["n:"] }, 'Cannot use "n:" as a prefix of counters: no key under it is sealed-only'],
    [{ sealedOnly: ["s:"], counters: ["s:n:", "n:"] }, 'Cannot use "n:" as a prefix of counters: no key'],
    [{ sealedOnly: [""] }, 'Cannot use "" as a prefix of keys: it is empty; write all for every key'],
    [{ sealedOnly: ["all"] }, 'Cannot use "all" as a prefix of keys: the word stands alone, for all of the keys'],
    [{ sealedOnly: ["none"] }, 'Cannot use "none" as a prefix of keys: the word stands alone, for none of the keys'],
    [{ sealedOnly: "all", counters: ["all"] }, 'Cannot use "all" as a prefix of keys: '],
    [{ sealedOnly: ["\ud800"] }, 'Cannot use "\\ud800" as a prefix of keys: it has half a character'],
    [{ sealedOnly: ["k".repeat(65_536)] }, "Cannot use a prefix of 65536 bytes: a key has at most 65535"],
  ];
  for (const [options, expected] of cases) {
    const { message } = assertThrows(() => new SealingRule(options), RangeError);
    assertEquals(message.slice(0, expected.length), expected);
  }
  for (const wrong of ["user:", true, null, [7], ["a:", undefined], { all: true }]) {
    const error = assertThrows(() => new SealingRule({ sealedOnly: wrong as unknown as string[] }), TypeError);
    assertEquals(error.message.startsWith("Cannot use "), true, error.message);
  }
});
