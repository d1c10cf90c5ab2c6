/**
 * A2: whether the time that a wrong secret takes tells how wrong it is. Two kinds of wrong secrets are tried in a random
 * order, and Welch's t-test is asked whether their times differ, as dudect does ("Dude, is my code constant time?",
 * Reparaz, Balasch, Verbauwhede 2017): beyond 4.5 they do.
 *
 * What compares is measured in process; that a comparison which does tell is found out is shown by one. The slow hash of
 * a password is left out: its time depends on no secret, and hides everything behind it. Tokens are tried over a
 * connection as well, where a server that tells its clients to wait has looked at them all the same.
 *
 * @module
 */

import process from "node:process";
import { utf8 } from "../../lib/bytes.ts";
import { areSameHashes, hmacSha256 } from "../../lib/security/node_crypto.ts";
import { createToken, tokenClaim } from "../../lib/security/token.ts";
import { formatTokenFile } from "../../lib/security/token_file.ts";
import { TokenTable } from "../../lib/security/token_table.ts";
import { frame } from "../support/cm_frame.ts";
import { Random } from "../support/random.ts";
import { sendAll } from "./crowd.ts";
import { ServerUnderTest } from "./process.ts";
import { expect, judge, say } from "./report.ts";

const MAX_T = 4.5;
const SAMPLES = 20_000, WARM_UP = 4_000;
/** Calls that are timed as one, so that the clock's steps do not hide them. */
const CALLS = 8;
const SOCKET_SAMPLES = 4_000, SOCKET_WARM_UP = 600;
/** After so many refusals a connection is closed. */
const ATTEMPTS = 3;
/** The slowest are left out: they tell of the machine. */
const KEPT = 0.9;
const AUTH = 5;
const random = new Random();

/** Welch's t of two kinds of times. */
function welch(a: readonly number[], b: readonly number[]): number {
  const limit = [...a, ...b].sort((x, y) => x - y)[Math.floor((a.length + b.length) * KEPT)]!;
  const [one, other] = [a, b].map((times) => {
    const kept = times.filter((time) => time < limit);
    const mean = kept.reduce((sum, time) => sum + time, 0) / kept.length;
    const squares = kept.reduce((sum, time) => sum + (time - mean) ** 2, 0);
    return { mean, error: squares / (kept.length - 1) / kept.length };
  });
  return (one!.mean - other!.mean) / Math.sqrt(one!.error + other!.error);
}

/**
 * Times what is done with two kinds of bytes, in a random order. Both lie in the same place when their turn comes, so
 * that nothing differs but what they are.
 */
function tOf(kinds: readonly [Uint8Array, Uint8Array], tryIt: (bytes: Uint8Array) => boolean): number {
  const times: [number[], number[]] = [[], []];
  const bytes = new Uint8Array(kinds[0].length);
  for (let i = 0; i < 2 * (SAMPLES + WARM_UP); i++) {
    const kind = random.below(2);
    bytes.set(kinds[kind]!);
    let taken = false;
    const start = process.hrtime.bigint();
    for (let call = 0; call < CALLS; call++) taken ||= tryIt(bytes);
    const took = Number(process.hrtime.bigint() - start);
    if (taken) throw new Error("A wrong secret is taken");
    if (i >= 2 * WARM_UP) times[kind]!.push(took);
  }
  return Math.abs(welch(...times));
}

function judgeT(what: string, t: number): void {
  judge(`A2 ${what}: |t|`, { figure: Math.abs(t), atMost: MAX_T }, "");
}

/** The same bytes but for one. */
function wrongAt(bytes: Uint8Array, at: number): Uint8Array {
  const wrong = bytes.slice();
  wrong[at] = bytes[at] === 0x41 ? 0x42 : 0x41;
  return wrong;
}

/** What must never compare secrets: it stops at the first difference. */
function areSameTelling(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

const { secret, token } = createToken({ name: "timed", can: ["read"] });
const right = utf8(secret), last = right.length - 1, firstOfSecret = right.length - 43;

say(`A2: ${SAMPLES.toLocaleString("en")} samples of each kind, ${CALLS} calls in each (seed ${random.seed})`);
{
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  const kinds = [wrongAt(bytes, 0), wrongAt(bytes, 31)] as const;
  const t = tOf(kinds, (given) => areSameTelling(given, bytes));
  expect(`A2 a comparison that stops at the first difference is found out: |t| = ${t.toFixed(0)}`, t > MAX_T);
  judgeT("hashes, first or last byte wrong", tOf(kinds, (given) => areSameHashes(given, bytes)));
}
{
  const table = new TokenTable();
  table.replace([token]);
  const find = (given: Uint8Array) => table.find(tokenClaim({ user: undefined, secret: given })!, 0) !== undefined;
  const lastWrong = wrongAt(right, last);
  judgeT("token, first or last byte of its secret wrong", tOf([wrongAt(right, firstOfSecret), lastWrong], find));
  judgeT("token, last byte of its secret wrong or its id unknown", tOf([wrongAt(lastWrong, 5), lastWrong], find));
}
{
  const key = crypto.getRandomValues(new Uint8Array(32));
  const password = utf8("correct horse battery staple");
  const code = hmacSha256(key, password);
  const compare = (given: Uint8Array) => areSameHashes(hmacSha256(key, given), code);
  const lastWrong = wrongAt(password, password.length - 1);
  judgeT("remembered password, first or last byte wrong", tOf([wrongAt(password, 0), lastWrong], compare));
  // A zero stands for the end.
  const compareText = (given: Uint8Array) => compare(given.subarray(0, given.at(-1) === 0 ? -1 : given.length));
  const cut = password.slice().fill(0, -1);
  judgeT("remembered password, last byte wrong or missing", tOf([cut, lastWrong], compareText));
}

say(`A2: ${SOCKET_SAMPLES.toLocaleString("en")} wrong tokens of each kind over a connection`);
const folder = await Deno.makeTempDir({ prefix: "cryptomem-faults-" });
try {
  const file = `${folder}/tokens`;
  await Deno.writeTextFile(file, formatTokenFile([token]), { mode: 0o600 });
  await using server = await ServerUnderTest.program(["--token-file", file], {
    permissions: ["--allow-net=127.0.0.1", `--allow-read=${folder}`],
  });
  const [first, end] = [wrongAt(right, firstOfSecret), wrongAt(right, last)];
  const requests = [first, end].map((value) => frame({ opcode: AUTH, value }));
  const times: [number[], number[]] = [[], []];
  const buffer = new Uint8Array(512);
  for (let i = 0; i < 2 * (SOCKET_SAMPLES + SOCKET_WARM_UP);) {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    connection.setNoDelay(true);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++, i++) {
      const kind = random.below(2);
      const start = process.hrtime.bigint();
      await sendAll(connection, requests[kind]!);
      if (await connection.read(buffer) === null) throw new Error("The server has ended the connection too early");
      const took = Number(process.hrtime.bigint() - start);
      if (buffer[2] === 1) throw new Error("A wrong token is taken");
      // The first answer of a connection takes longer than the others do.
      if (attempt > 0 && i >= 2 * SOCKET_WARM_UP) times[kind]!.push(took);
    }
  }
  judgeT("token over a connection, first or last byte of its secret wrong", welch(...times));
} finally {
  await Deno.remove(folder, { recursive: true });
}
