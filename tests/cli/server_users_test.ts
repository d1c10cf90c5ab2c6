import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { textOf } from "../../lib/bytes.ts";
import { parseCommandLine, settleConfiguration } from "../../lib/cli/configuration.ts";
import { settingTexts } from "../../lib/cli/options.ts";
import { reloadTokens, usersOf } from "../../lib/cli/server_users.ts";
import { UsageError } from "../../lib/cli/usage_error.ts";
import type { AuthenticationOptions } from "../../lib/security/authentication_options.ts";
import { createToken, type Token } from "../../lib/security/token.ts";
import { formatTokenFile } from "../../lib/security/token_file.ts";
import { machineOf, type ServerRan, type ServerWorld } from "../support/server_world.ts";

const HASH = "$scrypt$ln=15,r=8,p=3$AAECAwQFBgcICQoLDA0ODw$ANYWwrwG9exM4wRn3uDhnkTuLMG27uj4k9dz5KrBPkg";
const { secret: SECRET, token: TOKEN } = createToken({ name: "billing", can: ["read"] });

interface Settled {
  readonly users: AuthenticationOptions | undefined;
  readonly complaints: readonly string[];
  readonly settings: ReadonlyMap<string, string>;
}

async function settle(args: readonly string[], world: ServerWorld = { files: {} }): Promise<Settled> {
  const ran: ServerRan = { output: "", complaints: [] };
  const on = machineOf(world, ran);
  const { flags, password } = parseCommandLine(args);
  const configuration = await settleConfiguration(flags, {
    variable: on.variable,
    readFile: (path) => Promise.resolve(world.files[path]!),
  });
  const users = await usersOf(configuration, password, on);
  return { users, complaints: ran.complaints, settings: settingTexts(configuration) };
}

Deno.test("without a password or tokens, nobody is asked", async () => {
  assertEquals((await settle([])).users, undefined);
});

Deno.test("a password comes from an argument with a warning, from a file or the environment without", async () => {
  const files = { "pw": "hunter2\n", "pw.dos": "hunter2\r\n", "pw.bare": "hunter2" };
  const told = async (args: string[], variables: Record<string, string> = {}) => {
    const { users, complaints } = await settle(args, { files, variables });
    return [textOf(users!.password!), complaints.length];
  };
  assertEquals(await told(["hunter2"]), ["hunter2", 1]);
  for (const file of Object.keys(files)) assertEquals(await told(["--password-file", file]), ["hunter2", 0]);
  assertEquals(await told([], { CRYPTOMEM_PASSWORD_FILE: "pw" }), ["hunter2", 0]);
});

Deno.test("the hash of a password comes from flag, environment or file", async () => {
  const files = { "c.yaml": `password-hash: ${HASH}\n`, "c.conf": `password-hash=${HASH}\n` };
  const cases: [string[], Record<string, string>][] = [
    [["--password-hash", HASH], {}],
    [[], { CRYPTOMEM_PASSWORD_HASH: HASH }],
    [["--config=c.yaml"], {}],
    [["--config=c.conf"], {}],
  ];
  for (const [args, variables] of cases) {
    assertEquals((await settle(args, { files, variables })).users, {
      passwordHash: HASH,
      rememberPassword: true,
    });
  }
});

Deno.test("tokens come from their file, beside a password or alone", async () => {
  const world = { files: { "t.yaml": formatTokenFile([TOKEN]) } };
  assertEquals((await settle(["--token-file=t.yaml", "--remember-password", "off"], world)).users, {
    tokens: [TOKEN],
    rememberPassword: false,
  });
  const { users } = await settle(["hunter2", "--token-file=t.yaml"], world);
  assertEquals([textOf(users!.password!), users!.tokens], ["hunter2", [TOKEN]]);
});

