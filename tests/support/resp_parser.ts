/**
 * A strict parser of RESP2 and RESP3 replies, written from the specification and apart from the codec: every length
 * must be canonical, every line must end with CR LF and hold no other CR or LF, and nothing may be left over.
 *
 * @module
 */

import { binaryText } from "../../lib/bytes.ts";

/** An error reply, with its text. */
export class RespError {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A push of RESP3. */
export class RespPush {
  readonly items: readonly RespValue[];

  constructor(items: readonly RespValue[]) {
    this.items = items;
  }
}

/**
 * A reply. Simple strings are strings, bulk strings are bytes, nulls of all kinds are `null`, integers are bigints
 * because they may have 64 bits; maps are arrays of pairs.
 */
export type RespValue =
  | null
  | bigint
  | number
  | boolean
  | string
  | Uint8Array
  | RespError
  | RespPush
  | RespValue[]
  | Map<RespValue, RespValue>
  | Set<RespValue>;

const CR = 0x0d, LF = 0x0a;
/** Deeper than any reply of the server is. */
const MAX_DEPTH = 8;

/** Parses one reply at a time. */
export class RespParser {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Bytes behind the replies that were taken. */
  get rest(): number {
    return this.#bytes.length - this.#at;
  }

  /**
   * The next reply.
   *
   * @throws IncompleteReply if it is not all there; SyntaxError if it breaks a rule
   */
  next(depth = 0): RespValue {
    if (depth > MAX_DEPTH) throw this.#broken("nesting too deep");
    const start = this.#at;
    const line = this.#line();
    const body = line.slice(1);
    switch (line[0]) {
      case "+":
        return body;
      case "-":
        if (!/^[A-Z]+ .*$|^[A-Z]+$/s.test(body)) throw this.#broken(`error without a prefix: ${JSON.stringify(body)}`);
        return new RespError(body);
      case ":":
        return BigInt(this.#integer(body));
      case "$":
        return this.#bulk(body);
      case "*":
        return body === "-1" ? null : this.#items(this.#count(body), depth);
      case "_":
        if (body !== "") throw this.#broken("null with a body");
        return null;
      case "#":
        if (body !== "t" && body !== "f") throw this.#broken(`boolean ${body}`);
        return body === "t";
      case ",":
        return Number(body);
      case "(":
        return BigInt(this.#integer(body));
      case "=":
        return this.#bulk(body);
      case "~":
        return new Set(this.#items(this.#count(body), depth));
      case ">":
        return new RespPush(this.#items(this.#count(body), depth));
      case "%": {
        const items = this.#items(2 * this.#count(body), depth);
        return new Map(Array.from({ length: items.length / 2 }, (_, i) => [items[2 * i]!, items[2 * i + 1]!]));
      }
    }
    this.#at = start;
    throw this.#broken(`unknown type ${JSON.stringify(line[0])}`);
  }

  #items(count: number, depth: number): RespValue[] {
    const items: RespValue[] = [];
    for (let i = 0; i < count; i++) items.push(this.next(depth + 1));
    return items;
  }

  #bulk(body: string): Uint8Array | null {
    if (body === "-1") return null;
    const length = this.#count(body);
    if (this.#at + length + 2 > this.#bytes.length) throw new IncompleteReply();
    const bytes = this.#bytes.slice(this.#at, this.#at + length);
    this.#at += length;
    if (this.#bytes[this.#at] !== CR || this.#bytes[this.#at + 1] !== LF) throw this.#broken("bulk without CR LF");
    this.#at += 2;
    return bytes;
  }

  #count(text: string): number {
    if (!/^(0|[1-9][0-9]*)$/.test(text)) throw this.#broken(`length ${JSON.stringify(text)}`);
    return Number(text);
  }

  #integer(text: string): string {
    if (!/^(0|-?[1-9][0-9]*)$/.test(text)) throw this.#broken(`integer ${JSON.stringify(text)}`);
    return text;
  }

  /** A line without its CR LF, a character for each byte. */
  #line(): string {
    const end = this.#bytes.indexOf(LF, this.#at);
    if (end < 0) throw new IncompleteReply();
    const line = binaryText(this.#bytes.subarray(this.#at, end));
    if (!line.endsWith("\r")) throw this.#broken("LF without CR");
    if (line.indexOf("\r") !== line.length - 1) throw this.#broken("CR inside a line");
    this.#at = end + 1;
    return line.slice(0, -1);
  }

  #broken(what: string): SyntaxError {
    const near = JSON.stringify(binaryText(this.#bytes.subarray(Math.max(0, this.#at - 60), this.#at + 60)));
    return new SyntaxError(`Cannot parse reply at byte ${this.#at}: ${what}, near ${near}`);
  }
}

/** The reply goes on behind what is there. */
export class IncompleteReply extends Error {
  constructor() {
    super("the reply is not complete");
  }
}

/** Parses bytes that are exactly one reply. */
export function parseReply(bytes: Uint8Array): RespValue {
  const parser = new RespParser(bytes);
  const value = parser.next();
  if (parser.rest > 0) throw new SyntaxError(`Cannot parse reply: ${parser.rest} bytes are left over`);
  return value;
}

/** Parses all replies of a conversation. */
export function parseReplies(bytes: Uint8Array): RespValue[] {
  const parser = new RespParser(bytes);
  const values: RespValue[] = [];
  while (parser.rest > 0) values.push(parser.next());
  return values;
}
