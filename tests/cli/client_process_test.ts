// The client's program as a process of its own: what only the real machine has, which are permissions, modes of files,
// pipes and terminals. Everything else is tested in process (tests/client/client_program_test.ts).

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Client } from "../../client.ts";
import { serve } from "../../lib/server/serve.ts";
import { canListen, canRun, canRunShell, canWrite } from "../support/permissions.ts";

const ROOT = new URL("../..", import.meta.url);
const KEY = "cmk1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const KEY_ID = "08b0b48b";
const PASSPHRASE = "Pm4 correct horse Pm4";
const hasModes = Deno.build.os !== "windows";
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Whether `script` of util-linux is there, which runs a command on a terminal of its own. */
const hasScript = canRunShell && Deno.build.os === "linux" &&
  (await new Deno.Command("sh", { args: ["-c", "script --version"], stdout: "null", stderr: "null" }).output()).success;

/** Runs `client.ts` with these permissions. */
async function run(permissions: string[], args: string[], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", ...permissions, "client.ts", ...args],
    cwd: ROOT,
    env,
    stdout: "piped",
    stderr: "piped",
  }).output();
  return [code, textOf(stdout), textOf(stderr)] as const;
}

/** A folder for the time of a test. */
async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

Deno.test({
  name: "client.ts runs as a program, with the permissions its documentation names",
  ignore: !canListen || !canRun,
  async fn() {
    await using server = serve({ port: 0 });
    const address = `127.0.0.1:${server.address.port}`;
    const env = { CRYPTOMEM_KEY: KEY };
    const permissions = ["--allow-net=127.0.0.1", "--allow-env=CRYPTOMEM_KEY,CRYPTOMEM_KEY_FILE,CRYPTOMEM_ADDRESS"];
    assertEquals(await run(permissions, ["--address", address, "set", "k", "v"], env), [0, "", ""]);
    assertEquals(await run(permissions, ["--address", address, "get", "k"], env), [0, "v", ""]);
    const [code, output, complaint] = await run([], ["--address", address, "get", "k"], env);
    assertEquals([code, output], [2, ""]);
    assertStringIncludes(complaint, `run deno run --allow-net=${address} client.ts --address ${address} get k`);
  },
});

Deno.test({
  name: "client.ts leads from keygen to a sealed entry and to the state of the key",
  ignore: !canListen || !canRun || !canWrite,
  async fn() {
    await using server = serve({ port: 0 });
    await using folder = await temporaryFolder();
    const key = `${folder.path}/key`;
    const address = `127.0.0.1:${server.address.port}`;

    const [code, output, complaint] = await run([], ["keygen", "--out", key]);
    assertEquals([code, output], [2, ""]);
    assertStringIncludes(complaint, `run deno run --allow-write=${key} client.ts keygen --out ${key}`);
    assertEquals(await run([`--allow-write=${key}`], ["keygen", "--out", key]), [0, "", ""]);
    const made = await Deno.readTextFile(key);
    assertMatch(made, /^cmk1_[\w-]{43}\n$/);
    if (hasModes) assertEquals((await Deno.stat(key)).mode! & 0o777, 0o600);
    const [again, , refusal] = await run([`--allow-write=${key}`], ["keygen", "--out", key]);
    assertEquals(again, 2);
    assertStringIncludes(refusal, "there is such a file");
    assertEquals(await Deno.readTextFile(key), made);

    const common = ["--address", address, "--key-file", key];
    const use = (...args: string[]) => run([`--allow-net=${address}`, `--allow-read=${key}`], [...common, ...args]);
    assertEquals(await use("set", "k", "v", "--ttl", "1h"), [0, "", ""]);
    assertEquals(await use("get", "k"), [0, "v", ""]);
    const [, fingerprint] = await run([`--allow-read=${key}`], ["--key-file", key, "fingerprint"]);
    const [, id] = /^([0-9a-f]{8}) {2}active\n$/.exec(fingerprint)!;
    const [, status] = await use("keys", "status");
    assertMatch(status, new RegExp(`\n${id} +1 +47 +100\\.0%  active\n$`));
  },
});

