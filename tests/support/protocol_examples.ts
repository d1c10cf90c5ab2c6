/**
 * The conversations that lib/codec/PROTOCOL.md shows, as bytes.
 *
 * @module
 */

import { concat } from "@std/bytes";
import { assertEquals } from "@std/assert";
import { textOf, utf8 } from "../../lib/bytes.ts";
import protocolPage from "../../lib/codec/PROTOCOL.md" with { type: "text" };
import { talk, type TalkOptions } from "./memory_connection.ts";

/** A request and its answer. */
export type Exchange = readonly [request: Uint8Array, answer: Uint8Array];

/** The exchanges of one block of the page, whose lines begin with `>` and `<`. */
export function examplesOf(block: "minigostore" | "gocache" | "stash"): Exchange[] {
  const [, lines] = new RegExp(`^\`\`\`${block}\\n([^]*?)^\`\`\``, "m").exec(protocolPage)!;
  // The line dialect has its own escapes; its lines end as they end here.
  const bytesOf = (text: string) => utf8(block === "stash" ? unescaped(text) : `${text}\n`);
  return [...lines!.matchAll(/^> (.*)\n< (.*)$/gm)].map(([, request, answer]) => [bytesOf(request!), bytesOf(answer!)]);
}

function unescaped(text: string): string {
  return text.replace(/\\([0rn])/g, (_, letter) => ({ 0: "\0", r: "\r", n: "\n" })[letter as "0" | "r" | "n"]);
}

/** Holds a conversation whole, byte by byte, and cut at every position; its answers must always be the same. */
export async function assertEverySplit(exchanges: readonly Exchange[], options: TalkOptions): Promise<void> {
  const requests = concat(exchanges.map(([request]) => request));
  const answers = textOf(concat(exchanges.map(([, answer]) => answer)));
  assertEquals(textOf(await talk([requests], options)), answers, "whole");
  const bytes = Array.from(requests, (byte) => Uint8Array.of(byte));
  assertEquals(textOf(await talk(bytes, options)), answers, "byte by byte");
  for (let cut = 1; cut < requests.length; cut++) {
    const halves = [requests.subarray(0, cut), requests.subarray(cut)];
    assertEquals(textOf(await talk(halves, options)), answers, `cut at ${cut}`);
  }
}
