/**
 * M5: five million tiny keys without a limit. They lie outside of V8's heap, so that even a heap of 64 MB is enough:
 * a store on a Map would end the process here.
 *
 * @module
 */

import { ByteRange, utf8 } from "../../lib/bytes.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { expect, judge, say } from "./report.ts";

const COUNT = 5_000_000;
const HEAP_MB = 64;
const MAX_BYTES_PER_ENTRY = 60;

if (Deno.args[0] === "fill") {
  const engine = new Engine();
  const value = ByteRange.of(utf8("v"));
  for (let i = 0; i < COUNT; i++) engine.set(ByteRange.of(utf8(i.toString(36))), value, i % 2 * 3_600_000);
  const found = new ByteRange();
  let missing = 0;
  for (let i = 0; i < COUNT; i += 1_000) if (!engine.get(ByteRange.of(utf8(i.toString(36))), found)) missing++;
  const { entries, memoryBytes } = engine.stats();
  say(JSON.stringify({ entries, missing, memoryBytes, heapBytes: Deno.memoryUsage().heapTotal }));
} else {
  say(`M5: ${COUNT.toLocaleString("en")} tiny keys in a process whose heap may take ${HEAP_MB} MB`);
  const program = new URL(import.meta.url).pathname;
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--quiet", `--v8-flags=--max-old-space-size=${HEAP_MB}`, program, "fill"],
    stderr: "inherit",
  });
  const { code, stdout } = await command.output();
  expect(`the process ends with code ${code}`, code === 0);
  if (code === 0) {
    const { entries, missing, memoryBytes, heapBytes } = JSON.parse(new TextDecoder().decode(stdout));
    expect(`${entries.toLocaleString("en")} entries, ${missing} of 5,000 looked for missing`, missing === 0);
    judge("memory of an entry", { figure: memoryBytes / entries, atMost: MAX_BYTES_PER_ENTRY }, "B");
    judge("heap", { figure: heapBytes / 1e6, atMost: HEAP_MB }, "MB");
  }
}
