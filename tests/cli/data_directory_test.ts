// The program with a data directory, and its commands for one.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { concat } from "@std/bytes";
import { textOf, utf8 } from "../../lib/bytes.ts";
import { crc32 } from "../../lib/persistence/checksum.ts";
import { LOG_HEADER_BYTES } from "../../lib/persistence/log_layout.ts";
import { command } from "../support/resp_frame.ts";
import { inFolder } from "../support/in_folder.ts";
import { canListen, canRun, canWrite } from "../support/permissions.ts";
import { RawClient } from "../support/raw_client.ts";
import { NETWORK, runProgram, ServerProcess } from "../support/server_process.ts";

const LOG = "log-0000000001.cryptomem";

function directoryTest(name: string, fn: (folder: string) => Promise<void>): void {
  Deno.test({
    name,
    ignore: !canListen || !canRun || !canWrite || Deno.build.os === "windows",
    fn: () => inFolder(fn),
  });
}

function permissionsFor(folder: string): string[] {
  return [`--allow-read=${folder}`, `--allow-write=${folder}`];
}

function start(folder: string, ...flags: string[]): Promise<ServerProcess> {
  return ServerProcess.start(permissionsFor(folder), ["--data-dir", `${folder}/data`, ...flags]);
}

function run(folder: string, args: readonly string[], input?: string) {
  return runProgram(permissionsFor(folder), args, input);
}

/** Names and contents of all files of a folder. */
async function contents(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const { name, isFile } of Deno.readDir(folder)) {
    found.set(name, isFile ? (await Deno.readFile(`${folder}/${name}`)).toHex() : "folder");
  }
  return new Map([...found].sort());
}

/** Ends a server in the middle of whatever it does. */
async function kill(server: ServerProcess): Promise<void> {
  server.signal("SIGKILL");
  await server.ended();
}

async function ask(server: ServerProcess, ...words: (string | number)[]): Promise<string> {
  using client = await RawClient.connect(server);
  await client.send(command(...words));
  const buffer = new Uint8Array(4096);
  return textOf(buffer.subarray(0, await client.connection.read(buffer) ?? 0));
}

for (const mode of ["always", "everysec", "no"]) {
  directoryTest(
    `server.ts --append-log ${mode} has its entries and their expiries again after it was killed`,
    async (folder) => {
      {
        await using server = await start(folder, "--append-log", mode);
        assertEquals(await ask(server, "SET", "k", "v"), "+OK\r\n");
        assertEquals(await ask(server, "SET", "session", "token", "EX", 100), "+OK\r\n");
        assertEquals(await ask(server, "SET", "gone", "soon", "PX", 1), "+OK\r\n");
        // What nobody waits for is written some milliseconds later.
        if (mode !== "always") await new Promise((resolve) => setTimeout(resolve, 300));
        await kill(server);
      }
      await using server = await start(folder);
      assertEquals(await ask(server, "GET", "k"), "$1\r\nv\r\n");
      assertEquals(await ask(server, "EXISTS", "gone"), ":0\r\n");
      assertMatch(await ask(server, "TTL", "session"), /^:(100|9\d)\r\n$/);
    },
  );
}

directoryTest(
  "server.ts makes its folder and files for their owner alone, and says in a line what it has loaded",
  async (folder) => {
    {
      await using server = await start(folder, "--append-log", "always");
      await ask(server, "MSET", "a", 1, "b", 2);
      server.signal("SIGTERM");
      const { code, complaints } = await server.ended();
      assertEquals([code, complaints], [0, `cryptomem: ${folder}/data: nothing to load; 0 entries\n`]);
    }
    assertEquals((await Deno.stat(`${folder}/data`)).mode! & 0o777, 0o700);
    for await (const { name } of Deno.readDir(`${folder}/data`)) {
      assertEquals((await Deno.stat(`${folder}/data/${name}`)).mode! & 0o777, 0o600, name);
    }
    await using server = await start(folder);
    server.signal("SIGINT");
    const { code, complaints } = await server.ended();
    assertEquals(code, 0);
    assertMatch(
      complaints,
      /^cryptomem: [^\n]*\/data: loaded 2 entries of a snapshot and 0 changes in \d+ ms; 2 entries\n$/,
    );
  },
);

