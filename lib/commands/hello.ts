/**
 * HELLO of the binary dialect: what a client can know about the server before it sends anything else.
 *
 * @module
 */

import { strictTextOf, utf8 } from "../bytes.ts";
import type { Request, Response } from "../codec/message.ts";
import { OPCODE } from "../codec/operations.ts";
import { MAX_KEY_BYTES } from "../limits.ts";
import { VERSION } from "../version.ts";
import type { CommandContext } from "./command.ts";

/** Answers with JSON: server, version, limits, commands with their opcodes, features. */
export function hello(request: Request, response: Response, { server }: CommandContext): void {
  if (request.value.length > 0 && !isJson(request.value.copy())) {
    response.fail("BAD_REQUEST", "the value of HELLO must be JSON or empty");
    return;
  }
  const answer = utf8(JSON.stringify({
    server: "cryptomem",
    version: VERSION,
    limits: { maxKeyBytes: MAX_KEY_BYTES, maxValueBytes: server.maxValueBytes },
    commands: OPCODE,
    features: ["cas", "pubsub", "scan"],
  }));
  response.value.point(answer, 0, answer.length);
  response.answerValue();
}

function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(strictTextOf(bytes));
    return true;
  } catch {
    return false;
  }
}
