import { assertEquals, assertThrows } from "@std/assert";
import { utf8 } from "../../lib/bytes.ts";
import { IncompleteReply, parseReplies, parseReply, RespError, RespPush } from "./resp_parser.ts";

Deno.test("parseReply() reads every type", () => {
  const cases: [string, unknown][] = [
    ["+OK\r\n", "OK"],
    ["-ERR no\r\n", new RespError("ERR no")],
    [":-9223372036854775808\r\n", -(2n ** 63n)],
    ["$2\r\n\r\n\r\n", utf8("\r\n")],
    ["$-1\r\n", null],
    ["*-1\r\n", null],
    ["_\r\n", null],
    ["#t\r\n", true],
    [",1.5\r\n", 1.5],
    ["*2\r\n:1\r\n*0\r\n", [1n, []]],
    ["%1\r\n+a\r\n:1\r\n", new Map([["a", 1n]])],
    ["~1\r\n+a\r\n", new Set(["a"])],
    [">1\r\n+a\r\n", new RespPush(["a"])],
  ];
  for (const [text, value] of cases) assertEquals(parseReply(utf8(text)), value, text);
  assertEquals(parseReplies(utf8(cases.map(([text]) => text).join(""))).length, cases.length);
});

Deno.test("parseReply() refuses whatever is not exactly one reply", () => {
  for (
    const text of [
      "+OK\n",
      "+OK\rx\r\n",
      "+OK\r\n+OK\r\n",
      "$01\r\na\r\n",
      "$1\r\nab\r\n",
      "$+1\r\na\r\n",
      "$-2\r\n",
      ":1.5\r\n",
      ":+1\r\n",
      ":\r\n",
      "*1\r\n:1\r\n:2\r\n",
      "-no prefix\r\n",
      "OK\r\n",
      "\r\n",
      "_x\r\n",
      "#x\r\n",
      "*1\r\n".repeat(20) + ":1\r\n",
    ]
  ) assertThrows(() => parseReply(utf8(text)), SyntaxError, undefined, JSON.stringify(text));
  for (const text of ["", "+OK", "$2\r\na", "*2\r\n:1\r\n"]) {
    assertThrows(() => parseReply(utf8(text)), IncompleteReply, undefined, JSON.stringify(text));
  }
});
