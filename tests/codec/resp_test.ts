import { concat } from "@std/bytes";
import { assert, assertEquals } from "@std/assert";
import { binaryText, bytesOfBinaryText, utf8 } from "../../lib/bytes.ts";
import type { Agreed, Push } from "../../lib/codec/dialect.ts";
import { INCOMPLETE, INVALID, Request, Response, Status } from "../../lib/codec/message.ts";
import { operationNamed } from "../../lib/codec/operation_names.ts";
import { OPCODE, OPERATIONS } from "../../lib/codec/operations.ts";
import { Decimal, Failure, NoArray, OK, Plain, type Reply } from "../../lib/codec/reply.ts";
import { RespDialect } from "../../lib/codec/resp.ts";
import { splitInline } from "../../lib/codec/resp_inline.ts";
import { Random } from "../support/random.ts";
import { command } from "../support/resp_frame.ts";

const MAX_VALUE_BYTES = 1_000;

function newDialect(respVersion: 2 | 3 = 2, maxValueBytes = MAX_VALUE_BYTES): RespDialect {
  const agreed: Agreed = { respVersion, accent: "minigostore", subscriptions: 0, isLimited: false };
  return new RespDialect(maxValueBytes, agreed);
}

/** What a request asks for, as text of one character a byte. */
function asked(request: Request): string[] {
  if (request.errorCode !== undefined) return [request.errorCode, request.errorMessage];
  if (request.operation !== undefined) {
    const words = request.words.slice(0, request.wordCount);
    return [request.operation.name, ...words.map((word) => binaryText(word.copy()))];
  }
  if (request.opcode === 0) return [];
  assertEquals([request.ttlMs, request.delta], [0, 1]);
  const { name } = OPERATIONS.find(({ opcode }) => opcode === request.opcode)!;
  const words = [`typed ${name}`, binaryText(request.key.copy())];
  return request.opcode === OPCODE.SET ? [...words, binaryText(request.value.copy())] : words;
}

/** Feeds pieces as a session does: what waits is moved to the front of another buffer before more is read. */
function feed(pieces: Uint8Array[], dialect = newDialect()): { all: string[][]; left: number; isOver: boolean } {
  const request = new Request();
  const all: string[][] = [];
  let waiting: Uint8Array = new Uint8Array(0);
  for (const [i, piece] of pieces.entries()) {
    const front = i % 5;
    const buffer = concat([new Uint8Array(front).fill(0x2a), waiting, piece, utf8("\r\n$")]);
    const end = buffer.length - 3;
    let start = front;
    while (start < end) {
      const consumed = dialect.decode(buffer, start, end, request);
      if (consumed === INCOMPLETE) break;
      if (consumed !== INVALID || request.errorCode !== undefined) all.push(asked(request));
      if (consumed === INVALID) return { all, left: end - start, isOver: true };
      assert(consumed > 0 && consumed <= end - start, `consumed ${consumed} of ${end - start}`);
      start += consumed;
    }
    waiting = buffer.slice(start, end);
  }
  return { all, left: waiting.length, isOver: false };
}

/** What one complete request asks for. */
function ask(bytes: Uint8Array | string): string[] {
  const { all } = feed([typeof bytes === "string" ? bytesOfBinaryText(bytes) : bytes]);
  assertEquals(all.length, 1);
  return all[0]!;
}

/** The error of input after which there is no way to go on. */
function refusalOf(text: string): string {
  const { all, isOver } = feed([bytesOfBinaryText(text)]);
  assert(isOver, `${JSON.stringify(text.slice(0, 40))} was not refused`);
  const [code, message] = all.at(-1)!;
  assertEquals(code, "BAD_REQUEST");
  return message!;
}

function encoded(fill: (response: Response) => void, version: 2 | 3 = 2): string {
  const dialect = newDialect(version), response = new Response();
  fill(response);
  const at = 3;
  const output = new Uint8Array(at + dialect.encodedBytes(response));
  return binaryText(output.subarray(at, dialect.encode(response, new Request(), output, at)));
}