directoryTest("server.ts cuts off a torn write, says how many bytes, and goes on", async (folder) => {
  {
    await using server = await start(folder, "--append-log", "always");
    await ask(server, "SET", "k", "v");
    await kill(server);
  }
  await Deno.writeFile(`${folder}/data/${LOG}`, new Uint8Array(7), { append: true });
  await using server = await start(folder);
  assertEquals(await ask(server, "GET", "k"), "$1\r\nv\r\n");
  assertEquals(await ask(server, "SET", "l", "w"), "+OK\r\n");
  server.signal("SIGTERM");
  const { code, complaints } = await server.ended();
  assertEquals(code, 0);
  assertMatch(
    complaints,
    /torn; cut off 7 bytes [^\n]*\ncryptomem: [^\n]*, 7 bytes of a torn write were cut off; 1 entries\n$/,
  );
});

directoryTest(
  "server.ts answers what it has read when SIGTERM comes in a pipeline, and what it answered is there",
  async (folder) => {
    for (const mode of ["always", "everysec", "no", "off"]) {
      let answered = 0;
      {
        await using server = await start(folder, "--append-log", mode);
        await ask(server, "FLUSHALL");
        using client = await RawClient.connect(server);
        const requests = concat(Array.from({ length: 5_000 }, (_, i) => command("SET", `k${i}`, "v")));
        const sent = client.send(requests).catch(() => {});
        await client.read(5);
        server.signal("SIGTERM");
        answered = 1 + (await client.readToEnd()).length / 5;
        await sent;
        client[Symbol.dispose]();
        assertEquals((await server.ended()).code, 0);
      }
      await using server = await start(folder, "--append-log", mode);
      const kept = Number((await ask(server, "DBSIZE")).slice(1));
      assert(Number.isInteger(answered) && kept >= answered, `${mode}: ${answered} answered, ${kept} kept`);
      await kill(server);
    }
  },
);

directoryTest("server.ts refuses a folder that another server uses, and changes nothing", async (folder) => {
  await using server = await start(folder, "--append-log", "always");
  await ask(server, "SET", "k", "v");
  const before = await contents(`${folder}/data`);
  for (const args of [["--port", "0", "--data-dir", `${folder}/data`], ["export", `${folder}/data`]]) {
    const { code, out, complaint } = await runProgram([NETWORK, ...permissionsFor(folder)], args);
    assertEquals([code, out, complaint], [1, "", `Cannot use ${folder}/data: another process uses it\n`]);
  }
  assertEquals(await contents(`${folder}/data`), before);
  assertEquals(await ask(server, "GET", "k"), "$1\r\nv\r\n");
});

directoryTest(
  "server.ts refuses what it cannot load with one line and exit code 1, and changes nothing",
  async (folder) => {
    const data = `${folder}/data`;
    const put = (bytes: Uint8Array) => Deno.writeFile(`${data}/${LOG}`, bytes);
    const whole = await wholeLog(folder);
    const newer = whole.slice();
    newer[7] = 2;
    const checksumAt = LOG_HEADER_BYTES - 4;
    new DataView(newer.buffer).setUint32(checksumAt, crc32(newer.subarray(0, checksumAt)));
    const flipped = whole.slice();
    flipped[80]! ^= 1;
    const cases: [what: string, make: () => Promise<void>, complaint: RegExp][] = [
      [
        "a stranger's file",
        () => put(utf8("#!/bin/sh\necho this is not ours, whatever it is called\n")),
        /no file of Cryptomem/,
      ],
      ["a newer format", () => put(newer), /version 2, and this program reads version 1/],
      ["an empty file", () => put(new Uint8Array(0)), /damaged at offset 0, it is empty.*server\.ts check --repair/],
      ["a damaged record", () => put(flipped), /damaged at offset \d+.*server\.ts check --repair/],
      ["a folder in a file's place", () => Deno.mkdir(`${data}/${LOG}`), /no regular file/],
      ["a file by almost our name", () => Deno.writeFile(`${data}/backup.cryptomem`, whole), /backup\.cryptomem/],
    ];
    for (const [what, make, expected] of cases) {
      await Deno.mkdir(data);
      await make();
      const before = await contents(data);
      const { code, out, complaint } = await runProgram(
        [NETWORK, ...permissionsFor(folder)],
        ["--port", "0", "--data-dir", data],
      );
      assertEquals([code, out], [1, ""], what);
      assertMatch(complaint, expected, what);
      assertEquals(complaint.split("\n").length, 2, `${what}: one line`);
      before.set("lock", "");
      assertEquals(await contents(data), new Map([...before].sort()), what);
      await Deno.remove(data, { recursive: true });
    }
  },
);

