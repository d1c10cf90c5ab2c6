import { assertEquals } from "@std/assert";
import { LruMap } from "../../lib/crypto/lru_map.ts";

Deno.test("LruMap forgets what was not used for longest", () => {
  const map = new LruMap<string, number>(2);
  map.set("a", 1);
  map.set("b", 2);
  assertEquals(map.get("a"), 1);
  map.set("c", 3);
  assertEquals([map.get("a"), map.get("b"), map.get("c"), map.size], [1, undefined, 3, 2]);
});

Deno.test("LruMap replaces a value without forgetting another", () => {
  const map = new LruMap<string, number>(2);
  map.set("a", 1);
  map.set("b", 2);
  map.set("a", 3);
  assertEquals([map.get("a"), map.get("b"), map.size], [3, 2, 2]);
  map.set("a", 4);
  map.set("c", 5);
  assertEquals([map.get("b"), map.get("a")], [undefined, 4]);
});

Deno.test("LruMap forgets what it is told to", () => {
  const map = new LruMap<string, number>(2);
  map.set("a", 1);
  map.delete("a");
  map.delete("b");
  assertEquals([map.get("a"), map.size], [undefined, 0]);
});
