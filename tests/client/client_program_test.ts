import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Client } from "../../client.ts";
import { runIn, withServer, type World } from "../support/client_world.ts";
import { canListen } from "../support/permissions.ts";

const KEY = "cmk1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
/** The same as a keyring, with a key for names. */
const KEYRING = `active: ${KEY}\nnames: cmk1_${"Zq7".repeat(14)}A\n`;
const utf8 = (text: string) => new TextEncoder().encode(text);

/** A world with a key file that the environment names. */
function withKey(world: World = {}): World {
  return { files: { key: `${KEY}\n` }, ...world, variables: { CRYPTOMEM_KEY_FILE: "key", ...world.variables } };
}

Deno.test({
  name: "client program sets, gets, deletes and pings, and says how it went by its exit code",
  ignore: !canListen,
  fn: () =>
    withServer(async (runIn) => {
      const world = { files: { key: `${KEY}\n` } };
      const set = await runIn(world, "--key-file", "key", "set", "user_session", "active_data_payload", "--ttl", "10m");
      assertEquals([set.exit, set.output, set.complaints], [0, "", []]);
      const get = await runIn(world, "get", "user_session", "--key-file=key");
      assertEquals([get.exit, get.output, get.complaints], [0, "active_data_payload", []]);
      assertEquals((await runIn(world, "delete", "user_session")).exit, 0);
      assertEquals((await runIn(world, "delete", "user_session")).exit, 1);
      const nothing = await runIn(world, "--key-file", "key", "get", "user_session");
      assertEquals([nothing.exit, nothing.output, nothing.complaints], [1, "", []]);
      const ping = await runIn({}, "ping");
      assertEquals(ping.exit, 0);
      assertMatch(ping.output, /^127\.0\.0\.1:\d+ answered in \d+\.\d ms\n$/);
    }),
});

Deno.test({
  name: "client program stores standard input byte by byte, as text if it is text",
  ignore: !canListen,
  fn: () =>
    withServer(async (runIn, address) => {
      await using client = new Client(address, { key: KEY });
      const inputs: [string[], Uint8Array, unknown][] = [
        [["set", "k"], utf8("two\nlines\n"), "two\nlines\n"],
        [["set", "k", "-"], Uint8Array.of(0, 255, 10), Uint8Array.of(0, 255, 10)],
        [["set", "k"], new Uint8Array(0), ""],
      ];
      for (const [args, input, value] of inputs) {
        assertEquals((await runIn(withKey({ input }), ...args)).exit, 0);
        assertEquals(await client.get("k"), value);
        assertEquals((await runIn(withKey(), "get", "k")).bytes, input);
      }
    }),
});

Deno.test({
  name: "client program reads and writes JSON as JSON, and ends a line only for a terminal",
  ignore: !canListen,
  fn: () =>
    withServer(async (runIn, address) => {
      await using client = new Client(address, { key: KEY });
      assertEquals((await runIn(withKey(), "set", "k", ' {"user": 7}', "--json")).exit, 0);
      assertEquals(await client.get("k"), { user: 7 });
      assertEquals((await runIn(withKey(), "get", "k")).output, '{"user":7}');
      assertEquals((await runIn(withKey({ terminal: true }), "get", "k")).output, '{"user":7}\n');
      assertEquals((await runIn(withKey({ input: "[1]\n" }), "set", "k", "--json")).exit, 0);
      assertEquals(await client.get("k"), [1]);
    }),
});

Deno.test({
  name: "client program takes words as they are: 007, --ttl behind --, spaces",
  ignore: !canListen,
  fn: () =>
    withServer(async (runIn) => {
      assertEquals((await runIn(withKey(), "set", "007", "1e3")).exit, 0);
      assertEquals((await runIn(withKey(), "get", "007")).output, "1e3");
      assertEquals((await runIn(withKey(), "set", "--", "--ttl", "-5 ok")).exit, 0);
      assertEquals((await runIn(withKey(), "get", "--", "--ttl")).output, "-5 ok");
    }),
});

