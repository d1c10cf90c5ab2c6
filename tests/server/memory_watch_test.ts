import { assertEquals } from "@std/assert";
import { ByteRange, utf8 } from "../../lib/bytes.ts";
import { MemoryWatch } from "../../lib/server/memory_watch.ts";
import { Engine } from "../../lib/storage/engine.ts";

const MIB = 1024 * 1024;

Deno.test("MemoryWatch warns once when a store without a limit passes its mark", () => {
  const lines: string[] = [];
  const engine = new Engine();
  const watch = new MemoryWatch(engine, 2 * MIB, (line) => lines.push(line));
  watch.look();
  assertEquals(lines, []);
  for (const name of ["a", "b", "c"]) engine.set(ByteRange.of(utf8(name)), ByteRange.of(new Uint8Array(MIB)), 0);
  watch.look();
  watch.look();
  assertEquals(lines, ["entries take 3 MiB and there is no limit: set one with --max-memory"]);
});

Deno.test("MemoryWatch is silent about a store with a limit", () => {
  const lines: string[] = [];
  const engine = new Engine({ maxMemoryBytes: 4 * MIB });
  engine.set(ByteRange.of(utf8("a")), ByteRange.of(new Uint8Array(2 * MIB)), 0);
  new MemoryWatch(engine, MIB, (line) => lines.push(line)).look();
  assertEquals(lines, []);
});
