/** Every step on every surface: what cannot be expressed is skipped with its reason. */

import { assertEquals } from "@std/assert";
import { canListen } from "../support/permissions.ts";
import { SealedStore } from "../../lib/storage/sealed_store.ts";
import { SealingRule } from "../../lib/storage/sealing_rule.ts";
import { CmSurface } from "./cm_surface.ts";
import { bytesOf, EngineSurface } from "./engine_surface.ts";
import { LiveServer } from "./live_server.ts";
import { RespSurface } from "./resp_surface.ts";
import { SdkSurface } from "./sdk_surface.ts";
import { StashSurface } from "./stash_surface.ts";
import { STEPS } from "./steps.ts";
import { type Operation, type Outcome, Refused, type Step, type Surface } from "./surface.ts";
import { TextSurface } from "./text_surface.ts";

const SURFACES: Readonly<Record<string, (live: LiveServer) => Surface | Promise<Surface>>> = {
  "the engine": (live) => new EngineSurface(live.engine),
  "CM": (live) => CmSurface.connect(live.address),
  "text in miniGoStore's accent": (live) => TextSurface.connect(live.address, "minigostore"),
  "text in GoCache's accent": (live) => TextSurface.connect(live.address, "gocache"),
  "stash": (live) => StashSurface.connect(live.address),
  "RESP2": (live) => RespSurface.connect(live.address, 2),
  "RESP3": (live) => RespSurface.connect(live.address, 3),
  "the SDK": (live) => new SdkSurface(live.address),
  "the engine behind a rule about other keys": (live) => {
    return new EngineSurface(new SealedStore(live.engine, new SealingRule({ sealedOnly: ["no key begins so:"] })));
  },
  "the SDK where only sealed values are taken": (live) => new SdkSurface(live.address),
};
const OPTIONS: Readonly<Record<string, ConstructorParameters<typeof LiveServer>[0]>> = {
  "the SDK where only sealed values are taken": { sealedOnly: "all" },
};

for (const [name, connect] of Object.entries(SURFACES)) {
  Deno.test({
    name: `the conformance suite holds on ${name}`,
    ignore: !canListen,
    async fn(t) {
      await using live = new LiveServer(OPTIONS[name]);
      await using surface = await connect(live);
      for (const step of STEPS) {
        const reason = skipReason(step, surface);
        await t.step({
          name: reason === undefined ? step.name : `${step.name} [skipped: ${reason}]`,
          ignore: reason !== undefined,
          fn: () => run(step, surface, live),
          // The connection was opened before the step, and what is under way on it may end within.
          sanitizeOps: false,
          sanitizeResources: false,
        });
      }
      live.engine.verify();
      assertEquals(live.lines, []);
    },
  });
}

Deno.test("every operation is in a step that the engine and another surface can express", () => {
  const used = new Set(STEPS.flatMap(({ script }) => script.map(([[verb]]) => verb)));
  assertEquals(
    [...used].sort(),
    // deno-fmt-ignore
    ["add", "cas", "clear", "decr", "delete", "exists", "get", "getex", "getv", "incr", "persist", "replace", "scan",
      "set", "swap", "take", "touch", "ttl", "wait"],
  );
  assertEquals(new Set(STEPS.map(({ name }) => name)).size, STEPS.length);
});

function skipReason({ script }: Step, surface: Surface): string | undefined {
  for (const [operation] of script) {
    const reason = operation[0] === "wait" ? undefined : surface.refuses(operation);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

async function run({ script }: Step, surface: Surface, live: LiveServer): Promise<void> {
  await live.clear();
  for (const [i, [operation, expected]] of script.entries()) {
    if (operation[0] === "wait") {
      live.clock.advance(operation[1]);
      continue;
    }
    const outcome = await surface.perform(operation);
    assertOutcome(outcome, inStepsOf(surface, operation, expected), `operation ${i}, ${operation[0]}`);
  }
}

/** A time to live as a surface tells it that counts in larger steps. */
function inStepsOf({ ttlStepMs }: Surface, [verb]: Operation, expected: Outcome): Outcome {
  if (verb !== "ttl" || typeof expected !== "number" || expected <= 0) return expected;
  return Math.ceil(expected / ttlStepMs) * ttlStepMs;
}

function assertOutcome(actual: Outcome, expected: Outcome, where: string): void {
  if (expected instanceof Refused && actual instanceof Refused) {
    if (actual.code !== "?") assertEquals(actual.code, expected.code, where);
  } else assertEquals(normal(actual), normal(expected), where);
}

/** Texts and bytes alike, numbers and bigints alike. */
function normal(outcome: Outcome): unknown {
  if (typeof outcome === "string" || outcome instanceof Uint8Array) return hexOf(bytesOf(outcome));
  return typeof outcome === "number" ? BigInt(outcome) : outcome;
}

/** Shows all of a short content, and enough of a long one to see where two differ. */
function hexOf(bytes: Uint8Array): string {
  if (bytes.length <= 1_024) return new Uint8Array(bytes).toHex();
  let sum = 0;
  for (const byte of bytes) sum = (Math.imul(sum, 31) + byte) | 0;
  return `${bytes.length} bytes, checksum ${sum}, ${new Uint8Array(bytes.subarray(0, 64)).toHex()}…`;
}
