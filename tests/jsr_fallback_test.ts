// What the project relies on in @std. It runs against whatever `@std/…` resolves to: the adapters of tools/jsr_fallback
// where JSR is out of reach, else the real packages. Both must pass. Prompts are in jsr_fallback_prompt_test.ts.
import {
  assert,
  assertAlmostEquals,
  assertArrayIncludes,
  assertEquals,
  assertExists,
  assertFalse,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  AssertionError,
  assertIsError,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertNotEquals,
  assertNotMatch,
  assertNotStrictEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  fail,
} from "@std/assert";
import { concat, endsWith, equals, includesNeedle, indexOfNeedle, startsWith } from "@std/bytes";
import { parseArgs } from "@std/cli/parse-args";
import { parse } from "@std/yaml";

/** Whether an assertion failed; anything else it throws is an error of the test. */
function fails(assertion: () => void): boolean {
  try {
    assertion();
    return false;
  } catch (error) {
    if (error instanceof AssertionError) return true;
    throw error;
  }
}

function must(condition: boolean, what: string): void {
  // Not by an assertion of the package under test.
  if (!condition) throw new Error(what);
}

Deno.test("@std/assert: an AssertionError is an Error with that name and the given text", () => {
  const error = new AssertionError("text");
  must(error instanceof Error && error.name === "AssertionError" && error.message === "text", "AssertionError");
  try {
    assertEquals(1, 2, "the reason");
  } catch (error) {
    must((error as Error).message.includes("the reason"), "message of the caller");
  }
});

Deno.test("@std/assert: assertEquals() compares deeply", () => {
  class Point {
    constructor(readonly x: number) {}
  }
  const same: [unknown, unknown][] = [
    [NaN, NaN],
    [1n, 1n],
    [{ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }],
    [new Uint8Array([1, 2]), new Uint8Array([1, 2])],
    [new Uint8Array([0, 1, 2]).subarray(1), new Uint8Array([1, 2])],
    [new Map([["a", new Uint8Array(1)]]), new Map([["a", new Uint8Array(1)]])],
    [new Set([1, 2]), new Set([2, 1])],
    [new Date(1), new Date(1)],
    [/a/g, /a/g],
    [new Point(1), new Point(1)],
    [{ a: 1, b: 2 }, { b: 2, a: 1 }],
  ];
  const different: [unknown, unknown][] = [
    [1, "1"],
    [1, 1n],
    [null, undefined],
    [{ a: undefined }, {}],
    [[1, 2], [2, 1]],
    [new Uint8Array([1, 2]), new Uint8Array([1, 3])],
    [new Uint8Array([1]), new Uint8Array([1, 2])],
    [new Uint8Array([1]), [1]],
    [new Uint8Array([1]), new Int8Array([1])],
    [new Map([["a", 1]]), new Map([["a", 2]])],
    [new Set([1]), new Set([2])],
    [new Date(1), new Date(2)],
    [new Point(1), { x: 1 }],
    [{}, null],
  ];
  for (const [a, b] of same) {
    must(!fails(() => assertEquals(a, b)) && fails(() => assertNotEquals(a, b)), `${Deno.inspect([a, b])} are equal`);
  }
  for (const [a, b] of different) {
    must(fails(() => assertEquals(a, b)) && !fails(() => assertNotEquals(a, b)), `${Deno.inspect([a, b])} differ`);
  }
});

Deno.test("@std/assert: assertStrictEquals() compares identity", () => {
  const object = {};
  must(!fails(() => assertStrictEquals(object, object)), "same object");
  must(!fails(() => assertStrictEquals(NaN, NaN)), "NaN");
  must(fails(() => assertStrictEquals<unknown>(object, {})), "equal objects");
  must(!fails(() => assertNotStrictEquals(object, {})), "equal objects are not the same");
  must(fails(() => assertNotStrictEquals(object, object)), "same object is the same");
});

Deno.test("@std/assert: truth, existence and comparison", () => {
  must(!fails(() => assert(1)) && fails(() => assert(0)) && fails(() => assert(null)), "assert");
  must(!fails(() => assertFalse("")) && fails(() => assertFalse(1)), "assertFalse");
  must(!fails(() => assertExists(0)) && fails(() => assertExists(undefined)), "assertExists");
  must(!fails(() => assertGreater(2, 1)) && fails(() => assertGreater(1, 1)), "assertGreater");
  must(!fails(() => assertGreaterOrEqual(1, 1)) && fails(() => assertGreaterOrEqual(0, 1)), "assertGreaterOrEqual");
  must(!fails(() => assertLess(1, 2)) && fails(() => assertLess(1, 1)), "assertLess");
  must(!fails(() => assertLessOrEqual(1, 1)) && fails(() => assertLessOrEqual(2, 1)), "assertLessOrEqual");
  must(!fails(() => assertAlmostEquals(0.1 + 0.2, 0.3)) && fails(() => assertAlmostEquals(0.31, 0.3)), "almost");
  must(!fails(() => assertAlmostEquals(9, 10, 1)) && fails(() => assertAlmostEquals(8, 10, 1)), "tolerance");
  must(fails(() => assertAlmostEquals(NaN, 1)), "NaN is near nothing");
  must(fails(() => fail("reason")), "fail");
});