Deno.test({
  name: "client program counts up and down, and writes the number",
  ignore: !canListen,
  fn: () =>
    withServer(async (runIn, address) => {
      const sum = async (...args: string[]) => (await runIn(withKey(), ...args)).output;
      assertEquals(await sum("increment", "n"), "1\n");
      assertEquals(await sum("increment", "n", "41"), "42\n");
      assertEquals(await sum("decrement", "n", "50"), "-8\n");
      assertEquals(await sum("increment", "--", "n", "-2"), "-10\n");
      await using client = new Client(address, { key: KEY });
      assertEquals(await client.get("n"), -10);

      await client.set("text", "5");
      const refused = await runIn(withKey(), "increment", "text");
      assertEquals([refused.exit, refused.output], [3, ""]);
      assertStringIncludes(refused.complaints[0]!, "no whole number");
    }),
});

Deno.test({
  name: "client program tells and changes how long an entry lives, in the form that --ttl takes",
  ignore: !canListen,
  fn: () =>
    withServer(async (runIn, address) => {
      await using client = new Client(address, { key: KEY });
      await client.set("k", "v");
      assertEquals((await runIn({}, "ttl", "k")).output, "none\n");
      assertEquals((await runIn({}, "touch", "k", "10m")).exit, 0);
      const { output } = await runIn({}, "ttl", "k");
      assertMatch(output, /^(10m|5\d\d+ms|599s)\n$/);
      assertEquals((await runIn(withKey(), "set", "copy", "v", "--ttl", output.trim())).exit, 0);
      assertEquals((await runIn({}, "touch", "k", "none")).exit, 0);
      assertEquals(await client.ttl("k"), null);

      const missing = await runIn({}, "ttl", "nothing");
      assertEquals([missing.exit, missing.output], [1, ""]);
      assertEquals((await runIn({}, "touch", "nothing", "1s")).exit, 1);
    }),
});

Deno.test({
  name: "client program seals the end of a life into a value with --bind-expiry",
  ignore: !canListen,
  fn: () =>
    withServer(async (runIn) => {
      assertEquals((await runIn(withKey(), "set", "k", "v", "--ttl", "10m", "--bind-expiry")).exit, 0);
      assertEquals((await runIn(withKey(), "get", "k")).output, "v");
      const endless = await runIn(withKey(), "set", "k", "v", "--bind-expiry");
      assertEquals(endless.exit, 2);
      assertStringIncludes(endless.complaints[0]!, "give it a ttl");
    }),
});

Deno.test({
  name: "client program renames an entry",
  ignore: !canListen,
  fn: () =>
    withServer(async (runIn) => {
      await runIn(withKey(), "set", "from", "v");
      assertEquals((await runIn(withKey(), "rename", "from", "to")).exit, 0);
      assertEquals((await runIn(withKey(), "get", "to")).output, "v");
      assertEquals((await runIn(withKey(), "rename", "from", "to")).exit, 1);
    }),
});

Deno.test({
  name: "client program lists keys one a line, without what could steer a terminal",
  ignore: !canListen,
  fn: () =>
    withServer(async (runIn, address) => {
      await using client = new Client(address, { key: KEY });
      const keys = ["user:1", "user:ü 2", "user:\x1b[2J\n", "user:back\\slash", "user:\u{202e}cod", "other"];
      for (const key of keys) await client.set(key, "v");
      const { exit, output, complaints } = await runIn({}, "scan", "user:");
      assertEquals([exit, complaints], [0, []]);
      assertEquals(output.split("\n").sort(), [
        "",
        "user:1",
        "user:\\u{1b}[2J\\n",
        "user:\\u{202e}cod",
        "user:back\\\\slash",
        "user:ü 2",
      ]);
      assertEquals((await runIn(withKey(), "scan")).output.split("\n").length, keys.length + 1);
    }),
});