const EXAMPLES: [bytes: Uint8Array, asks: string[]][] = [
  [command("GET", "k"), ["typed GET", "k"]],
  [command("get", ""), ["typed GET", ""]],
  [command("SET", "k", "v"), ["typed SET", "k", "v"]],
  [command("sEt", "k", "x".repeat(100)), ["typed SET", "k", "x".repeat(100)]],
  [command("SET", "", ""), ["typed SET", "", ""]],
  [command("SET", "\r\n", "$3\r\n*"), ["typed SET", "\r\n", "$3\r\n*"]],
  [command("INCR", "n"), ["typed INCR", "n"]],
  [command("decr", "n"), ["typed DECR", "n"]],
  [command("SET", "k", "v", "PX", "5"), ["SET", "k", "v", "PX", "5"]],
  [command("incrby", "n", "-7"), ["INCRBY", "n", "-7"]],
  [command("MGET", "a", "", "c"), ["MGET", "a", "", "c"]],
  [command("PING"), ["PING"]],
  [command("ping", "hello"), ["PING", "hello"]],
  [command("PuBliSh", "c", "m"), ["PUBLISH", "c", "m"]],
  [command("TTL", "k"), ["TTL", "k"]],
  [command("EXISTS", "k"), ["EXISTS", "k"]],
  [command("HELLO", 3), ["HELLO", "3"]],
  [utf8("PING\r\n"), ["PING"]],
  [utf8("get k\n"), ["typed GET", "k"]],
  [utf8(' set\tk "a\\x00b"  \r\n'), ["typed SET", "k", "a\0b"]],
  [utf8("\r\n"), []],
  [utf8("  \n"), []],
  [utf8("*0\r\n"), []],
  [utf8("*-1\r\n"), []],
  [command("FOO", "1"), ["UNKNOWN_COMMAND", "unknown command 'FOO', with args beginning with: '1' "]],
  [command("GET"), ["BAD_REQUEST", "wrong number of arguments for 'get' command"]],
];

Deno.test("RespDialect.decode() reads the examples whole, byte by byte and cut at every position", () => {
  for (const [bytes, asks] of EXAMPLES) {
    const whole = { all: [asks], left: 0, isOver: false };
    assertEquals(feed([bytes]), whole);
    assertEquals(feed([...bytes].map((byte) => Uint8Array.of(byte))), whole);
    for (let cut = 1; cut < bytes.length; cut++) {
      assertEquals(feed([bytes.subarray(0, cut), bytes.subarray(cut)]), whole, `cut at ${cut}`);
    }
  }
});

Deno.test("RespDialect.decode() reads a pipeline of many requests cut at random", () => {
  const random = new Random();
  const chosen = Array.from({ length: 1_000 }, () => EXAMPLES[random.below(EXAMPLES.length)]!);
  const bytes = concat(chosen.map(([example]) => example));
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = 1 + random.below(60);
    pieces.push(bytes.subarray(at, at += length));
  }
  assertEquals(feed(pieces), { all: chosen.map(([, asks]) => asks), left: 0, isOver: false }, `seed ${random.seed}`);
});

Deno.test("every operation with an argument form is found by its name in any case, and nothing else", () => {
  for (const operation of OPERATIONS) {
    for (const name of [operation.name, operation.name.toLowerCase()]) {
      const found = operationNamed(utf8(`..${name}`), 2, name.length);
      assertEquals(found, operation.arity === 0 ? undefined : operation);
    }
  }
  for (const name of ["", "GE", "GETS", "G\x05T", "'ET", "GET\0", "ＧＥＴ", "X".repeat(1_000)]) {
    const bytes = utf8(name);
    assertEquals(operationNamed(bytes, 0, bytes.length), undefined, name);
  }
});

