/**
 * What a client says first on each of its connections: who it is. Nothing else is sent before the server has agreed.
 *
 * @module
 */

import { readFully, writeAll } from "../channel/byte_stream.ts";
import type { Clock } from "../clock.ts";
import { decodeResponseHeader, encodeRequest, RESPONSE_HEADER_BYTES, type ResponseHeader } from "../codec/cm.ts";
import { INVALID } from "../codec/message.ts";
import { OPCODE } from "../codec/operations.ts";
import { CryptomemError } from "../errors.ts";
import { REFUSED_LOGIN_PAUSE_MS } from "../limits.ts";
import { wasDone } from "./requests.ts";
import type { Transport } from "./transport.ts";

const NO_BYTES = new Uint8Array(0);
/** Longer than any error that a server answers. */
const MAX_ANSWER_BYTES = 4096;

/** A secret, and what became of it. */
export class Login {
  readonly #frame: Uint8Array;
  readonly #clock: Clock;
  /** The server's last word, and until when it is not asked again. */
  #refusal: { readonly error: CryptomemError; readonly endMs: number } | undefined;

  /** @param secret a password, or a token */
  constructor(secret: Uint8Array, clock: Clock) {
    this.#frame = encodeRequest(OPCODE.AUTH, NO_BYTES, secret, 0);
    this.#clock = clock;
  }

  /**
   * Fails as the last time if the secret was refused a moment ago: a server slows an address down that keeps on giving
   * wrong ones, and with it all other programs there.
   *
   * @throws CryptomemError `AUTH_FAILED`
   */
  checkWorthwhile(): void {
    if (this.#refusal === undefined) return;
    if (this.#clock.nowMs() < this.#refusal.endMs) throw this.#refusal.error;
    this.#refusal = undefined;
  }

  /**
   * Logs in, on a connection on which nothing has been said.
   *
   * @throws CryptomemError with the server's code if it refuses; `DISCONNECTED` if there is no answer, `BAD_MAGIC` or
   * `TOO_LARGE` if there is another; or what the stream rejects with
   */
  async over(transport: Transport): Promise<void> {
    await writeAll(transport, this.#frame);
    try {
      await readAgreement(transport);
    } catch (error) {
      if (error instanceof CryptomemError && error.code === "AUTH_FAILED") {
        this.#refusal = { error, endMs: this.#clock.nowMs() + REFUSED_LOGIN_PAUSE_MS };
      }
      throw error;
    }
  }
}

/** Reads the answer and no byte behind it. */
async function readAgreement(transport: Transport): Promise<void> {
  const start = new Uint8Array(RESPONSE_HEADER_BYTES), header: ResponseHeader = { status: 0, valueLength: 0 };
  if (!await readFully(transport, start)) throw noAnswer();
  if (decodeResponseHeader(start, 0, start.length, header) === INVALID) {
    throw new CryptomemError("BAD_MAGIC", "Cannot log in: the reply does not start with CM");
  }
  if (header.valueLength > MAX_ANSWER_BYTES) {
    throw new CryptomemError("TOO_LARGE", `Cannot log in: the reply announces ${header.valueLength} bytes`);
  }
  const value = new Uint8Array(header.valueLength);
  if (!await readFully(transport, value)) throw noAnswer();
  wasDone(OPCODE.AUTH, { status: header.status, value }, "log in");
}

function noAnswer(): CryptomemError {
  return new CryptomemError("DISCONNECTED", "Cannot log in: the server closed the connection");
}
