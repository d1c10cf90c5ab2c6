/** RESP2 and RESP3, in the commands of Redis, over TCP. */

import { binaryText, textOf } from "../../lib/bytes.ts";
import { IncompleteReply, RespError, RespParser, type RespValue } from "../support/resp_parser.ts";
import { command } from "../support/resp_frame.ts";
import { RawClient } from "../support/raw_client.ts";
import { concat } from "@std/bytes";
import { type Content, type Operation, type Outcome, Refused, type Surface } from "./surface.ts";

/** Codes of the errors that the suite provokes, by Redis' texts. */
const CODES: Readonly<Record<string, string>> = {
  "ERR value is not an integer or out of range": "NOT_INTEGER",
  "ERR increment or decrement would overflow": "OVERFLOW",
};

/** Operations as commands of Redis. */
export class RespSurface implements Surface {
  readonly name: string;
  readonly ttlStepMs = 1;
  readonly #client: RawClient;
  readonly #buffer = new Uint8Array(64 * 1024);

  private constructor(client: RawClient, version: 2 | 3) {
    this.#client = client;
    this.name = `RESP${version}`;
  }

  static async connect(address: { port: number }, version: 2 | 3): Promise<RespSurface> {
    const surface = new RespSurface(await RawClient.connect(address), version);
    if (version === 3) await surface.#ask("HELLO", "3");
    return surface;
  }

  refuses(operation: Operation): string | undefined {
    const [verb] = operation;
    if (verb === "getv" || verb === "cas") return "Redis has no versions; WATCH is tested with the transactions";
    if ((verb === "incr" || verb === "decr") && operation[3] !== undefined) return "Redis' INCR takes no expiry";
    if (verb === "decr" && operation[2] === -(2n ** 63n)) return "Redis refuses to negate it";
    if (verb === "clear" && operation[1] !== "") return "Redis clears everything or nothing";
    return undefined;
  }

  async perform(operation: Operation): Promise<Outcome> {
    switch (operation[0]) {
      case "set":
        return await this.#ok("SET", operation[1], operation[2], ...expiry(operation[3]));
      case "add":
        return await this.#ok("SET", operation[1], operation[2], "NX", ...expiry(operation[3]));
      case "replace":
        return await this.#ok("SET", operation[1], operation[2], ...expiry(operation[3]), "XX");
      case "swap":
        return await this.#value("SET", operation[1], operation[2], ...expiry(operation[3]), "GET");
      case "get":
        return await this.#value("GET", operation[1]);
      case "take":
        return await this.#value("GETDEL", operation[1]);
      case "delete":
        return await this.#flag("DEL", operation[1]);
      case "exists":
        return await this.#flag("EXISTS", operation[1]);
      case "touch":
        return await this.#flag("PEXPIRE", operation[1], operation[2]);
      case "persist": {
        // PERSIST answers 0 for an entry without expiry as for none.
        const found = await this.#value("GETEX", operation[1], "PERSIST");
        return found instanceof Refused ? found : found !== undefined;
      }
      case "getex":
        return operation[2] === 0
          ? await this.#value("GETEX", operation[1], "PERSIST")
          : await this.#value("GETEX", operation[1], "PX", operation[2]);
      case "ttl": {
        const ttlMs = await this.#ask("PTTL", operation[1]);
        return ttlMs === -2n ? undefined : Number(ttlMs);
      }
      case "incr":
        return operation[2] === undefined
          ? await this.#integer("INCR", operation[1])
          : await this.#integer("INCRBY", operation[1], operation[2]);
      case "decr":
        return operation[2] === undefined
          ? await this.#integer("DECR", operation[1])
          : await this.#integer("DECRBY", operation[1], operation[2]);
      case "scan":
        return await this.#scan(operation[1], operation[2] ?? 10);
      case "clear": {
        const count = await this.#integer("DBSIZE");
        return await this.#ok("FLUSHALL") === true ? count : new Refused("?");
      }
    }
    throw new TypeError(`Cannot perform ${operation[0]}: RESP does not express it`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#client[Symbol.dispose]();
    return Promise.resolve();
  }

  async #scan(prefix: Content, count: number): Promise<readonly string[]> {
    const pattern = (prefix as string).replace(/[*?[\]\\^]/g, "\\$&") + "*";
    const keys = new Set<string>();
    let cursor = "0";
    do {
      const answer = await this.#ask("SCAN", cursor, "MATCH", pattern, "COUNT", count) as [Uint8Array, Uint8Array[]];
      cursor = binaryText(answer[0]);
      for (const key of answer[1]) keys.add(textOf(key));
    } while (cursor !== "0");
    return [...keys].sort();
  }

  async #ok(...words: Word[]): Promise<Outcome> {
    const answer = await this.#ask(...words);
    if (answer === "OK") return true;
    if (answer === null) return false;
    return refusal(answer);
  }

  async #value(...words: Word[]): Promise<Outcome> {
    const answer = await this.#ask(...words);
    if (answer === null) return undefined;
    return answer instanceof Uint8Array ? answer : refusal(answer);
  }

  async #flag(...words: Word[]): Promise<Outcome> {
    const answer = await this.#ask(...words);
    if (answer === 1n) return true;
    if (answer === 0n) return false;
    return refusal(answer);
  }

  async #integer(...words: Word[]): Promise<Outcome> {
    const answer = await this.#ask(...words);
    return typeof answer === "bigint" ? answer : refusal(answer);
  }

  async #ask(...words: Word[]): Promise<RespValue> {
    await this.#client.send(command(...words));
    const parts: Uint8Array[] = [];
    for (;;) {
      const count = await this.#client.connection.read(this.#buffer);
      if (count === null) throw new Error("the connection ended instead of a reply");
      parts.push(this.#buffer.slice(0, count));
      // A large reply is parsed once, at its end, which is where its line of CR LF is.
      if (this.#buffer[count - 1] !== 0x0a) continue;
      const parser = new RespParser(concat(parts));
      try {
        const answer = parser.next();
        if (parser.rest > 0) throw new Error(`${parser.rest} bytes too many were answered to ${words[0]}`);
        return answer;
      } catch (error) {
        if (!(error instanceof IncompleteReply)) throw error;
      }
    }
  }
}

type Word = string | number | bigint | Uint8Array;

function expiry(ttlMs = 0): Word[] {
  return ttlMs === 0 ? [] : ["PX", ttlMs];
}

function refusal(answer: RespValue): Refused {
  if (!(answer instanceof RespError)) throw new Error(`no such answer was expected: ${answer}`);
  return new Refused(CODES[answer.text] ?? answer.text);
}
