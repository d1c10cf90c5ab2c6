/**
 * How bytes are cut into packets means nothing: every conversation is sent whole, byte by byte, and cut at every
 * position; pipelines of 1,000 mixed commands are cut at random.
 */

import { concat } from "@std/bytes";
import { assertMatch } from "@std/assert";
import { binaryText } from "../../lib/bytes.ts";
import { talk } from "../support/memory_connection.ts";
import { Random } from "../support/random.ts";
import { assertSameBytes } from "../support/same_bytes.ts";
import { type Conversation, CONVERSATIONS } from "./conversations.ts";
import { randomCommand } from "./random_commands.ts";

const PIPELINE_COMMANDS = 1_000;
const PIPELINE_CUTS = 10;

for (const conversation of CONVERSATIONS) {
  const { name, pinned, exchanges } = conversation;
  const options = pinned === undefined ? {} : { pinned };
  const requests = concat(exchanges.map(([request]) => request));

  Deno.test(`${name}: the example conversation is answered as it must be`, async () => {
    assertSameBytes(withoutHello(conversation, await talk([requests], options)), answersOf(conversation), name);
  });

  Deno.test(`${name}: the example conversation cut at every position and byte by byte is answered the same`, async () => {
    const whole = await talk([requests], options);
    for (let cut = 1; cut < requests.length; cut++) {
      const answers = await talk([requests.subarray(0, cut), requests.subarray(cut)], options);
      assertSameBytes(answers, whole, `cut at ${cut}`);
    }
    assertSameBytes(await talk(Array.from(requests, (byte) => Uint8Array.of(byte)), options), whole, "byte by byte");
    assertSameBytes(await talk(exchanges.map(([request]) => request), options), whole, "one by one");
  });

  Deno.test(`${name}: a pipeline of 1,000 mixed commands cut at random is answered as command by command`, async () => {
    const random = new Random();
    const commands = Array.from({ length: PIPELINE_COMMANDS }, () => randomCommand(name, random));
    const oneByOne = await talk(commands, options);
    const all = concat(commands);
    for (let round = 0; round < PIPELINE_CUTS; round++) {
      const chunks: Uint8Array[] = [];
      for (let at = 0; at < all.length;) {
        const length = 1 + random.below(random.below(10) === 0 ? 20_000 : 200);
        chunks.push(all.subarray(at, at += length));
      }
      assertSameBytes(await talk(chunks, options), oneByOne, `seed ${random.seed}`);
    }
  });
}

function answersOf({ exchanges }: Conversation): Uint8Array {
  return concat(exchanges.map(([, answer]) => answer));
}

/** RESP3 begins with the answer to HELLO, a map; the first reply behind it is a null. */
function withoutHello({ name }: Conversation, answers: Uint8Array): Uint8Array {
  if (name !== "RESP3") return answers;
  assertMatch(binaryText(answers), /^%[0-9]+\r\n/);
  return answers.subarray(binaryText(answers).indexOf("_\r\n"));
}
