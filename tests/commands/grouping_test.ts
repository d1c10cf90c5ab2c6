/** Which commands tell of their changes as a whole, so that all of them are kept or none; and RENAME and CLEAR as one. */

import { assertEquals } from "@std/assert";
import { Asker, type Told } from "../support/asker.ts";
import { ToldEntries } from "../support/told_entries.ts";

/** What the commands of a line each tell. */
function toldBy(asker: Asker, ...lines: string[]): string[] {
  const journal = asker.engine.journal as ToldEntries;
  const before = journal.told.length;
  for (const line of lines) asker.ask(line);
  return journal.told.slice(before);
}

function journaled(): { asker: Asker; journal: ToldEntries } {
  const asker = new Asker(), journal = new ToldEntries();
  asker.engine.journal = journal;
  return { asker, journal };
}

Deno.test("MSET and MSETNX tell of their entries as one, with their size", () => {
  const { asker } = journaled();
  assertEquals(toldBy(asker, "MSET a 1 bb 22"), ["begin 6", "put a 1 0", "put bb 22 0", "end"]);
  assertEquals(toldBy(asker, "MSETNX c 3 d 4"), ["begin 4", "put c 3 0", "put d 4 0", "end"]);
  assertEquals(toldBy(asker, "MSETNX e 5 d 4"), []);
});

Deno.test("DEL of several keys tells of them as one", () => {
  const { asker } = journaled();
  toldBy(asker, "MSET a 1 b 2 c 3");
  assertEquals(toldBy(asker, "DEL a none b"), ["begin 0", "remove a", "remove b", "end"]);
});

Deno.test("RENAME and RENAMENX tell of one renaming", () => {
  const { asker } = journaled();
  toldBy(asker, "SET a 1", "SET b 2", "SET c 3");
  assertEquals(toldBy(asker, "RENAME a b"), ["rename a b"]);
  assertEquals(toldBy(asker, "RENAMENX b new"), ["rename b new"]);
  assertEquals(toldBy(asker, "RENAMENX c new", "RENAME c c", "RENAME none c"), []);
});

Deno.test("EXEC tells of all its changes as one, a CLEAR in its place; one that only reads tells nothing", () => {
  const { asker } = journaled();
  toldBy(asker, "SET old v");
  const lines = ["MULTI", "SET a 1", "MSET b 2 c 3", "RENAME a d", "FLUSHALL", "INCR n", "GET n"];
  assertEquals(toldBy(asker, ...lines), []);
  const [begin, ...told] = toldBy(asker, "EXEC");
  assertEquals(begin?.startsWith("begin "), true);
  assertEquals(told, ["put a 1 0", "put b 2 0", "put c 3 0", "rename a d", "clear ", "put n 1 0", "end"]);
  assertEquals(toldBy(asker, "MULTI", "GET n", "EXISTS n", "EXEC"), []);
});

Deno.test("while the journal refuses, what would change something is answered STORAGE, also in EXEC; reads go on", () => {
  const { asker, journal } = journaled();
  toldBy(asker, "SET k v");
  journal.isRefusing = true;
  const lines = ["SET k 2", "MSET a 1 b 2", "MSETNX a 1 b 2", "DEL k", "RENAME k j", "FLUSHALL", "EXPIRE k 10"];
  for (const line of lines) assertEquals(String(asker.ask(line)).slice(0, 9), "! STORAGE", line);
  assertEquals([asker.ask("GET k"), asker.ask("DBSIZE")], ["v", 1]);
  for (const line of ["MULTI", "GET k", "SET k 2", "GET k"]) asker.ask(line);
  const replies = asker.ask("EXEC") as Told[];
  assertEquals([replies[0], String(replies[1]).includes("STORAGE"), replies[2]], ["v", true, "v"]);
  journal.isRefusing = false;
  assertEquals([asker.ask("FLUSHALL"), asker.ask("DBSIZE")], ["OK", 0]);
});
