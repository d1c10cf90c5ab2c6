import { assert, assertEquals, assertMatch } from "@std/assert";
import { commandOf, SERVER_COMMANDS } from "../../lib/cli/server_commands.ts";
import { parseTokenFile } from "../../lib/security/token_file.ts";
import { runIn, type ServerWorld } from "../support/server_world.ts";

const NOW_MS = Date.UTC(2026, 0, 1);

function emptyWorld(): ServerWorld {
  return { files: {}, wallMs: NOW_MS };
}

Deno.test("token create prints a token, alone, and keeps its hash", async () => {
  const world = emptyWorld();
  const { output, complaints } = await runIn(
    world,
    ...[
      "token",
      "create",
      "--name",
      "billing",
      "--can",
      "read,write",
      "--prefix",
      "billing:",
      "--prefix",
      "shared:",
      "--expires",
      "30d",
    ],
  );
  assertMatch(output, /^cmt1_[a-z2-9]{8}_[\w-]{43}\n$/);
  const [, id, secret] = output.trimEnd().split(/_/) as [string, string, string];
  const [token, ...others] = await parseTokenFile(world.files["tokens.yaml"]!);
  assertEquals(others, []);
  const { sha256: _, ...rest } = token!;
  const expiresMs = NOW_MS + 30 * 86_400_000;
  assertEquals(rest, { id, name: "billing", can: ["read", "write"], prefixes: ["billing:", "shared:"], expiresMs });
  assertEquals(complaints, [
    `token ${id} is in tokens.yaml as a hash; above, it is shown this once: billing may read, write; keys under billing:, ` +
    "shared:, until 2026-01-31 00:00Z",
    "a running server takes it after kill -HUP",
  ]);
  assert(!JSON.stringify([world.files, complaints]).includes(secret));
});

Deno.test("token create adds to the file that it is told, by flag or variable, and keeps names apart", async () => {
  const world: ServerWorld = { ...emptyWorld(), variables: { CRYPTOMEM_TOKEN_FILE: "other.yaml" } };
  const create = (...args: string[]) => runIn(world, "token", "create", "--can=read", ...args);
  await create("--name=a");
  await create("--name=b", "--file=third.yaml");
  await create("--name=c");
  assertEquals(Object.keys(world.files), ["other.yaml", "third.yaml"]);
  assertEquals((await parseTokenFile(world.files["other.yaml"]!)).map(({ name }) => name), ["a", "c"]);
  const before = world.files["other.yaml"];
  assertEquals(await create("--name=a"), {
    output: "",
    complaints: ["--name: Cannot use a again: a token in other.yaml has this name"],
  });
  assertEquals(world.files["other.yaml"], before);
});

Deno.test("token list shows the tokens that there are", async () => {
  const world = emptyWorld();
  await runIn(world, "token", "create", "--name=app", "--can=read", "--can=write", "--prefix=app:,x y", "--expires=1h");
  await runIn(world, "token", "create", "--name=ops", "--can", "read,write,admin,publish");
  const ids = (await parseTokenFile(world.files["tokens.yaml"]!)).map(({ id }) => id);
  const { output } = await runIn({ ...world, wallMs: NOW_MS + 3_600_000 }, "token", "list");
  assertEquals(
    output,
    "id        name  can                       prefixes      expires\n" +
      `${ids[0]}  app   read,write                "app:","x y"  2026-01-01 01:00Z (over)\n` +
      `${ids[1]}  ops   read,write,admin,publish  all           never\n`,
  );
  assertMatch((await runIn(world, "token", "list")).output, /01:00Z\n/);
});

Deno.test("token revoke removes one token, by its id or name", async () => {
  const world = emptyWorld();
  for (const name of ["a", "b", "c"]) await runIn(world, "token", "create", "--can=read", `--name=${name}`);
  const ids = (await parseTokenFile(world.files["tokens.yaml"]!)).map(({ id }) => id);
  assertEquals(await runIn(world, "token", "revoke", ids[1]!), {
    output: "",
    complaints: ["the token is no longer in tokens.yaml; a running server closes its connections after kill -HUP"],
  });
  await runIn(world, "token", "revoke", "c");
  assertEquals((await parseTokenFile(world.files["tokens.yaml"]!)).map(({ name }) => name), ["a"]);
  const secret = `cmt1_${ids[0]}_${"x".repeat(43)}`;
  for (const holder of ["c", "A", secret]) {
    const { complaints } = await runIn(world, "token", "revoke", holder);
    assertEquals(complaints, ["tokens.yaml: Cannot revoke a token: none has this id or name"]);
  }
  await runIn(world, "token", "revoke", "a");
  assertEquals(await parseTokenFile(world.files["tokens.yaml"]!), []);
});

