import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { Client } from "../../client.ts";
import { Fernet } from "../../lib/crypto/fernet.ts";
import { rootKey } from "../../lib/crypto/key.ts";
import { runIn, withServer, type World } from "../support/client_world.ts";
import { canListen } from "../support/permissions.ts";

const KEY = "cmk1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const KEY_ID = "08b0b48b";
const OTHER_KEY = "cmk1_AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const DERIVATION = "salt: AAECAwQFBgcICQoLDA0ODw\niterations: 600000\n";

Deno.test({
  name: "client program takes the key as text or bytes, from a file, the environment, or who types it",
  ignore: !canListen,
  fn: () =>
    withServer(async (runIn, address) => {
      await using client = new Client(address, { key: KEY });
      await client.set("k", "v");
      const raw = Uint8Array.from({ length: 32 }, (_, i) => i); // the same key as bytes
      const ways: World[] = [
        { files: { key: `${KEY}\r\n` }, variables: { CRYPTOMEM_KEY_FILE: "key" } },
        { files: { key: raw }, variables: { CRYPTOMEM_KEY_FILE: "key" } },
        { files: { key: `active: ${KEY}\n` }, variables: { CRYPTOMEM_KEY_FILE: "key", CRYPTOMEM_KEY: OTHER_KEY } },
        { variables: { CRYPTOMEM_KEY: KEY }, typed: [OTHER_KEY] },
        { variables: { CRYPTOMEM_KEY_FILE: "" }, typed: [KEY] },
      ];
      for (const way of ways) assertEquals((await runIn(way, "get", "k")).output, "v");
      assertEquals((await runIn({ typed: [KEY] }, "get", "k")).questions, ["Key:"]);
      // What needs no key asks for none.
      for (const args of [["ping"], ["delete", "k"], ["scan"]]) {
        assertEquals((await runIn({ typed: [KEY] }, ...args)).questions, []);
      }
    }),
});

Deno.test("client program says where to give a key when there is none, and to make one with keygen", async () => {
  const { exit, complaints } = await runIn({}, "get", "k");
  assertEquals([exit, complaints.length], [2, 1]);
  assertMatch(complaints[0]!, /^key: Cannot seal or open values without one: .*--key-file.*keygen/);
});

Deno.test("client program names what is wrong with a key, and where it stands", async () => {
  const wrong: [World, string][] = [
    [{ variables: { CRYPTOMEM_KEY: "short" } }, "CRYPTOMEM_KEY: Cannot use key: the text has 5 bytes"],
    [{ variables: { CRYPTOMEM_KEY: "" } }, "CRYPTOMEM_KEY: Cannot use key: the text has 0 bytes"],
    [{ typed: ["short"] }, "key: Cannot use key: the text has 5 bytes"],
    [{ typed: [""] }, "key: Cannot use it: nothing was typed"],
    [{ typed: ["\x1b[A"] }, "key: Cannot use it: a key was pressed that stands for no character"],
    [{ typed: ["\u{FFFD}".repeat(10) + "ab"] }, "key: Cannot use it: a key was pressed that stands for no character"],
    [{ files: { f: `active: ${KEY}\nopen: short` }, variables: { CRYPTOMEM_KEY_FILE: "f" } }, "f: line 2: Cannot use"],
    [{ files: { f: `active: ${KEY}\nopen: ${KEY}` }, variables: { CRYPTOMEM_KEY_FILE: "f" } }, "two keys of the id"],
    [{ files: { f: "fernet: short" }, variables: { CRYPTOMEM_KEY_FILE: "f" } }, "Cannot use Fernet key"],
    [{ files: { f: DERIVATION }, variables: { CRYPTOMEM_KEY_FILE: "f" } }, "passphrase: Cannot do without one: f asks"],
    [{
      files: { f: DERIVATION },
      variables: { CRYPTOMEM_KEY_FILE: "f", CRYPTOMEM_PASSPHRASE: "" },
    }, "Cannot use passphrase: it is empty"],
  ];
  for (const [world, text] of wrong) {
    const { exit, output, complaints } = await runIn(world, "fingerprint");
    const create = text.includes("Fernet") ? await runIn(world, "get", "k") : undefined;
    const all = create ?? { exit, output, complaints };
    assertEquals([all.exit, all.output, all.complaints.length], [2, "", 1], text);
    assertStringIncludes(all.complaints[0]!, text);
  }
});

