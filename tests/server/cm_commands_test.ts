/** Commands 5 to 24 of the CM dialect over real TCP: each row of PROTOCOL.md §1.3 with its other outcomes. */

import { concat } from "@std/bytes";
import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { textOf, utf8 } from "../../lib/bytes.ts";
import { OPCODE } from "../../lib/codec/operations.ts";
import { serve } from "../../lib/server/serve.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { frame, type FrameFields, reply } from "../support/cm_frame.ts";
import { envelopeLike } from "../support/envelopes.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { canListen } from "../support/permissions.ts";
import { RawClient } from "../support/raw_client.ts";

const NOT_FOUND = 0, OK = 1, ERROR = 2, CONFLICT = 3, MESSAGE = 5;
const MS = 1_000_000n;

/** A connection whose answers come as status and value. */
class CmClient {
  readonly raw: RawClient;
  constructor(raw: RawClient) {
    this.raw = raw;
  }

  async ask(name: keyof typeof OPCODE, fields: Omit<FrameFields, "opcode"> = {}): Promise<[number, Uint8Array]> {
    await this.raw.send(frame({ opcode: OPCODE[name], ...fields }));
    return await this.next();
  }

  /** The next frame, whatever it is. */
  async next(): Promise<[number, Uint8Array]> {
    const header = await this.raw.read(7);
    assertEquals(textOf(header.subarray(0, 2)), "CM");
    return [header[2]!, await this.raw.read(new DataView(header.buffer).getUint32(3))];
  }
}

/** What a test runs with. */
interface World {
  readonly client: CmClient;
  readonly clock: FakeClock;
  /** One more connection, closed with the first. */
  readonly other: CmClient;
}

function cmTest(name: string, run: (world: World) => Promise<void>): void {
  Deno.test({
    name,
    ignore: !canListen,
    async fn() {
      const clock = new FakeClock();
      await using server = serve({ port: 0, store: new Engine({ clock }) });
      using first = await RawClient.connect(server.address);
      using second = await RawClient.connect(server.address);
      await run({ client: new CmClient(first), clock, other: new CmClient(second) });
    },
  });
}

function i64(value: bigint): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, value);
  return bytes;
}

