import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { helpText } from "../../lib/cli/help.ts";
import { OPTIONS, SETTINGS } from "../../lib/cli/options.ts";
import { withTables } from "../../lib/cli/reference.ts";
import { OPERATIONS } from "../../lib/codec/operations.ts";
import { canRead } from "../support/permissions.ts";

const EMPTY_PAGE =
  "# Page\n<!-- options -->\n<!-- /options -->\ntext\n<!-- commands -->\nyesterday\n<!-- /commands -->\nend\n";

Deno.test({
  name: "README.md holds the tables of today (if not: deno task docs)",
  ignore: !canRead,
  async fn() {
    const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
    assertEquals(withTables(readme), readme);
  },
});

Deno.test("withTables() puts every option and command in its table and keeps the rest", () => {
  const page = withTables(EMPTY_PAGE);
  for (const { name } of OPTIONS) assertStringIncludes(page, `| \`--${name}`);
  for (const { name } of OPERATIONS) assertStringIncludes(page, `| \`${name}\` |`);
  assertMatch(page, /^# Page\n<!-- options -->\n\| Flag/);
  assertMatch(page, /<!-- \/options -->\ntext\n<!-- commands -->\n\| Command[^]*<!-- \/commands -->\nend\n$/);
  assert(!page.includes("yesterday"));
  assertEquals(withTables(page), page);
});

Deno.test("withTables() refuses a page without a place for a table", () => {
  assertThrows(() => withTables("<!-- options -->\n<!-- /options -->\n"), Error, "lacks the lines <!-- commands -->");
});

Deno.test("helpText() lists every option with its default, within 100 columns", () => {
  const help = helpText();
  for (const { name } of OPTIONS) assertStringIncludes(help, `  --${name} `);
  for (const { defaultText } of SETTINGS) assertStringIncludes(help, `(default ${defaultText})`);
  for (const line of help.split("\n")) assert(line.length <= 100, line);
});

Deno.test("SETTINGS has defaults that its own parsers take", () => {
  for (const row of SETTINGS) {
    if ("isList" in row) row.parse(row.defaultText.split(","));
    else row.parse(row.defaultText);
  }
});