Deno.test("a refused request is consumed and the next one is read", () => {
  assertEquals(feed([concat([command("FOO"), command("GET"), command("GET", "k")])]).all, [
    ["UNKNOWN_COMMAND", "unknown command 'FOO', with args beginning with: "],
    ["BAD_REQUEST", "wrong number of arguments for 'get' command"],
    ["typed GET", "k"],
  ]);
});

Deno.test("an unknown command is quoted in part, as Redis does", () => {
  const long = "x".repeat(200), front = "x".repeat(128);
  assertEquals(ask(command(long, long)), [
    "UNKNOWN_COMMAND",
    `unknown command '${front}', with args beginning with: '${front}' `,
  ]);
  const nearly = "y".repeat(120);
  assertEquals(
    ask(command("foo", nearly, "0123456789", "unseen"))[1],
    [
      "unknown command 'foo', with args beginning with: ",
      `'${nearly}' '01234' `,
    ].join(""),
  );
  assertEquals(ask(command("a\0b", "c\0d"))[1], "unknown command 'a', with args beginning with: 'c' ");
});

Deno.test("nothing of an unknown command can end the line of the error reply", () => {
  const [code, message] = ask(command("foo\r\n+OK", "a\r\n$-1\r\n\x1b\x7f"));
  const line = encoded((response) => response.fail(code as "UNKNOWN_COMMAND", message!));
  assertEquals(line, "-ERR unknown command 'foo  +OK', with args beginning with: 'a  $-1    ' \r\n");
});

for (
  const [rule, text, error] of [
    ["a count of words that is no number", "*x\r\n", "invalid multibulk length"],
    ["a count of words with a leading zero", "*01\r\n", "invalid multibulk length"],
    ["a count of words with a plus", "*+1\r\n", "invalid multibulk length"],
    ["an empty count of words", "*\r\n", "invalid multibulk length"],
    ["a count of words beyond the limit", "*1048577\r\n", "invalid multibulk length"],
    ["a count of words beyond 64 bits", "*99999999999999999999\r\n", "invalid multibulk length"],
    ["a count of words without an end", `*${"1".repeat(65_536)}`, "too big mbulk count string"],
    ["a word that does not start with $", "*1\r\nGET\r\n", "expected '$', got 'G'"],
    ["a word behind a length that was too small", "*2\r\n$3\r\nGETT\r\n$1\r\nk\r\n", "expected '$', got '\n'"],
    ["an empty line in the place of a word", "*1\r\n\r\n", "expected '$', got '\r'"],
    ["a length that is no number", "*1\r\n$x\r\n", "invalid bulk length"],
    ["a length with something behind the digits", "*2\r\n$3\r\nGET\r\n$1 \r\nk\r\n", "invalid bulk length"],
    ["a length with a leading zero", "*2\r\n$3\r\nGET\r\n$01\r\nk\r\n", "invalid bulk length"],
    ["a negative length", "*2\r\n$3\r\nGET\r\n$-1\r\nk\r\n", "invalid bulk length"],
    ["a length beyond the limit", "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1001\r\n", "invalid bulk length"],
    ["a length beyond 64 bits", "*1\r\n$18446744073709551617\r\n", "invalid bulk length"],
    ["a length without an end", `*1\r\n$${"1".repeat(65_536)}`, "too big bulk count string"],
    ["an inline command without an end", "x".repeat(65_537), "too big inline request"],
    ["an inline command that is too long", `${"x".repeat(65_536)}\n`, "too big inline request"],
    ["an inline command with an open quote", 'SET k "v\r\n', "unbalanced quotes in request"],
    ["an inline command with an open single quote", "SET k 'v\r\n", "unbalanced quotes in request"],
    ["an inline command with a quote inside a word", 'SET k "v"w\r\n', "unbalanced quotes in request"],
  ] as const
) {
  Deno.test(`RespDialect.decode() refuses ${rule}`, () => {
    assertEquals(refusalOf(text), `Protocol error: ${error}`);
    assertEquals(refusalOf(binaryText(command("GET", "k")) + text), `Protocol error: ${error}`);
    const bytes = bytesOfBinaryText(text);
    const { all, isOver } = feed([bytes.subarray(0, 3), bytes.subarray(3)]);
    assertEquals({ all, isOver }, { all: [["BAD_REQUEST", `Protocol error: ${error}`]], isOver: true });
  });
}