Deno.test("the token commands refuse what they cannot use, change nothing then, and say what to do", async () => {
  const cases: [string, string][] = [
    ["create --can read", "--name: Cannot make a token without one"],
    ["create --name a", "--can: Cannot make a token without it"],
    ["create --name a --can", "--can: Cannot use it without a value"],
    ["create --name= --can read", "--name: Cannot use it without a value"],
    ["create --name a --name b --can read", "--name: Cannot use it more than once"],
    ["create --name default --can read", 'token create: Cannot use "default" as the name of a token'],
    ["create --name a --can reed", 'token create: Cannot let a token "reed"'],
    ["create --name a --can read,read", 'token create: Cannot let a token "read,read"'],
    ["create --name a --can read --prefix a,,b", "token create: Cannot use an empty prefix"],
    ["create --name a --can read --expires soon", 'token create: Cannot read "soon" as a duration'],
    ["create --name a --can read --nam b", "--nam: Unknown option of token create: did you mean --name?"],
    ["create --name a --can read --password=hunter2", "--password: Unknown option of token create: there are --name"],
    ["create --name a --can read hunter2", "token create: Cannot use a word behind it"],
    ["list hunter2", "token list: Cannot use a word behind it"],
    ["list --name a", "--name: Unknown option of token list: there are --file"],
    ["list", "tokens.yaml: Cannot read it: there is none"],
    ["revoke", "token revoke: Cannot run it: write the id or the name"],
    ["revoke a b", "token revoke: Cannot run it: write the id or the name"],
    ["revoke a", "tokens.yaml: Cannot revoke a token"],
  ];
  for (const [line, expected] of cases) {
    const world = emptyWorld();
    const { output, complaints } = await runIn(world, "token", ...line.split(" "));
    assertEquals([output, complaints.length, Object.keys(world.files)], ["", 1, []], line);
    assert(complaints[0]!.startsWith(expected), `${line} → ${complaints[0]}`);
    assert(!complaints[0]!.includes("hunter2"), line);
  }
});

Deno.test("the token commands leave a file alone that they cannot read", async () => {
  const world: ServerWorld = { ...emptyWorld(), files: { "tokens.yaml": "tokens: [\n" } };
  for (const line of ["create --name a --can read", "revoke a", "list"]) {
    const { complaints } = await runIn(world, "token", ...line.split(" "));
    assertMatch(complaints.join("\n"), /^tokens\.yaml: Cannot read it as YAML: [^\n]*$/);
  }
  assertEquals(world.files["tokens.yaml"], "tokens: [\n");
});

Deno.test("the token commands show the command that grants what they need", async () => {
  const world: ServerWorld = { ...emptyWorld(), denied: ["write"] };
  const files = "my.yaml,my.yaml.new";
  assertEquals((await runIn(world, "token", "revoke", "a", "--file", "my.yaml")).complaints, [
    `my.yaml: Cannot write it without permission: run deno run --allow-read=${files} --allow-write=${files} server.ts ` +
    "token revoke a --file my.yaml",
  ]);
  assertEquals((await runIn({ ...world, denied: ["read"] }, "token", "list")).complaints, [
    "tokens.yaml: Cannot read it without permission: run deno run --allow-read=tokens.yaml server.ts token list",
  ]);
});

Deno.test("commandOf() finds commands by their first words, and takes everything else for a start of the server", () => {
  for (const { name } of SERVER_COMMANDS) {
    const found = commandOf([...name.split(" "), "x", "--y"]);
    assertEquals([found?.row.name, found?.rest], [name, ["x", "--y"]]);
  }
  for (const args of [[], ["--port", "1"], ["hunter2"], ["--", "token"], ["create"], ["hash"]]) {
    assertEquals(commandOf(args), undefined);
  }
});

Deno.test("commandOf() asks for the second word where it is missing or another", async () => {
  for (const args of [["token"], ["token", "hunter2"]]) {
    const { complaints } = await runIn(emptyWorld(), ...args);
    assertEquals(complaints, ["token: Cannot run it: write token create or token list or token revoke"]);
  }
});
