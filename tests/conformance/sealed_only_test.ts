/**
 * A server that takes sealed values only: whatever dialect and command a plain value comes with, it is refused, in the
 * dialect's own words, and nothing changes. All of it is asked of sessions as they stand behind a socket.
 */

import { concat } from "@std/bytes";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { binaryText, ByteRange, utf8 } from "../../lib/bytes.ts";
import type { DialectName } from "../../lib/codec/dialect.ts";
import { OPERATIONS } from "../../lib/codec/operations.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { SealedStore } from "../../lib/storage/sealed_store.ts";
import { SealingRule } from "../../lib/storage/sealing_rule.ts";
import { frame } from "../support/cm_frame.ts";
import { envelopeLike } from "../support/envelopes.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { talk } from "../support/memory_connection.ts";
import { text } from "../support/ranges.ts";
import { command } from "../support/resp_frame.ts";
import { frameOf } from "./stash_surface.ts";
import { quote } from "./text_surface.ts";

const RULE = { sealedOnly: ["s:"], counters: ["s:n:"] } as const;
const HELD = envelopeLike(7, 60), ENVELOPE = envelopeLike(8, 50);

/** A store behind the rule, with an entry of every kind. */
class World {
  readonly engine = new Engine({ clock: new FakeClock() });
  readonly store = new SealedStore(this.engine, new SealingRule(RULE));

  constructor() {
    this.engine.set(text("s:held"), ByteRange.of(HELD), 60_000);
    this.engine.set(text("s:n:held"), text("5"), 0);
    this.engine.set(text("open"), text("plain"), 0);
    this.engine.set(text("number"), text("12"), 0);
  }

  /** Sends a request and gives the answer, a character for each byte. */
  async ask(request: Uint8Array, pinned?: DialectName): Promise<string> {
    return binaryText(await talk([request], { engine: this.store, ...pinned !== undefined && { pinned } }));
  }

  /** All entries: value, version and time to live. */
  get entries(): Record<string, string> {
    const entries: Record<string, string> = {}, value = new ByteRange(), keys: string[] = [];
    this.engine.scan(0, Infinity, new Uint8Array(0), (key) => keys.push(binaryText(key.copy())));
    for (const key of keys.sort()) {
      const version = this.engine.getVersioned(text(key), value);
      entries[key] = `${value.copy().toHex()} ${version} ${this.engine.ttlMs(text(key))}`;
    }
    return entries;
  }
}

/** One request that would store a plain value if it could. */
interface Attempt {
  readonly name: string;
  readonly request: Uint8Array;
  readonly pinned?: DialectName;
  /** What it must be answered. */
  readonly answer: RegExp;
}

const MESSAGE = "SEALED_ONLY Cannot [^\\r\\n]*under this key only sealed values [^\\r\\n]*";

function cmFrame(status: number): RegExp {
  return new RegExp(`^CM\\x0${status}\\0\\0[\\0-\\xff]{2}${MESSAGE}$`);
}

function version(number: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(number));
  return bytes;
}

function* cmAttempts(key: string): Generator<Attempt> {
  const set = { name: `CM SET ${key}`, answer: cmFrame(2) };
  yield { ...set, request: frame({ opcode: 1, key, value: "plain" }) };
  yield { ...set, request: frame({ opcode: 1, key, value: "" }) };
  yield { ...set, request: frame({ opcode: 1, key, value: "x".repeat(100), ttl: 5_000_000n }) };
  for (const [opcode, name] of [[6, "ADD"], [7, "REPLACE"], [8, "SWAP"]] as const) {
    yield { name: `CM ${name} ${key}`, request: frame({ opcode, key, value: "plain" }), answer: cmFrame(4) };
  }
  for (const number of [0, 1, 2]) {
    const value = concat([version(number), utf8("plain")]);
    yield { name: `CM CAS ${key} ${number}`, request: frame({ opcode: 17, key, value }), answer: cmFrame(4) };
  }
  if (key.startsWith("s:n:")) return;
  yield { name: `CM SET ${key} 5`, request: frame({ opcode: 1, key, value: "5" }), answer: cmFrame(2) };
  yield { name: `CM INCR ${key}`, request: frame({ opcode: 14, key }), answer: cmFrame(4) };
  yield { name: `CM DECR ${key}`, request: frame({ opcode: 15, key, ttl: 5_000_000n }), answer: cmFrame(4) };
}

