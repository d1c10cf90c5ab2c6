/**
 * Redis and this server are asked the same, and must answer with the same bytes.
 *
 * What may differ, and is looked at with an eye shut: the order of keys; which key RANDOMKEY names; times to live, by
 * how much later the one server was asked than the other; OBJECT IDLETIME, which is not kept here; OBJECT REFCOUNT of
 * the small integers that Redis keeps once for all.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { binaryText, bytesOfBinaryText, textOf } from "../../lib/bytes.ts";
import { serve } from "../../lib/server/serve.ts";
import { Random } from "../support/random.ts";
import { JUNK, KEYS, RandomRedisCommands, type Words } from "../support/random_redis_commands.ts";
import { hasRedis, RespConnection, startRedis } from "../support/redis_server.ts";
import { parseReply } from "../support/resp_parser.ts";

const MAX_VALUE_BYTES = 1024 * 1024;
const BATCHES = 300;
const COMMANDS_A_BATCH = 80;
/** How much later one server may be asked than the other. */
const LATE_MS = 5_000;
/** How many commands a failure tells about. */
const SHOWN = 40;

/** Both servers, each with a connection; the first is Redis. */
async function withBoth(test: (redis: RespConnection, ours: RespConnection) => Promise<void>): Promise<void> {
  await using reference = await startRedis(MAX_VALUE_BYTES);
  await using server = serve({ port: 0, maxValueBytes: MAX_VALUE_BYTES });
  using redis = await RespConnection.connect(reference.port);
  using ours = await RespConnection.connect(server.address.port);
  await test(redis, ours);
}

Deno.test({
  name: "random commands on strings and keys are answered as by Redis 7.0, byte for byte",
  ignore: !hasRedis,
  fn: () =>
    withBoth(async (redis, ours) => {
      const random = new Random();
      const commands = new RandomRedisCommands(random, Date.now());
      const past: string[] = [];
      for (let batch = 0; batch < BATCHES; batch++) {
        const asked: Words[] = [];
        for (let i = 0; i < COMMANDS_A_BATCH; i++) {
          const words = commands.next();
          // Redis counts what has expired until it meets it.
          if (String(words[0]).toUpperCase() === "DBSIZE") asked.push(["EXISTS", ...KEYS, ...JUNK]);
          asked.push(words);
        }
        const [expected, actual] = await Promise.all([redis.ask(asked), ours.ask(asked)]);
        asked.forEach((words, i) => {
          const text = words.map((word) => JSON.stringify(typeof word === "string" ? word : binaryText(word))).join(
            " ",
          );
          past.push(`${text.slice(0, 200)} -> ${JSON.stringify(textOf(expected[i]!)).slice(0, 200)}`);
          if (isAlike(words, expected[i]!, actual[i]!)) return;
          const shown = JSON.stringify(textOf(actual[i]!)).slice(0, 1_000);
          throw new Error(`seed ${random.seed}: answered ${shown}\nafter\n${past.slice(-SHOWN).join("\n")}`);
        });
      }
    }),
});

Deno.test({
  name: "KEYS matches random patterns as Redis does",
  ignore: !hasRedis,
  fn: () =>
    withBoth(async (redis, ours) => {
      const random = new Random();
      // No empty key: Redis finds it by * and not by **. All letters are below 0x80: whether a byte above is greater or
      // less than those depends on the machine that C runs on.
      const letters = "ab-]\\[^*?\0";
      const text = (length: number) =>
        bytesOfBinaryText(Array.from({ length }, () => letters[random.below(letters.length)]).join(""));
      const pairs = Array.from({ length: 400 }, () => [text(1 + random.below(5)), "v"]).flat();
      await Promise.all([redis.ask([["MSET", ...pairs]]), ours.ask([["MSET", ...pairs]])]);
      const asked = Array.from({ length: 4_000 }, () => ["KEYS", text(random.below(9))]);
      const [expected, actual] = await Promise.all([redis.ask(asked), ours.ask(asked)]);
      asked.forEach(([, pattern], i) => {
        const shown = JSON.stringify(binaryText(pattern as Uint8Array));
        assertEquals(sorted(actual[i]!), sorted(expected[i]!), `seed ${random.seed}, pattern ${shown}`);
      });
    }),
});

