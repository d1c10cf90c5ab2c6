/**
 * The tables of the README that are made from data: options and commands. `deno task docs` writes them between their
 * markers, and a test holds the README to them.
 *
 * @module
 */
import { type Operation, OPERATIONS } from "../codec/operations.ts";
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
    ["Command", "CM", "CM fields", "Words", "Access", "What it does"],
    OPERATIONS.map(({ name, opcode, takes, arity, access, summary }) => [
      code(name),
      opcode === 0 ? "" : String(opcode),
      opcode === 0 ? "" : fieldsOf(takes),
      arity === 0 ? "" : arity < 0 ? `${-arity} or more` : String(arity),
      access,
      summary,
    ]),
  );
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function code(text: string | undefined): string {
  return text === undefined ? "" : `\`${text}\``;
}

function fieldsOf({ key, value, ttl }: Operation["takes"]): string {
  const fields = { "key": key === true, "[key]": key === "optional", value, ttl };
  return Object.entries(fields).filter(([, isTaken]) => isTaken).map(([field]) => field).join(", ");
}
