/**
 * The conformance suite: what a store does, whatever it is asked through.
 *
 * @module
 */

import { type Content, Refused, type Step } from "./surface.ts";

const NOT_INTEGER = new Refused("NOT_INTEGER");
const OVERFLOW = new Refused("OVERFLOW");
const MAX_I64 = 2n ** 63n - 1n, MIN_I64 = -(2n ** 63n);

const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, i) => i);
const LARGE = new Uint8Array(300_000).map((_, i) => i * 7 + (i >>> 8));
/** Contents that some protocol could take for something else. */
const TRICKY: readonly Content[] = [
  "(nil)",
  "OK",
  "ERR",
  "ERR: syntax error",
  "-ERR x",
  "$-1",
  "*1",
  '"quoted"',
  "back\\slash \\x41 \\n",
  " spaces  and\ttabs ",
  "line\nend",
  "line\r\nend\r\n",
  "a\0b",
  "'single'",
  "CM",
  "-1",
  "99999999999999999999",
  "ünïcödé 😀",
  Uint8Array.of(0xff, 0xfe, 0x80, 0xc0),
];
/** Names that mean something to JavaScript. */
const NAMES = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf", "length"];

/** Named steps, each on an empty store. */
export const STEPS: readonly Step[] = [
  { name: "a missing key has no value", script: [[["get", "k"], undefined]] },
  { name: "a value is read as it was stored", script: [[["set", "k", "value"], true], [["get", "k"], "value"]] },
  {
    name: "set replaces a value by a longer and a shorter one",
    script: [
      [["set", "k", "value"], true],
      [["set", "k", "a longer value than the one before"], true],
      [["get", "k"], "a longer value than the one before"],
      [["set", "k", "v"], true],
      [["get", "k"], "v"],
    ],
  },
  {
    name: "delete removes one entry and no other",
    script: [
      [["set", "a", "1"], true],
      [["set", "b", "2"], true],
      [["delete", "a"], true],
      [["get", "a"], undefined],
      [["get", "b"], "2"],
      [["delete", "a"], false],
    ],
  },
  { name: "delete of nothing finds nothing", script: [[["delete", "k"], false]] },
  {
    name: "keys are told apart by every byte and by length",
    script: [
      [["set", "key", "1"], true],
      [["set", "kez", "2"], true],
      [["set", "keyy", "3"], true],
      [["set", "KEY", "4"], true],
      [["get", "key"], "1"],
      [["get", "kez"], "2"],
      [["get", "keyy"], "3"],
      [["get", "KEY"], "4"],
      [["get", "ke"], undefined],
    ],
  },
  {
    name: "names that mean something to JavaScript are plain keys (P11)",
    script: NAMES.flatMap((name) =>
      [
        [["get", name], undefined],
        [["set", name, `${name}!`], true],
        [["get", name], `${name}!`],
        [["delete", name], true],
        [["get", name], undefined],
      ] as Step["script"]
    ),
  },
  {
    name: "an empty value is a value",
    script: [[["set", "k", ""], true], [["get", "k"], ""], [["delete", "k"], true]],
  },
  {
    name: "an empty value exists",
    script: [[["set", "k", ""], true], [["exists", "k"], true]],
  },
  {
    name: "a value may hold every byte (P11)",
    script: [[["set", "k", EVERY_BYTE], true], [["get", "k"], EVERY_BYTE]],
  },
  {
    name: "a key may hold every byte (P11)",
    script: [
      [["set", EVERY_BYTE, "value"], true],
      [["get", EVERY_BYTE], "value"],
      [["delete", EVERY_BYTE], true],
      [["get", EVERY_BYTE], undefined],
    ],
  },
  {
    name: "every single byte is a key of its own",
    script: Array.from({ length: 256 }, (_, i) => Uint8Array.of(i)).flatMap((key, i) =>
      [[["set", key, `${i}`], true], [["get", key], `${i}`]] as Step["script"]
    ),
  },
  ...TRICKY.map((value, i) => ({
    name: `${typeof value === "string" ? JSON.stringify(value) : `no UTF-8 (${i})`} is a plain value`,
    script: [[["set", "k", value], true], [["get", "k"], value]] as Step["script"],
  })),
  {
    name: "what a protocol could take for something else is a plain key",
    script: TRICKY.flatMap((key, i) => [[["set", key, `${i}`], true], [["get", key], `${i}`]] as Step["script"]),
  },
  { name: "a large value is read whole", script: [[["set", "k", LARGE], true], [["get", "k"], LARGE]] },
  {
    name: "a large value makes way for a small one and comes back",
    script: [
      [["set", "k", LARGE], true],
      [["set", "k", "small"], true],
      [["get", "k"], "small"],
      [["set", "k", LARGE], true],
      [["get", "k"], LARGE],
    ],
  },
  {
    name: "a key may have 10,000 bytes",
    script: [
      [["set", "k".repeat(10_000), "value"], true],
      [["get", "k".repeat(10_000)], "value"],
      [["get", "k".repeat(9_999)], undefined],
    ],
  },
  {
    name: "exists finds what is there",
    script: [
      [["exists", "k"], false],
      [["set", "k", "v"], true],
      [["exists", "k"], true],
      [["delete", "k"], true],
      [["exists", "k"], false],
    ],
  },

  // Expiry.
  {
    name: "an entry expires to the millisecond",
    script: [
      [["set", "k", "v", 1_000], true],
      [["wait", 999]],
      [["get", "k"], "v"],
      [["wait", 1]],
      [["get", "k"], undefined],
    ],
  },
  {
    name: "a time to live of one millisecond is one millisecond",
    script: [[["set", "k", "v", 1], true], [["get", "k"], "v"], [["wait", 1]], [["get", "k"], undefined]],
  },
  {
    name: "an expired entry does not exist",
    script: [[["set", "k", "v", 10], true], [["wait", 10]], [["exists", "k"], false]],
  },
  {
    name: "an expired entry cannot be deleted",
    script: [[["set", "k", "v", 10], true], [["wait", 10]], [["delete", "k"], false]],
  },
  {
    name: "set without a time to live takes the one before away",
    script: [[["set", "k", "v", 10], true], [["set", "k", "w"], true], [["wait", 1_000_000]], [["get", "k"], "w"]],
  },
  {
    name: "set starts a new time to live",
    script: [
      [["set", "k", "v", 10], true],
      [["wait", 9]],
      [["set", "k", "w", 10], true],
      [["wait", 9]],
      [["get", "k"], "w"],
      [["wait", 1]],
      [["get", "k"], undefined],
    ],
  },
  {
    name: "a time to live of a century is kept",
    script: [
      [["set", "k", "v", 100 * 365 * 86_400_000], true],
      [["wait", 99 * 365 * 86_400_000]],
      [["get", "k"], "v"],
      [["wait", 365 * 86_400_000]],
      [["get", "k"], undefined],
    ],
  },
  {
    name: "ttl tells what is left, rounded up to what the surface counts in",
    script: [
      [["set", "k", "v", 5_500], true],
      [["ttl", "k"], 5_500],
      [["wait", 1_501]],
      [["ttl", "k"], 3_999],
      [["wait", 3_998]],
      [["ttl", "k"], 1],
      [["wait", 1]],
      [["ttl", "k"], undefined],
    ],
  },
  {
    name: "ttl tells no expiry from no entry",
    script: [[["ttl", "k"], undefined], [["set", "k", "v"], true], [["ttl", "k"], -1]],
  },

  // Conditions.
  {
    name: "add stores if nothing is there",
    script: [[["add", "k", "v"], true], [["get", "k"], "v"], [["add", "k", "w"], false], [["get", "k"], "v"]],
  },
  {
    name: "add over an expired entry stores",
    script: [[["set", "k", "v", 10], true], [["wait", 10]], [["add", "k", "w"], true], [["get", "k"], "w"]],
  },
  {
    name: "add with a time to live",
    script: [[["add", "k", "v", 10], true], [["wait", 9]], [["get", "k"], "v"], [["wait", 1]], [
      ["get", "k"],
      undefined,
    ]],
  },
  {
    name: "a refused add does not change the expiry",
    script: [[["set", "k", "v", 10], true], [["add", "k", "w", 1_000], false], [["wait", 10]], [
      ["get", "k"],
      undefined,
    ]],
  },
  {
    name: "replace stores if something is there",
    script: [
      [["replace", "k", "v"], false],
      [["get", "k"], undefined],
      [["set", "k", "v"], true],
      [["replace", "k", "w"], true],
      [["get", "k"], "w"],
    ],
  },
  {
    name: "replace of an expired entry does nothing",
    script: [[["set", "k", "v", 10], true], [["wait", 10]], [["replace", "k", "w"], false], [["get", "k"], undefined]],
  },
  {
    name: "replace takes the expiry away, or sets a new one",
    script: [
      [["set", "k", "v", 10], true],
      [["replace", "k", "w"], true],
      [["wait", 100]],
      [["get", "k"], "w"],
      [["replace", "k", "x", 10], true],
      [["wait", 10]],
      [["get", "k"], undefined],
    ],
  },
  {
    name: "swap stores and gives the value before",
    script: [
      [["swap", "k", "v"], undefined],
      [["get", "k"], "v"],
      [["swap", "k", "w"], "v"],
      [["get", "k"], "w"],
    ],
  },
  {
    name: "swap of an expired entry gives nothing and stores",
    script: [[["set", "k", "v", 10], true], [["wait", 10]], [["swap", "k", "w"], undefined], [["get", "k"], "w"]],
  },
  {
    name: "swap of large and binary values",
    script: [[["set", "k", LARGE], true], [["swap", "k", EVERY_BYTE], LARGE], [["swap", "k", ""], EVERY_BYTE]],
  },
  {
    name: "take reads and removes",
    script: [
      [["take", "k"], undefined],
      [["set", "k", EVERY_BYTE], true],
      [["take", "k"], EVERY_BYTE],
      [["take", "k"], undefined],
      [["exists", "k"], false],
    ],
  },
  {
    name: "take of an expired entry finds nothing",
    script: [[["set", "k", "v", 10], true], [["wait", 10]], [["take", "k"], undefined]],
  },

  // Expiry of what is there.
  {
    name: "touch gives an entry another expiry",
    script: [
      [["set", "k", "v"], true],
      [["touch", "k", 10], true],
      [["wait", 9]],
      [["touch", "k", 10], true],
      [["wait", 9]],
      [["get", "k"], "v"],
      [["wait", 1]],
      [["get", "k"], undefined],
    ],
  },
  {
    name: "touch of nothing finds nothing",
    script: [[["touch", "k", 10], false], [["get", "k"], undefined]],
  },
  {
    name: "touch of an expired entry does not bring it back",
    script: [[["set", "k", "v", 10], true], [["wait", 10]], [["touch", "k", 10], false], [["get", "k"], undefined]],
  },
  {
    name: "persist takes the expiry away",
    script: [
      [["persist", "k"], false],
      [["set", "k", "v", 10], true],
      [["persist", "k"], true],
      [["ttl", "k"], -1],
      [["wait", 1_000]],
      [["get", "k"], "v"],
    ],
  },
  {
    name: "getex reads and gives another expiry",
    script: [
      [["getex", "k", 10], undefined],
      [["set", "k", "v"], true],
      [["getex", "k", 10], "v"],
      [["wait", 9]],
      [["getex", "k", 10], "v"],
      [["wait", 10]],
      [["getex", "k", 10], undefined],
    ],
  },
  {
    name: "getex reads and takes the expiry away",
    script: [[["set", "k", EVERY_BYTE, 10], true], [["getex", "k", 0], EVERY_BYTE], [["ttl", "k"], -1]],
  },

  // Numbers.
  {
    name: "a missing number counts as 0",
    script: [[["incr", "up"], 1], [["decr", "down"], -1], [["get", "up"], "1"], [["get", "down"], "-1"]],
  },
  {
    name: "a stored text of digits is a number, and the other way round",
    script: [[["set", "n", "41"], true], [["incr", "n"], 42], [["get", "n"], "42"], [["decr", "n"], 41]],
  },
  {
    name: "counting by any integer, also a negative one",
    script: [
      [["incr", "n", 40], 40],
      [["incr", "n", -50], -10],
      [["decr", "n", -5], -5],
      [["decr", "n", 10], -15],
      [["get", "n"], "-15"],
    ],
  },
  {
    name: "counting passes through 0 and over changes of length",
    script: [[["set", "n", "9"], true], [["incr", "n"], 10], [["decr", "n"], 9], [["set", "n", "0"], true], [[
      "decr",
      "n",
    ], -1]],
  },
  {
    name: "numbers are exact up to the ends of 64 bits",
    script: [
      [["set", "n", String(MAX_I64 - 1n)], true],
      [["incr", "n"], MAX_I64],
      [["get", "n"], String(MAX_I64)],
      [["set", "n", String(MIN_I64 + 1n)], true],
      [["decr", "n"], MIN_I64],
      [["get", "n"], String(MIN_I64)],
    ],
  },
  {
    name: "a result beyond 64 bits is OVERFLOW and changes nothing",
    script: [
      [["set", "n", String(MAX_I64)], true],
      [["incr", "n"], OVERFLOW],
      [["get", "n"], String(MAX_I64)],
      [["set", "n", String(MIN_I64)], true],
      [["decr", "n"], OVERFLOW],
      [["get", "n"], String(MIN_I64)],
    ],
  },
  {
    name: "steps as large as 64 bits are exact",
    script: [
      [["incr", "n", MAX_I64], MAX_I64],
      [["incr", "n", MIN_I64], -1],
      [["decr", "n", MAX_I64], MIN_I64],
      [["incr", "n", -1], OVERFLOW],
      [["get", "n"], String(MIN_I64)],
    ],
  },
  ...["text", "", "1.5", " 1", "1 ", "+1", "01", "-0", "-", "0x10", "1e3", "9223372036854775808", "1\n"].map((
    value,
  ) => ({
    name: `${JSON.stringify(value)} is no number: NOT_INTEGER, and it changes nothing`,
    script: [
      [["set", "n", value], true],
      [["incr", "n"], NOT_INTEGER],
      [["decr", "n"], NOT_INTEGER],
      [["get", "n"], value],
    ] as Step["script"],
  })),
  {
    name: "counting keeps the expiry",
    script: [
      [["set", "n", "1", 10], true],
      [["incr", "n"], 2],
      [["wait", 10]],
      [["get", "n"], undefined],
      [["incr", "n"], 1],
    ],
  },
  {
    name: "an expired number counts as 0 and has no expiry any more",
    script: [[["set", "n", "41", 10], true], [["wait", 10]], [["incr", "n"], 1], [["wait", 100]], [["get", "n"], "1"]],
  },
  {
    name: "counting sets an expiry only on what it creates",
    script: [
      [["incr", "n", 1, 10], 1],
      [["incr", "n", 1, 1_000], 2],
      [["wait", 10]],
      [["get", "n"], undefined],
    ],
  },

  // Versions.
  {
    name: "cas stores if nothing changed since getv",
    script: [
      [["set", "k", "v"], true],
      [["getv", "k"], "v"],
      [["cas", "k", "seen", "w"], true],
      [["get", "k"], "w"],
      [["cas", "k", "seen", "x"], true],
      [["get", "k"], "x"],
    ],
  },
  {
    name: "cas is refused after any change of the value, even to the same one",
    script: [
      [["set", "k", "v"], true],
      [["getv", "k"], "v"],
      [["set", "k", "v"], true],
      [["cas", "k", "seen", "w"], new Refused("CONFLICT")],
      [["get", "k"], "v"],
    ],
  },
  {
    name: "cas of nothing stores nothing",
    script: [
      [["set", "k", "v"], true],
      [["getv", "k"], "v"],
      [["delete", "k"], true],
      [["cas", "k", "seen", "w"], false],
      [["get", "k"], undefined],
    ],
  },
  {
    name: "cas of what must be absent stores only if it is",
    script: [
      [["getv", "k"], undefined],
      [["cas", "k", "absent", "v", 10], true],
      [["cas", "k", "absent", "w"], new Refused("CONFLICT")],
      [["get", "k"], "v"],
      [["wait", 10]],
      [["cas", "k", "absent", "w"], true],
      [["get", "k"], "w"],
    ],
  },

  // Many keys.
  {
    name: "scan walks all keys",
    script: [
      [["scan", ""], []],
      ...Array.from({ length: 100 }, (_, i) => [["set", `k${String(i).padStart(3, "0")}`, "v"], true] as const),
      [["scan", "", 7], Array.from({ length: 100 }, (_, i) => `k${String(i).padStart(3, "0")}`)],
    ],
  },
  {
    name: "scan by a prefix of any bytes, also those that a pattern would read otherwise",
    script: [
      [["set", "a*1", ""], true],
      [["set", "a*2", ""], true],
      [["set", "ab3", ""], true],
      [["set", "[x]", ""], true],
      [["set", "x", ""], true],
      [["set", "\\?", ""], true],
      [["scan", "a*"], ["a*1", "a*2"]],
      [["scan", "[x]"], ["[x]"]],
      [["scan", "\\?"], ["\\?"]],
      [["scan", "nothing"], []],
    ],
  },
  {
    name: "scan does not show what has expired",
    script: [[["set", "a", "v", 10], true], [["set", "b", "v"], true], [["wait", 10]], [["scan", ""], ["b"]]],
  },
  {
    name: "clear removes everything",
    script: [
      [["clear", ""], 0],
      [["set", "a", "1"], true],
      [["set", "b", LARGE], true],
      [["clear", ""], 2],
      [["get", "a"], undefined],
      [["get", "b"], undefined],
      [["set", "a", "2"], true],
      [["get", "a"], "2"],
    ],
  },
  {
    name: "clear by a prefix leaves the rest",
    script: [
      [["set", "user:1", "1"], true],
      [["set", "user:2", "2"], true],
      [["set", "use", "3"], true],
      [["clear", "user:"], 2],
      [["get", "user:1"], undefined],
      [["get", "use"], "3"],
    ],
  },
];
