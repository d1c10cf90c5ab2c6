/**
 * How long a client waits while the server looks at wrong passwords without a break: a PING each two milliseconds, and a
 * bar of 10 ms for each of them.
 *
 * A password is looked at in a thread of its own, so what others wait for is a processor. What they wait with none being
 * looked at, and beside other programs that are as busy, stands next to it: that is the machine's and the measuring's
 * own. Whatever else runs on the machine can only add to it, so each load is measured in turn several times, and the
 * quietest round counts; in each of them dozens of passwords begin and end.
 *
 * @module
 */

import { utf8 } from "../../lib/bytes.ts";
import { MAX_CONCURRENT_PASSWORD_CHECKS } from "../../lib/limits.ts";
import { KdfQueue, kdfsAtOnce } from "../../lib/security/kdf_queue.ts";
import { PasswordHash } from "../../lib/security/password_hash.ts";
import { serve } from "../../lib/server/serve.ts";
import { Others, type Waits } from "./others.ts";
import { sleep } from "./process.ts";
import { judge, say } from "./report.ts";

const PROGRAM = new URL(import.meta.url).pathname;
const MAX_DELAY_MS = 10;
const ROUNDS = 3, SETTLING_MS = 1_000, MEASURED_MS = 8_000;
/** More than may run, so that the next one is always there. */
const GUESSERS = 8;

/** The server's side: serves, and checks so many passwords at once. Says its port, and at the end how many they were. */
async function checkPasswords(atOnce: number): Promise<void> {
  await using server = serve({ port: 0 });
  Deno.stdout.writeSync(utf8(`${server.address.port}\n`));
  let checked = 0, isOver = false;
  const queue = new KdfQueue(atOnce);
  const hash = await PasswordHash.of(utf8("the right one"));
  const guess = async () => {
    const password = new Uint8Array(16);
    while (!isOver) {
      crypto.getRandomValues(password);
      await queue.run("here", () => hash.verify(password));
      checked++;
    }
  };
  const guessing = atOnce === 0 ? [] : Array.from({ length: GUESSERS }, guess);
  // Its end is the order to stop.
  await Deno.stdin.read(new Uint8Array(1));
  isOver = true;
  Deno.stdout.writeSync(utf8(`${checked}\n`));
  await Promise.all(guessing);
}

/** Another program that never rests; but not for ever, should nobody be left to end it. */
function burn(): void {
  const endMs = performance.now() + 4 * (SETTLING_MS + MEASURED_MS);
  while (performance.now() < endMs);
}

function start(args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-net=127.0.0.1", PROGRAM, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

/** What keeps the processors busy. */
interface Load {
  readonly name: string;
  readonly checksAtOnce: number;
  readonly busyPrograms: number;
}

/** What another client notices for a while; it is gone before the server is. */
async function waitsOf(port: number): Promise<Waits> {
  using others = await Others.of({ port });
  await sleep(SETTLING_MS);
  await others.waits();
  await sleep(MEASURED_MS);
  return await others.waits();
}

/** The longest that a client waited under a load. */
async function longestWaitMs({ name, checksAtOnce, busyPrograms }: Load): Promise<number> {
  const server = start(["serve", String(checksAtOnce)]);
  const busy = Array.from({ length: busyPrograms }, () => start(["burn"]));
  const lines = server.stdout.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
  try {
    const { count, p50Ms, p99Ms, longestMs } = await waitsOf(Number((await lines.read()).value));
    await server.stdin.close();
    const checked = Number((await lines.read()).value);
    const times = [p50Ms, p99Ms, longestMs].map((ms) => ms.toFixed(2)).join(", ");
    say(`       ${name}: half of ${count} PINGs, 99 of 100, and all within ${times} ms; ${checked} passwords`);
    return longestMs;
  } finally {
    for (const one of [server, ...busy]) {
      try {
        one.kill("SIGKILL");
      } catch {
        // It has ended already.
      }
      await one.status;
      await one.stdout.cancel().catch(() => {});
      await one.stdin.close().catch(() => {});
    }
  }
}

if (import.meta.main) {
  const [role, count] = Deno.args;
  if (role === "serve") await checkPasswords(Number(count));
  else if (role === "burn") burn();
  else {
    const cores = navigator.hardwareConcurrency, atOnce = kdfsAtOnce(cores);
    say(`A1: wrong passwords without a break, ${atOnce} at once on ${cores} cores`);
    const judged: Load = { name: `${atOnce} at once`, checksAtOnce: atOnce, busyPrograms: 0 };
    const loads: Load[] = [
      { name: "none", checksAtOnce: 0, busyPrograms: 0 },
      { name: `none, and ${atOnce} busy programs`, checksAtOnce: 0, busyPrograms: atOnce },
      judged,
    ];
    const most = MAX_CONCURRENT_PASSWORD_CHECKS;
    if (atOnce < most) loads.push({ name: `${most} at once, for comparison`, checksAtOnce: most, busyPrograms: 0 });
    const longestMs = new Map(loads.map((load): [Load, number[]] => [load, []]));
    for (let round = 0; round < ROUNDS; round++) {
      for (const load of loads) longestMs.get(load)!.push(await longestWaitMs(load));
    }
    for (const [{ name }, ofRounds] of longestMs) {
      say(`       ${name}: the longest wait in the quietest round ${Math.min(...ofRounds).toFixed(1)} ms`);
    }
    judge("the longest that another client waits", {
      figure: Math.min(...longestMs.get(judged)!),
      atMost: MAX_DELAY_MS,
    }, "ms");
  }
}
