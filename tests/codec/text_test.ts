import { assert, assertEquals } from "@std/assert";
import { textOf, utf8 } from "../../lib/bytes.ts";
import type { Agreed, DialectName } from "../../lib/codec/dialect.ts";
import { INCOMPLETE, Request, Response } from "../../lib/codec/message.ts";
import { Failure, Plain } from "../../lib/codec/reply.ts";
import { TextDialect } from "../../lib/codec/text.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { talk } from "../support/memory_connection.ts";
import { assertEverySplit, examplesOf } from "../support/protocol_examples.ts";

const MINIGOSTORE: Agreed = { respVersion: 2, accent: "minigostore", subscriptions: 0, isLimited: false };
const GOCACHE: Agreed = { ...MINIGOSTORE, accent: "gocache" };

/** What lines are answered with, on an empty store. */
async function answers(lines: string, pinned: DialectName = "text"): Promise<string> {
  return textOf(await talk([utf8(lines)], { pinned }));
}

/** One decoded line. */
function decoded(line: string): Request {
  const request = new Request();
  const bytes = utf8(line);
  assertEquals(new TextDialect(1_000, MINIGOSTORE).decode(bytes, 0, bytes.length, request), bytes.length);
  return request;
}

/** A response as its line, without the end. */
function line(fill: (response: Response) => void, agreed = MINIGOSTORE): string {
  const dialect = new TextDialect(1_000, agreed);
  const response = new Response();
  fill(response);
  const output = new Uint8Array(dialect.encodedBytes(response));
  const written = output.subarray(0, dialect.encode(response, new Request(), output, 0));
  assertEquals(written.indexOf(0x0a), written.length - 1, "one line");
  return textOf(written.subarray(0, -1));
}

function valueLine(value: Uint8Array, agreed = MINIGOSTORE): string {
  return line((response) => {
    response.value.point(value, 0, value.length);
    response.answerValue();
  }, agreed);
}

Deno.test("the examples of the protocol page are answered so, whole, byte by byte and cut anywhere (minigostore)", async () => {
  const exchanges = examplesOf("minigostore");
  assert(exchanges.length > 25);
  await assertEverySplit(exchanges, { pinned: "text" });
});

Deno.test("the examples of the protocol page are answered so, whole, byte by byte and cut anywhere (gocache)", async () => {
  const exchanges = examplesOf("gocache");
  assert(exchanges.length > 10);
  await assertEverySplit(exchanges, { pinned: "gocache" });
});

Deno.test("names and options are understood in any case, words parted by any blanks, lines ended by CR LF too", async () => {
  assertEquals(await answers("sEt\tk \t v  ex\t60 \r\n  gEt k\nttl k\r\n"), "OK\nv\n60\n");
});

Deno.test("lines without a word are skipped", async () => {
  assertEquals(await answers("\n\r\n \t \r\nPING\n\n"), "PONG\n");
});

Deno.test("ACCENT changes the words of one connection, and back", async () => {
  assertEquals(
    await answers("SET k v\nACCENT gocache\nGET k\nFLY\naccent MINIGOSTORE\nGET k\nFLY\n"),
    'OK\nOK\n"v"\nERROR unknown command\nOK\nv\nERR: unknown command\n',
  );
});

Deno.test("HELP is one line that names every command, in both accents", async () => {
  const names = "PASS GET SET GETEX TTL DEL DELETE EXISTS INCR DECR PING ACCENT HELP QUIT".split(" ");
  for (const pinned of ["text", "gocache"] as const) {
    const help = await answers("HELP\n", pinned);
    assertEquals(help.split("\n").length, 2);
    assertEquals(help.trim().split(" ").length, names.length);
    for (const name of names) assert(new RegExp(`\\b${name}\\b`).test(help), `${name} in ${help}`);
  }
});

Deno.test("after QUIT nothing is carried out", async () => {
  const engine = new Engine();
  assertEquals(textOf(await talk([utf8("QUIT\nSET k v\n")], { pinned: "text", engine })), "OK\n");
  assertEquals(engine.stats().entries, 0);
});

Deno.test("trailing seconds expire an entry to the second, in both accents", async () => {
  for (const pinned of ["text", "gocache"] as const) {
    const clock = new FakeClock();
    const engine = new Engine({ clock });
    await talk([utf8("SET k v 60\n")], { pinned, engine });
    clock.advance(59_999);
    assertEquals(textOf(await talk([utf8("TTL k\n")], { pinned, engine })), "1\n");
    clock.advance(1);
    assertEquals(textOf(await talk([utf8("GET k\nTTL k\n")], { pinned, engine })), "(nil)\n-2\n");
  }
});

Deno.test("TTL is rounded up to whole seconds", async () => {
  assertEquals(
    await answers("SET k v PX 1\nTTL k\nSET k v PX 1001\nTTL k\nSET k v PX 1000\nTTL k\n"),
    "OK\n1\nOK\n2\nOK\n1\n",
  );
});

Deno.test("the plainest requests take the typed form and point into the line", () => {
  const request = new Request();
  const bytes = utf8('SET "my key" value 60\n');
  new TextDialect(1_000, MINIGOSTORE).decode(bytes, 0, bytes.length, request);
  assertEquals([request.opcode, request.ttlMs, request.key.bytes === bytes], [1, 60_000, true]);
  assertEquals([textOf(request.key.copy()), textOf(request.value.copy())], ["my key", "value"]);
});

