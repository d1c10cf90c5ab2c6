/** serve() with sealedOnly and counters. What is refused, in every dialect, is in tests/conformance/sealed_only_test.ts. */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { binaryText, ByteRange, utf8 } from "../../lib/bytes.ts";
import { serve } from "../../lib/server/serve.ts";
import type { ServeOptions } from "../../lib/server/serve_options.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { canListen } from "../support/permissions.ts";
import { RawClient } from "../support/raw_client.ts";
import { read, text } from "../support/ranges.ts";

/** Sends lines and gives their replies. */
async function ask(options: ServeOptions, ...lines: string[]): Promise<string[]> {
  await using server = serve({ ...options, port: 0 });
  using client = await RawClient.connect(server.address);
  await client.send(utf8([...lines, "QUIT"].join("\n") + "\n"));
  return binaryText(await client.readToEnd()).split("\n").slice(0, lines.length);
}

Deno.test({
  name: "serve() with sealedOnly refuses plain values, and lets numbers in where counters are",
  ignore: !canListen,
  async fn() {
    const [plain, number, counted, missing] = await ask(
      { sealedOnly: "all", counters: ["hits:"] },
      "SET k plain",
      "INCR k",
      "INCR hits:k 5",
      "GET k",
    );
    assertMatch(plain!, /^ERR: SEALED_ONLY Cannot store the value/);
    assertMatch(number!, /^ERR: SEALED_ONLY Cannot count/);
    assertEquals([counted, missing], ["5", "(nil)"]);
  },
});

Deno.test({
  name: "serve() without sealedOnly, or with none of it, takes every value",
  ignore: !canListen,
  async fn() {
    for (const options of [{}, { sealedOnly: [] }, { sealedOnly: [], counters: [] }]) {
      assertEquals(await ask(options, "SET k plain", "INCR n"), ["OK", "1"]);
    }
  },
});

Deno.test({
  name: "serve() with sealedOnly leaves what its store holds already, which can be read and removed but not copied",
  ignore: !canListen,
  async fn() {
    const store = new Engine();
    for (const key of ["k", "other"]) store.set(text(key), ByteRange.of(utf8("plain")), 0);
    const replies = await ask({ store, sealedOnly: "all" }, "GET k", "DEL k", "GETEX other EX 5", "SET k plain GET");
    assertEquals(replies.slice(0, 3), ["plain", "1", "plain"]);
    assertMatch(replies[3]!, /^ERR: SEALED_ONLY /);
    assertEquals([read(store, "k"), read(store, "other")], [undefined, "plain"]);
  },
});

Deno.test("serve() refuses settings that make no sense before it listens", () => {
  const cases: [ServeOptions, typeof RangeError | typeof TypeError][] = [
    [{ counters: ["hits:"] }, RangeError],
    [{ sealedOnly: ["user:"], counters: ["hits:"] }, RangeError],
    [{ sealedOnly: ["all"] }, RangeError],
    [{ sealedOnly: [""] }, RangeError],
    [{ sealedOnly: "user:" as "all" }, TypeError],
  ];
  for (const [options, type] of cases) assertThrows(() => serve({ ...options, port: 0 }), type, "Cannot use ");
});
