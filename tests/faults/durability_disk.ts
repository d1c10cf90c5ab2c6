/**
 * D3, D6, D7 and D8: what reaches the disk before a reply leaves, and what happens when the disk fails, is slow or is full.
 * Needs strace, and for the full disk a root that may mount; what is missing is passed over.
 *
 * @module
 */

import { textOf } from "../../lib/bytes.ts";
import { CrashLoad } from "../support/crash_load.ts";
import { Random } from "../support/random.ts";
import { RespConnection } from "../support/redis_server.ts";
import { ServerProcess } from "../support/server_process.ts";
import { sleep } from "./process.ts";
import { expect, judge, say } from "./report.ts";

const FIRST_LOG = "log-0000000001.cryptomem";
const DELAY_MS = 2_000;
const MAX_PING_MS = 10;
const MAX_BACK_MS = 2_000;
const FULL_VALUE = "x".repeat(1_000);
const random = new Random();

/** Starts a server on a folder, under strace if it is told what that is to do. */
function start(folder: string, mode: string, strace?: readonly string[]): Promise<ServerProcess> {
  const under = strace === undefined ? {} : { under: ["strace", "-f", "-qq", ...strace] };
  return ServerProcess.start(
    [`--allow-read=${folder}`, `--allow-write=${folder}`],
    ["--data-dir", folder, "--append-log", mode, "--snapshot-interval", "none"],
    under,
  );
}

