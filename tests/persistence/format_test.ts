import { assertEquals } from "@std/assert";
import { check } from "../../lib/persistence/check.ts";
import { recover } from "../../lib/persistence/recovery.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { FaultDisk } from "../support/fault_disk.ts";
import { canRead } from "../support/permissions.ts";
import { RecoveredMap } from "../support/recovered_map.ts";

const BEGUN_UNIX_MS = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;

/** What tests/fixtures/write_format.ts has put there, a minute later. */
const ENTRIES: [key: string, value: string, expiryUnixMs: number][] = [
  ["text", "changed since", 0],
  ["\x00\xff\x80", "\xc1\x00\xff", 0],
  ["__proto__", "an entry like any other", 0],
  ["empty", "", 0],
  ["expires", "in a day", 0],
  ["prolonged", "over within a minute, by the snapshot", BEGUN_UNIX_MS + 2_000 + DAY_MS],
  ["new name", "moved with its expiry", BEGUN_UNIX_MS + DAY_MS],
  ["long", "0123456789".repeat(100), 0],
  ["last", "entry of the last log", 0],
];

async function fixture(format: string): Promise<FaultDisk> {
  const folder = new URL(`../fixtures/${format}/`, import.meta.url);
  const disk = new FaultDisk();
  for await (const { name } of Deno.readDir(folder)) disk.put(name, await Deno.readFile(new URL(name, folder)));
  return disk;
}

Deno.test("what was written in format 1 is loaded, as long as there are servers", { ignore: !canRead }, async () => {
  const disk = await fixture("format_1");
  assertEquals((await check(disk)).problem, "");
  const map = new RecoveredMap();
  const { snapshot, log, warnings } = await recover(disk, map, new FakeClock({ wallMs: BEGUN_UNIX_MS + 62_000 }));
  assertEquals([snapshot, log, warnings], [2, 3, []]);
  const expected = new Map(ENTRIES.map(([key, value, expiryUnixMs]) => [key, { value, expiryUnixMs }]));
  assertEquals(map.entries, expected);
});
