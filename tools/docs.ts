// deno-lint-ignore-file no-console -- a program of the developer
/**
 * `deno task docs`: brings the generated tables of README.md up to date. `deno task docs --check` only says whether
 * they are.
 *
 * @module
 */
import { withTables } from "../lib/cli/reference.ts";

const readme = new URL("../README.md", import.meta.url);
const page = await Deno.readTextFile(readme);
const current = withTables(page);
if (page === current) {
  console.log("docs: README.md is up to date");
} else if (Deno.args.includes("--check")) {
  console.error("docs: README.md is out of date: run deno task docs");
  Deno.exit(1);
} else {
  await Deno.writeTextFile(readme, current);
  console.log("docs: README.md is rewritten");
}
