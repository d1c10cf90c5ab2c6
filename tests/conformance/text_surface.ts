/** The line dialect in both its accents, over TCP. */

import { binaryText, bytesOfBinaryText } from "../../lib/bytes.ts";
import { ByteReader } from "../support/byte_reader.ts";
import { RawClient } from "../support/raw_client.ts";
import { bytesOf } from "./engine_surface.ts";
import { type Content, type Operation, type Outcome, Refused, type Surface } from "./surface.ts";

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", '"': '"', "\\": "\\" };

/** Operations as lines. */
export class TextSurface implements Surface {
  readonly name: string;
  readonly ttlStepMs = 1_000;
  readonly #client: RawClient;
  readonly #reader: ByteReader;
  readonly #accent: "minigostore" | "gocache";

  private constructor(client: RawClient, accent: "minigostore" | "gocache") {
    this.#client = client;
    this.#reader = new ByteReader(client.connection);
    this.#accent = accent;
    this.name = `text, accent ${accent}`;
  }

  static async connect(address: { port: number }, accent: "minigostore" | "gocache"): Promise<TextSurface> {
    const surface = new TextSurface(await RawClient.connect(address), accent);
    const answer = await surface.#ask("ACCENT", accent);
    if (answer !== "OK") throw new Error(`ACCENT was answered ${answer}`);
    return surface;
  }

  refuses(operation: Operation): string | undefined {
    const [verb] = operation;
    if (["getv", "cas", "scan", "clear", "take"].includes(verb)) return `it has no word for ${verb}`;
    if ((verb === "incr" || verb === "decr") && operation[3] !== undefined) return "INCR takes no expiry";
    const values = verb === "set" || verb === "add" || verb === "replace" || verb === "swap" ? [operation[2]] : [];
    if (this.#accent === "minigostore" && values.some(isAmbiguous)) return "a value that looks like (nil) or an error";
    return undefined;
  }

  async perform(operation: Operation): Promise<Outcome> {
    switch (operation[0]) {
      case "set":
        return await this.#ok("SET", quote(operation[1]), quote(operation[2]), ...expiry(operation[3]));
      case "add":
        return await this.#ok("SET", quote(operation[1]), quote(operation[2]), "NX", ...expiry(operation[3]));
      case "replace":
        return await this.#ok("SET", quote(operation[1]), quote(operation[2]), ...expiry(operation[3]), "XX");
      case "swap":
        return await this.#value("SET", quote(operation[1]), quote(operation[2]), ...expiry(operation[3]), "GET");
      case "get":
        return await this.#value("GET", quote(operation[1]));
      case "delete":
        return await this.#flag("DEL", quote(operation[1]));
      case "exists":
        return await this.#flag("EXISTS", quote(operation[1]));
      case "touch": {
        const found = await this.#value("GETEX", quote(operation[1]), "PX", `${operation[2]}`);
        return found instanceof Refused ? found : found !== undefined;
      }
      case "persist": {
        const found = await this.#value("GETEX", quote(operation[1]), "PERSIST");
        return found instanceof Refused ? found : found !== undefined;
      }
      case "getex":
        return operation[2] === 0
          ? await this.#value("GETEX", quote(operation[1]), "PERSIST")
          : await this.#value("GETEX", quote(operation[1]), "PX", `${operation[2]}`);
      case "ttl": {
        const seconds = Number(await this.#ask("TTL", quote(operation[1])));
        return seconds === -2 ? undefined : seconds === -1 ? -1 : seconds * 1_000;
      }
      case "incr":
      case "decr": {
        const words = operation[2] === undefined ? [] : [`${operation[2]}`];
        const answer = await this.#ask(operation[0].toUpperCase(), quote(operation[1]), ...words);
        return /^-?[0-9]+$/.test(answer) ? BigInt(answer) : refusal(answer);
      }
    }
    throw new TypeError(`Cannot perform ${operation[0]}: the line dialect does not express it`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#client[Symbol.dispose]();
    return Promise.resolve();
  }

  async #ok(...words: string[]): Promise<Outcome> {
    const answer = await this.#ask(...words);
    return answer === "OK" ? true : answer === "(nil)" ? false : refusal(answer);
  }

  async #flag(...words: string[]): Promise<Outcome> {
    const answer = await this.#ask(...words);
    return answer === "1" ? true : answer === "0" ? false : refusal(answer);
  }

  async #value(...words: string[]): Promise<Outcome> {
    const answer = await this.#ask(...words);
    if (answer === "(nil)") return undefined;
    if (answer.startsWith("ERR: ") || answer.startsWith("ERROR ")) return refusal(answer);
    if (this.#accent === "minigostore") return unescape(answer);
    if (!/^".*"$/s.test(answer)) throw new Error(`a value without its quotes: ${answer}`);
    return unescape(answer.slice(1, -1));
  }

  /** Sends a line and reads one, a character for each byte. */
  async #ask(...words: string[]): Promise<string> {
    await this.#client.send(bytesOfBinaryText(words.join(" ") + "\n"));
    const answer = binaryText(await this.#reader.takeLine());
    if (this.#reader.waitingBytes > 0) throw new Error(`more than one line was answered to ${words[0]}`);
    return answer;
  }
}

/** Each byte as it stands between quotes: what is not plain in hexadecimal. */
const QUOTED = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  return /[ !#-[\]-~]/.test(character) ? character : `\\x${byte.toString(16).padStart(2, "0")}`;
});

/** A word in quotes. */
export function quote(content: Content): string {
  let quoted = '"';
  for (const byte of bytesOf(content)) quoted += QUOTED[byte]!;
  return quoted + '"';
}

function unescape(text: string): Uint8Array {
  const plain = text.replace(/\\(x([0-9A-Fa-f]{2})|.)/gs, (_, one: string, hex: string | undefined) => {
    if (hex !== undefined) return String.fromCharCode(parseInt(hex, 16));
    if (ESCAPES[one] === undefined) throw new Error(`an escape that is none: \\${one}`);
    return ESCAPES[one];
  });
  return bytesOfBinaryText(plain);
}

function isAmbiguous(value: Content): boolean {
  return value === "(nil)" || typeof value === "string" && value.startsWith("ERR: ");
}

function expiry(ttlMs = 0): string[] {
  return ttlMs === 0 ? [] : ["PX", `${ttlMs}`];
}

function refusal(answer: string): Refused {
  const code = /^(?:ERR: |ERROR )(NOT_INTEGER|OVERFLOW)\b/.exec(answer)?.[1];
  return new Refused(code ?? answer);
}