Deno.test("what is as long as a limit allows is read", () => {
  const value = "v".repeat(MAX_VALUE_BYTES);
  assertEquals(ask(command("SET", "k", value)), ["typed SET", "k", value]);
  const word = "x".repeat(65_536 - "ECHO \n".length);
  assertEquals(ask(`ECHO ${word}\n`), ["ECHO", word]);
});

Deno.test("an HTTP request inside a connection ends it without an answer", () => {
  for (const line of ["POST / HTTP/1.1\r\n", "Host: localhost\r\n"]) {
    assertEquals(feed([utf8(`${line}SET k v\r\n`)]), { all: [], left: line.length + 9, isOver: true });
  }
});

Deno.test("nothing is taken by what is announced alone", () => {
  const dialect = newDialect(2, 2 ** 30), request = new Request();
  const bytes = utf8("*1048576\r\n$4\r\nMGET\r\n$1073741823\r\n");
  assertEquals(dialect.decode(bytes, 0, bytes.length, request), INVALID);
  const smaller = utf8("*1048576\r\n$4\r\nMGET\r\n$1000000000\r\nabc");
  assertEquals(newDialect(2, 2 ** 30).decode(smaller, 0, smaller.length, request), INCOMPLETE);
  assertEquals([request.words.length, request.neededBytes], [0, 0]);
});

Deno.test("the length of a request is told as soon as its last word has begun", () => {
  const dialect = newDialect(), request = new Request();
  const bytes = command("SET", "k", "v".repeat(500), "EX", "1000");
  const told = new Set<number>();
  for (let end = 1; end < bytes.length; end++) {
    assertEquals(dialect.decode(bytes, 0, end, request), INCOMPLETE);
    told.add(request.neededBytes);
  }
  assertEquals(told, new Set([0, bytes.length]));
  assertEquals(dialect.decode(bytes, 0, bytes.length, request), bytes.length);
});

/** An array that counts how often its elements are looked at. */
function counting(bytes: Uint8Array): { bytes: Uint8Array; reads: () => number } {
  let reads = 0;
  const proxy = new Proxy(bytes, {
    get(target, name) {
      if (typeof name === "string" && /^\d+$/.test(name)) reads++;
      const found = Reflect.get(target, name, target);
      return typeof found === "function" ? found.bind(target) : found;
    },
  });
  return { bytes: proxy, reads: () => reads };
}

Deno.test("a request that comes byte by byte is not read again from its start", () => {
  for (const request of [command("MGET", ...Array.from({ length: 300 }, (_, i) => i)), utf8(`*${"1".repeat(2_000)}`)]) {
    const start = 5_000;
    const { bytes, reads } = counting(concat([new Uint8Array(start), request]));
    const dialect = newDialect();
    for (let end = start + 1; end <= bytes.length; end++) dialect.decode(bytes, start, end, new Request());
    const perByte = reads() / request.length;
    assert(perByte < 20, `each byte was looked at ${perByte} times`);
  }
});

Deno.test("an inline command that comes byte by byte is not searched again from its start", () => {
  const bytes = utf8(`ECHO ${"x".repeat(5_000)}\n`);
  let searched = 0;
  const dialect = newDialect();
  const watched = new Proxy(bytes, {
    get(target, name) {
      if (name !== "subarray") return Reflect.get(target, name, target);
      return (from: number, to: number) => {
        searched += to - from;
        return target.subarray(from, to);
      };
    },
  });
  const request = new Request();
  for (let end = 1; end <= bytes.length; end++) dialect.decode(watched, 0, end, request);
  assertEquals(asked(request)[0], "ECHO");
  assert(searched <= 3 * bytes.length, `${searched} bytes were searched`);
});