Deno.test("client program warns of weak keys, each time and on standard error", async () => {
  const variables = { CRYPTOMEM_KEY: "your-32-byte-very-secret-key-!!!" };
  const sample = await runIn({ variables }, "fingerprint");
  assertEquals([sample.exit, sample.complaints.length], [0, 1]);
  assertMatch(sample.complaints[0]!, /^warning: CRYPTOMEM_KEY: .*keygen/);
  const files = { f: `active: ${KEY}\nopen: aaaabbbbaaaabbbbaaaabbbbaaaabbbb\n` };
  const weak = await runIn({ files }, "--key-file", "f", "fingerprint");
  assertMatch(weak.complaints[0]!, /^warning: f: line 2: .*keygen/);
});

Deno.test("keygen makes a key that nobody has made before, as text or in a new file", async () => {
  const made = await runIn({}, "keygen");
  assertEquals([made.exit, made.complaints], [0, []]);
  assertMatch(made.output, /^cmk1_[\w-]{43}\n$/);
  assertEquals(rootKey(made.output.trim()).length, 32);
  assertNotEquals((await runIn({}, "keygen")).output, made.output);

  const world: World = { files: {} };
  const written = await runIn(world, "keygen", "--out", "key");
  assertEquals([written.exit, written.output, written.complaints], [0, "", []]);
  const content = world.files!["key"] as Uint8Array;
  assertMatch(new TextDecoder().decode(content), /^cmk1_[\w-]{43}\n$/);
  assertEquals((await runIn(world, "keygen", "--out", "key")).exit, 2);
  assertEquals(world.files!["key"], content);
});

Deno.test({
  name: "keygen --passphrase makes a keyring that works with the second command",
  ignore: !canListen,
  fn: () =>
    withServer(async (runIn) => {
      const world: World = { files: {} };
      assertEquals((await runIn(world, "keygen", "--passphrase", "--out", "ring")).exit, 0);
      const use = (typed: string, ...args: string[]) =>
        runIn({ ...world, typed: [typed] }, "--key-file", "ring", ...args);
      const set = await use("correct horse", "set", "k", "v");
      assertEquals([set.exit, set.complaints, set.questions], [0, [], ["Passphrase of ring:"]]);
      assertEquals((await use("correct horse", "get", "k")).output, "v");
      assertEquals((await use("wrong horse", "get", "k")).exit, 4);
      const variables = { CRYPTOMEM_PASSPHRASE: "correct horse" };
      const unasked = await runIn({ ...world, variables }, "--key-file", "ring", "get", "k");
      assertEquals([unasked.output, unasked.questions], ["v", []]);
      // Another salt is another key.
      await runIn(world, "keygen", "--passphrase", "--out", "other");
      const other = await runIn({ ...world, typed: ["correct horse"] }, "--key-file", "other", "get", "k");
      assertEquals(other.exit, 4);
    }),
});

Deno.test({
  name: "keygen --fernet makes a keyring with which Fernet tokens are written and read",
  ignore: !canListen,
  fn: () =>
    withServer(async (runIn, address) => {
      const world: World = { files: {} };
      assertEquals((await runIn(world, "keygen", "--fernet", "--out", "f")).exit, 0);
      assertEquals((await runIn(world, "--key-file", "f", "set", "k", "v")).exit, 0);
      assertEquals((await runIn(world, "--key-file", "f", "get", "k")).output, "v");
      const key = new TextDecoder().decode(world.files!["f"] as Uint8Array).replace("fernet: ", "").trim();
      await using client = new Client(address, { fernet: { key: [Fernet.generateKey(), key] } });
      assertEquals(await client.get("k"), "v");
      assertEquals((await runIn(world, "--key-file", "f", "fingerprint")).exit, 2);
      assertEquals((await runIn({}, "keygen", "--fernet", "--passphrase")).exit, 2);
    }),
});