Deno.test("@std/assert: texts, lists and classes", () => {
  must(!fails(() => assertMatch("abc", /b/)) && fails(() => assertMatch("abc", /x/)), "assertMatch");
  must(!fails(() => assertNotMatch("abc", /x/)) && fails(() => assertNotMatch("abc", /b/)), "assertNotMatch");
  must(!fails(() => assertStringIncludes("abc", "bc")) && fails(() => assertStringIncludes("abc", "cb")), "includes");
  must(!fails(() => assertArrayIncludes([1, [2], 3], [[2]])) && fails(() => assertArrayIncludes([1], [2])), "array");
  must(!fails(() => assertInstanceOf(new TypeError(), Error)) && fails(() => assertInstanceOf({}, Date)), "instance");
});

Deno.test("@std/assert: assertThrows() checks class and text and returns the error", () => {
  const error = new RangeError("too long by 3");
  const throwing = () => {
    throw error;
  };
  const returned: RangeError = assertThrows(throwing, RangeError, "by 3");
  must(returned === error, "returns the error");
  must(assertThrows(throwing) === error, "also without a class");
  must(!fails(() => assertThrows(throwing, Error)), "a subclass will do");
  must(fails(() => assertThrows(throwing, TypeError)), "another class");
  must(fails(() => assertThrows(throwing, RangeError, "by 4")), "another text");
  must(fails(() => assertThrows(() => {}, Error)), "nothing thrown");
  must(fails(() => assertThrows(() => {})), "nothing thrown, no class");
  must(
    fails(() => {
      assertThrows(() => {
        throw "text" as unknown;
      }, Error);
    }),
    "a text is no Error",
  );
});

Deno.test("@std/assert: assertRejects() checks class and text and returns the error", async () => {
  const error = new RangeError("too long by 3");
  const rejecting = () => Promise.reject(error);
  const returned: RangeError = await assertRejects(rejecting, RangeError, "by 3");
  must(returned === error, "returns the error");
  must(await assertRejects(rejecting) === error, "also without a class");
  const failing: (() => Promise<unknown>)[] = [
    () => assertRejects(rejecting, TypeError),
    () => assertRejects(rejecting, RangeError, "by 4"),
    () => assertRejects(() => Promise.resolve(), Error),
    () => assertRejects(() => Promise.resolve()),
    () =>
      assertRejects(() => {
        throw error;
      }, RangeError),
  ];
  for (const attempt of failing) {
    const outcome = await attempt().then(() => "passed", (error) => error);
    must(outcome instanceof AssertionError, `${attempt} fails`);
  }
});

Deno.test("@std/assert: assertIsError() checks class and text", () => {
  const error = new RangeError("too long by 3");
  must(!fails(() => assertIsError(error)) && !fails(() => assertIsError(error, RangeError, "by 3")), "text");
  must(!fails(() => assertIsError(error, Error, /by \d/)), "pattern");
  must(fails(() => assertIsError(error, TypeError)) && fails(() => assertIsError("text")), "no such error");
  must(fails(() => assertIsError(error, Error, /by x/)), "another pattern");
});

Deno.test("@std/bytes: concat() makes one new array", () => {
  const [a, b] = [new Uint8Array([1, 2]), new Uint8Array([3])];
  const joined: Uint8Array<ArrayBuffer> = concat([a, b]);
  assertEquals(joined, new Uint8Array([1, 2, 3]));
  // Exactly its own memory, since its buffer may be handed on.
  assertEquals([joined.byteOffset, joined.buffer.byteLength], [0, 3]);
  joined[0] = 9;
  assertEquals(a[0], 1);
  assertEquals(concat([]), new Uint8Array(0));
});

Deno.test("@std/bytes: equals(), startsWith(), endsWith()", () => {
  const bytes = new Uint8Array([1, 2, 3]);
  assertEquals([equals(bytes, new Uint8Array([1, 2, 3])), equals(bytes, new Uint8Array([1, 2]))], [true, false]);
  assertEquals(equals(bytes.subarray(1), new Uint8Array([2, 3])), true);
  assertEquals([startsWith(bytes, bytes.subarray(0, 2)), startsWith(bytes, bytes.subarray(1))], [true, false]);
  assertEquals([endsWith(bytes, bytes.subarray(1)), endsWith(bytes, bytes.subarray(0, 2))], [true, false]);
  assertEquals([startsWith(bytes, new Uint8Array(4)), endsWith(bytes, new Uint8Array(4))], [false, false]);
});

