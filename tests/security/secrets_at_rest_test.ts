/**
 * Attack 20: somebody reads whatever the server tells, logs and keeps, or relies on a key that protects nothing. What is
 * tested here is what a user has in hand: the program, the SDK, and each constructor that takes a secret. Every command
 * of the client's program is in tests/cli/client_secrets_test.ts, every way to make a wrong token in
 * tests/crypto/fernet_test.ts.
 *
 * @module
 */

import { concat } from "@std/bytes";
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { Client, type ClientOptions, IntegrityError } from "../../client.ts";
import { textOf, utf8 } from "../../lib/bytes.ts";
import { parsePin } from "../../lib/channel/pin.ts";
import { Fernet } from "../../lib/crypto/fernet.ts";
import { Keyring } from "../../lib/crypto/keyring.ts";
import { NameKey } from "../../lib/crypto/name_key.ts";
import { PasswordHash } from "../../lib/security/password_hash.ts";
import { serve, ServerKey } from "../../server.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { type Lie, LyingStore } from "../support/lying_store.ts";
import { canListen, canRun, canWrite } from "../support/permissions.ts";
import { RawClient } from "../support/raw_client.ts";
import { command } from "../support/resp_frame.ts";
import { NETWORK, runProgram, ServerProcess } from "../support/server_process.ts";

const ignoreProgram = !canListen || !canRun || !canWrite || Deno.build.os === "windows";

// What the server tells, logs and keeps

/** Ways to give server.ts its password. */
const WAYS: readonly [name: string, start: (password: string, folder: string) => Promise<ProgramStart>][] = [
  ["as an argument", (password) => Promise.resolve({ args: [password] })],
  ["in a file", async (password, folder) => {
    await Deno.writeTextFile(`${folder}/password`, `${password}\n`, { mode: 0o600 });
    return { args: ["--password-file", `${folder}/password`] };
  }],
  ["as a hash", async (password) => ({ args: ["--password-hash", (await PasswordHash.of(utf8(password))).phc()] })],
  ["as a hash in the environment", async (password) => ({
    args: [],
    environment: { CRYPTOMEM_PASSWORD_HASH: (await PasswordHash.of(utf8(password))).phc() },
  })],
  ["as a hash in a configuration file", async (password, folder) => {
    const hash = (await PasswordHash.of(utf8(password))).phc();
    await Deno.writeTextFile(`${folder}/config.yaml`, `password-hash: "${hash}"\n`, { mode: 0o600 });
    return { args: ["--config", `${folder}/config.yaml`] };
  }],
];

interface ProgramStart {
  readonly args: readonly string[];
  readonly environment?: Record<string, string>;
}

/** Everything that can be asked about a server, and everything that goes wrong, as who has the password. */
function questions(password: string, guess: string): Uint8Array {
  return concat([
    command("AUTH", guess),
    command("AUTH", password),
    command("SET", "k", "v"),
    command("CONFIG", "SET", "slowlog-log-slower-than", "0"),
    ...["INFO", "STATS", "COMMAND", "HELP", "TIME"].map((name) => command(name)),
    ...["LIST", "INFO"].map((name) => command("CLIENT", name)),
    ...["*", "*pass*", "requirepass", "password", "password-hash", "masterauth"].map((name) =>
      command("CONFIG", "GET", name)
    ),
    command("CONFIG", "SET", "requirepass", "x"),
    command("CONFIG", "REWRITE"),
    command("INCR", "k"),
    command("HELLO", "3"),
    command("HELLO", "9", "AUTH", "default", password),
    command("AUTH", "nobody", password),
    command("AUTH", "default", password),
    command("SLOWLOG", "GET", "-1"),
    command("SAVE"),
  ]);
}

