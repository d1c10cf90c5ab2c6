/**
 * From a request to its handler, past what stands before it: refusals, authentication, transactions.
 *
 * @module
 */

import { type Request, type Response, Status } from "../codec/message.ts";
import { type Operation, OPERATIONS } from "../codec/operations.ts";
import { CryptomemError, WIRE_ERROR_CODES, type WireErrorCode } from "../errors.ts";
import { DEFAULT_SLOW_MICROSECONDS } from "../limits.ts";
import type { ClientState } from "./client_state.ts";
import type { CommandContext, Handler } from "./command.ts";
import { isLimitedSubscriber } from "./connection.ts";
import { ARGUMENT_HANDLERS, TYPED_HANDLERS } from "./handlers.ts";
import { slowCommand } from "./slow_log.ts";
import { collect, commit, isCollected } from "./transactions.ts";

/** By opcode: one array access for each request. */
const TYPED: { operation: Operation; handler: Handler }[] = [];
/** By index of the operation. */
const ARGUMENT: (Handler | undefined)[] = [];
for (const operation of OPERATIONS) {
  const { name, opcode, arity, index } = operation;
  if (opcode > 0) TYPED[opcode] = { operation, handler: (TYPED_HANDLERS as Record<string, Handler>)[name]! };
  if (arity !== 0) ARGUMENT[index] = (ARGUMENT_HANDLERS as Record<string, Handler>)[name]!;
}

/** What a connection may ask for before it has said who it is, on a server that asks. */
const BEFORE_AUTHENTICATION: ReadonlySet<string> = new Set(["AUTH", "PASS", "HELLO", "PING", "QUIT", "RESET"]);
/** What a subscriber may ask for in RESP2. */
const FOR_SUBSCRIBERS: ReadonlySet<string> = new Set([
  "SUBSCRIBE",
  "UNSUBSCRIBE",
  "PSUBSCRIBE",
  "PUNSUBSCRIBE",
  "PING",
  "QUIT",
  "RESET",
]);
/**
 * Argument forms whose work grows with what they are given or with what is stored. Only these can take long enough for
 * the slow log as it is set by default; a clock reading costs as much as a plain lookup, so the others are not timed
 * unless somebody asks for shorter times.
 */
const GROWING: ReadonlySet<string> = new Set([
  ...["MGET", "MSET", "MSETNX", "APPEND", "SETRANGE", "GETRANGE", "SUBSTR", "RENAME", "RENAMENX", "COPY"],
  ...["DEL", "UNLINK", "EXISTS", "TOUCH", "KEYS", "SCAN", "RANDOMKEY", "DBSIZE", "FLUSHDB", "FLUSHALL"],
  ...["PUBLISH", "PUBSUB", "CLIENT", "COMMAND", "CONFIG", "INFO", "DEBUG", "EXEC"],
]);
const IS_GROWING: readonly boolean[] = OPERATIONS.map(({ name }) => GROWING.has(name));
const MICROSECONDS_PER_MS = 1_000;
/** Commands that are slow by intention and carry secrets: not even their lengths are noted. */
const UNNOTED: ReadonlySet<string> = new Set(["AUTH", "PASS", "HELLO"]);
/** Codes that say that somebody may not, rather than that something is wrong. */
const DENIALS: ReadonlySet<WireErrorCode> = new Set(["AUTH_REQUIRED", "AUTH_FAILED", "FORBIDDEN", "SEALED_ONLY"]);

/** Reports what a client is told nothing about (code INTERNAL). */
export type ReportError = (error: unknown) => void;

/**
 * Carries out a decoded request. Whatever goes wrong becomes the response's error.
 *
 * @returns a promise only if something has to be waited for
 */
export function execute(
  request: Request,
  response: Response,
  context: CommandContext,
  reportError: ReportError,
): void | Promise<void> {
  const { client, server } = context;
  if (request.errorCode !== undefined) {
    if (client.transaction !== undefined) client.transaction.isBroken = true;
    response.fail(request.errorCode, request.errorMessage);
    return;
  }
  const operation = request.opcode === 0 ? request.operation! : TYPED[request.opcode]!.operation;
  if (server.authenticator !== undefined && isRefused(operation, request, response, client)) return;
  if (client.subscriptions > 0 && isLimitedSubscriber(client) && !FOR_SUBSCRIBERS.has(operation.name)) {
    const message =
      `Can't execute '${operation.name.toLowerCase()}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / ` +
      "QUIT / RESET are allowed in this context";
    return refuse(response, client, "BAD_REQUEST", message);
  }
  if (client.transaction !== undefined) {
    if (isCollected(operation.name)) return collect(request, operation.name, response, client.transaction);
    if (operation.name === "EXEC") {
      server.counts.commands++;
      return commit(response, context, (one, part) => {
        const operation = one.opcode === 0 ? one.operation! : TYPED[one.opcode]!.operation;
        // What was allowed when it was collected need not be any more.
        if (server.authenticator !== undefined && isRefused(operation, one, part, client)) return;
        return carryOut(operation, one, part, context, reportError);
      });
    }
  }
  return carryOut(operation, request, response, context, reportError);
}