/** The log of a server that has stored some entries, and was killed. */
async function wholeLog(folder: string): Promise<Uint8Array<ArrayBuffer>> {
  await using server = await start(folder, "--append-log", "always");
  for (let i = 0; i < 5; i++) await ask(server, "SET", `key ${i}`, "a value of some length");
  await kill(server);
  const log = await Deno.readFile(`${folder}/data/${LOG}`);
  await Deno.remove(`${folder}/data`, { recursive: true });
  return log;
}

directoryTest("server.ts refuses a folder that it may not write, or that is a file", async (folder) => {
  await Deno.writeTextFile(`${folder}/file`, "");
  const refused = await runProgram([NETWORK, ...permissionsFor(folder)], ["--port=0", `--data-dir=${folder}/file`]);
  assertEquals([refused.code, refused.complaint], [1, `Cannot use ${folder}/file: it is no folder\n`]);
  const nowhere = await runProgram([NETWORK, ...permissionsFor(folder)], ["--port=0", `--data-dir=${folder}/a/b`]);
  assertEquals(
    [nowhere.code, nowhere.complaint],
    [1, `Cannot use ${folder}/a/b: the folder that it should be in does not exist\n`],
  );
});

directoryTest("server.ts shows the command that grants what a data directory needs", async (folder) => {
  const bare = await runProgram([NETWORK], ["--port=0", "--data-dir=data"]);
  assertEquals([bare.code, bare.out], [2, ""]);
  assertEquals(
    bare.complaint,
    "data: Cannot keep entries there without permission: run deno run --allow-net=127.0.0.1:0 --allow-read=data " +
      "--allow-write=data server.ts --port=0 --data-dir=data\n",
  );
  const check = await runProgram([`--allow-read=${folder}`], ["check", folder]);
  assertEquals(
    [check.code, check.complaint],
    [
      2,
      `${folder}: Cannot check it without permission: run deno run --allow-read=${folder} --allow-write=${folder} ` +
      `server.ts check ${folder}\n`,
    ],
  );
});

directoryTest("server.ts check tells what is whole and what is damaged, and repairs it with a copy", async (folder) => {
  const data = `${folder}/data`;
  const log = await wholeLog(folder);
  await Deno.mkdir(data);
  await Deno.writeFile(`${data}/${LOG}`, log);
  const whole = await run(folder, ["check", data]);
  assertEquals([whole.code, whole.complaint], [0, ""]);
  assertMatch(whole.out, /^log-0000000001\.cryptomem: whole, 5 changes[^\n]*\nA server can start from this\.\n$/);
  log[log.length >> 1]! ^= 1;
  await Deno.writeFile(`${data}/${LOG}`, log);
  const damaged = await run(folder, ["check", data]);
  assertEquals(damaged.code, 1);
  assertStringIncludes(damaged.out, "damaged at offset ");
  const repaired = await run(folder, ["check", data, "--repair"]);
  assertEquals(repaired.code, 0, repaired.complaint);
  const names = [...(await contents(data)).keys()];
  assert(names.some((name) => name.startsWith(`${LOG}.damaged-`)), names.join());
  assertEquals((await run(folder, ["check", "--repair", data])).out, "Nothing had to be repaired.\n");
  assertEquals((await run(folder, ["check", data])).code, 0);
  await using server = await start(folder);
  assertMatch(await ask(server, "DBSIZE"), /^:[1-4]\r\n$/);
});