Deno.test("fingerprint writes the id and the part of every key, and no key", async () => {
  const files = {
    one: KEY,
    ring: `active: ${OTHER_KEY}\nopen: ${KEY}\nnames: ${KEY}\n`,
    phrase: `open: ${KEY}\n${DERIVATION}`,
    both: `active: ${KEY}\n${DERIVATION}`,
    own: `active: ${KEY}\nperNamespace: true\n`,
  };
  const variables = { CRYPTOMEM_PASSPHRASE: "correct horse" };
  const fingerprint = async (name: string, ...args: string[]) => {
    const { exit, output, complaints } = await runIn({ files, variables }, "--key-file", name, ...args, "fingerprint");
    assertEquals([exit, complaints], [0, []]);
    return output;
  };
  assertEquals(await fingerprint("one"), `${KEY_ID}  active\n`);
  assertMatch(await fingerprint("ring"), new RegExp(`^[0-9a-f]{8}  active\n${KEY_ID}  open\n${KEY_ID}  names\n$`));
  const [, derivedId] = /^([0-9a-f]{8}) {2}active\n/.exec(await fingerprint("phrase"))!;
  assertEquals(await fingerprint("phrase"), `${derivedId}  active\n${KEY_ID}  open\n`);
  assertEquals(await fingerprint("both"), `${KEY_ID}  active\n${derivedId}  open\n`);
  // Each namespace has a key of its own.
  const [first, second] = [await fingerprint("own"), await fingerprint("own", "--namespace", "app")];
  assertEquals(new Set([first, second, `${KEY_ID}  active\n`]).size, 3);
});

Deno.test({
  name: "keys status tells how far a rotation has come, and reseal ends it",
  ignore: !canListen,
  fn: () =>
    withServer(async (runIn, address) => {
      const world: World = {
        files: {
          before: KEY,
          after: `active: ${OTHER_KEY}\nopen: ${KEY}\n`,
          third: "third-32-byte-very-secret-key-!!",
        },
      };
      for (const k of ["a", "b"]) await runIn(world, "--key-file", "before", "set", k, "v");
      await runIn(world, "--key-file", "third", "set", "c", "v");
      const status = async () => {
        const { exit, output, complaints } = await runIn(world, "--key-file", "after", "keys", "status");
        assertEquals([exit, complaints], [0, []]);
        return output.split("\n").map((line) => line.trim());
      };
      const before = await status();
      assertMatch(before[0]!, /^key +entries +bytes +share$/);
      assertMatch(before[1]!, /^[0-9a-f]{8} +0 +0 +0\.0% {2}active$/);
      assertMatch(before[2]!, new RegExp(`^${KEY_ID} +2 +94 +66\\.7%  open, and 2 entries still need it$`));
      assertMatch(before[3]!, /^[0-9a-f]{8} +1 +47 +33\.3% {2}not held$/);
      assertEquals(before.length, 5);

      const reseal = await runIn(world, "--key-file", "after", "reseal");
      assertEquals([reseal.exit, reseal.output], [4, "resealed 2 of 3 entries\n"]);
      assertEquals(reseal.complaints, ["entries that do not open with these keys: 1"]);
      assertMatch((await status())[2]!, new RegExp(`^${KEY_ID} +0 +0 +0\\.0%  open, and can be dropped$`));
      assertEquals((await runIn(world, "--key-file", "after", "get", "a")).output, "v");
      assertEquals((await runIn(world, "--key-file", "after", "reseal", "a")).output, "resealed 0 of 1 entries\n");

      using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(address.split(":")[1]) });
      await connection.write(new TextEncoder().encode("SET plain hello\n"));
      await connection.read(new Uint8Array(64));
      assertMatch((await status())[4]!, /^unsealed +1 +5 +[\d.]+% {2}anybody/);
    }),
});

Deno.test({
  name: "reseal keeps values, lives and what else is sealed, under blinded names too",
  ignore: !canListen,
  fn: () =>
    withServer(async (runIn, address) => {
      const names = `cmk1_${"Zq7".repeat(14)}A`;
      const world: World = { files: { after: `active: ${OTHER_KEY}\nopen: ${KEY}\nnames: ${names}\n` } };
      const values: [string, unknown][] = [["text", "v"], ["bytes", Uint8Array.of(1, 2)], ["json", { a: [1] }]];
      {
        await using client = new Client(address, { keys: { active: KEY, names }, blindNames: true });
        for (const [key, value] of values) await client.set(key, value as object, { ttl: "1h", bindExpiry: true });
      }
      const { exit, output } = await runIn(world, "--key-file", "after", "--blind-names", "reseal");
      assertEquals([exit, output], [0, "resealed 3 of 3 entries\n"]);
      await using client = new Client(address, { keys: { active: OTHER_KEY, names }, blindNames: true });
      for (const [key, value] of values) {
        assertEquals(await client.get(key), value);
        const ttlMs = await client.ttl(key);
        assert(ttlMs! > 3_500_000 && ttlMs! <= 3_600_000, `${ttlMs}`);
      }
    }),
});