Deno.test({
  name: "client program reaches the entries of a namespace with blinded names",
  ignore: !canListen,
  fn: () =>
    withServer(async (runIn, address) => {
      const world = (): World => ({
        files: { key: KEYRING, other: KEYRING.replace("AAECA", "BBECA") },
        variables: { CRYPTOMEM_NAMESPACE: "app", CRYPTOMEM_KEY_FILE: "key" },
      });
      const run = (...args: string[]) => runIn(world(), "--blind-names", ...args);
      assertEquals((await run("set", "user:7", "Ada")).exit, 0);
      assertEquals((await run("get", "user:7")).output, "Ada");
      assertEquals((await run("scan", "user:")).output, "user:7\n");
      assertEquals((await run("touch", "user:7", "1h")).exit, 0);

      await using client = new Client(address, { namespace: "app" });
      const [stored] = await Array.fromAsync(client.scan());
      assertMatch(stored!.name, /^[\w-]{22}$/);
      // Of another key's values the names are not to be read.
      const other = await run("scan", "--key-file", "other");
      assertEquals([other.exit, other.output], [0, `${stored!.name}\n`]);
      assertStringIncludes(other.complaints[0]!, "1 of the names");

      assertEquals((await run("delete", "user:7")).exit, 0);
      const keyless = await runIn({ variables: { CRYPTOMEM_NAMESPACE: "app" } }, "--blind-names", "delete", "user:7");
      assertEquals(keyless.exit, 2);
    }),
});

Deno.test({
  name: "client program writes for readers that check how new values are, with --monotonic",
  ignore: !canListen,
  fn: () =>
    withServer(async (runIn, address) => {
      await using client = new Client(address, { key: KEY, monotonic: true });
      await client.set("k", "first");
      assertEquals((await runIn(withKey(), "--monotonic", "--padding", "set", "k", "second")).exit, 0);
      assertEquals(await client.get("k"), "second");
      await runIn(withKey(), "set", "k", "third, which says nothing of how new it is");
      assertEquals((await client.open("k")).status, "rolled-back");
    }),
});

Deno.test({
  name: "client program takes common options with every command, so that an alias can hold them",
  ignore: !canListen,
  fn: () =>
    withServer(async (runIn) => {
      const common = ["--padding", "--monotonic", "--blind-names", "--namespace", "app", "--timeout", "5s"];
      assertEquals((await runIn({}, ...common, "ping")).exit, 0);
      assertEquals((await runIn({}, ...common, "keygen")).exit, 0);
      const world = () => withKey({ files: { key: KEYRING } });
      for (const args of [["set", "k", "v"], ["delete", "k"], ["fingerprint"], ["keys", "status"], ["reseal"]]) {
        assertEquals((await runIn(world(), ...common, ...args)).exit, 0, args.join(" "));
      }
    }),
});

Deno.test({
  name: "client program ends with 4 and the error's code for a value that does not open",
  ignore: !canListen,
  fn: () =>
    withServer(async (runIn) => {
      await runIn(withKey(), "set", "k", "v");
      const other = await runIn({ variables: { CRYPTOMEM_KEY: "other-32-byte-very-secret-key-!!" } }, "get", "k");
      assertEquals([other.exit, other.output, other.complaints.length], [4, "", 1]);
      assertMatch(other.complaints[0]!, /^Cannot get "k": .*\(UNKNOWN_KEY\)$/);
    }),
});

Deno.test({
  name: "client program ends with 3 and one line for a server that is not there",
  ignore: !canListen,
  async fn() {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    listener.close();
    const address = `127.0.0.1:${listener.addr.port}`;
    const { exit, complaints } = await runIn({}, "ping", "-a", address, "--timeout", "2s");
    assertEquals([exit, complaints.length], [3, 1]);
    assertStringIncludes(complaints[0]!, "Cannot ping: no connection to 127.0.0.1");
  },
});

