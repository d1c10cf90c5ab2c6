import { assertEquals } from "@std/assert";
import { Asker, type Told } from "../support/asker.ts";

const NOT_INTEGER = "! NOT_INTEGER value is not an integer or out of range";
const SYNTAX = "! BAD_REQUEST syntax error";

/** Each conversation begins with an empty store. */
const CONVERSATIONS: Record<string, [command: string, reply: Told][]> = {
  "DEL, UNLINK, EXISTS and TOUCH count, a key that is named twice too": [
    ["MSET a 1 b 2 c 3", "OK"],
    ["EXISTS a a x b", 3],
    ["TOUCH a a x", 2],
    ["DEL a a x", 1],
    ["UNLINK b x", 1],
    ["TYPE c", "string"],
    ["TYPE a", "none"],
    ["DBSIZE", 1],
  ],
  "RENAME takes value and expiry along and replaces what is there": [
    ["SET a 1 EX 10", "OK"],
    ["SET b 2", "OK"],
    ["RENAME a b", "OK"],
    ["MGET a b", [null, "1"]],
    ["TTL b", 10],
    ["RENAME a c", "! BAD_REQUEST no such key"],
    ["RENAME b b", "OK"],
    ["GET b", "1"],
  ],
  "RENAMENX only takes a key that is free": [
    ["MSET a 1 b 2", "OK"],
    ["RENAMENX a b", 0],
    ["RENAMENX a a", 0],
    ["RENAMENX x x", "! BAD_REQUEST no such key"],
    ["RENAMENX a c", 1],
    ["MGET a b c", [null, "2", "1"]],
  ],
  "COPY leaves the entry and replaces another only if asked to": [
    ["SET a 1 EX 10", "OK"],
    ["SET b 2", "OK"],
    ["COPY a b", 0],
    ["COPY x c", 0],
    ["COPY a b DB 0 REPLACE", 1],
    ["MGET a b", ["1", "1"]],
    ["TTL b", 10],
    ["COPY a a", "! BAD_REQUEST source and destination objects are the same"],
    ["COPY a c DB 1", "! BAD_REQUEST DB index is out of range"],
    ["COPY a c DB", SYNTAX],
    ["COPY a c DB x", NOT_INTEGER],
    ["COPY a c DB 2147483648", "! BAD_REQUEST value is out of range, value must between -2147483648 and 2147483647"],
    ["EXISTS c", 0],
  ],
  "OBJECT tells of an entry what Redis would": [
    ["MSET int -12 short abc raw " + "x".repeat(45), "OK"],
    ["OBJECT ENCODING int", "int"],
    ["OBJECT encoding short", "embstr"],
    ["OBJECT ENCODING raw", "raw"],
    ["OBJECT REFCOUNT raw", 1],
    ["OBJECT IDLETIME raw", 0],
    ["OBJECT FREQ x", null],
    ["OBJECT ENCODING", "! BAD_REQUEST wrong number of arguments for 'object|encoding' command"],
    ["OBJECT NOTHING a", "! BAD_REQUEST unknown subcommand 'NOTHING'. Try OBJECT HELP."],
  ],
  "KEYS and SCAN tell the keys that match": [
    ["MSET one 1 two 2 three 3", "OK"],
    ["KEYS tw?", ["two"]],
    ["KEYS x*", []],
    ["SCAN 0 MATCH o* COUNT 1000", ["0", ["one"]]],
    ["SCAN 0 TYPE list COUNT 1000", ["0", []]],
    ["SCAN 0 COUNT 0", SYNTAX],
    ["SCAN 0 COUNT x", NOT_INTEGER],
    ["SCAN 0 MATCH", SYNTAX],
    ["SCAN 0 x y", SYNTAX],
  ],
  "SCAN takes any cursor that is a number of 64 bits": [
    ["SET k v", "OK"],
    ["SCAN x", "! BAD_REQUEST invalid cursor"],
    ["SCAN 1x", "! BAD_REQUEST invalid cursor"],
    ["SCAN +", "! BAD_REQUEST invalid cursor"],
    ["SCAN 18446744073709551616", "! BAD_REQUEST invalid cursor"],
    ["SCAN 18446744073709551615 COUNT 100000", ["0", ["k"]]],
    ["SCAN -1 COUNT 100000", ["0", ["k"]]],
    ["SCAN '' COUNT 100000", ["0", ["k"]]],
    ["SCAN 000 COUNT 9223372036854775807", ["0", ["k"]]],
  ],
};

for (const [name, steps] of Object.entries(CONVERSATIONS)) {
  Deno.test(name, () => {
    const asker = new Asker({ seed: [1, 2] });
    for (const [command, reply] of steps) assertEquals(asker.ask(command), reply, command);
    asker.engine.verify();
  });
}

Deno.test("a walk with SCAN meets every key, whatever COUNT says", () => {
  for (const count of [1, 7, 1000]) {
    const asker = new Asker();
    const keys = Array.from({ length: 500 }, (_, i) => `key:${i}`);
    for (const key of keys) asker.ask(`SET ${key} v`);
    const met = new Set<string>();
    let cursor = "0";
    do {
      const [next, found] = asker.ask(`SCAN ${cursor} COUNT ${count}`) as [string, string[]];
      for (const key of found) met.add(key);
      cursor = next;
    } while (cursor !== "0");
    assertEquals([...met].sort(), keys.toSorted());
  }
});

Deno.test("RANDOMKEY names each key now and then, and none where there is none", () => {
  const asker = new Asker();
  assertEquals(asker.ask("RANDOMKEY"), null);
  asker.ask("MSET a 1 b 2 c 3");
  const named = new Set<Told>();
  // Each misses all of a thousand with a chance below 2^-100, even if its place is asked for only once in ten.
  for (let i = 0; i < 1_000; i++) named.add(asker.ask("RANDOMKEY"));
  assertEquals([...named].sort(), ["a", "b", "c"]);
});

Deno.test("FLUSHALL empties the store at once, although its memory comes back later", async () => {
  const asker = new Asker();
  for (let i = 0; i < 10_000; i++) asker.ask(`SET key:${i} v`);
  assertEquals(asker.ask("FLUSHALL nonsense"), SYNTAX);
  assertEquals(asker.ask("DBSIZE"), 10_000);
  assertEquals(asker.ask("FLUSHALL async"), "OK");
  assertEquals(asker.ask("DBSIZE"), 0);
  assertEquals(asker.ask("KEYS *"), []);
  assertEquals(asker.ask("RANDOMKEY"), null);
  asker.ask("SET k v");
  assertEquals(asker.ask("DBSIZE"), 1);
  while (asker.engine.tidy(1_000));
  await Promise.resolve();
  assertEquals([asker.server.flushesUnderWay, asker.engine.stats().entries, asker.ask("DBSIZE")], [0, 1, 1]);
});
