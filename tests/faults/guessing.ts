/**
 * A1: fifty connections guess passwords, thousands a second, first from one address, then each from one of its own. How many
 * guesses the server looks at, whether somebody with the right password comes in meanwhile, and what the others notice.
 *
 * It needs a network of its own, for the addresses.
 *
 * @module
 */

import { textOf } from "../../lib/bytes.ts";
import { createToken } from "../../lib/security/token.ts";
import { formatTokenFile } from "../../lib/security/token_file.ts";
import { ByteReader } from "../support/byte_reader.ts";
import { frame } from "../support/cm_frame.ts";
import { sendAll } from "./crowd.ts";
import { Others } from "./others.ts";
import { isInside, runInside } from "./own_network.ts";
import { ServerUnderTest, sleep } from "./process.ts";
import { expect, judge, say } from "./report.ts";

const GUESSERS = 50;
const LASTS_MS = 20_000;
const MAX_GUESSES_PER_SECOND = 100;
const MAX_ATTEMPTS = 10;
const MAX_LOGIN_MS = 1_000;
const MAX_OTHERS_MS = 10;
const LOGIN_EACH_MS = 1_000;
/** The guessers have no machine of their own: without it, the figures would be about them. */
const BUSY_PAUSE_MS = 10;
const GOOD_ADDRESS = "10.9.0.1";
const ADDRESSES = Array.from({ length: GUESSERS }, (_, i) => `10.9.1.${i + 1}`);
const PASSWORD = "correct horse battery staple";
const AUTH = 5;

/** What the attempts of one connection came to. */
class Attempts {
  /** Answers that a password was wrong: it was looked at. */
  wrong = 0;
  /** Answers that one has to wait. */
  busy = 0;
  other = 0;
  /** Connections, and the most attempts that one of them had. */
  connections = 0;
  most = 0;
}

/** Sends a request in CM and takes its answer. */
async function ask(connection: Deno.TcpConn, reader: ByteReader, request: Uint8Array): Promise<string> {
  await sendAll(connection, request);
  const header = await reader.take(7);
  const text = textOf(await reader.take(new DataView(header.buffer, header.byteOffset).getUint32(3)));
  return header[2] === 1 ? "OK" : text;
}

/** Guesses until it is over; who is thrown out connects again. */
async function guess(hostname: string, port: number, endMs: number, attempts: Attempts): Promise<void> {
  while (performance.now() < endMs) {
    let made = 0;
    attempts.connections++;
    try {
      using connection = await Deno.connect({ hostname, port });
      const reader = new ByteReader(connection);
      while (performance.now() < endMs) {
        const value = crypto.getRandomValues(new Uint8Array(12)).toBase64();
        const answer = await ask(connection, reader, frame({ opcode: AUTH, value }));
        made++;
        if (answer.startsWith("AUTH_FAILED")) attempts.wrong++;
        else if (answer.startsWith("BUSY")) {
          attempts.busy++;
          await sleep(BUSY_PAUSE_MS);
        } else attempts.other++;
      }
    } catch {
      // Thrown out.
    }
    attempts.most = Math.max(attempts.most, made);
  }
}

/** Comes in with a secret. Returns how long that took, or `undefined` if it was refused. */
async function logIn(hostname: string, port: number, secret: string): Promise<number | undefined> {
  const startMs = performance.now();
  using connection = await Deno.connect({ hostname, port });
  const answer = await ask(connection, new ByteReader(connection), frame({ opcode: AUTH, value: secret }));
  return answer === "OK" ? performance.now() - startMs : undefined;
}

/** Logs in each second; what came of it. */
async function logInOften(hostname: string, port: number, secret: string, endMs: number) {
  const tookMs: number[] = [];
  let refused = 0;
  while (performance.now() < endMs - LOGIN_EACH_MS) {
    await sleep(LOGIN_EACH_MS);
    const ms = await logIn(hostname, port, secret);
    if (ms === undefined) refused++;
    else tookMs.push(ms);
  }
  return { tookMs, refused };
}

function judgeLogins(what: string, { tookMs, refused }: { tookMs: number[]; refused: number }): void {
  expect(`A1 ${what}: ${tookMs.length} logins, ${refused} refused`, tookMs.length > 0 && refused === 0);
  judge(`A1 ${what}: the slowest`, { figure: Math.max(0, ...tookMs), atMost: MAX_LOGIN_MS }, "ms");
}

/** @param isKnown whether somebody has come in with the password before */
async function attack(what: string, hostnames: readonly string[], isKnown: boolean): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "cryptomem-faults-" });
  const [passwordFile, tokenFile] = [`${folder}/password`, `${folder}/tokens`];
  const { secret, token } = createToken({ name: "program", can: ["read", "write", "admin"] });
  await Deno.writeTextFile(passwordFile, PASSWORD, { mode: 0o600 });
  await Deno.writeTextFile(tokenFile, formatTokenFile([token]), { mode: 0o600 });
  try {
    // Passwords over a wire that others can read are taken only if one insists.
    await using server = await ServerUnderTest.program(
      ["--host", "0.0.0.0", "--insecure", "on", "--password-file", passwordFile, "--token-file", tokenFile],
      { permissions: ["--allow-net", `--allow-read=${folder}`] },
    );
    const { port } = server;
    using others = await Others.of(server, frame({ opcode: AUTH, value: secret }));
    if (isKnown) await logIn(GOOD_ADDRESS, port, PASSWORD);
    await sleep(500);
    const quiet = await others.waits();
    const attempts = new Attempts();
    const endMs = performance.now() + LASTS_MS;
    const guessing = hostnames.map((hostname) => guess(hostname, port, endMs, attempts));
    const logins = [
      logInOften(GOOD_ADDRESS, port, PASSWORD, endMs),
      logInOften(hostnames[0]!, port, secret, endMs),
    ];
    const [byPassword, byToken] = await Promise.all(logins);
    await Promise.all(guessing);
    const perSecond = (count: number) => count / LASTS_MS * 1_000;
    judge(`A1 ${what}: guesses`, { figure: perSecond(attempts.wrong), atMost: MAX_GUESSES_PER_SECOND }, "a second");
    say(
      `       ${attempts.wrong} were looked at, ${attempts.busy} told to wait, ${attempts.other} answered otherwise, ` +
        `on ${attempts.connections} connections`,
    );
    judge(`A1 ${what}: attempts on one connection`, { figure: attempts.most, atMost: MAX_ATTEMPTS }, "");
    const whose = `${what}, the right password${isKnown ? " of one who was in before" : ""} from another address`;
    if (isKnown || hostnames.every((hostname) => hostname === hostnames[0])) judgeLogins(whose, byPassword!);
    else say(`       ${whose}: ${byPassword!.tookMs.length} logins, ${byPassword!.refused} told to wait`);
    judgeLogins(`${what}, a right token from an address of a guesser`, byToken!);
    await others.judge(`A1 ${what}`, MAX_OTHERS_MS);
    say(`       before it, their p99 was ${quiet.p99Ms.toFixed(2)} ms`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (!isInside) {
  say(`A1: ${GUESSERS} connections guess passwords for ${LASTS_MS / 1_000} s`);
  const isRun = await runInside(import.meta.url, [GOOD_ADDRESS, ...ADDRESSES]);
  if (!isRun) say("A1: skipped, no network of its own is to be had (unshare, as root)");
} else {
  await attack("from one address", ADDRESSES.map(() => ADDRESSES[0]!), false);
  await attack(`from ${GUESSERS} addresses`, ADDRESSES, true);
}
