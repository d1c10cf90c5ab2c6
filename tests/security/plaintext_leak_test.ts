/**
 * Attack 10: somebody takes all there is to take (what passes on the wire, the server's files, its output, its memory)
 * and searches it for what clients have stored and for what they have proven with.
 *
 * @module
 */

import { concat } from "@std/bytes";
import { assert, assertEquals } from "@std/assert";
import { Client, type ClientOptions } from "../../client.ts";
import { textOf, utf8 } from "../../lib/bytes.ts";
import { BUFFER_BYTES } from "../../lib/limits.ts";
import { formatTokenFile } from "../../lib/security/token_file.ts";
import { createToken } from "../../lib/security/token.ts";
import { ServerKey } from "../../server.ts";
import { canMakeCertificates, type Certificate, makeCertificate } from "../support/certificates.ts";
import { canListen, canRun, canWrite } from "../support/permissions.ts";
import { canSeeMemory, findInMemory } from "../support/process_memory.ts";
import { RawClient } from "../support/raw_client.ts";
import { RecordingProxy } from "../support/recording_proxy.ts";
import { command } from "../support/resp_frame.ts";
import { ServerProcess } from "../support/server_process.ts";

const KEY = crypto.getRandomValues(new Uint8Array(32)), NAMES = crypto.getRandomValues(new Uint8Array(32));

const [FIRST_BUFFER_BYTES] = BUFFER_BYTES;

/** What is searched for. Nothing else in the world has these letters. */
interface Canaries {
  readonly value: string;
  /** Names of entries, of a client that blinds them and of one that does not. */
  readonly blindedName: string;
  readonly name: string;
  readonly password: string;
  readonly wrongPassword: string;
  /** A whole token, and the token's secret alone. */
  readonly token: string;
}

function canary(what: string): string {
  return `canary-${what}-${crypto.randomUUID()}`;
}

function canaries(token: string): Canaries {
  return {
    value: canary("value"),
    blindedName: canary("blinded"),
    name: canary("name"),
    password: canary("password"),
    wrongPassword: canary("wrong"),
    token,
  };
}

/** Where of what is searched a text occurs. */
function occursIn(places: Readonly<Record<string, Uint8Array | string>>, text: string): string[] {
  const decoder = new TextDecoder("latin1");
  return Object.entries(places).filter(([, content]) =>
    (typeof content === "string" ? content : decoder.decode(content)).includes(text)
  ).map(([place]) => place);
}

/** Stores, changes, renames and reads values under both kinds of names. */
async function storeCanaries(
  address: string,
  { value, name, blindedName, password, token }: Canaries,
  wire: Pick<ClientOptions, "pin" | "tls"> = {},
): Promise<void> {
  await using named = new Client(address, { key: KEY, password, ...wire });
  await using blinded = new Client(address, {
    keys: { active: KEY, names: NAMES },
    blindNames: true,
    namespace: "app",
    token,
    ...wire,
  });
  for (const [client, key] of [[named, name], [blinded, blindedName]] as const) {
    await client.set(key, { secret: value, nested: [value] });
    await client.update(key, (old) => ({ ...old as { secret: string }, again: value }));
    await client.set(`${key}-text`, value, { ttl: "1h" });
    await client.append(`${key}-text`, value);
    await client.rename(`${key}-text`, `${key}-renamed`);
    await client.set(`${key}-deleted`, value);
    await client.delete(`${key}-deleted`);
    assertEquals((await client.get(key) as { secret: string }).secret, value);
    assertEquals(await client.get(`${key}-renamed`), value + value);
  }
}

/** Gives the secrets in all ways that there are, also where the server has to move what it has received. */
async function logIn(server: { port: number }, { password, token, wrongPassword }: Canaries): Promise<void> {
  const right = [password, token].flatMap((secret) => {
    const line = utf8(`PASS ${secret}`), words = command("AUTH", secret).slice(0, -2);
    return [
      [line, utf8("\n")],
      [utf8(`PASS "${secret}"\n`)],
      [command("AUTH", secret)],
      [command("HELLO", "3", "AUTH", "default", secret)],
      [words, utf8("\r\n")],
      // Behind what is answered first, in a buffer that has room for more, and in one that has not.
      ...[100, FIRST_BUFFER_BYTES - line.length].map((bytes) => [
        concat([filler(bytes, (padding) => utf8(`GET ${padding}\n`)), line]),
        utf8("\n"),
      ]),
      ...[100, FIRST_BUFFER_BYTES - words.length].map((bytes) => [
        concat([filler(bytes, (padding) => command("GET", padding)), words]),
        utf8("\r\n"),
      ]),
    ];
  });
  const wrong = [
    ...[`PASS ${wrongPassword}\n`, `PASS ${wrongPassword} x\n`, `PASS ${wrongPassword}`].map((line) => [utf8(line)]),
    ...[[command("AUTH", wrongPassword)], [command("AUTH", "a", wrongPassword, "b")]],
  ];
  for (const parts of [...right, ...wrong]) {
    using client = await RawClient.connect(server);
    for (const [i, part] of parts.entries()) {
      await client.send(part);
      // Its answer says that the server has read it, and waits for the rest.
      if (i < parts.length - 1 && textOf(part).includes("GET")) await client.read(1);
    }
    await client.connection.closeWrite();
    const answer = textOf(await client.readToEnd());
    if (right.includes(parts)) assert(/OK\r?\n$|^%/.test(answer), answer);
  }
}

