/**
 * D14 and D17: entries whose time passes while there is no server, with the clock right and an hour back; and how long a
 * million entries take to come back.
 *
 * @module
 */

import { concat } from "@std/bytes";
import { textOf } from "../../lib/bytes.ts";
import { Random } from "../support/random.ts";
import { RespConnection } from "../support/redis_server.ts";
import { type Around, ServerProcess } from "../support/server_process.ts";
import { fakeClock } from "./fake_date.ts";
import { sleep } from "./process.ts";
import { expect, judge, say } from "./report.ts";

const SHORT_LIVED = 1_000;
const LONG_TTL_SECONDS = 1_000;
const MAX_TTL_ERROR_MS = 1_000;
const DOWN_MS = 5_000;
const HOUR_SECONDS = 3_600;
const ENTRIES = 1_000_000;
const VALUE = "v".repeat(100);
const BATCH = 1_000;
const STARTS = 3;

function start(folder: string, mode: string, around?: Around): Promise<ServerProcess> {
  const flags = ["--data-dir", folder, "--append-log", mode, "--snapshot-interval", "none"];
  return ServerProcess.start([`--allow-read=${folder}`, `--allow-write=${folder}`], flags, around);
}

async function kill(server: ServerProcess): Promise<void> {
  server.signal("SIGKILL");
  await server.ended();
}

async function number(connection: RespConnection, ...words: string[]): Promise<number> {
  return Number(textOf((await connection.ask([words]))[0]!).slice(1));
}

/** D14. Returns what is left of the short-lived and of the long-lived. */
async function expiries(snapshot: boolean, around: Around | undefined, what: string): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "cryptomem-faults-" });
  const random = new Random();
  let setMs: number;
  {
    await using server = await start(folder, "always");
    using connection = await RespConnection.connect(server.port);
    await connection.ask([["SET", "for ever", "v"], ["SET", "long", "v", "EX", String(LONG_TTL_SECONDS)]]);
    setMs = performance.now();
    await connection.ask(
      Array.from({ length: SHORT_LIVED }, (_, i) => ["SET", `k${i}`, "v", "PX", String(1_000 + random.below(2_000))]),
    );
    if (snapshot) await connection.ask([["SAVE"]]);
    await kill(server);
  }
  await sleep(DOWN_MS);
  await using server = await start(folder, "always", around);
  using connection = await RespConnection.connect(server.port);
  let back = 0;
  for (let i = 0; i < SHORT_LIVED; i++) back += await number(connection, "EXISTS", `k${i}`);
  judge(
    `D14 ${what}: of ${SHORT_LIVED} entries back from the dead (seed ${random.seed})`,
    { figure: back, atMost: 0 },
    "",
  );
  expect(`D14 ${what}: what has no expiry is there`, await number(connection, "EXISTS", "for ever") === 1);
  const ttlMs = await number(connection, "PTTL", "long");
  const leftMs = LONG_TTL_SECONDS * 1_000 - (performance.now() - setMs);
  if (around === undefined) {
    judge(`D14 ${what}: error of an expiry`, { figure: Math.abs(ttlMs - leftMs), atMost: MAX_TTL_ERROR_MS }, "ms");
  } else {
    // Nobody knows how long the server was down, so whatever can be over is not loaded.
    expect(`D14 ${what}: what may be over is not trusted`, ttlMs === -2);
  }
  await kill(server);
  await Deno.remove(folder, { recursive: true });
}

/** D17. */
async function million(): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "cryptomem-faults-" });
  {
    await using server = await start(folder, "everysec");
    using connection = await RespConnection.connect(server.port);
    for (let from = 0; from < ENTRIES; from += BATCH) {
      await connection.ask(Array.from({ length: BATCH }, (_, i) => ["SET", `key:${from + i}`, VALUE]));
    }
    await sleep(1_300);
    await kill(server);
  }
  await starts(folder, "the log");
  {
    await using server = await start(folder, "everysec");
    server.signal("SIGTERM");
    await server.ended();
  }
  await starts(folder, "a snapshot");
  await Deno.remove(folder, { recursive: true });
}

async function starts(folder: string, what: string): Promise<void> {
  const tookMs: number[] = [];
  let isComplete = true;
  for (let i = 0; i < STARTS; i++) {
    const startMs = performance.now();
    await using server = await start(folder, "everysec");
    tookMs.push(performance.now() - startMs);
    using connection = await RespConnection.connect(server.port);
    isComplete &&= await number(connection, "DBSIZE") === ENTRIES;
    const keys = Array.from({ length: BATCH }, (_, j) => `key:${Math.floor(j * ENTRIES / BATCH)}`);
    const answers = concat(await connection.ask(keys.map((key) => ["GET", key])));
    isComplete &&= textOf(answers) === `$${VALUE.length}\r\n${VALUE}\r\n`.repeat(BATCH);
    await kill(server);
  }
  tookMs.sort((a, b) => a - b);
  const [least, middle, most] = [tookMs[0]!, tookMs[STARTS >> 1]!, tookMs.at(-1)!].map(Math.round);
  expect(`D17 from ${what}: ${ENTRIES} entries are complete`, isComplete);
  say(`       D17 from ${what}: it listens after ${middle} ms (${least} to ${most}), with the start of the process`);
}

await expiries(false, undefined, "from the log");
await expiries(true, undefined, "from a snapshot");
const hourBack = await fakeClock(-HOUR_SECONDS);
if (hourBack === undefined) {
  say("D14: an hour back is skipped, libfaketime is not installed (apt-get install faketime)");
} else {
  await expiries(false, hourBack, "from the log, the clock an hour back");
  await expiries(true, hourBack, "from a snapshot, the clock an hour back");
}
await million();
