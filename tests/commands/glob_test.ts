import { assertEquals } from "@std/assert";
import { bytesOfBinaryText } from "../../lib/bytes.ts";
import { matchesGlob } from "../../lib/commands/glob.ts";

/** Pattern, what it matches, what it does not; by the rules of Redis, which tests/server compares with. */
const TABLE: [pattern: string, matching: string[], others: string[]][] = [
  ["", [""], ["a"]],
  ["*", ["", "a", "abc"], []],
  ["a*c", ["ac", "abc", "abcbc"], ["a", "abcd"]],
  ["**a", ["a", "ba"], ["ab", ""]],
  ["?", ["a", "*", "\xff"], ["", "ab"]],
  ["h[ae]llo", ["hallo", "hello"], ["hillo", "hllo"]],
  ["h[^e]llo", ["hallo"], ["hello", "hllo"]],
  ["[a-c]", ["a", "b", "c"], ["d", "-"]],
  ["[c-a]", ["a", "b", "c"], ["d"]],
  ["[a-]", ["a", "]", "^"], ["b", "-"]],
  ["[\xe0-\xff]", ["\xe0", "\xff"], ["a"]],
  ["[\\]]", ["]"], ["\\"]],
  ["[]", [], ["", "]", "[]"]],
  ["[^]", ["a", "]"], [""]],
  ["[ab", ["a", "b"], ["[ab"]],
  ["\\*", ["*"], ["a", "\\*"]],
  ["\\", ["\\"], [""]],
  ["a\\", ["a\\"], ["a"]],
  ["*\\", ["\\", "a\\"], ["a"]],
  ["*[0-9]?x", ["a12x", "1yx"], ["12", "1x"]],
];

Deno.test("matchesGlob() reads every kind of pattern as Redis does", () => {
  for (const [pattern, matching, others] of TABLE) {
    const matches = (text: string) => matchesGlob(bytesOfBinaryText(pattern), bytesOfBinaryText(text));
    assertEquals([matching.filter(matches), others.filter(matches)], [matching, []], pattern);
  }
});

Deno.test("matchesGlob() is done soon whatever the pattern", () => {
  const pattern = bytesOfBinaryText("*a".repeat(2_000) + "b"), text = bytesOfBinaryText("a".repeat(5_000));
  assertEquals(matchesGlob(pattern, text), false);
});
