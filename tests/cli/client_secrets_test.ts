// That the client's program never shows a secret it was given, whatever it is told to do: every command runs with keys,
// passphrases and values that occur nowhere else, and its output is searched for them.

import { assert, assertEquals } from "@std/assert";
import { Client } from "../../client.ts";
import { CLIENT_COMMANDS } from "../../lib/cli/client_commands.ts";
import { type Ran, runIn, withServer, type World } from "../support/client_world.ts";
import { canListen } from "../support/permissions.ts";

const KEY = `cmk1_${"Qx7".repeat(14)}A`;
const OTHER_KEY = `cmk1_${"Wy8".repeat(14)}A`;
const NAMES_KEY = `cmk1_${"Vz6".repeat(14)}A`;
const TEXT_KEY = "Kj5-32-bytes-Kj5-very-Kj5-secret";
const FERNET_KEY = `${"Hg3".repeat(14)}A=`;
const PASSPHRASE = "Pm4 correct horse Pm4";
const VALUE = '{"Td2": "Td2"}';
const NUMBER_VALUE = "760760760";
/** Parts of the secrets; so a secret that is cut, or shown piece by piece, is found too. */
const SECRET = /Qx7|Wy8|Vz6|Kj5|Hg3|Pm4|Td2|760760/;
const DERIVATION = "salt: AAECAwQFBgcICQoLDA0ODw\niterations: 600000\n";

const FILES = {
  key: KEY,
  text: TEXT_KEY,
  ring: `active: ${KEY}\nopen: ${OTHER_KEY}\nnames: ${NAMES_KEY}\nperNamespace: true\n`,
  phrase: `open: ${TEXT_KEY}\n${DERIVATION}`,
  fernet: `fernet: ${FERNET_KEY}\n`,
  // Broken in all the ways in which a hand that edits a file breaks it.
  cut: KEY.slice(0, 40),
  long: `${KEY}${OTHER_KEY}`,
  twice: `active: ${KEY}\nactive: ${OTHER_KEY}\n`,
  same: `active: ${KEY}\nopen: ${KEY}\n`,
  unnamed: `active: ${KEY}\n${OTHER_KEY}\n`,
  wrong: `active: ${KEY}\nsecret: ${OTHER_KEY}\n`,
  cutLine: `active: ${KEY}\nopen: ${OTHER_KEY.slice(0, 30)}\n`,
  boolean: `active: ${KEY}\nperNamespace: ${OTHER_KEY}\n`,
  salt: `salt: ${PASSPHRASE}\niterations: 600000\n`,
  fewer: `salt: ${TEXT_KEY}\niterations: 1\n`,
  rounds: `salt: AAECAwQFBgcICQoLDA0ODw\niterations: ${TEXT_KEY}\n`,
  fernetCut: `fernet: ${FERNET_KEY.slice(1)}\n`,
  weak: `Kj5${"a".repeat(29)}`,
  binary: Uint8Array.of(255, ...new TextEncoder().encode(KEY)),
};

/** Words for a command, so that all of them can be run. */
function wordsFor(name: string): string[] {
  const words: Record<string, string[]> = {
    set: ["k", VALUE],
    rename: ["k", "k2"],
    touch: ["k", "1h"],
    scan: [],
    reseal: [],
    increment: ["n"],
    decrement: ["n"],
  };
  const row = CLIENT_COMMANDS.find((row) => row.name === name)!;
  return [...name.split(" "), ...words[name] ?? (row.words.length === 0 ? [] : ["k"])];
}

function assertNothingShown(ran: Ran, what: string): void {
  const all = [ran.output, ...ran.complaints, ...ran.questions].join("\n");
  assert(!SECRET.test(all), `${what} showed ${SECRET.exec(all)} in: ${all}`);
  for (const line of ran.complaints) assert(!line.includes("\n"), `${what}: ${line}`);
}

Deno.test({
  name: "no command of the client program shows a key, a passphrase, or a value that was not asked for",
  ignore: !canListen,
  fn: () =>
    withServer(async (runIn, address) => {
      {
        await using client = new Client(address, { key: KEY });
        await client.set("k", VALUE);
        await client.set("n", NUMBER_VALUE);
      }
      for (const file of Object.keys(FILES)) {
        for (const { name } of CLIENT_COMMANDS) {
          const world: World = { files: { ...FILES }, variables: { CRYPTOMEM_PASSPHRASE: PASSPHRASE } };
          const args = ["--key-file", file, ...wordsFor(name)];
          const ran = await runIn(world, ...args);
          // What was asked for.
          if (name === "get" && ran.exit === 0 || name === "keygen") ran.output = "";
          assertNothingShown(ran, args.join(" "));
        }
      }
    }),
});

Deno.test("no secret in the environment, or typed, is shown", async () => {
  const worlds: World[] = [
    ...[KEY, TEXT_KEY, KEY.slice(1), PASSPHRASE, FILES.twice, FILES.wrong].flatMap((secret) => [
      { variables: { CRYPTOMEM_KEY: secret } },
      { typed: [secret] },
      { typed: [`${secret}\x1b[A`] },
      { variables: { CRYPTOMEM_KEY_FILE: "phrase", CRYPTOMEM_PASSPHRASE: secret } },
      { variables: { CRYPTOMEM_KEY_FILE: "phrase" }, typed: [`${secret}\u{FFFD}`] },
    ]),
    { variables: { CRYPTOMEM_KEY_FILE: KEY } },
  ];
  for (const world of worlds) {
    for (const name of ["fingerprint", "keygen"]) {
      const ran = await runIn({ files: FILES, ...world }, name);
      if (name === "keygen") ran.output = "";
      assertNothingShown(ran, `${name} in ${JSON.stringify(world)}`);
    }
    // Nobody listens at port 1.
    const args = ["--address", "127.0.0.1:1", "--timeout", "1s"];
    const denied = { files: FILES, denied: ["net" as const], ...world };
    assertNothingShown(await runIn(denied, ...args, "set", "k", VALUE), "set without permission");
  }
});

Deno.test("a secret in the wrong place of the command line is not shown again", async () => {
  const lines: string[][] = [
    [KEY],
    [PASSPHRASE],
    [KEY, "get", "k"],
    ["get", KEY, "k", "extra"],
    ["get", "k", KEY],
    ["set", "k", VALUE, PASSPHRASE],
    ["keygen", KEY],
    ["keys", KEY],
    ["--key", KEY, "get", "k"],
    [`--key=${KEY}`, "get", "k"],
    [`--keyfile=${KEY}`, "get", "k"],
    ["--key-file", KEY, "get", "k"],
    [`--key-file=${KEY}`, "get", "k"],
    [`-k${KEY}`, "get", "k"],
    [`-p${PASSPHRASE}`, "get", "k"],
    [`--password=${PASSPHRASE}`, "get", "k"],
    [`--passphrase=${PASSPHRASE}`, "get", "k"],
    ["--passphrase", PASSPHRASE, "get", "k"],
    [`--passphrase=${PASSPHRASE}`, "keygen"],
    ["keygen", "--passphrase", PASSPHRASE],
    [`--blind-names=${KEY}`, "get", "k"],
    [`--fernet=${FERNET_KEY}`, "keygen"],
    ["set", "k", VALUE.slice(1), "--json"],
    ["increment", "k", `${VALUE}`],
    ["increment", "k", "760760760760760760760"],
  ];
  for (const args of lines) {
    const ran = await runIn({ variables: { CRYPTOMEM_KEY: TEXT_KEY } }, ...args);
    assertEquals(ran.exit, 2, args.join(" "));
    assertNothingShown(ran, args.join(" "));
  }
});
