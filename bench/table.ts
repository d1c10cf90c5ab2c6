/**
 * Figures as the benchmarks print them: one table a question, aligned so that a person reads it and a document can
 * take it over as it is.
 *
 * @module
 */

/** Prints a Markdown table; the first column is text, the others are figures. */
export function printTable(title: string, head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join(" | ")} |`;
  const rule = widths.map((width, i) => i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`);
  say("", title, "", line(head), line(rule), ...rows.map(line));
}

/** Prints lines of text. */
export function say(...lines: readonly string[]): void {
  // deno-lint-ignore no-console -- a benchmark is there to be read
  for (const line of lines) console.log(line);
}

/** A number with as many digits as a reader can use. */
export function digits(value: number): string {
  const places = Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString("en", { minimumFractionDigits: places, maximumFractionDigits: places });
}

/** The middle one of some measurements; of an even number, the lower of the two in the middle. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** The smallest of some measurements that at least this fraction of them does not exceed. */
export function percentile(values: Iterable<number>, fraction: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(sorted.length * fraction) - 1)] ?? NaN;
}
