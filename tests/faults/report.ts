/**
 * How an experiment tells what it found: a line for each figure, with the bar it must keep. A missed bar makes the
 * process fail.
 *
 * @module
 */

/** Prints one line. */
export function say(line: string): void {
  // deno-lint-ignore no-console -- an experiment is there to be read
  console.log(line);
}

/** Prints a figure and whether it keeps its bar. */
export function judge(what: string, { figure, atMost }: { figure: number; atMost: number }, unit: string): void {
  const keeps = figure <= atMost;
  say(`${keeps ? "ok    " : "MISSED"} ${what}: ${rounded(figure)} ${unit}, bar ${rounded(atMost)} ${unit}`);
  if (!keeps) Deno.exitCode = 1;
}

/** Prints a condition and whether it holds. */
export function expect(what: string, holds: boolean): void {
  say(`${holds ? "ok    " : "MISSED"} ${what}`);
  if (!holds) Deno.exitCode = 1;
}

function rounded(figure: number): string {
  return figure.toLocaleString("en", { maximumFractionDigits: 2 });
}
