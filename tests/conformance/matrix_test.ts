/** What one dialect stores every other reads, byte for byte: they share one keyspace. */

import { assertEquals } from "@std/assert";
import { canListen } from "../support/permissions.ts";
import { CmSurface } from "./cm_surface.ts";
import { bytesOf, EngineSurface } from "./engine_surface.ts";
import { LiveServer } from "./live_server.ts";
import { RespSurface } from "./resp_surface.ts";
import { StashSurface } from "./stash_surface.ts";
import type { Content, Surface } from "./surface.ts";
import { TextSurface } from "./text_surface.ts";

const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, i) => i);
const CONTENTS: readonly Content[] = [
  "plain",
  "",
  EVERY_BYTE,
  '"quoted" and \\escaped\\x00',
  "two words",
  "CR LF \r\n in the middle",
  "ünïcödé 😀",
  Uint8Array.of(0xc0, 0x80, 0xff),
  "-12345678901234567890",
  new Uint8Array(100_000).map((_, i) => i * 31),
];
/** Keys are never empty, and stay below the longest. */
const KEYS = CONTENTS.filter((content) => content.length > 0 && content.length < 65_536);

Deno.test({
  name: "what each dialect stores every dialect reads, deletes and counts, byte for byte",
  ignore: !canListen,
  async fn(t) {
    await using live = new LiveServer();
    const { address } = live;
    const surfaces: Surface[] = [
      new EngineSurface(live.engine),
      await CmSurface.connect(address),
      await TextSurface.connect(address, "minigostore"),
      await TextSurface.connect(address, "gocache"),
      await StashSurface.connect(address),
      await RespSurface.connect(address, 2),
      await RespSurface.connect(address, 3),
    ];
    for (const writer of surfaces) {
      for (const reader of surfaces) {
        await t.step({
          name: `${writer.name} writes, ${reader.name} reads`,
          // The connections are older than the step.
          sanitizeOps: false,
          sanitizeResources: false,
          async fn() {
            await live.clear();
            for (const [i, value] of CONTENTS.entries()) {
              assertEquals(await writer.perform(["set", `v${i}`, value]), true);
            }
            for (const [i, key] of KEYS.entries()) assertEquals(await writer.perform(["set", key, `k${i}`]), true);
            for (const [i, value] of CONTENTS.entries()) {
              assertEquals(await reader.perform(["get", `v${i}`]), bytesOf(value), `value ${i}`);
            }
            for (const [i, key] of KEYS.entries()) {
              assertEquals(await reader.perform(["get", key]), bytesOf(`k${i}`), `key ${i}`);
              assertEquals(await reader.perform(["delete", key]), true, `key ${i}`);
              assertEquals(await writer.perform(["get", key]), undefined, `key ${i} after its end`);
            }
            assertEquals(BigInt(await writer.perform(["incr", "n"]) as number), 1n);
            assertEquals(BigInt(await reader.perform(["incr", "n"]) as number), 2n);
            assertEquals(BigInt(await writer.perform(["decr", "n"]) as number), 1n);
            assertEquals(await reader.perform(["get", "n"]), bytesOf("1"));
          },
        });
      }
    }
    for (const surface of surfaces) await surface[Symbol.asyncDispose]();
    live.engine.verify();
    assertEquals(live.lines, []);
  },
});
