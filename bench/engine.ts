/**
 * `deno task bench:engine`: how fast the engine is and how much memory it takes, without network and protocol. Medians
 * of several runs, each in a process of its own. With a word behind it, only the groups of rows whose title has it.
 *
 * @module
 */

import { SCENARIOS } from "./engine_scenarios.ts";
import type { Figure } from "./figure.ts";
import { digits, median, printTable } from "./table.ts";

const RUNS = 5;

async function measure(scenario: string): Promise<Figure[]> {
  const program = new URL("engine_scenarios.ts", import.meta.url).href;
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", program, scenario],
    stderr: "inherit",
  });
  const { success, stdout } = await command.output();
  if (!success) throw new Error(`Cannot measure "${scenario}": its process failed`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Runs of one scenario hold the same figures in the same order. */
function rowsOf(runs: readonly Figure[][]): string[][] {
  return runs[0]!.map(({ name, unit, atMost = Infinity, atLeast = -Infinity }, i) => {
    const values = runs.map((figures) => figures[i]!.value);
    const middle = median(values);
    return [
      name,
      `${digits(middle)} ${unit}`,
      digits(Math.min(...values)),
      digits(Math.max(...values)),
      atMost < Infinity ? `≤ ${atMost} ${unit}` : atLeast > -Infinity ? `≥ ${atLeast} ${unit}` : "",
      atMost === Infinity && atLeast === -Infinity ? "" : middle <= atMost && middle >= atLeast ? "yes" : "NO",
    ];
  });
}

const [word = ""] = Deno.args;
for (const scenario of Object.keys(SCENARIOS).filter((title) => title.includes(word))) {
  const runs: Figure[][] = [];
  for (let i = 0; i < RUNS; i++) runs.push(await measure(scenario));
  printTable(scenario, ["Engine", `median of ${RUNS}`, "lowest", "highest", "bound", "held"], rowsOf(runs));
}
