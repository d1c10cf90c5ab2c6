/** P7 and P11: keys and values of any bytes cross from each dialect to each other, and every request has one reply. */

import { assertEquals } from "@std/assert";
import { binaryText, utf8 } from "../../lib/bytes.ts";
import { serve } from "../../lib/server/serve.ts";
import { ByteReader } from "../support/byte_reader.ts";
import { frame } from "../support/cm_frame.ts";
import { canListen } from "../support/permissions.ts";
import { Random } from "../support/random.ts";
import { RawClient } from "../support/raw_client.ts";

/** Stores and reads over one connection of one dialect. */
interface Speaker {
  set(key: Uint8Array, value: Uint8Array): Promise<void>;
  get(key: Uint8Array): Promise<Uint8Array>;
}

class Cm implements Speaker {
  readonly client: RawClient;
  readonly #reader: ByteReader;

  constructor(client: RawClient) {
    this.client = client;
    this.#reader = new ByteReader(client.connection);
  }

  async set(key: Uint8Array, value: Uint8Array): Promise<void> {
    assertEquals(await this.#ask(1, key, value), new Uint8Array(0));
  }

  get(key: Uint8Array): Promise<Uint8Array> {
    return this.#ask(2, key, new Uint8Array(0));
  }

  async #ask(opcode: number, key: Uint8Array, value: Uint8Array): Promise<Uint8Array> {
    await this.client.send(frame({ opcode, key, value }));
    const header = await this.#reader.take(7);
    assertEquals(header[2], 1);
    return await this.#reader.take(new DataView(header.slice().buffer).getUint32(3));
  }
}

/** Writes the shortest escapes it may, and knows no more of the replies than PROTOCOL.md says. */
class Text implements Speaker {
  readonly client: RawClient;
  readonly #reader: ByteReader;
  readonly #isQuoted: boolean;

  constructor(client: RawClient, isQuoted: boolean) {
    this.client = client;
    this.#reader = new ByteReader(client.connection);
    this.#isQuoted = isQuoted;
  }

  async set(key: Uint8Array, value: Uint8Array): Promise<void> {
    assertEquals(await this.#ask(`SET ${quoted(key)} ${quoted(value)}`), "OK");
  }

  async get(key: Uint8Array): Promise<Uint8Array> {
    const line = await this.#ask(`GET ${quoted(key)}`);
    return unescaped(this.#isQuoted ? /^"([^]*)"$/.exec(line)![1]! : line);
  }

  async #ask(line: string): Promise<string> {
    await this.client.send(latin1(`${line}\r\n`));
    let reply = "";
    for (let byte = await this.#next(); byte !== "\n"; byte = await this.#next()) reply += byte;
    return reply;
  }

  async #next(): Promise<string> {
    return binaryText(await this.#reader.take(1));
  }
}

class Stash implements Speaker {
  readonly client: RawClient;
  readonly #reader: ByteReader;

  constructor(client: RawClient) {
    this.client = client;
    this.#reader = new ByteReader(client.connection);
  }

  async set(key: Uint8Array, value: Uint8Array): Promise<void> {
    const [name, content] = [binaryText(key), binaryText(value)];
    await this.client.send(latin1(`SET\0${key.length}\0${name}\0${value.length}\0${content}\r\n`));
    assertEquals(await this.#reader.take(4), utf8("OK\r\n"));
  }

  async get(key: Uint8Array): Promise<Uint8Array> {
    const name = binaryText(key);
    await this.client.send(latin1(`GET\0${key.length}\0${name}\r\n`));
    // This dialect does not tell how long a value is: the test does.
    const bytes = await this.#reader.take(EXPECTED_BYTES.get(name)! + 2);
    assertEquals(bytes.subarray(-2), utf8("\r\n"));
    return bytes.subarray(0, -2);
  }
}

/** Lengths of the values that were stored last. */
const EXPECTED_BYTES = new Map<string, number>();

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function quoted(bytes: Uint8Array): string {
  return `"${binaryText(bytes).replace(/["\\\n]/g, (it) => it === "\n" ? "\\n" : `\\${it}`)}"`;
}

function unescaped(text: string): Uint8Array {
  const meant: Record<string, string> = { n: "\n", r: "\r", t: "\t", '"': '"', "\\": "\\" };
  return latin1(
    text.replace(
      /\\(x[0-9a-f]{2}|.)/g,
      (_, escape: string) => escape[0] === "x" ? String.fromCharCode(parseInt(escape.slice(1), 16)) : meant[escape]!,
    ),
  );
}

const everyByte = Uint8Array.from({ length: 256 }, (_, i) => i);

async function withSpeakers(run: (speakers: readonly Speaker[]) => Promise<void>): Promise<void> {
  await using server = serve({ port: 0, listen: [{ port: 0, dialect: "gocache" }] });
  const connect = () => RawClient.connect(server.address);
  const gocache = await RawClient.connect(server.addresses[0]!);
  const speakers = [
    new Cm(await connect()),
    new Text(await connect(), false),
    new Text(gocache, true),
    new Stash(await connect()),
  ];
  try {
    await run(speakers);
  } finally {
    for (const { client } of speakers) client[Symbol.dispose]();
  }
}

/** Each dialect stores under the key, all read the same. */
async function assertCrosses(speakers: readonly Speaker[], key: Uint8Array, value: Uint8Array, what: string) {
  EXPECTED_BYTES.set(binaryText(key), value.length);
  for (const writer of speakers) {
    await writer.set(key, value);
    for (const reader of speakers) assertEquals(await reader.get(key), value, what);
  }
}

Deno.test({
  name: "all byte values, ends of lines and names of JavaScript cross between all dialects as they are (P11)",
  ignore: !canListen,
  async fn() {
    await withSpeakers(async (speakers) => {
      const names = [
        "__proto__",
        "constructor",
        "toString",
        "a\r\nb",
        "\r\n",
        "\0",
        '"',
        "\\",
        " ",
        "(nil)",
        "OK",
        "ERR: no",
      ];
      for (const text of names) await assertCrosses(speakers, utf8(text), utf8(text), text);
      await assertCrosses(speakers, everyByte, everyByte, "every byte");
      await assertCrosses(speakers, Uint8Array.of(0xff, 0xfe), new Uint8Array(0), "invalid UTF-8, empty value");
      for (const byte of everyByte) {
        await assertCrosses(speakers, Uint8Array.of(byte), Uint8Array.of(byte, byte), `${byte}`);
      }
    });
  },
});

Deno.test({
  name: "10,000 requests with CR, LF and NUL in keys and values never fall out of step with their replies (P7)",
  ignore: !canListen,
  async fn() {
    const random = new Random();
    const bytes = utf8('\r\n\0"\\ $*+-:ab');
    const some = () => Uint8Array.from({ length: 1 + random.below(12) }, () => bytes[random.below(bytes.length)]!);
    await withSpeakers(async (speakers) => {
      for (let requests = 0; requests < 10_000; requests += speakers.length * (1 + speakers.length)) {
        await assertCrosses(speakers, some(), some(), `seed ${random.seed}`);
      }
    });
  },
});