/** Ends the server itself; strace, which it may run under, ends with it. */
async function kill(server: ServerProcess, isTraced: boolean): Promise<void> {
  if (isTraced) {
    const { pid } = server;
    const [child] = (await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`)).trim().split(" ");
    Deno.kill(Number(child), "SIGKILL");
  } else server.signal("SIGKILL");
  await server.ended();
}

async function info(server: ServerProcess): Promise<string> {
  using connection = await RespConnection.connect(server.port);
  return textOf((await connection.ask([["INFO", "persistence"]]))[0]!);
}

async function isInstalled(program: string): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args: ["-V"], stdout: "null", stderr: "null" }).output()).code === 0;
  } catch {
    return false;
  }
}

/** D3. One connection, so that every reply says that all is synced that was written before it. */
async function order(): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "cryptomem-faults-" }), trace = `${folder}.strace`;
  const calls = "trace=write,pwrite64,sendto,writev,sendmsg,fdatasync";
  const server = await start(folder, "always", ["-y", "-s", "8", "-o", trace, "-e", calls]);
  let sent = 0;
  {
    using connection = await RespConnection.connect(server.port);
    for (; sent < 2_000; sent++) await connection.ask([["SET", `k${sent % 100}`, String(sent)]]);
    for (let i = 0; i < 500; i++, sent += 16) {
      await connection.ask(Array.from({ length: 16 }, (_, j) => ["SET", `k${j}`, String(i)]));
    }
  }
  await kill(server, true);
  const { replies, early } = checkOrder(await Deno.readTextFile(trace));
  judge(`D3: of ${sent} writes in ${replies} answers, those sent before their sync`, { figure: early, atMost: 0 }, "");
  expect("D3: the answers are seen", replies >= 2_500);
  await Deno.remove(folder, { recursive: true });
  await Deno.remove(trace);
}

/** Reads a trace of one connection: at each answer, all that was written to the log must be synced, and something new. */
function checkOrder(trace: string): { replies: number; early: number } {
  let writtenBytes = 0, syncedBytes = 0, answeredBytes = 0, replies = 0, early = 0;
  /** By thread: what was written when its sync began. */
  const syncing = new Map<string, number>();
  /** By thread: whether its unfinished write is one to the log. */
  const writing = new Map<string, boolean>();
  for (const line of trace.split("\n")) {
    const [, thread = "", rest = ""] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const isLog = /<[^>]*log-\d+\.cryptomem>/.test(rest);
    const result = Number(/= (-?\d+)[^=]*$/.exec(rest)?.[1] ?? NaN);
    if (/^fdatasync\(/.test(rest) && isLog) syncing.set(thread, writtenBytes);
    if (/fdatasync/.test(rest) && syncing.has(thread) && result === 0) {
      syncedBytes = Math.max(syncedBytes, syncing.get(thread)!);
      syncing.delete(thread);
    }
    if (/^p?write(64)?\(/.test(rest)) writing.set(thread, isLog);
    if (/^(p?write(64)?\(|<\.\.\. p?write)/.test(rest) && writing.get(thread) && result > 0) writtenBytes += result;
    if (/^(write|sendto|writev|sendmsg)\(\d+<(socket|TCP)/.test(rest) && rest.includes("+OK")) {
      replies++;
      if (syncedBytes < writtenBytes || writtenBytes <= answeredBytes) early++;
      answeredBytes = writtenBytes;
    }
  }
  return { replies, early };
}

/** D6. From its 20th sync on, each thread's syncs of the first log fail; a new log works. */
async function failingSync(mode: string): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "cryptomem-faults-" });
  const fault = ["-e", "trace=fdatasync", "-e", `inject=fdatasync:error=EIO:when=${mode === "always" ? "20+" : "1+"}`];
  const server = await start(folder, mode, ["-o", "/dev/null", "-P", `${folder}/${FIRST_LOG}`, ...fault]);
  const load = new CrashLoad(random);
  const running = load.run(server);
  const said = await untilInfo(server, /aof_last_write_status:err/, 10_000);
  expect(`D6 ${mode}: INFO says why`, /append_log_error:[^\r]*(EIO|Input\/output)/.test(said));
  const healed = await untilInfo(server, /aof_last_write_status:ok/, 10_000);
  expect(`D6 ${mode}: it works again with the next log`, healed !== "");
  await sleep(500);
  if (mode !== "always") {
    load.stop();
    await running;
    await sleep(EVERYSEC_MS);
  }
  await kill(server, true);
  await running;
  await verify(`D6 ${mode}`, folder, load);
  if (mode === "always") expect(`D6 ${mode}: ${load.refused} writes were refused`, load.refused > 0);
  else expect(`D6 ${mode}: no write was refused`, load.refused === 0);
}

const EVERYSEC_MS = 1_300;

async function untilInfo(server: ServerProcess, pattern: RegExp, maxMs: number): Promise<string> {
  const endMs = performance.now() + maxMs;
  while (performance.now() < endMs) {
    const text = await info(server);
    if (pattern.test(text)) return text;
    await sleep(5);
  }
  return "";
}

async function verify(what: string, folder: string, load: CrashLoad): Promise<void> {
  await using server = await start(folder, "always");
  const { lost, phantom, torn } = await load.verify(server, performance.now(), -Infinity);
  judge(`${what}: of ${load.answered} answered writes lost`, { figure: lost, atMost: 0 }, "writes");
  judge(`${what}: values refused or never sent that are there`, { figure: phantom, atMost: 0 }, "values");
  judge(`${what}: transactions of which a part is there`, { figure: torn, atMost: 0 }, "transactions");
  await kill(server, false);
  await Deno.remove(folder, { recursive: true });
}

/** D7. While every sync takes two seconds. */
async function slowSync(mode: string): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "cryptomem-faults-" });
  const fault = ["-e", "trace=fdatasync", "-e", `inject=fdatasync:delay_enter=${DELAY_MS * 1_000}`];
  const server = await start(folder, mode, [
    "-o",
    "/dev/null",
    "--seccomp-bpf",
    "-P",
    `${folder}/${FIRST_LOG}`,
    ...fault,
  ]);
  using writer = await RespConnection.connect(server.port);
  using other = await RespConnection.connect(server.port);
  let isOver = false, writes = 0, longestMs = 0;
  const writing = (async () => {
    while (!isOver) {
      const startMs = performance.now();
      await writer.ask([["SET", `k${writes}`, "v"]]);
      longestMs = Math.max(longestMs, performance.now() - startMs);
      writes++;
      if (mode !== "always") await sleep(1);
    }
  })();
  const waitsMs: { [name: string]: number[] } = { PING: [], GET: [] };
  const endMs = performance.now() + 3 * DELAY_MS;
  while (performance.now() < endMs) {
    for (const name of mode === "always" ? ["PING"] : ["PING", "GET"]) {
      const startMs = performance.now();
      await other.ask([name === "PING" ? ["PING"] : ["GET", "k0"]]);
      waitsMs[name]!.push(performance.now() - startMs);
    }
    await sleep(1);
  }
  isOver = true;
  await writing;
  for (const [name, waits] of Object.entries(waitsMs)) {
    if (waits.length === 0) continue;
    const p99 = waits.sort((a, b) => a - b)[Math.floor(waits.length * 0.99)]!;
    judge(
      `D7 ${mode}: p99 of ${waits.length} ${name} of another connection`,
      { figure: p99, atMost: MAX_PING_MS },
      "ms",
    );
  }
  if (mode === "always") {
    expect(`D7 always: a write waits for its sync, ${Math.round(longestMs)} ms`, longestMs >= DELAY_MS - 1);
  } else judge(`D7 ${mode}: the longest that one of ${writes} writes took`, { figure: longestMs, atMost: 50 }, "ms");
  await kill(server, true);
  await Deno.remove(folder, { recursive: true });
}

/** D8. Two megabytes, then eight. */
async function fullDisk(mode: string): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "cryptomem-faults-" });
  const mounted = await system("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder);
  if (!mounted) {
    say("D8: skipped, this user may not mount a small disk");
    await Deno.remove(folder);
    return;
  }
  try {
    const server = await start(folder, mode);
    const stored: number[] = [];
    using connection = await RespConnection.connect(server.port);
    let refusals = 0, next = 0;
    const write = async (): Promise<boolean> => {
      const key = next++;
      const isStored = textOf((await connection.ask([["SET", `k${key}`, FULL_VALUE]]))[0]!) === "+OK\r\n";
      if (isStored) stored.push(key);
      else refusals++;
      return isStored;
    };
    if (mode === "always") { while (await write()); }
    else {
      for (let i = 0; i < 4_000; i++) await write();
      expect(`D8 ${mode}: INFO says it`, await untilInfo(server, /aof_last_write_status:err/, 5_000) !== "");
    }
    const before = stored.length;
    expect(
      `D8 ${mode}: reads are served when the disk is full, after ${before} writes`,
      textOf((await connection.ask([["GET", "k0"]]))[0]!).includes(FULL_VALUE),
    );
    await system("mount", "-o", "remount,size=16m", folder);
    const startMs = performance.now();
    if (mode === "always") { while (!await write() && performance.now() < startMs + 10_000) await sleep(10); }
    else await untilInfo(server, /aof_last_write_status:ok/, 10_000);
    judge(`D8 ${mode}: it works again after`, { figure: performance.now() - startMs, atMost: MAX_BACK_MS }, "ms");
    for (let i = 0; i < 100; i++) await write();
    if (mode !== "always") await sleep(EVERYSEC_MS);
    await kill(server, false);
    await using again = await start(folder, mode);
    using reader = await RespConnection.connect(again.port);
    let lost = 0;
    for (const key of stored) if (textOf((await reader.ask([["EXISTS", `k${key}`]]))[0]!) !== ":1\r\n") lost++;
    const size = Number(textOf((await reader.ask([["DBSIZE"]]))[0]!).slice(1));
    judge(`D8 ${mode}: of ${stored.length} answered writes lost`, { figure: lost, atMost: 0 }, "writes");
    expect(`D8 ${mode}: none of ${refusals} refused ones is there`, size === stored.length);
    await kill(again, false);
  } finally {
    await system("umount", folder);
    await Deno.remove(folder);
  }
}

async function system(program: string, ...args: string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

say(`D3, D6 to D8 (seed ${random.seed})`);
if (await isInstalled("strace")) {
  await order();
  await failingSync("always");
  await failingSync("everysec");
  await slowSync("always");
  await slowSync("everysec");
} else say("D3, D6, D7: skipped, strace is not installed (apt-get install strace)");
await fullDisk("always");
await fullDisk("everysec");