Deno.test({
  name: "client.ts takes no key from a file that others than its owner can get at, and says how to close it",
  ignore: !canRun || !canWrite || !hasModes,
  async fn() {
    await using folder = await temporaryFolder();
    const key = `${folder.path}/it's a key`;
    await Deno.writeTextFile(key, KEY);
    for (const mode of [0o644, 0o640, 0o604, 0o620, 0o601]) {
      await Deno.chmod(key, mode);
      const [code, output, complaint] = await run(["--allow-read"], ["--key-file", key, "fingerprint"]);
      assertEquals([code, output], [2, ""]);
      assertStringIncludes(complaint, `(mode 0${mode.toString(8)}); run chmod 600 '${folder.path}/it'\\''s a key'`);
    }
    for (const mode of [0o600, 0o400]) {
      await Deno.chmod(key, mode);
      assertEquals(await run(["--allow-read"], ["--key-file", key, "fingerprint"]), [0, `${KEY_ID}  active\n`, ""]);
    }
  },
});

Deno.test({
  name: "client.ts names a key file that is none: a folder, nothing, or far too long",
  ignore: !canRun || !canWrite,
  async fn() {
    await using folder = await temporaryFolder();
    const long = `${folder.path}/long`;
    await Deno.writeTextFile(long, "# comment\n".repeat(7_000), { mode: 0o600 });
    if (hasModes) await Deno.chmod(folder.path, 0o700);
    const wrong = [[folder.path, "it is a folder"], [`${folder.path}/gone`, "no such file"], [long, "more than 65536"]];
    for (const [path, reason] of wrong) {
      const [code, , complaint] = await run(["--allow-read"], ["--key-file", path!, "fingerprint"]);
      assertEquals(code, 2, complaint);
      assertStringIncludes(complaint, reason!);
      assertEquals(complaint.trimEnd().split("\n").length, 1);
    }
  },
});

Deno.test({
  name: "client.ts ends quietly when nobody reads its output any more",
  ignore: !canListen || !canRunShell,
  async fn() {
    await using server = serve({ port: 0 });
    const address = `127.0.0.1:${server.address.port}`;
    const env = { CRYPTOMEM_KEY: KEY };
    const permissions = ["--allow-net=127.0.0.1", "--allow-env=CRYPTOMEM_KEY"];
    await using client = new Client(address, { key: KEY });
    await client.set("k", "v".repeat(1_000_000));
    const command = [Deno.execPath(), "run", "--no-prompt", ...permissions, "client.ts", "-a", address, "get", "k"];
    const { stdout, stderr } = await new Deno.Command("sh", {
      args: ["-c", `${command.map((word) => `'${word}'`).join(" ")} | head -c 3`],
      cwd: ROOT,
      env,
      stdout: "piped",
      stderr: "piped",
    }).output();
    assertEquals([textOf(stdout), textOf(stderr)], ["vvv", ""]);
  },
});

Deno.test({
  name: "client.ts asks for the passphrase on a terminal, and does not show what is typed",
  ignore: !hasScript || !canWrite,
  async fn() {
    await using folder = await temporaryFolder();
    const ring = `${folder.path}/ring`;
    assertEquals((await run([`--allow-write=${ring}`], ["keygen", "--passphrase", "--out", ring]))[0], 0);
    const client = `'${Deno.execPath()}' run --no-prompt --allow-read client.ts --key-file ${ring} fingerprint`;
    await using process = new Deno.Command("sh", {
      args: ["-c", `exec script --quiet --return --command "${client}" /dev/null`],
      cwd: ROOT,
      env: { SHELL: "/bin/sh" },
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const keyboard = process.stdin.getWriter();
    let screen = "";
    for await (const bytes of process.stdout) {
      const isAsked = screen.includes(`Passphrase of ${ring}: `);
      screen += textOf(bytes);
      if (isAsked || !screen.includes(`Passphrase of ${ring}: `)) continue;
      await keyboard.write(new TextEncoder().encode(`${PASSPHRASE}x\x7f\r`));
    }
    await keyboard.close();
    assertEquals((await process.status).code, 0, screen);
    assert(!screen.includes("Pm4"), screen);

    const [, shown] = await run(["--allow-read", "--allow-env"], ["--key-file", ring, "fingerprint"], {
      CRYPTOMEM_PASSPHRASE: PASSPHRASE,
    });
    assertMatch(shown, /^[0-9a-f]{8} {2}active\n$/);
    assertStringIncludes(screen, shown.trim());
  },
});

Deno.test({
  name: "client.ts asks nobody where there is no terminal",
  ignore: !canRun,
  async fn() {
    const [code, output, complaint] = await run([], ["fingerprint"]);
    assertEquals([code, output], [2, ""]);
    assertMatch(complaint, /^cryptomem: key: Cannot seal or open values without one: .*\n$/);
  },
});