Deno.test("client program ends with 2 and one line that names what is wrong", async () => {
  const wrong: [string[], string, World?][] = [
    [[], "set, get, delete, "],
    [["delte", "k"], "delte: Cannot run it: there is no such command; did you mean delete?"],
    [["keys"], "did you mean keys status?"],
    [["keys", "stats"], "did you mean keys status?"],
    [["get"], "get: Cannot run it: KEY is missing; write get KEY"],
    [["rename", "k"], "rename: Cannot run it: TO is missing; write rename FROM TO"],
    [["get", "a", "b"], "get: Cannot run it: it takes KEY behind it and no more"],
    [["set", "k", "two", "words"], "quotes"],
    [["ping", "k"], "takes nothing"],
    [["keys", "status", "k"], "keys status: Cannot run it: it takes nothing"],
    [["get", "k", "--ttl", "5m"], "--ttl: Cannot use it: only set takes it"],
    [["get", "k", "--adress=x"], "--adress: Cannot use it: there is no such option; did you mean --address?"],
    [["get", "k", "--blind-names=yes"], "--blind-names: Cannot use it with a value"],
    [["increment", "k", "-5"], "put -- before"],
    [["increment", "k", "1.5"], "N: Cannot add it", withKey()],
    [["increment", "k", "9007199254740992"], "N: Cannot add it", withKey()],
    [["get", "k", "--timeout"], "--timeout: Cannot use it without a value"],
    [["get", "k", "-a", "http://x"], "host:port"],
    [["get", "k", "--key-file", "gone"], "gone: Cannot read it: there is no such file"],
    [["set", "k", "{", "--json"], "value: Cannot store it: it is not JSON", withKey()],
    [["set", "k", "v", "--ttl", "0"], "Cannot use ttl", withKey()],
    [["set", "", "v"], "the key is empty", withKey()],
    [["get", "k", "--blind-names"], "names", withKey()],
    [["ping", "--timeout", "soon"], "Cannot read", {}],
  ];
  for (const [args, text, world = {}] of wrong) {
    const { exit, output, complaints } = await runIn(world, ...args);
    assertEquals([exit, output, complaints.length], [2, "", 1], `${args.join(" ")}: ${complaints}`);
    assertStringIncludes(complaints[0]!, text);
    assert(!complaints[0]!.includes("\n"), complaints[0]);
  }
});

Deno.test("client program shows the command that grants what is missing, without the value", async () => {
  const args = ["--key-file", "key", "set", "k", "hunter2"];
  const both = await runIn({ denied: ["net", "read"] }, ...args);
  assertEquals(both.exit, 2);
  assertStringIncludes(
    both.complaints[0]!,
    "run deno run --allow-net=127.0.0.1:8080 --allow-read=key client.ts --key-file key set k VALUE",
  );
  const read = await runIn({ denied: ["read"] }, ...args);
  assertStringIncludes(read.complaints[0]!, "Cannot read key without permission");
  assertEquals((await runIn({ denied: ["net"] }, "ping")).exit, 2);
});

Deno.test("client program asks only for what the command at hand needs", async () => {
  assertEquals((await runIn({ denied: ["net", "read", "write"] }, "keygen")).exit, 0);
  const write = await runIn({ denied: ["net", "read", "write"] }, "keygen", "--out", "key");
  assertStringIncludes(write.complaints[0]!, "run deno run --allow-write=key client.ts keygen --out key");
  const read = await runIn(withKey({ denied: ["net", "read"] }), "fingerprint");
  assertStringIncludes(
    read.complaints[0]!,
    "run deno run --allow-read=key --allow-env=CRYPTOMEM_KEY_FILE client.ts fingerprint",
  );
  assertEquals((await runIn(withKey({ denied: ["net", "write"] }), "fingerprint")).exit, 0);
  const remove = await runIn(withKey({ denied: ["net", "read"] }), "delete", "k");
  assertStringIncludes(
    remove.complaints[0]!,
    "run deno run --allow-net=127.0.0.1:8080 --allow-env=CRYPTOMEM_KEY_FILE client.ts delete k",
  );
});

Deno.test("client program explains itself with --help, in lines of at most 100 characters", async () => {
  const { exit, output, complaints } = await runIn({}, "--help");
  assertEquals([exit, complaints], [0, []]);
  const words = ["set KEY", "keys status", "--key-file", "CRYPTOMEM_ADDRESS", "active: cmk1_", "Exit codes"];
  for (const word of words) assertStringIncludes(output, word);
  for (const line of output.split("\n")) assert(line.length <= 100, line);
});
