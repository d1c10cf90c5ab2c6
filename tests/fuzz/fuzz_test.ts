/** A slice of the fuzzing, new with each run, and all that it has ever found. */

import { bytesOfBinaryText } from "../../lib/bytes.ts";
import type { DialectName } from "../../lib/codec/dialect.ts";
import { Random } from "../support/random.ts";
import cases from "./findings/cases.json" with { type: "json" };
import { Finding, Fuzzer, replay } from "./fuzzer.ts";

const SLICE_FRAMES = 200_000;

Deno.test("200,000 mutated frames of all dialects break no rule", async () => {
  const random = new Random();
  try {
    await new Fuzzer(random).run(SLICE_FRAMES);
  } catch (error) {
    const where = error instanceof Finding ? `, ${error.dialect}, ${error.frames.length} frames` : "";
    throw new Error(`deno task fuzz 600 ${random.seed}${where}`, { cause: error });
  }
});

for (const { name, dialect, frames } of cases as { name: string; dialect: DialectName; frames: string[] }[]) {
  Deno.test(`finding: ${name}`, () => replay(dialect, frames.map(bytesOfBinaryText)));
}
