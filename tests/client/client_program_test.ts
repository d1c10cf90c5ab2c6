import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Client } from "../../client.ts";
import type { ClientMachine } from "../../lib/cli/client_machine.ts";
import { runClient } from "../../lib/cli/client_program.ts";
import { serve } from "../../lib/server/serve.ts";
import { canListen, canRun } from "../support/permissions.ts";

const ROOT = new URL("../..", import.meta.url);
const KEY = "cmk1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const utf8 = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** What surrounds the program in a test. */
interface World {
  files?: Record<string, Uint8Array | string>;
  variables?: Record<string, string>;
  input?: Uint8Array;
  denied?: Deno.PermissionDescriptor["name"][];
  terminal?: boolean;
}

/** Runs the program in a world. */
async function run(args: string[], world: World = {}) {
  const printed: number[] = [];
  const complaints: string[] = [];
  const machine: ClientMachine = {
    printsToTerminal: world.terminal ?? false,
    isGranted: ({ name }) => !world.denied?.includes(name),
    variable: (name) => world.variables?.[name],
    readFile(path) {
      const file = world.files?.[path];
      return file === undefined
        ? Promise.reject(new Error("no such file"))
        : Promise.resolve(typeof file === "string" ? utf8(file) : file);
    },
    readInput: () => Promise.resolve(world.input ?? new Uint8Array(0)),
    print: (bytes) => Promise.resolve(void printed.push(...bytes)),
    complain: (line) => void complaints.push(line),
    commandLine: (permissions, args) => ["deno", "run", ...permissions, "client.ts", ...args].join(" "),
  };
  const exit = await runClient(args, machine);
  return { exit, output: textOf(Uint8Array.from(printed)), bytes: Uint8Array.from(printed), complaints };
}

/** Runs the program against a server, with a key, command by command. */
async function withServer(
  test: (run_: (args: string[], world?: World) => ReturnType<typeof run>, address: string) => Promise<void>,
): Promise<void> {
  await using server = serve({ port: 0 });
  const address = `127.0.0.1:${server.address.port}`;
  const variables = { CRYPTOMEM_ADDRESS: address };
  await test((args, world) => {
    return run(args, { files: { key: `${KEY}\n` }, ...world, variables: { ...variables, ...world?.variables } });
  }, address);
}

Deno.test({
  name: "client program sets, gets, deletes and pings, and says how it went by its exit code",
  ignore: !canListen,
  fn: () =>
    withServer(async (run) => {
      const set = await run(["--key-file", "key", "set", "user_session", "active_data_payload", "--ttl", "10m"]);
      assertEquals(set, { exit: 0, output: "", bytes: new Uint8Array(0), complaints: [] });
      const get = await run(["get", "user_session", "--key-file=key"]);
      assertEquals([get.exit, get.output, get.complaints], [0, "active_data_payload", []]);
      assertEquals((await run(["delete", "user_session"])).exit, 0);
      assertEquals((await run(["delete", "user_session"])).exit, 1);
      const nothing = await run(["--key-file", "key", "get", "user_session"]);
      assertEquals([nothing.exit, nothing.output, nothing.complaints], [1, "", []]);
      const ping = await run(["ping"]);
      assertEquals(ping.exit, 0);
      assertMatch(ping.output, /^127\.0\.0\.1:\d+ answered in \d+\.\d ms\n$/);
    }),
});

Deno.test({
  name: "client program stores standard input byte by byte, as text if it is text",
  ignore: !canListen,
  fn: () =>
    withServer(async (run, address) => {
      await using client = new Client(address, { key: KEY });
      const inputs: [string[], Uint8Array, unknown][] = [
        [["set", "k"], utf8("two\nlines\n"), "two\nlines\n"],
        [["set", "k", "-"], Uint8Array.of(0, 255, 10), Uint8Array.of(0, 255, 10)],
        [["set", "k"], new Uint8Array(0), ""],
      ];
      for (const [args, input, value] of inputs) {
        assertEquals((await run([...args, "--key-file", "key"], { input })).exit, 0);
        assertEquals(await client.get("k"), value);
        assertEquals((await run(["get", "k", "--key-file", "key"])).bytes, input);
      }
    }),
});

Deno.test({
  name: "client program writes JSON as JSON, and a newline only for a terminal",
  ignore: !canListen,
  fn: () =>
    withServer(async (run, address) => {
      await using client = new Client(address, { key: KEY });
      await client.set("k", { user: 7 });
      assertEquals((await run(["get", "k", "--key-file", "key"])).output, '{"user":7}');
      assertEquals((await run(["get", "k", "--key-file", "key"], { terminal: true })).output, '{"user":7}\n');
    }),
});

Deno.test({
  name: "client program takes words as they are: 007, --ttl behind --, spaces",
  ignore: !canListen,
  fn: () =>
    withServer(async (run) => {
      assertEquals((await run(["--key-file", "key", "set", "007", "1e3"])).exit, 0);
      assertEquals((await run(["--key-file", "key", "get", "007"])).output, "1e3");
      assertEquals((await run(["--key-file", "key", "set", "--", "--ttl", "-5 ok"])).exit, 0);
      assertEquals((await run(["--key-file", "key", "get", "--", "--ttl"])).output, "-5 ok");
    }),
});

Deno.test({
  name: "client program takes the key as text or bytes, from a file or the environment",
  ignore: !canListen,
  fn: () =>
    withServer(async (run) => {
      const raw = Uint8Array.from({ length: 32 }, (_, i) => i); // the same key as bytes; it holds 10, a newline
      assertEquals((await run(["set", "k", "v", "--key-file", "key"], { files: { key: KEY } })).exit, 0);
      const ways: World[] = [
        { files: { key: `${KEY}\r\n` }, variables: { CRYPTOMEM_KEY_FILE: "key" } },
        { files: { key: raw }, variables: { CRYPTOMEM_KEY_FILE: "key" } },
        { variables: { CRYPTOMEM_KEY: KEY } },
      ];
      for (const way of ways) assertEquals((await run(["get", "k"], way)).output, "v");
    }),
});

