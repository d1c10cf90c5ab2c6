/**
 * Replies of one connection that may not leave before what they tell of is durable. They are written where all replies
 * are, and wait there; if the changes cannot be kept, those that tell of entries are written anew, as refusals.
 *
 * It watches a connection's dialect write them, so that a connection whose replies never wait does nothing for it.
 *
 * @module
 */

import type { Dialect } from "../codec/dialect.ts";
import { Request, Response } from "../codec/message.ts";
import { type Operation, OPERATIONS } from "../codec/operations.ts";
import type { ClientState } from "../commands/client_state.ts";
import { CryptomemError } from "../errors.ts";
import type { Output } from "./output.ts";

/** By opcode and by index: whether an operation reads or changes entries, or may. */
const TYPED_TELLS: boolean[] = [];
const TELLS: boolean[] = [];
for (const operation of OPERATIONS) {
  TELLS[operation.index] = tellsOfEntries(operation);
  if (operation.opcode > 0) TYPED_TELLS[operation.opcode] = TELLS[operation.index]!;
}

function tellsOfEntries({ group, name }: Operation): boolean {
  return group === "string" || group === "generic" || name === "EXEC" || name === "WATCH" || name === "MEMORY";
}

/** One reply that tells of entries: where it lies in the output, and what it answers. */
interface Place {
  readonly start: number;
  readonly end: number;
  readonly opcode: number;
  readonly operation: Operation | undefined;
}

/** The replies of one connection that were made since the last {@linkcode HeldReplies.begin}. */
export class HeldReplies {
  readonly #client: ClientState;
  readonly #output: Output;
  readonly #places: Place[] = [];
  #dialect: Dialect | undefined;

  constructor(client: ClientState, output: Output) {
    this.#client = client;
    this.#output = output;
  }

  /** The same dialect, watched. */
  watch(dialect: Dialect): Dialect {
    this.#dialect = dialect;
    return {
      name: dialect.name,
      decode: (bytes, start, end, request) => dialect.decode(bytes, start, end, request),
      encodedBytes: (response, request) => dialect.encodedBytes(response, request),
      encode: (response, request, output, at) => {
        const end = dialect.encode(response, request, output, at);
        if (this.tellsOfEntries(request, response)) this.#note(request, at, end);
        return end;
      },
      encodePush: (push) => dialect.encodePush(push),
    };
  }

  /** Forgets the replies so far: they have left. */
  begin(): void {
    this.#places.length = 0;
  }

  /** Whether there is a reply that tells of entries. */
  get isEmpty(): boolean {
    return this.#places.length === 0;
  }

  /** Whether the answer to a request that has been carried out tells of entries. */
  tellsOfEntries(request: Request, { errorCode }: Response): boolean {
    if (request.errorCode !== undefined || errorCode === "AUTH_REQUIRED") return false;
    // What a transaction collects is not carried out yet.
    if (this.#client.transaction !== undefined) return false;
    return request.opcode === 0 ? TELLS[request.operation!.index]! : TYPED_TELLS[request.opcode]!;
  }

  /**
   * Keeps the output back until what the replies tell of is durable, or has been taken back.
   *
   * @returns why it was taken back, which the replies say now; `undefined` if it is durable
   */
  async settle(pending: Promise<void>): Promise<CryptomemError | undefined> {
    this.#output.hold();
    try {
      await pending;
      return undefined;
    } catch (error) {
      const refusal = refusalOf(error);
      this.#refuse(refusal);
      return refusal;
    } finally {
      this.#output.release();
    }
  }

  #note({ opcode, operation }: Request, at: number, end: number): void {
    const before = this.#output.bytesBefore;
    this.#places.push({ start: before + at, end: before + end, opcode, operation });
  }

  #refuse({ message }: CryptomemError): void {
    const bytes = this.#output.takeWaiting();
    // Its connection was cut meanwhile.
    if (bytes.length === 0) return;
    const request = new Request(), response = new Response();
    response.fail("STORAGE", message);
    let copied = 0;
    for (const { start, end, opcode, operation } of this.#places) {
      this.#output.append(bytes.subarray(copied, start));
      request.opcode = opcode;
      request.operation = operation;
      const refusal = new Uint8Array(this.#dialect!.encodedBytes(response, request));
      this.#output.append(refusal.subarray(0, this.#dialect!.encode(response, request, refusal, 0)));
      copied = end;
    }
    this.#output.append(bytes.subarray(copied));
  }
}

/** Whatever went wrong while changes were kept, they were not. */
function refusalOf(error: unknown): CryptomemError {
  if (error instanceof CryptomemError && error.code === "STORAGE") return error;
  return new CryptomemError("STORAGE", "Cannot keep the change: the server's log says why", { cause: error });
}