Deno.test("INCR and DECR take numbers of 64 bits", () => {
  assertEquals(decoded("INCR n\n").delta, 1);
  assertEquals(decoded("INCR n -9223372036854775808\n").delta, -(2n ** 63n));
  assertEquals(decoded("DECR n 0\n").delta, 0);
  for (const flawed of ["9223372036854775808", "1.5", "+1", "01", "-0", "", " ", "0x1", "1e3"]) {
    assertEquals(decoded(`INCR n "${flawed}"\n`).errorMessage, "invalid arguments", flawed);
  }
});

Deno.test("a quoted word may be empty, and quotes inside another word are bytes of it", () => {
  const { words, wordCount } = decoded('SET k "" NX GET a"b\\n"\n');
  const texts = words.slice(0, wordCount).map((word) => textOf(word.copy()));
  assertEquals(texts, ["k", "", "NX", "GET", 'a"b\\n"']);
});

Deno.test("every escape stands for its byte, hexadecimal digits in any case", () => {
  const { value } = decoded(String.raw`SET k "\"\\\n\r\t\x00\xfF\x7e"` + "\n");
  assertEquals(value.copy(), Uint8Array.of(0x22, 0x5c, 10, 13, 9, 0, 0xff, 0x7e));
});

Deno.test("every value is one line, which its escapes tell apart from every other line", () => {
  const seen = new Set<string>(["(nil)", "Unauthorized"]);
  for (let byte = 0; byte < 256; byte++) {
    const shown = valueLine(Uint8Array.of(byte));
    assert(!seen.has(shown), shown);
    seen.add(shown);
    const quoted = decoded(`SET k ${valueLine(Uint8Array.of(byte), GOCACHE)}\n`);
    assertEquals(quoted.value.copy(), Uint8Array.of(byte));
  }
  assertEquals(valueLine(utf8('a\r\nb\t\\\0\x7f"é')), String.raw`a\r\nb\t\\\x00\x7f"\xc3\xa9`);
  assertEquals(valueLine(utf8('"\\"'), GOCACHE), String.raw`"\"\\\""`);
});

Deno.test("a value that reads like another reply is marked", () => {
  for (const text of ["(nil)", "Unauthorized", "ERR: ", "ERR: unknown command"]) {
    const shown = valueLine(utf8(text));
    assert(shown.startsWith("\\x") && shown.endsWith(text.slice(1)), shown);
    assertEquals(valueLine(utf8(text), GOCACHE), `"${text}"`);
  }
  for (const text of ["(nil", "(nil) ", "ERR:", "Unauthorized!", "OK"]) assertEquals(valueLine(utf8(text)), text);
});

Deno.test("encodedBytes() is enough for the longest escapes", () => {
  for (const length of [0, 1, 1_024, 1_025, 5_000]) {
    for (const byte of [0, 0x22, 0x41, 0x5c, 0x0a]) {
      for (const agreed of [MINIGOSTORE, GOCACHE]) valueLine(new Uint8Array(length).fill(byte), agreed);
    }
  }
  const text = "(nil)";
  valueLine(utf8(text));
  line((response) => response.fail("TOO_LARGE", "\0é\uffff".repeat(100)));
});

Deno.test("errors are worded by their accent", () => {
  const cases: [code: Failure["code"], message: string, shown: string][] = [
    ["UNKNOWN_COMMAND", "unknown", "unknown command"],
    ["BAD_REQUEST", "syntax error", "syntax error"],
    ["BAD_REQUEST", "no password is set", "BAD_REQUEST no password is set"],
    ["AUTH_FAILED", "any", "invalid password"],
    ["OVERFLOW", "increment or decrement would overflow", "OVERFLOW increment or decrement would overflow"],
    ["INTERNAL", "a\r\nb", "INTERNAL a\\r\\nb"],
  ];
  for (const [code, message, shown] of cases) {
    assertEquals(line((response) => response.fail(code, message)), `ERR: ${shown}`);
    assertEquals(line((response) => response.fail(code, message), GOCACHE), `ERROR ${shown}`);
    assertEquals(line((response) => response.answer(new Failure(code, message))), `ERR: ${shown}`);
  }
  assertEquals(line((response) => response.fail("AUTH_REQUIRED", "any")), "Unauthorized");
  assertEquals(line((response) => response.fail("AUTH_REQUIRED", "any"), GOCACHE), "ERROR Unauthorized");
});

Deno.test("answers of the argument forms are worded like those of the typed ones", () => {
  assertEquals(line((response) => response.answer(null)), "(nil)");
  assertEquals(line((response) => response.answer(-7)), "-7");
  assertEquals(line((response) => response.answer(2n ** 63n - 1n)), "9223372036854775807");
  assertEquals(line((response) => response.answer(new Plain("Already authenticated"))), "Already authenticated");
  assertEquals(line((response) => response.answer(utf8("v")), GOCACHE), '"v"');
  assertEquals(line((response) => response.answer("text")), "text");
});

Deno.test("a long line is searched for its end once, not again with every read", () => {
  const dialect = new TextDialect(1 << 20, MINIGOSTORE);
  const request = new Request();
  let reads = 0;
  const bytes = new Proxy(new Uint8Array(1 << 18).fill(0x61), {
    get(target, name) {
      if (typeof name === "string" && /^\d+$/.test(name)) reads++;
      const member = Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
  for (let end = 1; end <= 2_000; end++) assertEquals(dialect.decode(bytes, 0, end, request), INCOMPLETE);
  assert(reads <= 2_000, `${reads} bytes were looked at`);
});
