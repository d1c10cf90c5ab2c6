import { assert, assertEquals } from "@std/assert";
import { textOf, utf8 } from "../../lib/bytes.ts";
import { INCOMPLETE, Request, Response, Status } from "../../lib/codec/message.ts";
import { OPCODE } from "../../lib/codec/operations.ts";
import { StashDialect } from "../../lib/codec/stash.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { talk } from "../support/memory_connection.ts";
import { assertEverySplit, examplesOf } from "../support/protocol_examples.ts";

const MAX_VALUE_BYTES = 1_000;

function encoded(fill: (response: Response) => void): string {
  const dialect = new StashDialect(MAX_VALUE_BYTES);
  const response = new Response();
  fill(response);
  const output = new Uint8Array(dialect.encodedBytes(response));
  return textOf(output.subarray(0, dialect.encode(response, new Request(), output, 0)));
}

Deno.test("the examples of the protocol page are answered so, whole, byte by byte and cut anywhere (stash)", async () => {
  const exchanges = examplesOf("stash");
  assert(exchanges.length > 10);
  await assertEverySplit(exchanges, {});
  await assertEverySplit(exchanges, { pinned: "stash" });
});

Deno.test("a request is decoded in place, and tells its length as soon as its own are there", () => {
  const bytes = utf8("SET\x003\0key\x005\0value\r\n");
  const dialect = new StashDialect(MAX_VALUE_BYTES);
  const request = new Request();
  for (let cut = 0; cut < bytes.length; cut++) {
    assertEquals(dialect.decode(bytes, 0, cut, request), INCOMPLETE);
    const needed = cut >= bytes.indexOf(0x35) + 2 ? bytes.length : 0;
    if (needed > 0) assertEquals(request.neededBytes, needed, `cut at ${cut}`);
    else assert(request.neededBytes < bytes.length);
  }
  assertEquals(dialect.decode(bytes, 0, bytes.length, request), bytes.length);
  assertEquals([request.opcode, request.ttlMs, request.key.bytes === bytes], [OPCODE.SET, 0, true]);
  assertEquals([textOf(request.key.copy()), textOf(request.value.copy())], ["key", "value"]);
});

Deno.test("each of the five names asks for its operation", () => {
  const request = new Request();
  const opcodes = ["GET", "INC", "DEC", "DEL"].map((name) => {
    const bytes = utf8(`${name}\x001\0k\r\n`);
    assertEquals(new StashDialect(MAX_VALUE_BYTES).decode(bytes, 0, bytes.length, request), bytes.length);
    assertEquals(request.delta, 1);
    return request.opcode;
  });
  assertEquals(opcodes, [OPCODE.GET, OPCODE.INCR, OPCODE.DECR, OPCODE.DELETE]);
});

Deno.test("replies are the value, the number, OK, and ERR for everything else", () => {
  assertEquals(encoded((response) => response.settle(Status.OK)), "OK\r\n");
  assertEquals(encoded((response) => response.settle(Status.NOT_FOUND)), "ERR\r\n");
  for (const integer of [0, 9, -1, 10, 2 ** 31 - 1, 2 ** 31, -(2 ** 53 - 1), 2n ** 63n - 1n, -(2n ** 63n)]) {
    assertEquals(encoded((response) => response.answerInteger(integer)), `${integer}\r\n`);
  }
  for (const status of [Status.ERROR, Status.CONFLICT, Status.DENIED]) {
    assertEquals(encoded((response) => response.fail("INTERNAL", "why", status)), "ERR\r\n");
  }
  const value = utf8("\0\r\nERR\r\n".repeat(20));
  const shown = encoded((response) => {
    response.value.point(value, 0, value.length);
    response.answerValue();
  });
  assertEquals(shown, `${textOf(value)}\r\n`);
});

