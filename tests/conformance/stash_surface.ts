/** GoStash's protocol, over TCP. */

import { concat } from "@std/bytes";
import { binaryText, utf8 } from "../../lib/bytes.ts";
import { RawClient } from "../support/raw_client.ts";
import { bytesOf } from "./engine_surface.ts";
import { type Content, type Operation, type Outcome, Refused, type Surface } from "./surface.ts";

/** Operations as frames of GoStash. */
export class StashSurface implements Surface {
  readonly name = "stash";
  readonly ttlStepMs = 1;
  readonly #client: RawClient;
  readonly #buffer = new Uint8Array(64 * 1024);

  private constructor(client: RawClient) {
    this.#client = client;
  }

  static async connect(address: { port: number }): Promise<StashSurface> {
    return new StashSurface(await RawClient.connect(address));
  }

  refuses(operation: Operation): string | undefined {
    const [verb] = operation;
    if (!["set", "get", "delete", "incr", "decr"].includes(verb)) return `it has no word for ${verb}`;
    if (verb === "set" && operation[3] !== undefined) return "SET takes no expiry";
    if (verb === "set" && bytesOf(operation[2]).length === 3 && binaryText(bytesOf(operation[2])) === "ERR") {
      return "the value ERR looks like an error";
    }
    if ((verb === "incr" || verb === "decr") && operation[2] !== undefined) return "INC and DEC count by one";
    return undefined;
  }

  async perform(operation: Operation): Promise<Outcome> {
    switch (operation[0]) {
      case "set":
        return await this.#ok(frameOf("SET", operation[1], operation[2]));
      case "get": {
        const answer = await this.#ask(frameOf("GET", operation[1]));
        return binaryText(answer.subarray(0, 4)) === "ERR" ? undefined : answer;
      }
      case "delete":
        return await this.#ok(frameOf("DEL", operation[1]));
      case "incr":
      case "decr": {
        const answer = binaryText(await this.#ask(frameOf(operation[0] === "incr" ? "INC" : "DEC", operation[1])));
        return answer === "ERR" ? new Refused("?") : BigInt(answer);
      }
    }
    throw new TypeError(`Cannot perform ${operation[0]}: stash does not express it`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#client[Symbol.dispose]();
    return Promise.resolve();
  }

  async #ok(request: Uint8Array): Promise<boolean> {
    const answer = binaryText(await this.#ask(request));
    if (answer !== "OK" && answer !== "ERR") throw new Error(`neither OK nor ERR: ${answer}`);
    return answer === "OK";
  }

  /**
   * Sends one frame and reads its reply. A reply has no length, so a second frame is sent behind it whose answer shows
   * where the first one ends.
   */
  async #ask(request: Uint8Array): Promise<Uint8Array> {
    await this.#client.send(concat([request, MARKER_REQUEST]));
    const parts: Uint8Array[] = [];
    for (let length = 0;;) {
      const count = await this.#client.connection.read(this.#buffer);
      if (count === null) throw new Error("the connection ended instead of a reply");
      parts.push(this.#buffer.slice(0, count));
      length += count;
      const all = length < 1_000 || binaryText(parts.at(-1)!.subarray(-MARKER_REPLY.length)) === MARKER_REPLY
        ? concat(parts)
        : undefined;
      if (all !== undefined && binaryText(all.subarray(-MARKER_REPLY.length)) === MARKER_REPLY) {
        const answer = all.subarray(0, all.length - MARKER_REPLY.length);
        if (binaryText(answer.subarray(-2)) === "\r\n") return answer.subarray(0, -2);
      }
    }
  }
}

/** A key that no step uses, so that its answer is always the same. */
const MARKER_REQUEST = frameOf("GET", "a key that is not there");
const MARKER_REPLY = "ERR\r\n";

/** One frame, put together by hand. */
export function frameOf(verb: string, key: Content, value?: Content): Uint8Array {
  const parts = [utf8(`${verb}\0${bytesOf(key).length}\0`), bytesOf(key)];
  if (value !== undefined) parts.push(utf8(`\0${bytesOf(value).length}\0`), bytesOf(value));
  return concat([...parts, utf8("\r\n")]);
}
