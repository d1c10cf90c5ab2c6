/**
 * A5: a password, tokens and a value, right ones and wrong ones, are given to a server in every dialect and every way, and
 * then looked for in all that it says and writes: log, errors, INFO, STATS, CONFIG, CLIENT LIST, SLOWLOG, its files, what
 * the system tells of its process, and its last words when it is killed.
 *
 * @module
 */

import { Client } from "../../client.ts";
import { textOf, utf8 } from "../../lib/bytes.ts";
import { createToken } from "../../lib/security/token.ts";
import { formatTokenFile } from "../../lib/security/token_file.ts";
import { frame } from "../support/cm_frame.ts";
import { command } from "../support/resp_frame.ts";
import { sendAll } from "./crowd.ts";
import { ServerUnderTest, sleep } from "./process.ts";
import { expect, say } from "./report.ts";

const hostname = "127.0.0.1";
const AUTH = 5, STATS = 20;
/** An answer takes so long at the most: a password takes its time. */
const ANSWER_MS = 1_000, LOOK_MS = 20;
const mark = crypto.getRandomValues(new Uint8Array(8)).toHex();
const PASSWORD = `right-password-${mark}`, WRONG = `wrong-password-${mark}`, VALUE = `canary-value-${mark}`;
const { secret: TOKEN, token } = createToken({ name: "program", can: ["read", "write", "admin"] });
const OTHER_TOKEN = createToken({ name: "nobody", can: ["read"] }).secret;
const SECRETS: Readonly<Record<string, string>> = {
  "the password": PASSWORD,
  "a wrong password": WRONG,
  "the token": TOKEN.slice(-43),
  "a wrong token": OTHER_TOKEN.slice(-43),
  "the value": VALUE,
};

/** Which of them stand in a text, as they are or in base64 or hexadecimal digits. */
function secretsIn(text: string): string[] {
  return Object.entries(SECRETS).filter(([, secret]) => {
    const bytes = utf8(secret);
    // Without the last characters, which depend on what follows.
    return [secret, bytes.toHex(), bytes.toBase64().replace(/.{0,3}=*$/, "")].some((form) => text.includes(form));
  }).map(([name]) => name);
}

function expectNone(where: string, text: string): void {
  const found = secretsIn(text);
  expect(
    `A5 ${where}: ${text.length} characters, ${found.length === 0 ? "no secret" : found.join()}`,
    found.length === 0,
  );
}

/** Sends requests one after the other on one connection; all that was answered. */
async function exchange(port: number, ...requests: Uint8Array[]): Promise<string> {
  using connection = await Deno.connect({ hostname, port });
  let answers = "", isOver = false;
  void (async () => {
    const buffer = new Uint8Array(256 * 1024);
    try {
      for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
        answers += textOf(buffer.subarray(0, count));
      }
    } catch {
      // Closed.
    }
    isOver = true;
  })();
  for (const request of requests) {
    const before = answers.length;
    await sendAll(connection, request).catch(() => {});
    for (let ms = 0; ms < ANSWER_MS && answers.length === before && !isOver; ms += LOOK_MS) await sleep(LOOK_MS);
    // The rest of it.
    await sleep(LOOK_MS);
  }
  return answers;
}

/** Everybody who ever gives a secret, rightly or wrongly. Returns all that they were answered. */
async function giveSecrets(port: number): Promise<string> {
  const answers: string[] = [];
  const give = async (...requests: Uint8Array[]) => void answers.push(await exchange(port, ...requests));
  // The right ones first: later ones have to wait.
  for (const secret of [TOKEN, PASSWORD, OTHER_TOKEN, WRONG]) {
    await give(frame({ opcode: AUTH, value: secret }));
    await give(frame({ opcode: AUTH, key: "somebody", value: secret }));
    await give(utf8(`PASS ${secret}\n`));
    await give(utf8(`PASS ${secret} and more\n`));
    await give(command("AUTH", secret));
    await give(command("AUTH", "default", secret));
    await give(command("AUTH", "default", secret, "more"));
    await give(command("HELLO", "3", "AUTH", "default", secret));
    await give(command("HELLO", "9", "AUTH", "default", secret));
    // A frame that ends in the middle, and one that is none.
    await give(frame({ opcode: AUTH, value: secret, valueLength: 4_000 }), utf8("QUIT\n"));
    await give(utf8(`CM\xff\xff${secret}`), utf8(secret));
  }
  return answers.join();
}