Deno.test({
  name: "client program ends with 4 and one line for a value that does not open",
  ignore: !canListen,
  fn: () =>
    withServer(async (run) => {
      await run(["--key-file", "key", "set", "k", "v"]);
      const other = await run(["get", "k"], { variables: { CRYPTOMEM_KEY: "other-32-byte-very-secret-key-!!" } });
      assertEquals([other.exit, other.output, other.complaints.length], [4, "", 1]);
    }),
});

Deno.test({
  name: "client program ends with 3 and one line for a server that is not there",
  ignore: !canListen,
  async fn() {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    listener.close();
    const { exit, complaints } = await run(["ping", "-a", `127.0.0.1:${listener.addr.port}`, "--timeout", "2s"]);
    assertEquals([exit, complaints.length], [3, 1]);
    assertStringIncludes(complaints[0]!, "Cannot ping: no connection to 127.0.0.1");
  },
});

Deno.test({
  name: "client program warns of the documentation's key",
  ignore: !canListen,
  fn: () =>
    withServer(async (run) => {
      const variables = { CRYPTOMEM_KEY: "your-32-byte-very-secret-key-!!!" };
      const { exit, complaints } = await run(["set", "k", "v"], { variables });
      assertEquals([exit, complaints.length], [0, 1]);
      assertMatch(complaints[0]!, /^warning: CRYPTOMEM_KEY: /);
    }),
});

Deno.test("client program ends with 2 and one line that names what is wrong", async () => {
  const wrong: [string[], string, World?][] = [
    [[], "set, get, delete, ping"],
    [["delte", "k"], "did you mean delete?"],
    [["get"], "the key is missing"],
    [["get", "a", "b"], "get: Cannot run it: it takes one key"],
    [["set", "k", "two", "words"], "quotes"],
    [["ping", "k"], "takes nothing"],
    [["get", "k", "--ttl", "5m"], "--ttl: Cannot use it: only set takes it"],
    [["get", "k", "--adress=x"], "--adress: Cannot use it: there is no such option; did you mean --address?"],
    [["get", "k", "--key", "secret"], "a key is never an argument"],
    [["get", "k", "--timeout"], "--timeout: Cannot use it without a value"],
    [["get", "k", "-a", "http://x"], "host:port"],
    [["get", "k"], "--key-file"],
    [["get", "k"], "CRYPTOMEM_KEY: Cannot use key", { variables: { CRYPTOMEM_KEY: "short" } }],
    [["get", "k", "--key-file", "f"], "f: Cannot use key", { files: { f: "31 characters and a newline ...\n" } }],
    [["set", "k", "v", "--ttl", "0", "--key-file", "f"], "Cannot use ttl", { files: { f: KEY } }],
    [["set", "", "v", "--key-file", "f"], "the key is empty", { files: { f: KEY } }],
    [["ping", "--timeout", "soon"], "Cannot read", {}],
  ];
  for (const [args, text, world] of wrong) {
    const { exit, output, complaints } = await run(args, world);
    assertEquals([exit, output, complaints.length], [2, "", 1], args.join(" "));
    assertStringIncludes(complaints[0]!, text);
    assert(!complaints[0]!.includes("\n") && !complaints[0]!.includes("secret"), complaints[0]);
  }
});

Deno.test("client program shows the command that grants what is missing, without the value", async () => {
  const args = ["--key-file", "key", "set", "k", "hunter2"];
  const both = await run(args, { denied: ["net", "read"] });
  assertEquals(both.exit, 2);
  assertStringIncludes(
    both.complaints[0]!,
    "run deno run --allow-net=127.0.0.1:8080 --allow-read=key client.ts --key-file key set k VALUE",
  );
  const read = await run(args, { denied: ["read"] });
  assertStringIncludes(read.complaints[0]!, "Cannot read key without permission");
  assertEquals((await run(["ping"], { denied: ["net"] })).exit, 2);
});

Deno.test("client program explains itself with --help", async () => {
  const { exit, output, complaints } = await run(["--help"]);
  assertEquals([exit, complaints], [0, []]);
  for (const word of ["set KEY", "--key-file", "CRYPTOMEM_ADDRESS", "Exit codes"]) assertStringIncludes(output, word);
  for (const line of output.split("\n")) assert(line.length <= 100, line);
});

Deno.test({
  name: "client.ts runs as a program, with the permissions its documentation names",
  ignore: !canListen || !canRun,
  async fn() {
    await using server = serve({ port: 0 });
    const address = `127.0.0.1:${server.address.port}`;
    const run = async (permissions: string[], ...args: string[]) => {
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--no-prompt", ...permissions, "client.ts", "--address", address, ...args],
        cwd: ROOT,
        env: { CRYPTOMEM_KEY: KEY },
        stdout: "piped",
        stderr: "piped",
      }).output();
      return [code, textOf(stdout), textOf(stderr)] as const;
    };
    const permissions = ["--allow-net=127.0.0.1", "--allow-env=CRYPTOMEM_KEY,CRYPTOMEM_KEY_FILE,CRYPTOMEM_ADDRESS"];
    assertEquals(await run(permissions, "set", "k", "v"), [0, "", ""]);
    assertEquals(await run(permissions, "get", "k"), [0, "v", ""]);
    const [code, output, complaint] = await run([], "get", "k");
    assertEquals([code, output], [2, ""]);
    assertStringIncludes(complaint, `run deno run --allow-net=${address} client.ts --address ${address} get k`);
  },
});