Deno.test("the places of a long request's words are not kept", () => {
  const dialect = newDialect(), request = new Request();
  const long = command("MGET", ...Array.from({ length: 5_000 }, () => "k"));
  assertEquals(dialect.decode(long, 0, long.length, request), long.length);
  assertEquals([request.wordCount, request.words.length], [5_000, 5_000]);
  const short = command("MGET", "a", "b");
  dialect.decode(short, 0, short.length, request);
  assertEquals(asked(request), ["MGET", "a", "b"]);
  assertEquals(request.words.length, 2);
});

Deno.test("splitInline() reads quotes and escapes as Redis does", () => {
  for (
    const [line, words] of [
      ["", []],
      [" \t\r\v\f\n", []],
      ["a b", ["a", "b"]],
      ["  a\tb  ", ["a", "b"]],
      ['""', [""]],
      ["'' x", ["", "x"]],
      ['"a b" c', ["a b", "c"]],
      [String.raw`"\x41\xff\xzz\x4"`, ["A\xffxzzx4"]],
      [String.raw`"\n\r\t\b\a\\\"\q"`, ['\n\r\t\b\x07\\"q']],
      [String.raw`'\n\'\ '`, [String.raw`\n'\ `]],
      [String.raw`'a\\'`, undefined],
      [String.raw`a\nb`, [String.raw`a\nb`]],
      [`a"b c"`, ["ab c"]],
      ["\xe9\x00", ["\xe9\x00"]],
      ['"', undefined],
      ['"a', undefined],
      [String.raw`"a\"`, undefined],
      [String.raw`"a\ `.trim(), undefined],
      ["'a", undefined],
      [String.raw`'a\'`, undefined],
      ['"a"b', undefined],
      ["'a''b'", undefined],
    ] as const
  ) {
    assertEquals(splitInline(bytesOfBinaryText(line))?.map(binaryText), words as string[] | undefined, line);
  }
});

Deno.test("RespDialect.encode() writes outcomes, values and numbers", () => {
  assertEquals(encoded((response) => response.settle(Status.OK)), "+OK\r\n");
  assertEquals(encoded((response) => response.settle(Status.NOT_FOUND)), "$-1\r\n");
  assertEquals(encoded((response) => response.settle(Status.NOT_FOUND), 3), "_\r\n");
  for (const text of ["", "v", "a\r\nb", "x".repeat(1_000)]) {
    const value = (response: Response) => {
      response.value.point(utf8(`..${text}..`), 2, text.length);
      response.answerValue();
    };
    for (const version of [2, 3] as const) assertEquals(encoded(value, version), `$${text.length}\r\n${text}\r\n`);
  }
  const powers = Array.from({ length: 16 }, (_, i) => [10 ** i - 1, 10 ** i, 10 ** i + 1]).flat();
  const edges = [2 ** 31 - 1, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER, 2n ** 63n - 1n, 2n ** 53n];
  for (const number of [...powers, ...edges]) {
    assertEquals(encoded((response) => response.answerInteger(number)), `:${number}\r\n`);
    const negative = number === 0 ? 0 : -number;
    assertEquals(encoded((response) => response.answerInteger(negative)), `:${negative}\r\n`);
  }
});