directoryTest("server.ts export and import move entries as lines of JSON", async (folder) => {
  {
    await using server = await start(folder, "--append-log", "always");
    await ask(server, "SET", "k", "v");
    await ask(server, "SET", "session", "token", "EX", 1000);
    await kill(server);
  }
  const exported = await run(folder, ["export", `${folder}/data`]);
  assertEquals([exported.code, exported.complaint], [0, `${folder}/data: 2 entries exported\n`]);
  const lines = exported.out.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(lines.at(-1), { entries: 2 });
  const filed = await run(folder, ["export", `${folder}/data`, `${folder}/backup.jsonl`]);
  assertEquals([filed.code, filed.out], [0, ""]);
  assertEquals((await Deno.stat(`${folder}/backup.jsonl`)).mode! & 0o777, 0o600);
  // The order of entries is another at every load.
  const sorted = (text: string) => text.split("\n").sort();
  assertEquals(sorted(await Deno.readTextFile(`${folder}/backup.jsonl`)), sorted(exported.out));
  const again = await run(folder, ["export", `${folder}/data`, `${folder}/backup.jsonl`]);
  assertEquals(
    [again.code, again.complaint],
    [1, `Cannot write ${folder}/backup.jsonl: it is there already\n`],
  );
  assertEquals((await run(folder, ["import", `${folder}/copy`, `${folder}/backup.jsonl`])).code, 0);
  const full = await run(folder, ["import", `${folder}/copy`], exported.out);
  assertEquals([full.code, full.complaint.split("\n").length], [1, 2]);
  const bad = await run(folder, ["import", `${folder}/other`], '{"key":"k","value":"v"}\nno line\n');
  assertEquals([bad.code, bad.complaint], [1, "Cannot import line 2: it is no JSON\n"]);
  const cut = await run(folder, ["import", `${folder}/other`], '{"key":"k","value":"v"}\n');
  assertEquals(cut.code, 0);
  assertStringIncludes(cut.complaint, "1 entries imported\nwarning: the last line");
  await using server = await ServerProcess.start(permissionsFor(folder), ["--data-dir", `${folder}/copy`]);
  assertEquals(await ask(server, "GET", "k"), "$1\r\nv\r\n");
  assertMatch(await ask(server, "TTL", "session"), /^:(1000|99\d)\r\n$/);
});

directoryTest("server.ts refuses words that a command does not take, with exit code 2", async (folder) => {
  for (const args of [["check"], ["check", "a", "b"], ["export", "a", "--repair"], ["import", "a", "b", "c"]]) {
    const { code, out, complaint } = await run(folder, args);
    assertEquals([code, out], [2, ""]);
    assertMatch(complaint, new RegExp(`^${args[0]}: Cannot use it so: [^\n]*server\\.ts ${args[0]} DIR [^\n]*\n$`));
  }
  const missing = await run(folder, ["check", `${folder}/nowhere`]);
  assertEquals([missing.code, missing.complaint], [1, `Cannot use ${folder}/nowhere: there is no such folder\n`]);
});

Deno.test({
  name: "server.ts loads nothing of persistence without --data-dir",
  ignore: !canRun,
  async fn() {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "server.ts"],
      cwd: new URL("../../", import.meta.url),
    }).output();
    const { roots, modules } = JSON.parse(textOf(stdout));
    const loaded = new Set<string>();
    const visit = (specifier: string): void => {
      if (loaded.has(specifier)) return;
      loaded.add(specifier);
      const found = modules.find((module: { specifier: string }) => module.specifier === specifier);
      for (const { code, isDynamic } of found?.dependencies ?? []) {
        // The program itself comes when it is the main module.
        if (code !== undefined && (!isDynamic || code.specifier.endsWith("/server_program.ts"))) visit(code.specifier);
      }
    };
    visit(roots[0]);
    assert([...loaded].some((specifier) => specifier.endsWith("/lib/server/serve.ts")));
    assertEquals([...loaded].filter((specifier) => specifier.includes("/lib/persistence/")), []);
  },
});