function u32(value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function numberOf(bytes: Uint8Array): bigint {
  assertEquals(bytes.length, 8);
  return new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(0);
}

const NOTHING = new Uint8Array(0);

cmTest("AUTH answers that no password is set", async ({ client }) => {
  const [status, value] = await client.ask("AUTH", { value: "secret" });
  assertEquals(status, ERROR);
  assertStringIncludes(textOf(value), "BAD_REQUEST ");
});

cmTest("ADD stores where there is nothing, else 3", async ({ client, clock }) => {
  assertEquals(await client.ask("ADD", { key: "k", value: "a", ttl: 10n * MS }), [OK, NOTHING]);
  const [status, value] = await client.ask("ADD", { key: "k", value: "b" });
  assertEquals(status, CONFLICT);
  assertStringIncludes(textOf(value), "CONFLICT ");
  assertEquals(await client.ask("GET", { key: "k" }), [OK, utf8("a")]);
  clock.advance(10);
  assertEquals(await client.ask("ADD", { key: "k", value: "c" }), [OK, NOTHING]);
});

cmTest("REPLACE stores where there is something, else 0", async ({ client, clock }) => {
  assertEquals(await client.ask("REPLACE", { key: "k", value: "a" }), [NOT_FOUND, NOTHING]);
  assertEquals(await client.ask("GET", { key: "k" }), [NOT_FOUND, NOTHING]);
  await client.ask("SET", { key: "k", value: "b" });
  assertEquals(await client.ask("REPLACE", { key: "k", value: "c", ttl: MS }), [OK, NOTHING]);
  assertEquals(await client.ask("GET", { key: "k" }), [OK, utf8("c")]);
  clock.advance(1);
  assertEquals(await client.ask("REPLACE", { key: "k", value: "d" }), [NOT_FOUND, NOTHING]);
});

cmTest("SWAP tells the value before, 0 if there was none, and stores all the same", async ({ client, clock }) => {
  assertEquals(await client.ask("SWAP", { key: "k", value: "a" }), [NOT_FOUND, NOTHING]);
  assertEquals(await client.ask("SWAP", { key: "k", value: "", ttl: MS }), [OK, utf8("a")]);
  assertEquals(await client.ask("SWAP", { key: "k", value: "b", ttl: MS }), [OK, NOTHING]);
  clock.advance(1);
  assertEquals(await client.ask("SWAP", { key: "k", value: "c" }), [NOT_FOUND, NOTHING]);
  assertEquals(await client.ask("GET", { key: "k" }), [OK, utf8("c")]);
});

cmTest("TAKE tells a value and removes it, else 0", async ({ client }) => {
  await client.ask("SET", { key: "k", value: "v" });
  assertEquals(await client.ask("TAKE", { key: "k" }), [OK, utf8("v")]);
  assertEquals(await client.ask("TAKE", { key: "k" }), [NOT_FOUND, NOTHING]);
});

cmTest("TOUCH and GETEX change the expiry, 0 takes it away, and a missing key is 0", async ({ client, clock }) => {
  assertEquals(await client.ask("TOUCH", { key: "k", ttl: MS }), [NOT_FOUND, NOTHING]);
  assertEquals(await client.ask("GETEX", { key: "k", ttl: MS }), [NOT_FOUND, NOTHING]);
  await client.ask("SET", { key: "k", value: "v", ttl: MS });
  assertEquals(await client.ask("TOUCH", { key: "k" }), [OK, NOTHING]);
  clock.advance(5);
  assertEquals(await client.ask("GETEX", { key: "k", ttl: 20n * MS }), [OK, utf8("v")]);
  clock.advance(19);
  assertEquals(await client.ask("GETEX", { key: "k" }), [OK, utf8("v")]);
  clock.advance(1_000);
  assertEquals(await client.ask("TOUCH", { key: "k", ttl: MS }), [OK, NOTHING]);
  clock.advance(1);
  assertEquals(await client.ask("GET", { key: "k" }), [NOT_FOUND, NOTHING]);
});

cmTest("TTL is nanoseconds, -1 without an expiry, 0 for a missing key", async ({ client, clock }) => {
  assertEquals(await client.ask("TTL", { key: "k" }), [NOT_FOUND, NOTHING]);
  await client.ask("SET", { key: "k", value: "v" });
  assertEquals(await client.ask("TTL", { key: "k" }), [OK, i64(-1n)]);
  await client.ask("SET", { key: "k", value: "v", ttl: 60_000n * MS + 1n });
  assertEquals(await client.ask("TTL", { key: "k" }), [OK, i64(60_001n * MS)]);
  clock.advance(60_000);
  assertEquals(await client.ask("TTL", { key: "k" }), [OK, i64(MS)]);
});

cmTest("EXISTS is 1 or 0", async ({ client }) => {
  assertEquals(await client.ask("EXISTS", { key: "k" }), [NOT_FOUND, NOTHING]);
  await client.ask("SET", { key: "k" });
  assertEquals(await client.ask("EXISTS", { key: "k" }), [OK, NOTHING]);
});

cmTest("INCR and DECR count by 1, or by any number of 64 bits", async ({ client }) => {
  assertEquals(await client.ask("INCR", { key: "n" }), [OK, i64(1n)]);
  assertEquals(await client.ask("DECR", { key: "n" }), [OK, i64(0n)]);
  assertEquals(await client.ask("DECR", { key: "n", value: i64(5n) }), [OK, i64(-5n)]);
  assertEquals(await client.ask("INCR", { key: "n", value: i64(-(2n ** 62n)) }), [OK, i64(-(2n ** 62n) - 5n)]);
  assertEquals(await client.ask("GET", { key: "n" }), [OK, utf8(String(-(2n ** 62n) - 5n))]);
  await client.ask("SET", { key: "n", value: String(2n ** 63n - 1n) });
  assertEquals(await client.ask("DECR", { key: "n", value: i64(0n) }), [OK, i64(2n ** 63n - 1n)]);
});

cmTest("INCR's ttl is for a new entry only", async ({ client, clock }) => {
  await client.ask("INCR", { key: "n", ttl: 10n * MS });
  await client.ask("INCR", { key: "n", ttl: 1_000n * MS });
  assertEquals(await client.ask("TTL", { key: "n" }), [OK, i64(10n * MS)]);
  clock.advance(10);
  assertEquals(await client.ask("INCR", { key: "n" }), [OK, i64(1n)]);
  assertEquals(await client.ask("TTL", { key: "n" }), [OK, i64(-1n)]);
});

cmTest("INCR and DECR of what is no number, or beyond 64 bits, are errors that change nothing", async ({ client }) => {
  const cases: [name: "INCR" | "DECR", stored: string, delta: bigint, code: string][] = [
    ["INCR", "text", 1n, "NOT_INTEGER"],
    ["DECR", "", 1n, "NOT_INTEGER"],
    ["INCR", "1.5", 1n, "NOT_INTEGER"],
    ["INCR", "9223372036854775808", 1n, "NOT_INTEGER"],
    ["INCR", String(2n ** 63n - 1n), 1n, "OVERFLOW"],
    ["DECR", String(-(2n ** 63n)), 1n, "OVERFLOW"],
    ["DECR", "0", -(2n ** 63n), "OVERFLOW"],
    ["INCR", "-1", -(2n ** 63n), "OVERFLOW"],
  ];
  for (const [name, stored, delta, code] of cases) {
    await client.ask("SET", { key: "n", value: stored });
    const [status, value] = await client.ask(name, { key: "n", value: i64(delta) });
    assertEquals([status, textOf(value).split(" ")[0]], [ERROR, code], `${name} ${stored}`);
    assertEquals(await client.ask("GET", { key: "n" }), [OK, utf8(stored)]);
  }
});

cmTest("GETV tells a version that every change of the value changes, and a touch does not", async ({ client }) => {
  assertEquals(await client.ask("GETV", { key: "k" }), [NOT_FOUND, NOTHING]);
  const versions = new Set<bigint>();
  for (const value of ["a", "a", ""]) {
    await client.ask("SET", { key: "k", value });
    const [status, answer] = await client.ask("GETV", { key: "k" });
    assertEquals([status, textOf(answer.subarray(8))], [OK, value]);
    versions.add(numberOf(answer.subarray(0, 8)));
    await client.ask("TOUCH", { key: "k", ttl: 60_000n * MS });
    assertEquals(await client.ask("GETV", { key: "k" }), [OK, answer]);
  }
  assertEquals(versions.size, 3);
  assert(!versions.has(0n));
});

cmTest("CAS stores at the version told; 3 at another, 0 without an entry", async ({ client }) => {
  const cas = (version: bigint, value: string) =>
    client.ask("CAS", { key: "k", value: concat([i64(version), utf8(value)]), ttl: 60_000n * MS });
  assertEquals(await cas(7n, "a"), [NOT_FOUND, NOTHING]);
  const [created, first] = await cas(0n, "a");
  assertEquals(created, OK);
  assertEquals((await cas(0n, "b"))[0], CONFLICT);
  const [changed, second] = await cas(numberOf(first), "");
  assertEquals(changed, OK);
  assertNotEquals(first, second);
  const [refused, why] = await cas(numberOf(first), "c");
  assertEquals(refused, CONFLICT);
  assertStringIncludes(textOf(why), "CONFLICT ");
  assertEquals(await client.ask("GETV", { key: "k" }), [OK, second]);
  assertEquals(await client.ask("TTL", { key: "k" }), [OK, i64(60_000n * MS)]);
  assertEquals((await cas(2n ** 63n - 1n, "d"))[0], CONFLICT);
  assertEquals((await cas(-1n, "d"))[0], CONFLICT);
});

cmTest("SCAN walks all keys, or those under a prefix, each as length and key", async ({ client }) => {
  const expected = new Set<string>();
  for (let i = 0; i < 500; i++) {
    const key = `${i % 2 === 0 ? "even" : "odd"}:${i}`;
    await client.ask("SET", { key, value: "v" });
    expected.add(key);
  }
  for (const prefix of ["", "even:", "nothing:"]) {
    const found = new Set<string>();
    let cursor = 0n;
    do {
      const [status, answer] = await client.ask("SCAN", { key: prefix, value: concat([i64(cursor), u32(20)]) });
      assertEquals(status, OK);
      cursor = numberOf(answer.subarray(0, 8));
      const view = new DataView(answer.buffer, answer.byteOffset);
      let at = 8;
      while (at < answer.length) {
        const length = view.getUint16(at);
        found.add(textOf(answer.subarray(at + 2, at + 2 + length)));
        at += 2 + length;
      }
      assertEquals(at, answer.length);
    } while (cursor !== 0n);
    assertEquals(found, new Set([...expected].filter((key) => key.startsWith(prefix))));
  }
});

cmTest("CLEAR removes what is under a prefix, or everything, and counts it", async ({ client }) => {
  for (const key of ["a:1", "a:2", "b:1"]) await client.ask("SET", { key, value: "v" });
  assertEquals(await client.ask("CLEAR", { key: "a:" }), [OK, i64(2n)]);
  assertEquals(await client.ask("EXISTS", { key: "a:1" }), [NOT_FOUND, NOTHING]);
  assertEquals(await client.ask("CLEAR"), [OK, i64(1n)]);
  assertEquals(await client.ask("CLEAR"), [OK, i64(0n)]);
});

cmTest("STATS is JSON with the store's counts", async ({ client }) => {
  await client.ask("SET", { key: "k", value: "v" });
  const [status, answer] = await client.ask("STATS");
  const statistics = JSON.parse(textOf(answer));
  assertEquals([status, statistics.entries, statistics.valueBytes, statistics.clients], [OK, 1, 1, 2]);
});

cmTest("STATS tells entries and bytes of values by the key they were sealed with", async ({ client }) => {
  const nothing = { entries: 0, bytes: 0 };
  const tell = async () => {
    const { keys, otherKeys, unsealed } = JSON.parse(textOf((await client.ask("STATS"))[1]));
    return { keys, otherKeys, unsealed };
  };
  assertEquals(await tell(), { keys: [], otherKeys: nothing, unsealed: nothing });
  await client.ask("SET", { key: "old:1", value: envelopeLike(0x08b0b48b, 50) });
  await client.ask("SET", { key: "old:2", value: envelopeLike(0x08b0b48b, 60) });
  await client.ask("SET", { key: "new:1", value: envelopeLike(0x0000_000a, 70) });
  await client.ask("SET", { key: "plain", value: "v" });
  assertEquals(await tell(), {
    keys: [{ id: "08b0b48b", entries: 2, bytes: 110 }, { id: "0000000a", entries: 1, bytes: 70 }],
    otherKeys: nothing,
    unsealed: { entries: 1, bytes: 1 },
  });
  await client.ask("SET", { key: "old:1", value: envelopeLike(0x0000_000a, 50) });
  await client.ask("DELETE", { key: "old:2" });
  const { keys } = await tell();
  assertEquals(keys, [{ id: "0000000a", entries: 2, bytes: 120 }]);
  for (let id = 1_000; id < 1_300; id++) await client.ask("SET", { key: `k${id}`, value: envelopeLike(id) });
  const many = await tell();
  assertEquals([many.keys.length, many.otherKeys], [256, { entries: 45, bytes: 45 * 46 }]);
});

cmTest(
  "what is published reaches who subscribed, between responses; PUBLISH tells how many",
  async ({ client, other }) => {
    const message = (channel: string, text: string): [number, Uint8Array] => [
      MESSAGE,
      Uint8Array.of(0, channel.length, ...utf8(channel), ...utf8(text)),
    ];
    assertEquals(await client.ask("PUBLISH", { key: "news", value: "x" }), [OK, i64(0n)]);
    assertEquals(await other.ask("SUBSCRIBE", { key: "news" }), [OK, NOTHING]);
    assertEquals(await other.ask("SUBSCRIBE", { key: "log:*" }), [OK, NOTHING]);
    assertEquals(await client.ask("PUBLISH", { key: "news", value: "hello" }), [OK, i64(1n)]);
    assertEquals(await other.next(), message("news", "hello"));
    assertEquals(await client.ask("PUBLISH", { key: "log:a", value: "" }), [OK, i64(1n)]);
    assertEquals(await other.next(), message("log:a", ""));
    assertEquals(await client.ask("PUBLISH", { key: "other", value: "x" }), [OK, i64(0n)]);
    assertEquals(await other.ask("PING", { value: "still" }), [OK, utf8("still")]);
    assertEquals(await other.ask("UNSUBSCRIBE", { key: "news" }), [OK, NOTHING]);
    assertEquals(await client.ask("PUBLISH", { key: "news", value: "x" }), [OK, i64(0n)]);
    assertEquals(await other.ask("UNSUBSCRIBE"), [OK, NOTHING]);
    assertEquals(await client.ask("PUBLISH", { key: "log:a", value: "x" }), [OK, i64(0n)]);
    assertEquals(await other.ask("PING"), [OK, NOTHING]);
  },
);

cmTest(
  "a prefix of channels holds any bytes, also those that mean something in a pattern",
  async ({ client, other }) => {
    for (const prefix of ["a?[b]\\*", "\0\r\n*"]) {
      assertEquals(await other.ask("SUBSCRIBE", { key: `${prefix}*` }), [OK, NOTHING]);
      assertEquals(await client.ask("PUBLISH", { key: `${prefix}!`, value: "x" }), [OK, i64(1n)]);
      assertEquals((await other.next())[0], MESSAGE);
      assertEquals(await client.ask("PUBLISH", { key: "ax[b]\\", value: "x" }), [OK, i64(0n)]);
      await other.ask("UNSUBSCRIBE", { key: `${prefix}*` });
    }
  },
);

const FLAWED: [rule: string, name: keyof typeof OPCODE, fields: Omit<FrameFields, "opcode">][] = [
  ["INCR with a delta of 7 bytes", "INCR", { key: "k", value: "1234567" }],
  ["DECR with a delta of 9 bytes", "DECR", { key: "k", value: "123456789" }],
  ["CAS without a version", "CAS", { key: "k" }],
  ["CAS with a version of 7 bytes", "CAS", { key: "k", value: "1234567" }],
  ["SCAN without a cursor", "SCAN", {}],
  ["SCAN with a count of 3 bytes", "SCAN", { value: "12345678123" }],
  ["SCAN with more behind its count", "SCAN", { value: "1234567812345" }],
  ["STATS with a value", "STATS", { value: "v" }],
  ["CLEAR with a value", "CLEAR", { value: "v" }],
  ["TOUCH with a negative ttl", "TOUCH", { key: "k", ttl: -1n }],
  ["PUBLISH without a channel", "PUBLISH", { value: "v" }],
  ["SUBSCRIBE without a channel", "SUBSCRIBE", {}],
];
for (const [rule, name, fields] of FLAWED) {
  cmTest(`${rule} is BAD_REQUEST, and the connection goes on`, async ({ client }) => {
    const [status, value] = await client.ask(name, fields);
    assertEquals(status, ERROR);
    assertStringIncludes(textOf(value), "BAD_REQUEST ");
    assertEquals(await client.ask("PING"), [OK, NOTHING]);
  });
}

cmTest("a key of 65,535 bytes, the longest that a frame can announce, serves every command", async ({ client }) => {
  const key = new Uint8Array(65_535).fill(0x6b);
  assertEquals(await client.ask("ADD", { key, value: "1" }), [OK, NOTHING]);
  assertEquals(await client.ask("INCR", { key }), [OK, i64(2n)]);
  const [, answer] = await client.ask("SCAN", { value: concat([i64(0n), u32(1_000_000)]) });
  assertEquals([answer.length, answer.subarray(0, 12)], [
    10 + key.length,
    concat([i64(0n), Uint8Array.of(0xff, 0xff, 0x6b, 0x6b)]),
  ]);
  assertEquals(await client.ask("TAKE", { key }), [OK, utf8("2")]);
});

Deno.test({
  name: "a pipeline across commands that wait is answered in order",
  ignore: !canListen,
  async fn() {
    await using server = serve({ port: 0 });
    using client = await RawClient.connect(server.address);
    const requests: Uint8Array[] = [], answers: Uint8Array[] = [];
    for (let i = 0; i < 50; i++) {
      requests.push(frame({ opcode: OPCODE.SET, key: `k${i}`, value: "v" }));
      requests.push(frame({ opcode: OPCODE.CLEAR }), frame({ opcode: OPCODE.GET, key: `k${i}` }));
      answers.push(reply(OK), reply(OK, i64(1n)), reply(NOT_FOUND));
    }
    await client.exchange(concat(requests), concat(answers));
  },
});
