/**
 * Commands without a connection: words in, reply out.
 *
 * @module
 */

import { assert } from "@std/assert";
import { binaryText, ByteRange, bytesOfBinaryText } from "../../lib/bytes.ts";
import { Payload, Request, Response, Status } from "../../lib/codec/message.ts";
import { fitsArity, OPERATION, type OperationName } from "../../lib/codec/operations.ts";
import { Failure, Plain, type Reply } from "../../lib/codec/reply.ts";
import { ClientState } from "../../lib/commands/client_state.ts";
import { execute } from "../../lib/commands/execute.ts";
import { ServerState } from "../../lib/commands/server_state.ts";
import { Engine, type EngineOptions } from "../../lib/storage/engine.ts";
import { FakeClock } from "./fake_clock.ts";

/** A reply in plain terms: bytes are texts of a character each, words of the protocol too. */
export type Told = null | number | bigint | string | Told[];

/** A server without sockets. */
export class Asker {
  readonly clock: FakeClock;
  readonly engine: Engine;
  readonly server: ServerState;
  readonly #client: ClientState;

  constructor(options: Omit<EngineOptions, "clock"> & { clock?: FakeClock; maxValueBytes?: number } = {}) {
    this.clock = options.clock ?? new FakeClock();
    this.engine = new Engine({ ...options, clock: this.clock });
    this.server = new ServerState({
      store: this.engine,
      clock: this.clock,
      maxValueBytes: options.maxValueBytes ?? 1024 * 1024,
      port: 1,
      settings: new Map(),
      shutdown: () => {},
      authenticator: undefined,
    });
    const where = { address: "127.0.0.1:2", localAddress: "127.0.0.1:1", network: "this machine", isSecure: true };
    this.#client = new ClientState({ id: 1, ...where, nowMs: this.clock.nowMs(), push: () => {}, kill: () => {} });
  }

  /** Carries out a command of words that are parted by blanks; `''` is an empty one. */
  ask(line: string): Told {
    return this.askWords(line.split(" ").map((word) => word === "''" ? "" : word));
  }

  /** Carries out a command. An error is told as `! CODE message`. */
  askWords([name, ...words]: readonly string[]): Told {
    const operation = OPERATION[name!.toUpperCase() as OperationName];
    assert(fitsArity(operation, words.length + 1), `the dialect would refuse so few or so many words for ${name}`);
    const request = new Request(), response = new Response();
    request.operation = operation;
    for (const word of words.map(bytesOfBinaryText)) request.addWord(word, 0, word.length);
    const waiting = execute(
      request,
      response,
      { store: this.engine, server: this.server, client: this.#client },
      (error) => {
        throw error;
      },
    );
    assert(waiting === undefined, "what EXEC may carry out must not wait");
    if (response.errorCode !== undefined) return `! ${response.errorCode} ${response.errorMessage}`;
    if (response.status === Status.NOT_FOUND) return null;
    if (response.payload === Payload.VALUE) return binaryText(response.value.copy());
    if (response.payload === Payload.INTEGER) return response.integer;
    return told(response.reply);
  }

  /** What a key holds, without a command. */
  value(key: string): string | undefined {
    const value = new ByteRange();
    return this.engine.get(ByteRange.of(bytesOfBinaryText(key)), value) ? binaryText(value.copy()) : undefined;
  }
}

function told(reply: Reply): Told {
  if (reply instanceof Plain) return reply.text;
  if (reply instanceof Failure) return `! ${reply.code} ${reply.message}`;
  if (reply instanceof Uint8Array) return binaryText(reply);
  if (Array.isArray(reply)) return reply.map(told);
  assert(reply === null || typeof reply === "string" || typeof reply === "number" || typeof reply === "bigint");
  return reply;
}
