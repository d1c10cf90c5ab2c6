/**
 * A8: whatever a client or a configuration names, nothing is written outside of the data directory, the more so as the
 * server may write nowhere else; and whatever it makes is for its owner alone, though the system would give more (umask 0).
 *
 * @module
 */

import { textOf, utf8 } from "../../lib/bytes.ts";
import { frame } from "../support/cm_frame.ts";
import { RespConnection } from "../support/redis_server.ts";
import { sendAll } from "./crowd.ts";
import { ServerUnderTest, sleep } from "./process.ts";
import { expect, say } from "./report.ts";

const hostname = "127.0.0.1";
const SERVER = new URL("../../server.ts", import.meta.url).pathname;
/** Takes nothing away from the modes that files are made with. */
const OPEN = ["sh", "-c", 'umask 0 && exec "$@"', "sh"];
const OWN_FILES = /^(?:(?:snapshot|log)-\d{10}\.cryptomem|lock)$/;
const MODE = 0o777;

/** Every file below a folder, but not below `except`, with what it is and holds. */
async function listing(folder: string, except: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const { name, isDirectory, isFile, isSymlink } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (path === except) continue;
    if (isFile) found.set(path, textOf(await Deno.readFile(path)));
    else found.set(path, isSymlink ? `link to ${await Deno.readLink(path)}` : "");
    if (isDirectory) { for (const entry of await listing(path, except)) found.set(...entry); }
  }
  return found;
}

function isSame(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([path, content]) => b.get(path) === content);
}

async function modeOf(path: string): Promise<string> {
  return ((await Deno.lstat(path)).mode! & MODE).toString(8);
}

/** Runs server.ts to its end, which is near if it refuses. */
async function run(permissions: readonly string[], args: readonly string[]): Promise<{ code: number; said: string }> {
  const words = [...OPEN, "timeout", "10", Deno.execPath(), "run", "--no-prompt", "--quiet", ...permissions, SERVER];
  const [program, ...rest] = [...words, ...args];
  const { code, stdout, stderr } = await new Deno.Command(program!, { args: rest, stdin: "null" }).output();
  return { code, said: textOf(stdout) + textOf(stderr) };
}

const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "cryptomem-faults-" }));
try {
  const [data, outside] = [`${folder}/data`, `${folder}/outside`];
  await Deno.mkdir(outside);
  await Deno.writeTextFile(`${outside}/victim`, "untouched");
  const permissions = [`--allow-net=${hostname}`, `--allow-read=${data}`, `--allow-write=${data}`];
  const before = await listing(folder, data);

  say("A8: names that a client gives");
  const names = [
    `${outside}/made`,
    "../outside/made",
    "../made",
    "/../made",
    `${data}/../made`,
    "..\\made",
    "a\0b",
    ".",
  ];
  {
    await using server = await ServerUnderTest.program(["--data-dir", data], { permissions, under: OPEN });
    using resp = await RespConnection.connect(server.port);
    const settings = ["dir", "dbfilename", "appendfilename", "appenddirname", "logfile", "pidfile", "unixsocket"];
    const own = ["data-dir", "config", "password-file", "token-file", "server-key", "unix", "tls-key"];
    let taken = 0, asked = 0;
    for (const name of names) {
      const commands = [
        ...[...settings, ...own].map((setting) => ["CONFIG", "SET", setting, name]),
        ...[["SAVE", name], ["BGSAVE", name], ["MODULE", "LOAD", name], ["CONFIG", "REWRITE", name]],
        ...[["DEBUG", "SAVE", name], ["SHUTDOWN", name], ["ACL", "SAVE", name], ["SCRIPT", "LOAD", name]],
      ];
      for (const answer of await resp.ask(commands)) {
        asked++;
        if (answer[0] !== "-".charCodeAt(0)) taken++;
      }
      // As keys and channels they are nothing but bytes.
      await resp.ask([["SET", name, name], ["HSET", name, name, name], ["PUBLISH", name, name]]);
      using connection = await Deno.connect({ hostname, port: server.port });
      await sendAll(connection, frame({ opcode: 1, key: utf8(name), value: utf8(name) }));
      await connection.read(new Uint8Array(64));
    }
    expect(`A8 ${asked} commands that would choose a file, ${taken} taken`, taken === 0);
    await resp.ask([["SAVE"]]);
    await sleep(200);
    const made = (await Array.fromAsync(Deno.readDir(data))).map(({ name }) => name).sort();
    expect(
      `A8 in the data directory: ${made.join(", ")}`,
      made.length >= 3 && made.every((name) => OWN_FILES.test(name)),
    );
    expect("A8 nothing is changed outside of it", isSame(before, await listing(folder, data)));
    const modes = await Promise.all(made.map((name) => modeOf(`${data}/${name}`)));
    expect(`A8 modes of its files, with umask 0: ${modes.join(" ")}`, modes.every((mode) => mode === "600"));
    const mode = await modeOf(data);
    expect(`A8 mode of the folder: ${mode}`, mode === "700");
  }

  say("A8: names that a configuration gives, to a server that may write in one folder");
  for (
    const args of [
      ["--data-dir", outside],
      ["--data-dir", `${data}/../outside`],
      ["--data-dir", `${data}/../made`],
      ["--server-key", `${outside}/key`],
      ["--server-key", `${data}/../key`],
      ["--unix", `${outside}/socket`],
      ["--config", `${outside}/victim`],
      ["export", data, `${outside}/export`],
      ["import", `${outside}`, `${outside}/victim`],
      ["check", outside, "--repair"],
      ["token", "create", "--name", "a", "--can", "read", "--file", `${outside}/tokens`],
    ]
  ) {
    const { code } = await run(permissions, args);
    const isUnchanged = isSame(before, await listing(folder, data));
    const shown = args.join(" ").replaceAll(folder, "");
    expect(`A8 ${shown}: refused with code ${code}, nothing is changed`, (code === 1 || code === 2) && isUnchanged);
  }

  say("A8: links in the data directory that lead out of it");
  for (const link of ["log-0000000001.cryptomem", "snapshot-0000000001.cryptomem", "lock"]) {
    await Deno.remove(data, { recursive: true });
    await Deno.mkdir(data, { mode: 0o700 });
    await Deno.symlink(`${outside}/victim`, `${data}/${link}`);
    const { code } = await run(permissions, ["--port", "0", "--data-dir", data]);
    const isUnchanged = isSame(before, await listing(folder, data));
    // 124: it was serving when its time was over.
    expect(`A8 ${link} is a link: code ${code}, nothing is changed behind it`, isUnchanged);
  }

  say("A8: modes of other files that the program makes, with umask 0");
  {
    const all = [`--allow-read=${folder}`, `--allow-write=${folder}`];
    await run(all, ["token", "create", "--name", "a", "--can", "read", "--file", `${folder}/tokens.yaml`]);
    expect(`A8 tokens: ${await modeOf(`${folder}/tokens.yaml`)}`, await modeOf(`${folder}/tokens.yaml`) === "600");
    await using server = await ServerUnderTest.program(
      ["--server-key", `${folder}/key`, "--unix", `${folder}/socket`],
      { permissions: [...all, "--allow-net"], under: OPEN },
    );
    for (const name of ["key", "socket"]) {
      const mode = await modeOf(`${folder}/${name}`);
      expect(`A8 ${name}: ${mode}`, mode === "600");
    }
    await server.end();
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