function* textAttempts(key: string, accent: "minigostore" | "gocache"): Generator<Attempt> {
  const lines = ["", " 60", " EX 60", " PX 60000", " NX", " XX", " GET", " XX GET EX 5"].flatMap((options) => {
    return ["plain", '""', "1.5"].map((value) => `SET ${key} ${value}${options}`);
  });
  if (!key.startsWith("s:n:")) lines.push(`SET ${key} 5`, `INCR ${key}`, `DECR ${key}`, `INCR ${key} 7`);
  const answer = new RegExp(`^${accent === "gocache" ? "ERROR" : "ERR:"} ${MESSAGE}\\n$`);
  const pinned: DialectName = accent === "gocache" ? "gocache" : "text";
  for (const line of lines) yield { name: `${pinned} ${line}`, request: utf8(`${line}\n`), pinned, answer };
}

function* stashAttempts(key: string): Generator<Attempt> {
  const answer = /^ERR\r\n$/;
  yield { name: `stash SET ${key}`, request: frameOf("SET", key, "plain"), answer };
  yield { name: `stash SET ${key} of nothing`, request: frameOf("SET", key, ""), answer };
  if (key.startsWith("s:n:")) return;
  for (const verb of ["INC", "DEC"]) yield { name: `stash ${verb} ${key}`, request: frameOf(verb, key), answer };
}

/** By command, the forms in which it stores; `KEY` is the key to store under. */
const RESP_FORMS: Readonly<Record<string, readonly string[]>> = {
  SET: [
    ...["", "NX", "XX", "GET", "KEEPTTL", "EX 60", "PX 60000", "EXAT 99999999999", "XX GET KEEPTTL"],
    // A date in the past would remove the entry.
    ...["PXAT 1", "GET EXAT 1"],
  ].map((options) => `SET KEY plain ${options}`),
  SETNX: ["SETNX KEY plain"],
  SETEX: ["SETEX KEY 60 plain"],
  PSETEX: ["PSETEX KEY 60000 plain"],
  GETSET: ["GETSET KEY plain", "GETSET KEY 1.5"],
  MSET: ["MSET KEY plain", "MSET other plain KEY plain", "MSET KEY plain other plain", "MSET s:x SEALED KEY x y z"],
  MSETNX: ["MSETNX KEY plain", "MSETNX other plain KEY plain", "MSETNX s:x SEALED KEY plain", "MSETNX open x KEY x"],
  APPEND: ["APPEND KEY plain", "APPEND KEY 1", "APPEND KEY ''", "APPEND KEY SEALED"],
  SETRANGE: ["SETRANGE KEY 0 plain", "SETRANGE KEY 5 1", "SETRANGE KEY 0 SEALED", "SETRANGE KEY 100 x"],
  INCRBYFLOAT: ["INCRBYFLOAT KEY 0.5", "INCRBYFLOAT KEY -1e-3"],
  RENAME: ["RENAME open KEY"],
  RENAMENX: ["RENAMENX open KEY"],
  COPY: ["COPY open KEY", "COPY open KEY REPLACE", "COPY open KEY DB 0 REPLACE"],
};
/** The same, of commands that store numbers. */
const RESP_NUMBER_FORMS: Readonly<Record<string, readonly string[]>> = {
  SET: ["SET KEY 5"],
  MSET: ["MSET KEY 5"],
  INCR: ["INCR KEY"],
  DECR: ["DECR KEY"],
  INCRBY: ["INCRBY KEY 5"],
  DECRBY: ["DECRBY KEY -5"],
  INCRBYFLOAT: ["INCRBYFLOAT KEY 5"],
  RENAME: ["RENAME number KEY", "RENAME s:n:held KEY"],
  COPY: ["COPY number KEY REPLACE", "COPY s:n:held KEY REPLACE"],
};
/** Commands that write, but never a value from outside. */
const STORES_NO_VALUE = [
  ...["DEL", "UNLINK", "GETDEL", "FLUSHDB", "FLUSHALL", "GETEX", "TOUCH"],
  ...["EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT", "PERSIST"],
];

/** A command from its form. */
function respCommand(form: string, key: string): Uint8Array {
  return command(
    ...form.trim().split(" ").map((word) => {
      return word === "KEY" ? key : word === "SEALED" ? ENVELOPE : word === "''" ? "" : word;
    }),
  );
}

