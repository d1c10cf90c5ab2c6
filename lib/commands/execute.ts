/**
 * From an opcode to its handler.
 *
 * @module
 */

import type { Request, Response } from "../codec/message.ts";
import { OPERATIONS } from "../codec/operations.ts";
import { CryptomemError, WIRE_ERROR_CODES, type WireErrorCode } from "../errors.ts";
import type { CommandContext, Handler } from "./command.ts";
import { HANDLERS } from "./handlers.ts";

/** Handlers by opcode: one array access for each request. */
const BY_OPCODE: Handler[] = [];
for (const { name, opcode } of OPERATIONS) BY_OPCODE[opcode] = HANDLERS[name];

/**
 * Carries out a decoded request. Whatever goes wrong becomes the response's error.
 *
 * @returns the error that the client is told nothing about (code INTERNAL), for the log
 */
export function execute(request: Request, response: Response, context: CommandContext): unknown {
  if (request.errorCode !== undefined) {
    response.fail(request.errorCode, request.errorMessage);
    return undefined;
  }
  try {
    BY_OPCODE[request.opcode]!(request, response, context);
    return undefined;
  } catch (error) {
    if (error instanceof CryptomemError && isWireCode(error.code)) {
      response.fail(error.code, error.message);
      return undefined;
    }
    response.fail("INTERNAL", "the server could not carry this out; its log says why");
    return error;
  }
}

function isWireCode(code: string): code is WireErrorCode {
  return (WIRE_ERROR_CODES as readonly string[]).includes(code);
}
