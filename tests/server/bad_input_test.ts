/** Input that broke other servers: patterns that take for ever, flipped bits, lines without end, odd names. */

import { concat } from "@std/bytes";
import { assert, assertEquals } from "@std/assert";
import { binaryText, ByteRange, utf8 } from "../../lib/bytes.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { frame, reply } from "../support/cm_frame.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { talk } from "../support/memory_connection.ts";
import { command } from "../support/resp_frame.ts";
import { parseReplies } from "../support/resp_parser.ts";
import { assertSameBytes } from "../support/same_bytes.ts";

const OK = 1;
/** The bar is one second; a machine that is busy with other tests gets a little more. */
const MAX_ANSWER_MS = 2_500;
const PATTERN_BYTES = 10_000;
/** Matching costs at most the product of the two lengths. */
const LONG_NAME_BYTES = 2_000;

function newEngine(): Engine {
  return new Engine({ clock: new FakeClock() });
}

function put(engine: Engine, key: string, value: string): void {
  engine.set(ByteRange.of(utf8(key)), ByteRange.of(utf8(value)), 0);
}

function has(engine: Engine, key: string): boolean {
  return engine.exists(ByteRange.of(utf8(key)));
}

const PATTERNS: Readonly<Record<string, string>> = {
  "*": "*".repeat(PATTERN_BYTES),
  "?": "?".repeat(PATTERN_BYTES),
  "[": "[".repeat(PATTERN_BYTES),
  "*?[": "*?[".repeat(PATTERN_BYTES / 3),
  "a*": "a*".repeat(PATTERN_BYTES / 2) + "b",
  "*a": "*a".repeat(PATTERN_BYTES / 2) + "b",
  "*?": "*?".repeat(PATTERN_BYTES / 2) + "b",
  "[a-z]*": "[a-z]*".repeat(PATTERN_BYTES / 6) + "[^a]",
  "one * and many a": "*" + "a".repeat(PATTERN_BYTES) + "b",
  "one * and a long class": "*[" + "b".repeat(PATTERN_BYTES) + "]",
  "\\": "\\".repeat(PATTERN_BYTES),
};
for (const [name, pattern] of Object.entries(PATTERNS)) {
  Deno.test(`a pattern of 10,000 bytes of ${name} is answered within a second by KEYS, SCAN and PSUBSCRIBE (P8)`, async () => {
    const engine = newEngine();
    for (let i = 0; i < 1_000; i++) put(engine, `${"a".repeat(20)}${i}`, "v");
    put(engine, "a".repeat(LONG_NAME_BYTES), "v");
    const startMs = performance.now();
    const answers = parseReplies(
      await talk([
        concat([
          command("HELLO", 3),
          command("KEYS", pattern),
          command("SCAN", 0, "MATCH", pattern, "COUNT", 10_000),
          command("PSUBSCRIBE", pattern),
          command("PUBLISH", "a".repeat(LONG_NAME_BYTES), "m"),
          command("PING"),
        ]),
      ], { engine }),
    );
    const tookMs = performance.now() - startMs;
    assertEquals(answers.at(-1), "PONG");
    // Each of the three may take a second.
    assert(tookMs < 3 * MAX_ANSWER_MS, `it took ${tookMs} ms`);
  });
}

/** Would be found by who looks for the next frame after a broken one. No flip of one bit in a length leads to it. */
const EMBEDDED = frame({ opcode: 1, key: "embedded", value: "found" });
const STREAM = concat([
  frame({ opcode: 1, key: "k", value: concat([utf8("some bytes."), EMBEDDED, EMBEDDED, utf8("more.")]) }),
  frame({ opcode: 2, key: "k" }),
  frame({ opcode: 4, value: concat([utf8("xyz"), EMBEDDED]) }),
  frame({ opcode: 14, key: "n", value: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 5), ttl: 1_000_000_000n }),
  frame({ opcode: 18, value: new Uint8Array(12) }),
  frame({ opcode: 3, key: "k" }),
]);

Deno.test("a CM stream with any one bit flipped crashes nothing, hangs nothing and is not searched for frames (P9)", async () => {
  for (let bit = 0; bit < 8 * STREAM.length; bit++) {
    const flipped = STREAM.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    const engine = new Engine({ clock: new FakeClock(), segmentBytes: 1024 });
    const answers = await talk([flipped], { engine });
    assertFrames(answers, `bit ${bit}`);
    assert(!has(engine, "embedded"), `bit ${bit}: a frame inside a value was carried out`);
    engine.verify();
  }
});

/** Whole frames of CM and nothing else; or, where the flipped bit chose another dialect, its refusal in one line. */
function assertFrames(bytes: Uint8Array, where: string): void {
  let at = 0;
  while (at < bytes.length) {
    if (bytes[at] !== 0x43 || bytes[at + 1] !== 0x4d) {
      assert(/^(ERR|-ERR|ERROR)[^\n]*\n/.test(binaryText(bytes.subarray(at))), `${where}: ${binaryText(bytes)}`);
      return;
    }
    assert(bytes[at + 2]! <= 4, `${where}: status ${bytes[at + 2]}`);
    at += 7 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(at + 3);
  }
  assertEquals(at, bytes.length, where);
}