function respForms(key: string): string[] {
  const forms = Object.values(RESP_FORMS).flat();
  return key.startsWith("s:n:") ? forms : [...forms, ...Object.values(RESP_NUMBER_FORMS).flat()];
}

function* respAttempts(key: string, respVersion: 2 | 3): Generator<Attempt> {
  for (const form of respForms(key)) {
    const request = respCommand(form, key), name = `RESP${respVersion} ${form.replace("KEY", key)}`;
    if (respVersion === 2) yield { name, request, answer: new RegExp(`^-${MESSAGE}\\r\\n$`) };
    else {
      const answer = new RegExp(`^%[^]*\\r\\n-${MESSAGE}\\r\\n$`);
      yield { name, request: concat([command("HELLO", "3"), request]), answer };
    }
  }
}

function* attempts(key: string): Generator<Attempt> {
  yield* cmAttempts(key);
  yield* textAttempts(key, "minigostore");
  yield* textAttempts(key, "gocache");
  yield* stashAttempts(key);
  yield* respAttempts(key, 2);
  yield* respAttempts(key, 3);
}

for (const key of ["s:new", "s:held", "s:n:new", "s:n:held", "s:"]) {
  Deno.test(`no dialect and no command stores a plain value under ${key}, and none changes anything by it`, async () => {
    let count = 0;
    for (const { name, request, pinned, answer } of attempts(key)) {
      const world = new World(), before = world.entries;
      assertMatch(await world.ask(request, pinned), answer, name);
      assertEquals(world.entries, before, name);
      world.engine.verify();
      count++;
    }
    assert(count > 100);
  });
}

Deno.test("every command that writes is among those that are tried here, or stores no value from outside", () => {
  const tried = [...Object.keys(RESP_FORMS), ...Object.keys(RESP_NUMBER_FORMS), ...STORES_NO_VALUE];
  const writing = OPERATIONS.filter(({ access, arity }) => access === "write" && arity !== 0).map(({ name }) => name);
  assertEquals([...new Set(tried)].sort(), writing.sort());
  for (const [name, forms] of [...Object.entries(RESP_FORMS), ...Object.entries(RESP_NUMBER_FORMS)]) {
    for (const form of forms) assertEquals(form.split(" ")[0], name);
  }
});

Deno.test("a sealed value is stored by every dialect and command that stores whole values", async () => {
  const lines = ["", " 60", " EX 60", " NX", " GET"].map((options) => `SET s:new ${quote(ENVELOPE)}${options}\n`);
  const forms = ["SET s:new SEALED", "SET s:new SEALED NX EX 60 GET", "SETNX s:new SEALED", "SETEX s:new 60 SEALED"]
    .concat("PSETEX s:new 60000 SEALED", "GETSET s:new SEALED", "MSET a x s:new SEALED", "MSETNX s:new SEALED b y")
    .concat("COPY s:held s:new", "RENAME s:held s:new", "RENAMENX s:held s:new", "SET s:new SEALED KEEPTTL");
  const requests: [Uint8Array, DialectName?][] = [
    [frame({ opcode: 1, key: "s:new", value: ENVELOPE })],
    [frame({ opcode: 6, key: "s:new", value: ENVELOPE })],
    [frame({ opcode: 8, key: "s:new", value: ENVELOPE })],
    [frame({ opcode: 17, key: "s:new", value: concat([version(0), ENVELOPE]) })],
    ...lines.flatMap((line): [Uint8Array, DialectName][] => [[utf8(line), "text"], [utf8(line), "gocache"]]),
    [frameOf("SET", "s:new", ENVELOPE)],
    ...forms.map((form): [Uint8Array] => [respCommand(form, "")]),
  ];
  for (const [request, pinned] of requests) {
    const world = new World();
    const answer = await world.ask(request, pinned);
    const stored = world.entries["s:new"]?.split(" ")[0];
    assert(stored === ENVELOPE.toHex() || stored === HELD.toHex(), `${binaryText(request)} was answered ${answer}`);
  }
});