/** What the server tells of itself to who may ask. */
async function ownReport(port: number): Promise<string> {
  const words = [["INFO"], ["INFO", "everything"], ["CONFIG", "GET", "*"], ["CLIENT", "LIST"], ["CLIENT", "INFO"]];
  const more = [["SLOWLOG", "GET", "1000"], ["MEMORY", "DOCTOR"], ["ACL", "LIST"], ["COMMAND", "DOCS", "AUTH"]];
  const typed = exchange(port, frame({ opcode: AUTH, value: TOKEN }), frame({ opcode: STATS }));
  return await exchange(port, command("AUTH", TOKEN), ...[...words, ...more].map((one) => command(...one))) +
    await typed;
}

const folder = await Deno.makeTempDir({ prefix: "cryptomem-faults-" });
try {
  const [passwordFile, tokenFile, data] = [`${folder}/password`, `${folder}/tokens`, `${folder}/data`];
  await Deno.writeTextFile(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
  await Deno.writeTextFile(tokenFile, formatTokenFile([token]), { mode: 0o600 });
  const users = ["--password-file", passwordFile, "--token-file", tokenFile];
  const flags = [...users, "--data-dir", data, "--append-log", "always"];
  const permissions = [`--allow-net=${hostname}`, `--allow-read=${folder}`, `--allow-write=${data}`];
  say("A5: where secrets might be found");
  for (const signal of ["SIGTERM", "SIGABRT"] as const) {
    await using server = await ServerUnderTest.program(flags, { permissions, keepsComplaints: true });
    const { port } = server;
    // From now on every command is a slow one.
    await exchange(port, command("AUTH", TOKEN), command("CONFIG", "SET", "slowlog-log-slower-than", "0"));
    {
      await using client = new Client(`${hostname}:${port}`, {
        key: crypto.getRandomValues(new Uint8Array(32)),
        token: TOKEN,
      });
      await client.set("key", VALUE);
      await client.set("again", { of: [VALUE] });
      if (await client.get("key") !== VALUE) throw new Error("The value is not there");
    }
    const answers = await giveSecrets(port);
    expect("A5 right ones are taken, wrong ones are not", answers.includes("+OK") && answers.includes("-WRONGPASS"));
    expectNone("answers to who gives one", answers);
    const report = await ownReport(port);
    expect("A5 it told of itself", report.includes("uptime_in_seconds") && report.includes("slowlog-log-slower-than"));
    // Of what is no key only the length, and of AUTH, PASS and HELLO nothing.
    expect("A5 its slow log has commands", report.includes(" more bytes)"));
    expectNone("INFO, STATS, CONFIG GET, CLIENT LIST, SLOWLOG", report);
    expectNone("/proc: arguments and environment", await processText(server.pid));
    server.signal("SIGHUP");
    await exchange(port, command("AUTH", TOKEN), command("SAVE"));
    server.signal(signal);
    await sleep(500);
    const { code, said, complaints } = await server.end();
    expectNone(`log and last words after ${signal}, code ${code}`, server.greeting + said + complaints);
    for await (const { name } of Deno.readDir(data)) {
      expectNone(`file ${name}`, textOf(await Deno.readFile(`${data}/${name}`)));
    }
  }
  say("A5: starts that fail");
  for (
    const args of [
      ["--password-hash", PASSWORD],
      [`--password-hash=${PASSWORD}`],
      [PASSWORD, "no port"],
      ["--password-file", passwordFile, PASSWORD],
      [PASSWORD, "--nonsense"],
      ["--token-file", passwordFile],
      ["--config", passwordFile],
      ["--data-dir", tokenFile, ...users],
      ["--host", "192.0.2.1", ...users],
    ]
  ) {
    const { code, said } = await failedStart(args);
    const shown = args.map((word) => word.replaceAll(PASSWORD, "…").replaceAll(folder, "")).join(" ");
    expect(`A5 it does not start with ${shown}, code ${code}`, code === 1 || code === 2);
    expectNone("       what it says", said);
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function processText(pid: number): Promise<string> {
  const texts = ["cmdline", "environ"].map((name) => Deno.readTextFile(`/proc/${pid}/${name}`));
  return (await Promise.all(texts)).join();
}

async function failedStart(args: readonly string[]): Promise<{ code: number; said: string }> {
  const program = new URL("../../server.ts", import.meta.url).pathname;
  const child = new Deno.Command("timeout", {
    args: ["20", Deno.execPath(), "run", "--no-prompt", "--quiet", "--allow-all", program, "--port", "0", ...args],
    stdin: "null",
  });
  const { code, stdout, stderr } = await child.output();
  return { code, said: textOf(stdout) + textOf(stderr) };
}