const PROTOCOL_CASES: readonly { rule: string; input: Uint8Array; output: string }[] = [
  {
    rule: "an inline line of 64 KiB without an end is refused",
    input: concat([utf8("*0\r\n"), new Uint8Array(64 * 1024 + 1).fill(0x61)]),
    output: "-ERR Protocol error: too big inline request\r\n",
  },
  {
    rule: "a count line of 64 KiB without an end is refused",
    input: concat([utf8("*"), new Uint8Array(64 * 1024 + 1).fill(0x31)]),
    output: "-ERR Protocol error: too big mbulk count string\r\n",
  },
  {
    rule: "a length line of 64 KiB without an end is refused",
    input: concat([utf8("*1\r\n$"), new Uint8Array(64 * 1024 + 1).fill(0x31)]),
    output: "-ERR Protocol error: too big bulk count string\r\n",
  },
  {
    rule: "an array in an array is refused",
    input: utf8("*1\r\n*1\r\n$4\r\nPING\r\n"),
    output: "-ERR Protocol error: expected '$', got '*'\r\n",
  },
  {
    rule: "empty and negative arrays ask for nothing",
    input: utf8("*0\r\n*-1\r\n*-10\r\nPING\r\n"),
    output: "+PONG\r\n",
  },
  { rule: "empty lines ask for nothing", input: utf8("*0\r\n\r\n\n\r\nPING\n"), output: "+PONG\r\n" },
  {
    rule: "NUL in an inline line",
    input: utf8('*0\r\nECHO "a\\x00b"\r\nPING\r\n'),
    output: "$3\r\na\0b\r\n+PONG\r\n",
  },
  {
    rule: "unbalanced quotes",
    input: utf8('*0\r\nSET "k v\r\nPING\r\n'),
    output: "-ERR Protocol error: unbalanced quotes in request\r\n",
  },
  {
    rule: "a negative bulk length",
    input: utf8("*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$-10\r\nPING\r\n"),
    output: "-ERR Protocol error: invalid bulk length\r\n",
  },
  {
    rule: "a bulk length that is no number",
    input: utf8("*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$blabla\r\n"),
    output: "-ERR Protocol error: invalid bulk length\r\n",
  },
  {
    rule: "a count out of range",
    input: utf8("*3000000000\r\nPING\r\n"),
    output: "-ERR Protocol error: invalid multibulk length\r\n",
  },
  {
    rule: "a line instead of a bulk",
    input: utf8("*3\r\n$3\r\nSET\r\nfooz\r\n"),
    output: "-ERR Protocol error: expected '$', got 'f'\r\n",
  },
];
for (const { rule, input, output } of PROTOCOL_CASES) {
  Deno.test(`RESP: ${rule} (P10)`, async () => {
    assertEquals(binaryText(await talk([input])), output);
    const bytes = input.length < 1_000 ? Array.from(input, (byte) => Uint8Array.of(byte)) : [input];
    assertEquals(binaryText(await talk(bytes)), output);
  });
}

Deno.test("RESP: MSET of 20,002 arguments (P10)", async () => {
  const words = Array.from({ length: 10_000 }, () => ["k", "v"]).flat();
  const answers = await talk([concat([command("MSET", ...words, "k2", "v2"), command("GET", "k2")])]);
  assertEquals(binaryText(answers), "+OK\r\n$2\r\nv2\r\n");
});

Deno.test("text: a line of 64 KiB and the longest value without an end is refused and closed (P10)", async () => {
  const answers = binaryText(await talk([new Uint8Array(200_000).fill(0x61)], { maxValueBytes: 100_000 }));
  assert(/^ERR: [^\n]*\n$/.test(answers), answers);
});

const ODD_NAMES = [
  ...["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"].map(utf8),
  Uint8Array.from({ length: 256 }, (_, i) => i),
  Uint8Array.of(0xff, 0xfe, 0xc0),
  Uint8Array.of(0),
  utf8("a\r\nb"),
];
Deno.test("channels of every name reach their subscribers, in RESP and CM (P11)", async () => {
  for (const name of ODD_NAMES) {
    const subscribed = concat([utf8(`>3\r\n$9\r\nsubscribe\r\n$${name.length}\r\n`), name, utf8("\r\n:1\r\n")]);
    const pushed = concat([
      utf8(`>3\r\n$7\r\nmessage\r\n$${name.length}\r\n`),
      name,
      utf8(`\r\n$${name.length}\r\n`),
      name,
      utf8("\r\n"),
    ]);
    const answers = await talk([command("HELLO", 3), command("SUBSCRIBE", name), command("PUBLISH", name, name)]);
    const start = binaryText(answers).indexOf(">3\r\n$9");
    const inOrder = [concat([subscribed, pushed, utf8(":1\r\n")]), concat([subscribed, utf8(":1\r\n"), pushed])];
    const rest = answers.subarray(start);
    assertSameBytes(rest, inOrder.find((one) => binaryText(one) === binaryText(rest)) ?? inOrder[0]!, "RESP3");

    const message = concat([Uint8Array.of(name.length >> 8, name.length & 0xff), name, name]);
    const expected = concat([reply(OK), reply(5, message), reply(OK, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1))]);
    assertSameBytes(
      await talk([frame({ opcode: 22, key: name }), frame({ opcode: 21, key: name, value: name })]),
      expected,
      "CM",
    );
  }
});

Deno.test("names that mean something to JavaScript are no settings, commands or clients (P11)", async () => {
  for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
    const answers = parseReplies(
      await talk([
        command("CONFIG", "GET", name),
        command(name, "k"),
        command("COMMAND", "INFO", name),
        command("CLIENT", name),
        command("OBJECT", name, "k"),
        command("SET", "k", "v", name),
      ]),
    );
    assertEquals(answers.length, 6);
    assertEquals(answers[0], []);
    assertEquals(answers[2], [null]);
    for (const i of [1, 3, 4, 5]) {
      assert(String((answers[i] as { text: string }).text).startsWith("ERR "), `${name} ${i}`);
    }
  }
});
