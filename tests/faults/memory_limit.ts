/**
 * M1, and the process around the engine of issue #3: a server with a limit of 64 MB takes no more than that for its
 * entries, and as a process not much more, whatever is written to it.
 *
 * @module
 */

import { POLICY_NAMES } from "../../lib/storage/eviction/policy.ts";
import { frame } from "../support/cm_frame.ts";
import { Random } from "../support/random.ts";
import { Connection, ServerUnderTest } from "./process.ts";
import { expect, judge, say } from "./report.ts";

const MB = 1_000_000;
const LIMIT_BYTES = 64 * 1024 * 1024;
const SET = 1, OK = 1;
const TTL_NS = 3_600_000_000_000n;

interface Load {
  readonly random: Random;
  readonly totalBytes: number;
  readonly drawBytes: () => number;
  /** Called now and then. */
  readonly look: () => Promise<void>;
}

/** Writes new keys; returns how many writes were refused. */
async function write(connection: Connection, { random, totalBytes, drawBytes, look }: Load): Promise<number> {
  const noise = random.bytes(MB);
  let refused = 0;
  for (let written = 0, i = 0; written < totalBytes; i++) {
    const value = noise.subarray(0, drawBytes());
    written += value.length;
    if (await connection.ask(frame({ opcode: SET, key: `key ${i}`, value, ttl: TTL_NS })) !== OK) refused++;
    if (i % 100 === 0) await look();
  }
  return refused;
}

/** Every order of magnitude as often as the next. */
function upToOneMegabyte(random: Random): number {
  return Math.floor(MB ** (random.below(10_001) / 10_000));
}

const random = new Random();
say(`M1: 64 MiB limit, 210 MB written over TCP, values of 1 B to 1 MB (seed ${random.seed})`);
for (const policy of POLICY_NAMES) {
  await using server = await ServerUnderTest.engine({ maxMemoryBytes: LIMIT_BYTES, policy });
  using connection = await Connection.to(server);
  let most = 0;
  const refused = await write(connection, {
    random,
    totalBytes: 210 * MB,
    drawBytes: () => upToOneMegabyte(random),
    look: async () => void (most = Math.max(most, (await server.tell()).stats.memoryBytes)),
  });
  expect(`${policy}: ${refused} writes refused`, policy === "none" ? refused > 0 : refused === 0);
  judge(`${policy}: engine`, { figure: most / MB, atMost: (LIMIT_BYTES + 4096) / MB }, "MB");
  const { peak } = await server.residentBytes();
  judge(`${policy}: peak of the process`, { figure: peak / MB, atMost: (LIMIT_BYTES * 1.5) / MB + 60 }, "MB");
}

say("M1 through server.ts --max-memory 64mb --eviction lru");
{
  await using server = await ServerUnderTest.program(["--max-memory", "64mb", "--eviction", "lru"]);
  using connection = await Connection.to(server);
  const drawBytes = () => upToOneMegabyte(random);
  expect("no write is refused", await write(connection, { random, totalBytes: 210 * MB, drawBytes, look }) === 0);
  const { peak } = await server.residentBytes();
  judge("peak of the process", { figure: peak / MB, atMost: LIMIT_BYTES * 1.5 / MB + 60 }, "MB");
}

say("ten turnovers, values of 1 B to 64 KiB");
for (const policy of POLICY_NAMES) {
  if (policy === "none") continue;
  await using server = await ServerUnderTest.engine({ maxMemoryBytes: LIMIT_BYTES, policy });
  using connection = await Connection.to(server);
  const drawBytes = () => 1 + random.below(64 * 1024);
  await write(connection, { random, totalBytes: 10 * LIMIT_BYTES, drawBytes, look });
  const { stats } = await server.tell();
  const dead = 1 - (stats.keyBytes + stats.valueBytes + stats.overheadBytes) / stats.memoryBytes;
  judge(`${policy}: memory taken and not alive`, { figure: dead * 100, atMost: 15 }, "%");
  const { peak, now } = await server.residentBytes();
  judge(`${policy}: process`, { figure: now / MB, atMost: LIMIT_BYTES * 1.25 / MB + 60 }, "MB");
  say(`       ${policy}: at its peak ${Math.round(peak / MB)} MB`);
}

async function look(): Promise<void> {}