Deno.test("who may speak is refused where it cannot be used, in one line that names the source and no secret", async () => {
  const files = {
    "pw": "hunter2\n",
    "empty": "\n",
    "long": "hunter2".repeat(80),
    "token": `${SECRET}\n`,
    "bad.yaml": "tokens: hunter2\n",
    "twice.yaml": formatTokenFile([TOKEN, TOKEN]),
  };
  const cases: [string[], string][] = [
    [["hunter2", "--password-file", "pw"], "--password-file: Cannot use it beside PASSWORD: a server has one password"],
    [["hunter2", "--password-hash", HASH], "--password-hash: Cannot use it beside PASSWORD"],
    [["--password-file=pw", "--password-hash", HASH], "--password-hash: Cannot use it beside --password-file"],
    [["--password-file", "empty"], "empty: Cannot use password: it has 0 bytes"],
    [["--password-file", "long"], "long: Cannot use it: more than 514 bytes"],
    [["--password-file", "token"], "token: Cannot use a token as the password"],
    [["--password-file", "none.txt"], "none.txt: Cannot read it"],
    [[SECRET], "password: Cannot use a token as the password"],
    [["--password-hash", "hunter2"], "--password-hash: Cannot read password hash"],
    [["--password-hash", HASH.replace("15", "10")], "--password-hash: Cannot use password hash with ln=10,r=8,p=3"],
    [["--token-file", "bad.yaml"], 'bad.yaml: Cannot use it as a list of tokens: write "tokens: []" for none'],
    [["--token-file", "twice.yaml"], "twice.yaml: Cannot use two tokens that are called"],
    [["--token-file", "none.yaml"], "none.yaml: Cannot read it"],
    [["--remember-password", "yes"], '--remember-password: Cannot use "yes" here: write on or off'],
  ];
  for (const [args, expected] of cases) {
    const { message } = await assertRejects(() => settle(args, { files }), UsageError);
    assert(message.startsWith(expected), message);
    for (const secret of ["hunter2", SECRET, "ANYWwrwG", TOKEN.sha256, "\n"]) {
      assert(!message.includes(secret), message);
    }
  }
});

Deno.test("attack 20: CONFIG GET's settings hold no password, hash or token", async () => {
  const files = { "pw": "hunter2\n", "t.yaml": formatTokenFile([TOKEN]) };
  const hashed = await settle(["--password-hash", HASH, "--token-file=t.yaml"], { files });
  assertEquals(hashed.settings.has("password-hash"), false);
  assertEquals([hashed.settings.get("token-file"), hashed.settings.get("remember-password")], ["t.yaml", "on"]);
  for (const args of [["hunter2"], ["--password-file=pw"]]) {
    const { settings } = await settle(args, { files });
    assert(!JSON.stringify([...settings, ...hashed.settings]).match(/hunter2|ANYWwrwG|[0-9a-f]{64}/));
  }
});

/** A server that takes tokens and remembers them. */
function tokenTaker(): { taken: (readonly Token[])[]; replaceTokens: (tokens: readonly Token[]) => number } {
  const taken: (readonly Token[])[] = [];
  return { taken, replaceTokens: (tokens) => taken.push(tokens) };
}

Deno.test("reloadTokens() takes the tokens that the file has now, and says so in one line", async () => {
  const ran: ServerRan = { output: "", complaints: [] };
  const server = tokenTaker();
  await reloadTokens(server, "t.yaml", machineOf({ files: { "t.yaml": formatTokenFile([TOKEN]) } }, ran));
  assertEquals(server.taken, [[TOKEN]]);
  assertEquals(ran.complaints, ["t.yaml: read again: tokens 1, connections closed 1"]);
});

Deno.test("reloadTokens() keeps the tokens there are if the file cannot be used, and says so in one line", async () => {
  const worlds: ServerWorld[] = [
    { files: {} },
    { files: { "t.yaml": "tokens: [" } },
    { files: { "t.yaml": "" } },
    { files: { "t.yaml": formatTokenFile([TOKEN, TOKEN]) } },
  ];
  for (const world of worlds) {
    const ran: ServerRan = { output: "", complaints: [] };
    const server = tokenTaker();
    await reloadTokens(server, "t.yaml", machineOf(world, ran));
    assertEquals([server.taken.length, ran.complaints.length], [0, 1]);
    assertMatch(
      ran.complaints[0]!,
      /^error: t\.yaml: Cannot [^\n]*; nothing has changed, revoked tokens are STILL TAKEN/,
    );
    assert(!ran.complaints[0]!.includes(TOKEN.sha256));
  }
});
