/** The client SDK, which seals what it stores: only what it stored can be read with it. */

import { textOf } from "../../lib/bytes.ts";
import { Client } from "../../lib/client/client.ts";
import type { Content, Operation, Outcome, Surface } from "./surface.ts";

/** Operations as calls of the SDK. */
export class SdkSurface implements Surface {
  readonly name = "the SDK";
  readonly ttlStepMs = 1;
  readonly #client: Client;

  constructor({ port }: { port: number }) {
    const key = crypto.getRandomValues(new Uint8Array(32));
    this.#client = new Client(`127.0.0.1:${port}`, { key, timeout: 20_000 });
  }

  refuses(operation: Operation): string | undefined {
    const [verb] = operation;
    if (!["set", "get", "delete"].includes(verb)) return `it has no ${verb} yet`;
    if (textKey(operation[1] as Content) === undefined) return "its keys are texts";
    return undefined;
  }

  async perform(operation: Operation): Promise<Outcome> {
    const key = textKey(operation[1] as Content)!;
    switch (operation[0]) {
      case "set":
        await this.#client.set(key, operation[2], operation[3] === undefined ? {} : { ttl: operation[3] });
        return true;
      case "get":
        return await this.#client.get(key) as Outcome;
      case "delete":
        return await this.#client.delete(key);
    }
    throw new TypeError(`Cannot perform ${operation[0]}: the SDK does not express it`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#client.close();
  }
}

/** The key as a text, if it is one. */
function textKey(key: Content): string | undefined {
  if (typeof key === "string") return key;
  const text = textOf(key);
  return text.includes("\ufffd") ? undefined : text;
}