Deno.test("under a prefix of counters whole numbers are stored and counted in every dialect", async () => {
  const world = new World();
  const asked: [Uint8Array, string, DialectName?][] = [
    [frame({ opcode: 1, key: "s:n:1", value: "-9223372036854775808" }), "CM\x01\0\0\0\0"],
    [frame({ opcode: 14, key: "s:n:held" }), "CM\x01\0\0\0\x08\0\0\0\0\0\0\0\x06"],
    [utf8("SET s:n:2 10\nINCR s:n:2 5\n"), "OK\n15\n", "text"],
    [utf8("SET s:n:2 10 60\nDECR s:n:2\n"), "OK\n9\n", "gocache"],
    [concat([frameOf("SET", "s:n:3", "7"), frameOf("INC", "s:n:3")]), "OK\r\n8\r\n"],
    [command("MSET", "s:n:4", "1", "s:n:5", "2"), "+OK\r\n"],
    [command("INCRBY", "s:n:4", "-3"), ":-2\r\n"],
    [command("INCRBYFLOAT", "s:n:4", "3.0e1"), "$2\r\n28\r\n"],
    [command("COPY", "s:n:4", "s:n:6"), ":1\r\n"],
    [command("RENAME", "number", "s:n:7"), "+OK\r\n"],
    [command("SET", "s:n:8", ENVELOPE), "+OK\r\n"],
    [command("INCR", "s:n:8"), "-ERR value is not an integer or out of range\r\n"],
  ];
  for (const [request, answer, pinned] of asked) assertEquals(await world.ask(request, pinned), answer);
});

Deno.test("under other keys every value is stored, also from sealed ones", async () => {
  const world = new World();
  const forms = ["SET k plain", "APPEND k x", "SETRANGE k 0 y", "INCR n", "INCRBYFLOAT n 0.5", "RENAME s:held open"];
  for (const form of forms) assertEquals((await world.ask(respCommand(form, "")))[0] === "-", false, form);
  assertEquals(Object.keys(world.entries).sort(), ["k", "n", "number", "open", "s:n:held"]);
});

Deno.test("what reads, removes and expires works under sealed-only keys as anywhere", async () => {
  const world = new World();
  const asked: [string, string][] = [
    ["EXISTS s:held", ":1\r\n"],
    ["STRLEN s:held", ":60\r\n"],
    ["GET s:n:held", "$1\r\n5\r\n"],
    ["PTTL s:held", ":60000\r\n"],
    ["PERSIST s:held", ":1\r\n"],
    ["EXPIRE s:held 10", ":1\r\n"],
    ["TTL s:held", ":10\r\n"],
    ["SETRANGE s:held 0 ''", ":60\r\n"],
    ["DEL s:held", ":1\r\n"],
    ["GETDEL s:n:held", "$1\r\n5\r\n"],
    ["FLUSHALL", "+OK\r\n"],
    ["DBSIZE", ":0\r\n"],
  ];
  for (const [form, answer] of asked) assertEquals(await world.ask(respCommand(form, "")), answer, form);
});

Deno.test("EXEC answers a refusal in its place, and carries out the rest", async () => {
  const world = new World();
  const words = [["MULTI"], ["SET", "s:a", "plain"], ["SET", "s:b", ENVELOPE], ["INCR", "s:c"], ["INCR", "s:n:c"]];
  const answer = await world.ask(concat([...words.map((one) => command(...one)), command("EXEC")]));
  assertMatch(answer, new RegExp(`\\*4\\r\\n-${MESSAGE}\\r\\n\\+OK\\r\\n-${MESSAGE}\\r\\n:1\\r\\n$`));
  assertEquals(Object.keys(world.entries).filter((key) => key.startsWith("s:")), [
    "s:b",
    "s:held",
    "s:n:c",
    "s:n:held",
  ]);
});

Deno.test("a refusal says what to do", async () => {
  const world = new World();
  const asked: [string, string][] = [
    [
      "SET s:k plain",
      "store the value: under this key only sealed values are taken; seal it with the SDK, or list the key's prefix in " +
      "--counters if it counts something",
    ],
    [
      "SET s:n:k plain",
      "store the value: under this key only sealed values and whole numbers are taken; seal it with the SDK",
    ],
    ["INCR s:k", "count: under this key only sealed values are taken; list its prefix in --counters to count here"],
    [
      "APPEND s:k x",
      "change a part: under this key only sealed values are taken, and these as a whole; use the SDK",
    ],
  ];
  for (const [form, expected] of asked) {
    assertEquals(await world.ask(respCommand(form, "")), `-SEALED_ONLY Cannot ${expected}\r\n`);
  }
});