Deno.test("@std/bytes: indexOfNeedle(), includesNeedle()", () => {
  const bytes = new Uint8Array([0, 1, 2, 1, 2]).subarray(1);
  const needle = new Uint8Array([1, 2]);
  assertEquals([indexOfNeedle(bytes, needle), indexOfNeedle(bytes, needle, 1)], [0, 2]);
  assertEquals(indexOfNeedle(bytes, new Uint8Array([3])), -1);
  assertEquals([includesNeedle(bytes, needle, 2), includesNeedle(bytes, needle, 3)], [true, false]);
});

Deno.test("@std/cli: parseArgs() reads declared flags as texts and switches", () => {
  const parsed = parseArgs(["--port", "080", "--host=a=b", "--verbose", "key", "7"], {
    string: ["port", "host", "missing"],
    boolean: ["verbose", "quiet"],
  });
  assertEquals({ ...parsed }, { port: "080", host: "a=b", verbose: true, quiet: false, _: ["key", 7] });
  const text: string | undefined = parsed.port;
  const flag: boolean = parsed.quiet;
  assertEquals([text, flag], ["080", false]);
});

Deno.test("@std/cli: parseArgs() gives a text flag without a value the empty text", () => {
  const options = { string: ["port", "host"] } as const;
  assertEquals(parseArgs(["--port"], options).port, "");
  assertEquals({ ...parseArgs(["--port", "--host", "a"], options) }, { port: "", host: "a", _: [] });
});

Deno.test("@std/cli: parseArgs() takes the last of several values, or collects them", () => {
  const args = ["--port", "1", "--port=2"];
  assertEquals(parseArgs(args, { string: ["port"] }).port, "2");
  const collecting = { string: ["port", "host"], collect: ["port", "host"] } as const;
  assertEquals({ ...parseArgs(args, collecting) }, { port: ["1", "2"], host: [], _: [] });
});

Deno.test("@std/cli: parseArgs() does not touch its arguments", () => {
  const args = ["--port", "1", "--", "--no-x"];
  parseArgs(args, { string: ["port"] });
  assertEquals(args, ["--port", "1", "--", "--no-x"]);
});

Deno.test("@std/cli: parseArgs() stops at -- and keeps texts as they are with string _", () => {
  const parsed = parseArgs(["007", "--", "--port", "--no-x", "1e3"], { string: ["port", "_"] });
  assertEquals(parsed._.map(String), ["007", "--port", "--no-x", "1e3"]);
});

Deno.test("@std/cli: parseArgs() tells unknown flags and positional arguments apart", () => {
  const seen: [string, string | undefined][] = [];
  const parsed = parseArgs(["--prot=1", "key", "--no-port", "-x"], {
    string: ["port"],
    unknown(arg, key) {
      seen.push([arg, key]);
      return key === undefined;
    },
  });
  assertEquals(seen, [["--prot=1", "prot"], ["key", undefined], ["--no-port", "no-port"], ["-x", "x"]]);
  assertEquals({ ...parsed }, { _: ["key"] });
});

Deno.test("@std/cli: parseArgs() knows a flag by its other names", () => {
  const parsed = parseArgs(["-h", "-a", "b"], {
    boolean: ["help"],
    string: ["address"],
    alias: { help: "h", address: "a" },
  });
  assertEquals([parsed.help, parsed.address], [true, "b"]);
});

Deno.test("@std/cli: parseArgs() leaves prototypes alone", () => {
  const args = ["--__proto__.polluted", "1", "--constructor.prototype.polluted", "1"];
  parseArgs(args, { string: ["port"], unknown: () => false });
  assertEquals(({} as Record<string, unknown>)["polluted"], undefined);
});

Deno.test("@std/yaml: parse() reads scalars by YAML 1.2", () => {
  const text =
    'a: 8080\nb: text\nc: "8080"\nd: 1.5\ne: true\nf: yes\ng:\nh: [1, two]\ni: {j: 1}\nk: 10s\nl: 127.0.0.1\n';
  assertEquals(parse(text), {
    a: 8080,
    b: "text",
    c: "8080",
    d: 1.5,
    e: true,
    f: "yes",
    g: null,
    h: [1, "two"],
    i: { j: 1 },
    k: "10s",
    l: "127.0.0.1",
  });
});

Deno.test("@std/yaml: parse() gives null for an empty document", () => {
  assertEquals(parse(""), null);
  assertEquals(parse("# nothing\n"), null);
});

Deno.test("@std/yaml: parse() throws SyntaxError at what is no YAML and at keys given twice", () => {
  for (const text of ["a: [", "a: b: c", "a: 1\na: 2", "\ta: 1", "a: 1\n---\na: 2"]) {
    assertThrows(() => parse(text), SyntaxError);
  }
});

Deno.test("@std/yaml: parse() makes no functions and leaves prototypes alone", () => {
  assertThrows(() => parse("a: !!js/function 'function () {}'"), SyntaxError);
  parse("__proto__: {polluted: 1}");
  assertEquals(({} as Record<string, unknown>)["polluted"], undefined);
});