for (const [name, startOf] of WAYS) {
  Deno.test({
    name: `attack 20: the password that server.ts was given ${name} is in no answer, no log and no file of its own`,
    ignore: ignoreProgram,
    async fn() {
      const folder = await Deno.makeTempDir();
      try {
        const [password, guess] = ["password", "guess"].map((what) => `canary-${what}-${crypto.randomUUID()}`);
        const { args, environment = {} } = await startOf(password!, folder);
        const data = `${folder}/data`;
        await using server = await ServerProcess.start(
          [`--allow-read=${folder}`, `--allow-write=${folder}`, "--allow-env"],
          ["--data-dir", data, ...args],
          { environment },
        );
        using client = await RawClient.connect(server);
        await client.send(questions(password!, guess!));
        await client.connection.closeWrite();
        const told = textOf(await client.readToEnd());
        assertStringIncludes(told, "acl_access_denied_auth:1");
        assertStringIncludes(told, "slowlog-max-len");
        server.signal("SIGTERM");
        const { code, complaints } = await server.ended();
        assertEquals(code, 0);
        const files: string[] = [];
        for await (const file of Deno.readDir(data)) {
          if (file.isFile) files.push(textOf(await Deno.readFile(`${data}/${file.name}`)));
        }
        assert(files.length > 1, "a snapshot and a log");
        for (const text of [told, complaints, ...files]) {
          for (const secret of [password!, guess!, "$scrypt$", "ln=15"]) {
            assert(!text.includes(secret), `${secret} in ${text.slice(0, 1_000)}`);
          }
        }
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

Deno.test({
  name: "attack 20: an error of server.ts at its start shows no password, hash or token",
  ignore: ignoreProgram,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const secret = `canary-${crypto.randomUUID()}`;
      const write = async (name: string, content: string, mode = 0o600) => {
        await Deno.writeTextFile(`${folder}/${name}`, content, { mode });
        return `${folder}/${name}`;
      };
      const starts = [
        ["--password-file", await write("readable", secret, 0o644)],
        ["--password-file", await write("long", secret.repeat(20))],
        ["--password-file", await write("good", secret), secret],
        ["--password-hash", secret],
        ["--password-hash", `$scrypt$ln=15,r=8,p=3$${secret}$${secret}`],
        ["--token-file", await write("tokens.yaml", `tokens: ${secret}\n`)],
        ["--token-file", await write("entry.yaml", `tokens:\n  - id: "${secret}"\n    secret: "${secret}"\n`)],
        ["--token-file", await write("broken.yaml", `tokens: [${secret}\n`)],
        ["--server-key", await write("server.key", secret)],
        ["--config", await write("config.yaml", `password: "${secret}"\n`)],
        ["--config", await write("config.conf", `requirepass=${secret}\n`)],
        [secret, "no-port"],
        [secret, "1", "2"],
      ];
      for (const args of starts) {
        const { code, out, complaint } = await runProgram([NETWORK, `--allow-read=${folder}`], ["--port=0", ...args]);
        assertEquals([code, out], [2, ""], `${args.map((arg) => arg.replace(secret, "…"))}: ${complaint}`);
        assert(!complaint.includes(secret), complaint);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

// Keys that would protect nothing

const TEXT = "Kj5-32-bytes-Kj5-very-Kj5-secret";
const PASSPHRASE = { passphrase: "Kj5 horse", salt: new Uint8Array(16), iterations: 600_000 };
const OF_WRONG_SIZE: readonly (readonly [name: string, key: NonNullable<ClientOptions["key"]>])[] = [
  ["31 bytes", new Uint8Array(31).fill(7)],
  ["33 bytes", new Uint8Array(33).fill(7)],
  ["a text of 31 bytes", TEXT.slice(1)],
  ["a text of 33 bytes", `${TEXT}!`],
  ["a short passphrase in the place of a key", "Kj5"],
  ["a passphrase of 1,000 iterations", { ...PASSPHRASE, iterations: 1_000 }],
  ["a passphrase with a salt of 15 bytes", { ...PASSPHRASE, salt: new Uint8Array(15) }],
  ["an empty passphrase", { ...PASSPHRASE, passphrase: "" }],
];
const GOOD = new Uint8Array(32).map((_, i) => 11 * i + 3);
/** Everything that takes such a key. */
const TAKERS: Readonly<Record<string, (key: NonNullable<ClientOptions["key"]>) => unknown>> = {
  "Client key": (key) => new Client("localhost", { key }),
  "Client keys.active": (key) => new Client("localhost", { keys: { active: key } }),
  "Client keys.openOnly": (key) => new Client("localhost", { keys: { active: GOOD, openOnly: [key] } }),
  "Keyring": (key) => Keyring.create({ active: key }, new Uint8Array(0)),
  // Through a Client it is refused as well, when the derivation of the other keys is under way.
  "NameKey": (key) => NameKey.create(key),
};

for (const [name, key] of OF_WRONG_SIZE) {
  Deno.test(`attack 20: ${name} is refused by every constructor that takes a key, which shows none of it`, () => {
    for (const [taker, take] of Object.entries(TAKERS)) {
      const error = assertThrows(() => take(key), RangeError, "Cannot use ", taker);
      assert(!/Kj5|7, ?7/.test(error.message), `${taker}: ${error.message}`);
    }
  });
}

Deno.test("attack 20: a server key or a pin of a wrong size is refused, and not shown", async () => {
  for (const length of [0, 31, 33]) {
    await assertRejects(async () => await ServerKey.from(new Uint8Array(length).fill(7)), RangeError);
    const pin = `cms1_${new Uint8Array(length).fill(7).toBase64({ alphabet: "base64url", omitPadding: true })}`;
    assertThrows(() => parsePin(pin), RangeError);
    assertThrows(() => new Client("localhost", { key: GOOD, pin }), RangeError);
  }
});

// Fernet

const FERNET = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const CANARY = "canary-7f3a91";

/** What a server may make of a token; the clock of who has made it is an hour ahead or behind where that is said. */
const FORGED: readonly (readonly [name: string, lie: Lie, aheadMs?: number])[] = [
  ["with a wrong MAC", (token) => changed(token, -1)],
  ["with a changed ciphertext", (token) => changed(token, -40)],
  ["that is expired", (token) => token, -3_600_000],
  ["of the future", (token) => token, 3_600_000],
  ["in non-canonical base64", withOtherLastBits],
  ["without its padding", (token) => token.subarray(0, token.lastIndexOf(0x3d))],
  ["in the other base64", (token) => utf8(textOf(token).replace("gAAAAA", "gAAAA+"))],
  ["cut", (token) => token.subarray(0, -4)],
];

function changed(token: Uint8Array, at: number): Uint8Array {
  const bytes = Uint8Array.fromBase64(textOf(token), { alphabet: "base64url" });
  return utf8(bytes.with(at, bytes.at(at)! ^ 1).toBase64({ alphabet: "base64url" }));
}

/** The same bytes for who does not look at the bits behind the last one. */
function withOtherLastBits(token: Uint8Array): Uint8Array {
  const end = token.indexOf(0x3d);
  assert(end > 0, "a token whose last group is not full");
  return token.with(end - 1, token[end - 1]! + 1);
}

Deno.test({
  name:
    "attack 20: a Fernet token that is not the client's own, whatever is wrong with it, gives one error and is not " +
    "decrypted",
  ignore: !canListen,
  async fn() {
    const store = new LyingStore(), clock = new FakeClock();
    await using server = serve({ port: 0, store });
    const address = `127.0.0.1:${server.address.port}`;
    const options = { fernet: { key: FERNET, maxAge: "1m" } };
    await using client = new Client(address, { ...options, clock });
    const messages = new Set<string>();
    for (const [name, lie, aheadMs = 0] of FORGED) {
      await using other = new Client(address, {
        ...options,
        clock: new FakeClock({ wallMs: clock.wallMs() + aheadMs }),
      });
      store.lie = (value) => value;
      await other.set("k", CANARY);
      if (aheadMs === 0) assertEquals(await client.get("k"), CANARY);
      store.lie = lie;
      let decrypted = 0;
      const error = await counting(
        () => decrypted++,
        () => assertRejects(() => client.get("k"), IntegrityError, "", name),
      );
      assert(!`${error.message} ${error.stack} ${JSON.stringify(error)}`.includes(CANARY), name);
      assertEquals(decrypted, 0, name);
      messages.add(error.message);
    }
    assertEquals(messages.size, 1, [...messages].join("\n"));
    assertThrows(() => Fernet.create(FERNET.slice(1), { clock, maxValueBytes: 1 }), RangeError);
  },
});

/** Runs with each decryption of WebCrypto told. */
async function counting<T>(tell: () => void, run: () => Promise<T>): Promise<T> {
  const original = crypto.subtle.decrypt;
  Object.defineProperty(crypto.subtle, "decrypt", {
    configurable: true,
    value(...values: unknown[]) {
      tell();
      return Reflect.apply(original, crypto.subtle, values);
    },
  });
  try {
    return await run();
  } finally {
    Reflect.deleteProperty(crypto.subtle, "decrypt");
  }
}