Deno.test("RespDialect.encode() writes every kind of reply in both versions", () => {
  for (
    const [reply, resp2, resp3] of [
      [null, "$-1\r\n", "_\r\n"],
      [7, ":7\r\n", ":7\r\n"],
      [-(2n ** 63n), ":-9223372036854775808\r\n", ":-9223372036854775808\r\n"],
      [true, ":1\r\n", "#t\r\n"],
      [false, ":0\r\n", "#f\r\n"],
      ["é", "$2\r\n\xc3\xa9\r\n", "$2\r\n\xc3\xa9\r\n"],
      ["", "$0\r\n\r\n", "$0\r\n\r\n"],
      [Uint8Array.of(0, 13, 10), "$3\r\n\0\r\n\r\n", "$3\r\n\0\r\n\r\n"],
      [OK, "+OK\r\n", "+OK\r\n"],
      [new Plain("QUEUED"), "+QUEUED\r\n", "+QUEUED\r\n"],
      [new Failure("NOT_INTEGER", "no\nnumber"), "-ERR no number\r\n", "-ERR no number\r\n"],
      [new Decimal("10.5"), "$4\r\n10.5\r\n", ",10.5\r\n"],
      [NoArray.VALUE, "*-1\r\n", "_\r\n"],
      [[], "*0\r\n", "*0\r\n"],
      [[1, [null, "a"]], "*2\r\n:1\r\n*2\r\n$-1\r\n$1\r\na\r\n", "*2\r\n:1\r\n*2\r\n_\r\n$1\r\na\r\n"],
      [
        new Map<Reply, Reply>([["k", 1], ["l", []]]),
        "*4\r\n$1\r\nk\r\n:1\r\n$1\r\nl\r\n*0\r\n",
        "%2\r\n$1\r\nk\r\n:1\r\n$1\r\nl\r\n*0\r\n",
      ],
      [new Set<Reply>(["a", "b"]), "*2\r\n$1\r\na\r\n$1\r\nb\r\n", "~2\r\n$1\r\na\r\n$1\r\nb\r\n"],
    ] as [Reply, string, string][]
  ) {
    assertEquals(encoded((response) => response.answer(reply)), resp2);
    assertEquals(encoded((response) => response.answer(reply), 3), resp3);
  }
});

Deno.test("RespDialect.encode() writes errors with the words of Redis", () => {
  for (
    const [code, message, line] of [
      ["BAD_REQUEST", "syntax error", "-ERR syntax error"],
      ["NOT_INTEGER", "value is not an integer or out of range", "-ERR value is not an integer or out of range"],
      ["OUT_OF_MEMORY", "whatever", "-OOM command not allowed when used memory > 'maxmemory'."],
      ["AUTH_REQUIRED", "Authentication required.", "-NOAUTH Authentication required."],
      ["AUTH_FAILED", "invalid password", "-WRONGPASS invalid password"],
      ["FORBIDDEN", "no", "-NOPERM no"],
      ["BUSY", "later", "-BUSY later"],
      ["BAD_REQUEST", "NOPROTO unsupported protocol version", "-NOPROTO unsupported protocol version"],
      ["BAD_REQUEST", "é\u0000\r\n", "-ERR \xc3\xa9   "],
    ] as const
  ) assertEquals(encoded((response) => response.fail(code, message)), `${line}\r\n`);
});

Deno.test("RespDialect.encodePush() writes messages and confirmations in both versions", () => {
  const channel = utf8("c"), message = utf8("m\r\n"), subscription = utf8("c*");
  for (
    const [push, body] of [
      [
        { kind: "message", subscription: channel, channel, message },
        "3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$3\r\nm\r\n\r\n",
      ],
      [
        { kind: "pmessage", subscription, channel, message },
        "4\r\n$8\r\npmessage\r\n$2\r\nc*\r\n$1\r\nc\r\n$3\r\nm\r\n\r\n",
      ],
      [{ kind: "subscribe", subscription: channel, count: 1 }, "3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n"],
      [{ kind: "punsubscribe", subscription: channel, count: 0 }, "3\r\n$12\r\npunsubscribe\r\n$1\r\nc\r\n:0\r\n"],
    ] as [Push, string][]
  ) {
    assertEquals(binaryText(newDialect(2).encodePush(push)), `*${body}`);
    assertEquals(binaryText(newDialect(3).encodePush(push)), `>${body}`);
  }
  const nothingLeft: Push = { kind: "unsubscribe", subscription: null, count: 0 };
  assertEquals(binaryText(newDialect(2).encodePush(nothingLeft)), "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n");
  assertEquals(binaryText(newDialect(3).encodePush(nothingLeft)), ">3\r\n$11\r\nunsubscribe\r\n_\r\n:0\r\n");
});
