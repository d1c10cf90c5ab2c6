/** The client SDK, which seals what it stores: only what it stored can be read with it. */

import { textOf } from "../../lib/bytes.ts";
import { Client } from "../../lib/client/client.ts";
import type { SetOptions } from "../../lib/client/options.ts";
import type { Content, Operation, Outcome, Surface, Verb } from "./surface.ts";

/** What the SDK has no call for, and why. */
const WITHOUT: Partial<Record<Verb, string>> = {
  swap: "who wants the value before has update()",
  getex: "a reading leaves the time to live",
  getv: "versions are the SDK's own affair",
  cas: "versions are the SDK's own affair",
  incr: "its numbers are sealed, not digits in a text",
  decr: "its numbers are sealed, not digits in a text",
};

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
    if (verb === "wait") return undefined;
    const reason = WITHOUT[verb];
    if (reason !== undefined) return reason;
    if (textKey(operation[1] as Content) === undefined) return "its keys are texts";
    return undefined;
  }

  async perform(operation: Operation): Promise<Outcome> {
    const client = this.#client;
    const key = textKey(operation[1] as Content)!;
    switch (operation[0]) {
      case "set":
        await client.set(key, operation[2], setOptions(operation[3]));
        return true;
      case "add":
        return await client.add(key, operation[2], setOptions(operation[3]));
      case "replace":
        return await client.replace(key, operation[2], setOptions(operation[3]));
      case "get":
        return await client.get(key) as Outcome;
      case "take":
        return await client.take(key) as Outcome;
      case "delete":
        return await client.delete(key);
      case "exists":
        return await client.exists(key);
      case "ttl": {
        const ttlMs = await client.ttl(key);
        return ttlMs === null ? -1 : ttlMs;
      }
      case "touch":
        return await client.touch(key, operation[2]);
      case "persist":
        return await client.touch(key, null);
      case "scan": {
        const names = new Set<string>();
        const count = operation[2] === undefined ? {} : { count: operation[2] };
        for await (const { name } of client.scan({ prefix: key, ...count })) names.add(name);
        return [...names].sort();
      }
      case "clear":
        return await client.clear(key);
    }
    throw new TypeError(`Cannot perform ${operation[0]}: the SDK does not express it`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#client.close();
  }
}

function setOptions(ttlMs: number | undefined): SetOptions {
  return ttlMs === undefined || ttlMs === 0 ? {} : { ttl: ttlMs };
}

/** The key as a text, if it is one. */
function textKey(key: Content): string | undefined {
  if (typeof key === "string") return key;
  const text = textOf(key);
  return text.includes("\ufffd") ? undefined : text;
}