/**
 * Refuses what a connection may not ask for. Every request in every dialect comes past here, and only here is it decided
 * who may do what.
 */
function isRefused(operation: Operation, request: Request, response: Response, client: ClientState): boolean {
  const { identity } = client;
  if (identity === undefined) {
    if (isFree(operation, client)) return false;
    refuse(response, client, "AUTH_REQUIRED", "Authentication required.");
    return true;
  }
  const refusal = identity.scope?.refusal(operation, request);
  if (refusal === undefined) return false;
  refuse(response, client, "FORBIDDEN", refusal);
  return true;
}

function carryOut(
  operation: Operation,
  request: Request,
  response: Response,
  context: CommandContext,
  reportError: ReportError,
): void | Promise<void> {
  context.server.counts.commands++;
  context.client.lastCommand = operation.name;
  if (request.opcode !== 0) return call(TYPED[request.opcode]!.handler, request, response, context, reportError);
  if (!IS_GROWING[operation.index] && context.server.slowLog.thresholdMicroseconds >= DEFAULT_SLOW_MICROSECONDS) {
    return call(ARGUMENT[operation.index]!, request, response, context, reportError);
  }
  return callTimed(operation, request, response, context, reportError);
}

/**
 * Carries out an argument form and notes it if it took long. The typed forms are not timed: two readings of the clock
 * would cost them more than finding the entry, and they do nothing that grows beyond one value, or do it in steps.
 */
function callTimed(
  operation: Operation,
  request: Request,
  response: Response,
  context: CommandContext,
  reportError: ReportError,
): void | Promise<void> {
  const startMs = context.server.clock.nowMs();
  const waiting = call(ARGUMENT[operation.index]!, request, response, context, reportError);
  if (waiting !== undefined) return waiting.then(() => noteIfSlow(operation, request, context, startMs));
  noteIfSlow(operation, request, context, startMs);
}

function noteIfSlow(
  operation: Operation,
  request: Request,
  { server: { clock, slowLog }, client }: CommandContext,
  startMs: number,
): void {
  const microseconds = Math.round((clock.nowMs() - startMs) * MICROSECONDS_PER_MS);
  if (!slowLog.isSlow(microseconds) || UNNOTED.has(operation.name)) return;
  slowLog.note(slowCommand(operation, request, client, { wallMs: clock.wallMs(), microseconds }));
}

function call(
  handler: Handler,
  request: Request,
  response: Response,
  context: CommandContext,
  reportError: ReportError,
): void | Promise<void> {
  try {
    const waiting = handler(request, response, context);
    if (waiting !== undefined) return waiting.catch((error) => fail(error, response, reportError));
  } catch (error) {
    fail(error, response, reportError);
  }
}

/** Whether a connection may ask for it before authentication; Redis refuses PING too. */
function isFree({ name }: Operation, { dialect }: ClientState): boolean {
  return BEFORE_AUTHENTICATION.has(name) && !(name === "PING" && dialect === "resp");
}

/** Refuses a request, and with it the transaction that it should have been a part of. */
function refuse(response: Response, client: ClientState, code: WireErrorCode, message: string): void {
  if (client.transaction !== undefined) client.transaction.isBroken = true;
  response.fail(code, message, statusOf(code));
}

function fail(error: unknown, response: Response, reportError: ReportError): void {
  if (error instanceof CryptomemError && isWireCode(error.code)) {
    response.fail(error.code, error.message, statusOf(error.code));
  } else {
    response.fail("INTERNAL", "the server could not carry this out; its log says why");
    reportError(error);
  }
}

function statusOf(code: WireErrorCode): Status {
  return DENIALS.has(code) ? Status.DENIED : Status.ERROR;
}

function isWireCode(code: string): code is WireErrorCode {
  return (WIRE_ERROR_CODES as readonly string[]).includes(code);
}