Deno.test({
  name: "times to live at the edges of 64 bits are refused or taken as by Redis",
  ignore: !hasRedis,
  fn: () =>
    withBoth(async (redis, ours) => {
      const times = [2n ** 63n - 1n, 2n ** 63n / 1000n, 2n ** 63n / 1000n + 1n, 2n ** 62n, 2n ** 53n + 1n];
      for (
        const time of [...times, ...times.map((time) => -time), -(2n ** 63n), -(2n ** 63n) / 1000n - 1n].map(String)
      ) {
        const asked = [
          ...["EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"].map((name) => [name, "k", time]),
          ...["EX", "PX", "EXAT", "PXAT"].map((option) => ["SET", "k", "v", option, time]),
          ...["EX", "PX", "EXAT", "PXAT"].map((option) => ["GETEX", "k", option, time]),
          ...["SETEX", "PSETEX"].map((name) => [name, "k", time, "v"]),
        ].flatMap((words) => [["SET", "k", "v"], words, ["EXISTS", "k"]]);
        assertEquals((await ours.ask(asked)).map(textOf), (await redis.ask(asked)).map(textOf), time);
      }
    }),
});

Deno.test({
  name: "OBJECT ENCODING tells of a value that was set what Redis tells",
  ignore: !hasRedis,
  fn: () =>
    withBoth(async (redis, ours) => {
      const values = ["1", "-1", "01", "1.5", "9223372036854775807", "9223372036854775808", "", "x", "x".repeat(44)];
      for (const value of [...values, "x".repeat(45), "-9223372036854775808"]) {
        const asked = [["SET", "k", value], ["OBJECT", "ENCODING", "k"]];
        assertEquals(await ours.ask(asked), await redis.ask(asked), value);
      }
    }),
});

/** Whether two answers are the same as far as they must. */
function isAlike(words: Words, expected: Uint8Array, actual: Uint8Array): boolean {
  if (binaryText(expected) === binaryText(actual)) return true;
  // Errors must be alike in any case, and so must be what kind of answer it is.
  if (expected[0] !== actual[0] || expected[0] === 0x2d) return false;
  switch (String(words[0]).toUpperCase()) {
    case "TTL":
    case "EXPIRETIME":
      return areNear(expected, actual, Math.ceil(LATE_MS / 1000));
    case "PTTL":
    case "PEXPIRETIME":
      return areNear(expected, actual, LATE_MS);
    case "SCAN":
      // Where a cursor stands is each server's own affair.
      if (Number(words[1]) !== 0) return true;
      return JSON.stringify(sorted(expected)) === JSON.stringify(sorted(actual));
    case "KEYS":
      return JSON.stringify(sorted(expected)) === JSON.stringify(sorted(actual));
    case "RANDOMKEY":
      return expected[1] !== 0x2d && actual[1] !== 0x2d;
    case "OBJECT":
      return /^(refcount|idletime)$/i.test(String(words[1])) && expected[0] === 0x3a;
    default:
      return false;
  }
}

function areNear(expected: Uint8Array, actual: Uint8Array, tolerance: number): boolean {
  const a = parseReply(expected) as bigint, b = parseReply(actual) as bigint;
  if (a < 0n || b < 0n) return false;
  const difference = a - b;
  return (difference < 0n ? -difference : difference) <= BigInt(tolerance);
}

/** Texts of an answer that is a list, in order; of SCAN those of its second part. */
function sorted(answer: Uint8Array): string[] {
  const reply = parseReply(answer);
  assert(Array.isArray(reply));
  const items = Array.isArray(reply[1]) ? reply[1] : reply;
  return items.map((item) => binaryText(item as Uint8Array)).sort();
}