Deno.test("INC and DEC of what is no number, or at its end, are ERR and change nothing", async () => {
  const answers = await talk([utf8("SET\x001\0k\x001\0x\r\nINC\x001\0k\r\nGET\x001\0k\r\n")]);
  assertEquals(textOf(answers), "OK\r\nERR\r\nx\r\n");
  const last = "9223372036854775807";
  const end = await talk([utf8(`SET\x001\0k\x0019\0${last}\r\nINC\x001\0k\r\nGET\x001\0k\r\nDEC\x001\0k\r\n`)]);
  assertEquals(textOf(end), `OK\r\nERR\r\n${last}\r\n9223372036854775806\r\n`);
});

const UNFIT: [rule: string, bytes: string][] = [
  ["a name in small letters", "get\x001\0k\r\n"],
  ["an unknown name", "TTL\x001\0k\r\n"],
  ["a name that goes on", "GETT\x001\0k\r\n"],
  ["a name without a NUL", "GET 1\0k\r\n"],
  ["a length with a plus", "GET\0+1\0k\r\n"],
  ["a length with a minus", "GET\0-1\0k\r\n"],
  ["a length with a space", "GET\0 1\0k\r\n"],
  ["a length with a leading zero", "GET\x0001\0k\r\n"],
  ["a length of zeros without end", "GET\x0000000000"],
  ["a length that is no number", "GET\0k\0k\r\n"],
  ["a length in hexadecimal", "GET\0a\0k\r\n"],
  ["a length with a fraction", "GET\x001.0\0k\r\n"],
  ["an empty length", "GET\0\0k\r\n"],
  ["a length without its NUL", "GET\x001k\r\n"],
  ["a key above the limit, by its length alone", "GET\x0065536\0"],
  ["a length of very many digits", `GET\0${"9".repeat(100)}`],
  ["a key that is longer than its length", "GET\x001\0kk\r\n"],
  ["a key that is shorter than its length", "GET\x003\0k\r\nGET\x001\0k\r\n"],
  ["an ending of LF alone", "GET\x001\0k\n"],
  ["an ending of CR alone", "GET\x001\0k\rGET"],
  ["a value in GET", "GET\x001\0k\x001\0v\r\n"],
  ["SET without a value", "SET\x001\0k\r\n"],
  ["a value above the limit, by its length alone", "SET\x001\0k\x001001\0"],
  ["a value length with a leading zero", "SET\x001\0k\x0001\0v\r\n"],
  ["a value that is longer than its length", "SET\x001\0k\x001\0vv\r\n"],
  ["a value that is shorter than its length", "SET\x001\0k\x003\0v\r\nSET\x001\0k\x001\0w\r\n"],
  ["a frame of another dialect", "CM\x01\0\x01\0\0\0\x01"],
];
for (const [rule, bytes] of UNFIT) {
  Deno.test(`stash: ${rule} is ERR, then closed, and nothing is carried out from there on`, async () => {
    const engine = new Engine();
    const before = "SET\x001\0k\x006\0before\r\n";
    const chunk = utf8(`${before}${bytes}`);
    const options = { engine, pinned: "stash", maxValueBytes: MAX_VALUE_BYTES } as const;
    assertEquals(textOf(await talk([chunk], options)), "OK\r\nERR\r\n", "without waiting for more");
    const behind = utf8(`${before}${bytes}SET\x001\0k\x005\0after\r\n`);
    assertEquals(textOf(await talk([behind], options)), "OK\r\nERR\r\n");
    assertEquals(textOf(await talk([utf8("GET\x001\0k\r\n")], options)), "before\r\n");
  });
}

Deno.test("stash: keys and values at their limits are stored", async () => {
  const [key, value] = ["k".repeat(65_535), "v".repeat(MAX_VALUE_BYTES)];
  const requests = utf8(`SET\x0065535\0${key}\x00${MAX_VALUE_BYTES}\0${value}\r\nGET\x0065535\0${key}\r\n`);
  assertEquals(textOf(await talk([requests], { maxValueBytes: MAX_VALUE_BYTES })), `OK\r\n${value}\r\n`);
});