/** Refused requests, of so many bytes in all. */
function filler(bytes: number, request: (padding: string) => Uint8Array): Uint8Array {
  const one = request("x".repeat(30)), count = Math.floor(bytes / one.length) - 1;
  const last = request("x".repeat(30 + bytes - (count + 1) * one.length));
  return concat([...Array(count).fill(one), last]);
}

/** Writes a certificate into a folder. Returns the flags that have it used. */
async function tlsFlags(folder: string, { cert, key }: Certificate): Promise<readonly string[]> {
  const [certFile, keyFile] = [`${folder}/cert.pem`, `${folder}/key.pem`];
  await Deno.writeTextFile(certFile, cert);
  await Deno.writeTextFile(keyFile, key, { mode: 0o600 });
  return ["--tls-cert", certFile, "--tls-key", keyFile];
}

/** Everything that a folder has, by path. */
async function filesOf(folder: string): Promise<Record<string, Uint8Array>> {
  const files: Record<string, Uint8Array> = {};
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    Object.assign(files, isDirectory ? await filesOf(path) : { [path]: await Deno.readFile(path) });
  }
  return files;
}

Deno.test({
  name:
    "attack 10: no value and no secret is in the data directory, the output and the memory of server.ts, nor on the " +
    "wire of a secure channel or of TLS, and of names only those that are not blinded",
  ignore: !canListen || !canRun || !canWrite || Deno.build.os === "windows",
  async fn(t) {
    const folder = await Deno.makeTempDir();
    try {
      const { secret, token } = createToken({ name: "app", can: ["read", "write"] });
      const all = canaries(secret);
      const [passwordFile, tokenFile, data] = ["password", "tokens.yaml", "data"].map((name) => `${folder}/${name}`);
      await Deno.writeTextFile(passwordFile!, `${all.password}\n`, { mode: 0o600 });
      await Deno.writeTextFile(tokenFile!, formatTokenFile([token]), { mode: 0o600 });
      const serverKey = ServerKey.generateBytes();
      await Deno.writeFile(`${folder}/server.key`, serverKey, { mode: 0o600 });
      const { pin } = await ServerKey.from(serverKey);
      const flags = ["--password-file", passwordFile!, "--token-file", tokenFile!, "--data-dir", data!];
      const certificate = canMakeCertificates ? await makeCertificate() : undefined;
      if (certificate !== undefined) flags.push("--tls-listen=0", ...await tlsFlags(folder, certificate));
      await using server = await ServerProcess.start([`--allow-read=${folder}`, `--allow-write=${folder}`], [
        ...flags,
        ...["--server-key", `${folder}/server.key`],
      ]);
      await using proxy = new RecordingProxy(server.port);
      await storeCanaries(proxy.address, all);
      await logIn(server, all);
      const tokenSecret = all.token.slice(-43);
      const secretWires: [name: string, port: number, wire: Pick<ClientOptions, "pin" | "tls">][] = [
        ["secure channel", server.port, { pin }],
      ];
      if (certificate !== undefined) {
        const port = Number(/:(\d+) \(TLS\)/.exec(server.line)![1]);
        secretWires.push(["TLS", port, { tls: { caCerts: [certificate.cert] } }]);
      }
      for (const [name, port, wire] of secretWires) {
        await using secret = new RecordingProxy(port);
        await storeCanaries(secret.address, all, wire);
        assert(secret.passed.length > 2_000);
        for (const text of [...Object.values(all), token.id, tokenSecret, "app:"]) {
          assertEquals(occursIn({ wire: secret.passed }, text), [], `${text} in the ${name}`);
        }
      }
      const texts = [all.value, all.blindedName, all.password, all.wrongPassword, tokenSecret, all.name];

      await t.step({
        name: "memory",
        ignore: !canSeeMemory,
        async fn() {
          const found = await findInMemory(server.pid, texts);
          // Where the system does not let us look, nobody else can either.
          if (found === undefined) return;
          assert(found.at(-1)!.count > 0, "what is there is found");
          for (const [i, { count, around }] of found.slice(0, -1).entries()) {
            assertEquals(count, 0, `${texts[i]} is in the memory ${count} times: ${around.join("\n")}`);
          }
        },
      });

      server.signal("SIGTERM");
      const { code, complaints } = await server.ended();
      assertEquals(code, 0);
      const files = await filesOf(data!);
      assert(Object.keys(files).some((path) => path.includes("snapshot")), Object.keys(files).join());
      const places = { wire: proxy.passed, complaints, ...files };
      for (const text of [all.value, all.blindedName, all.wrongPassword]) {
        assertEquals(occursIn(places, text), [], text);
      }
      for (const text of [all.password, tokenSecret]) {
        // In plain TCP, which takes secrets on this machine only, they pass as they are.
        assertEquals(occursIn(places, text), ["wire"], text);
      }
      const named = occursIn(places, all.name);
      assert(named.length > 1 && named[0] === "wire" && !named.includes("complaints"), named.join());
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
