/**
 * The tables of the README that are made from data: options and commands. `deno task docs` writes them between their
 * markers, and a test holds the README to them.
 *
 * @module
 */
import { OPERATIONS } from "../codec/operations.ts";
import { flagOf } from "./help.ts";
import { OPTIONS } from "./options.ts";

const TABLES: Readonly<Record<string, () => string>> = { options: optionsTable, commands: commandsTable };

/**
 * The page with every table between its markers, `<!-- options -->` and `<!-- /options -->`, brought up to date.
 *
 * @throws {Error} if a table has no place in the page
 */
export function withTables(page: string): string {
  for (const [name, table] of Object.entries(TABLES)) {
    const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
    const [beginAt, endAt] = [page.indexOf(begin), page.indexOf(end)];
    if (beginAt === -1 || endAt < beginAt) {
      throw new Error(`Cannot write the table of ${name}: the page lacks the lines ${begin} and ${end}`);
    }
    page = `${page.slice(0, beginAt)}${begin}\n${table()}\n${page.slice(endAt)}`;
  }
  return page;
}

function optionsTable(): string {
  return markdownTable(
    ["Flag", "Environment", "File", "Default", "Permission", "What it does"],
    OPTIONS.map((row) => [
      code(flagOf(row)),
      code(row.variable),
      row.variable === undefined || row.name === "config" ? "" : code(row.name),
      code(row.defaultText),
      code(row.permission),
      row.summary,
    ]),
  );
}

function commandsTable(): string {
  return markdownTable(
    ["Command", "Code", "Key", "Value", "TTL", "Access", "What it does"],
    OPERATIONS.map((row) => [
      code(row.name),
      String(row.opcode),
      tick(row.key),
      tick(row.value),
      tick(row.ttl),
      row.access,
      row.summary,
    ]),
  );
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function code(text: string | undefined): string {
  return text === undefined ? "" : `\`${text}\``;
}

function tick(yes: boolean): string {
  return yes ? "yes" : "";
}
