// The program's secure channels, TLS and unix sockets: what a user sees of them.
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { textOf, utf8 } from "../../lib/bytes.ts";
import { openChannel } from "../../lib/channel/open_channel.ts";
import { parsePin } from "../../lib/channel/pin.ts";
import { CryptomemError } from "../../lib/errors.ts";
import { askLine } from "../support/ask_line.ts";
import { type Certificate, type Certificates, makeCertificates } from "../support/certificates.ts";
import { inFolder } from "../support/in_folder.ts";
import { canListen, canRun, canWrite } from "../support/permissions.ts";
import { RawClient } from "../support/raw_client.ts";
import { NETWORK, runProgram, ServerProcess } from "../support/server_process.ts";

const ignore = !canListen || !canRun || !canWrite || Deno.build.os === "windows";
const PIN = /\nsecure channels: give clients the pin (cms1_[\w-]{43}) \((SHA256:[\w+/]{43})\)\n/;
/** Good for a start on any port of this machine, for TLS as well. */
const PORTS = ["--allow-net=127.0.0.1:0", "--port=0"] as const;
const certificates = ignore ? undefined : await makeCertificates();

function programTest(name: string, fn: (folder: string) => Promise<void>, needs = true): void {
  Deno.test({
    name,
    ignore: ignore || !needs,
    fn: () => inFolder(fn),
  });
}

/** Leave to read some files, and to write others. */
function files(reads: readonly string[], writes: readonly string[] = []): string[] {
  const grant = (name: string, paths: readonly string[]) => paths.length === 0 ? [] : [`--allow-${name}=${paths}`];
  return [...grant("read", reads), ...grant("write", writes)];
}

programTest("--server-key makes a key at the first start, for its owner alone, and keeps it", async (folder) => {
  const key = `${folder}/k`;
  let pin: string, fingerprint: string;
  {
    await using server = await ServerProcess.start(files([key], [key]), ["--server-key", key]);
    [, pin, fingerprint] = await server.hasPrinted(PIN) as unknown as [string, string, string];
    const { mode, size } = await Deno.stat(key);
    assertEquals([mode! & 0o777, size], [0o600, 32]);
    const channel = await openChannel(await server.connect(), [parsePin(pin)]);
    assertEquals(await askLine(channel, "SET k v"), "OK");
    channel.close();
    server.signal("SIGTERM");
    const { code, complaints } = await server.ended();
    assertEquals(code, 0);
    assertMatch(complaints, /^cryptomem: \S+\/k: made a new server key; keep a copy: [^\n]*\n$/);
  }
  // It is there now, so reading it is enough.
  await using server = await ServerProcess.start(files([key]), ["--server-key", key]);
  assertEquals((await server.hasPrinted(PIN)).slice(1), [pin, fingerprint]);
  assertEquals(await runProgram(files([key]), ["fingerprint", "--server-key", key]), {
    code: 0,
    out: `${pin}\n${fingerprint}\n`,
    complaint: "",
  });
  const stranger = parsePin(`cms1_${"A".repeat(43)}`);
  const error = await assertRejects(async () => await openChannel(await server.connect(), [stranger]), CryptomemError);
  assertEquals(error.code, "UNTRUSTED");
  server.signal("SIGTERM");
  assertEquals(await server.ended(), { code: 0, complaints: "" });
});

programTest("--server-key refuses a file that others can read, and one that is no key", async (folder) => {
  const key = `${folder}/k`;
  await Deno.writeFile(key, new Uint8Array(32).fill(7), { mode: 0o640 });
  const refused = await runProgram([NETWORK, ...files([key])], ["--port=0", "--server-key", key]);
  assertEquals([refused.code, refused.out], [2, ""]);
  assertStringIncludes(refused.complaint, `(mode 0640); run chmod 600 ${key}\n`);
  await Deno.chmod(key, 0o600);
  await Deno.writeFile(key, new Uint8Array(64).fill(7));
  const long = await runProgram([NETWORK, ...files([key])], ["--port=0", "--server-key", key]);
  assertEquals([long.code, long.complaint], [2, `${key}: Cannot use it for a secret: it has more than 32 bytes\n`]);
});

programTest(
  "--require-secure refuses plain clients, also of this machine, and its first line says so",
  async (folder) => {
    const key = `${folder}/k`;
    await using server = await ServerProcess.start(files([key], [key]), [
      "--server-key",
      key,
      "--require-secure",
      "on",
    ]);
    assertMatch(server.line, /listening on 127\.0\.0\.1:\d+ \(secure channels only\)\n$/);
    using plain = await RawClient.connect(server);
    await plain.send(utf8("SET k v\n"));
    assertMatch(textOf(await plain.readToEnd()), /^ERR: FORBIDDEN/);
    const [, pin] = await server.hasPrinted(PIN);
    const channel = await openChannel(await server.connect(), [parsePin(pin!)]);
    assertEquals(await askLine(channel, "GET k"), "(nil)");
    channel.close();
  },
);

programTest("what a start may not do it says with the command that may, which then works", async (folder) => {
  const key = `${folder}/k`;
  const cases = [
    ["--server-key", key],
    ["--unix", `${folder}/s`],
    ["--server-key", `${folder}/k2`, "--unix", `${folder}/s2`, "--require-secure=on"],
  ];
  for (const args of cases) {
    const [permission, port] = PORTS;
    const { code, complaint } = await runProgram([permission], [port, ...args]);
    const [, shown] = /^\S+: Cannot \w+( it)? without permission: run deno run (.*)\n$/.exec(complaint)!.slice(1);
    const words = shown!.split(" ");
    const permissions = words.slice(0, words.indexOf("server.ts"));
    assertEquals([code, words.slice(permissions.length + 1)], [2, [port, ...args]]);
    assert(permissions.every((word) => /=/.test(word)), `no more than is needed: ${permissions}`);
    await using server = await ServerProcess.startExactly(permissions, [port, ...args]);
    assert(server.port > 0);
  }
  const again = await runProgram([PORTS[0]], [PORTS[1], "--server-key", key]);
  assertStringIncludes(again.complaint, ": Cannot read it without permission");
  await Deno.remove(key);
  const gone = await runProgram([PORTS[0], ...files([key])], [PORTS[1], "--server-key", key]);
  assertStringIncludes(
    gone.complaint,
    `${key}: Cannot make it without permission: run deno run --allow-net=127.0.0.1:0 --allow-read=${key} --allow-write=${key} `,
  );
});

programTest("--unix listens on a socket with the mode that it is told, which is gone at the end", async (folder) => {
  const path = `${folder}/s`;
  const permissions = [`--allow-net=127.0.0.1:0,unix:${path}`, ...files([path], [path])];
  const client = `const socket = await Deno.connect({ transport: "unix", path: ${JSON.stringify(path)} });
    await socket.write(new TextEncoder().encode("PING\\n"));
    const bytes = new Uint8Array(100);
    console.log(new TextDecoder().decode(bytes.subarray(0, await socket.read(bytes))).trim());`;
  for (const [args, mode] of [[[], 0o600], [["--unix-mode", "0660"], 0o660]] as const) {
    await using server = await ServerProcess.startExactly(permissions, ["--port=0", "--unix", path, ...args]);
    assertMatch(server.line, /listening on 127\.0\.0\.1:\d+, \/\S+\/s \(unix\)\n$/);
    assertEquals((await Deno.stat(path)).mode! & 0o777, mode);
    const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["eval", client] }).output();
    assertEquals(textOf(stdout), "PONG\n");
    server.signal("SIGTERM");
    assertEquals(await server.ended(), { code: 0, complaints: "" });
    await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
  }
});

programTest("a socket that cannot be made ends the start with exit code 1 and one line", async (folder) => {
  await Deno.writeTextFile(`${folder}/file`, "");
  const cases = [
    [`${folder}/none/s`, "Cannot listen: there is no such folder; make it"],
    [
      `${folder}/file`,
      "Cannot listen: another program does, or there is a file; choose another path with --unix",
    ],
  ] as const;
  for (const [path, expected] of cases) {
    const permissions = [`--allow-net=127.0.0.1:0,unix:${path}`, ...files([path], [path])];
    const ended = await runProgram(permissions, ["--port=0", "--unix", path]);
    assertEquals(ended, { code: 1, out: "", complaint: `${path}: ${expected}\n` });
  }
  assertEquals(await Deno.readTextFile(`${folder}/file`), "", "a file is not taken for a socket that was left");
});

programTest("a socket for everybody is refused while nobody is asked", async (folder) => {
  const path = `${folder}/s`;
  const permissions = [`--allow-net=127.0.0.1:0,unix:${path}`, ...files([path], [path])];
  const args = ["--port=0", "--unix", path, "--unix-mode=666"];
  const { code, complaint } = await runProgram(permissions, args);
  assertEquals(code, 1);
  for (const way of ["--password-file", "--token-file", "--unix-mode 660", "--insecure on"]) {
    assertStringIncludes(complaint, way);
  }
  for (const way of [["--insecure=on"], ["--", "hunter2"]]) {
    await using server = await ServerProcess.startExactly(permissions, [...args, ...way]);
    assert(server.port > 0);
  }
});

/** A server with TLS, and a way to give it other certificates. */
class TlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  /** Flags and leave for them. */
  readonly flags: readonly string[];
  readonly permissions: readonly string[];

  constructor(folder: string) {
    [this.cert, this.key, this.ca] = [`${folder}/cert.pem`, `${folder}/key.pem`, `${folder}/ca.pem`];
    this.flags = ["--tls-cert", this.cert, "--tls-key", this.key, "--tls-listen=0"];
    this.permissions = files([this.cert, this.key, this.ca]);
  }

  async write({ cert, key }: Certificate): Promise<void> {
    await Deno.writeTextFile(this.cert, cert);
    await Deno.writeTextFile(this.key, key, { mode: 0o600 });
  }
}

function tlsTest(name: string, fn: (made: Certificates, written: TlsFiles) => Promise<void>): void {
  programTest(name, async (folder) => {
    const written = new TlsFiles(folder);
    await written.write(certificates!.server);
    await Deno.writeTextFile(written.ca, certificates!.ca.cert);
    await fn(certificates!, written);
  }, certificates !== undefined);
}

function connectTls(line: string, { ca }: Certificates, client?: Certificate): Promise<Deno.TlsConn> {
  const port = Number(/:(\d+) \((?:mutual )?TLS\)/.exec(line)![1]);
  return Deno.connectTls({ hostname: "localhost", port, caCerts: [ca.cert], ...client });
}

/** The certificate that a server shows to new connections, by its serial number. */
async function shownSerial(line: string): Promise<string> {
  const port = /:(\d+) \((?:mutual )?TLS\)/.exec(line)![1];
  const command = `openssl s_client -connect 127.0.0.1:${port} </dev/null 2>/dev/null | openssl x509 -noout -serial`;
  return textOf((await new Deno.Command("sh", { args: ["-c", command], stdin: "null" }).output()).stdout);
}

tlsTest(
  "--tls-cert listens for TLS, and SIGHUP brings another certificate while connections stay; a slip brings none",
  async (made, written) => {
    await using server = await ServerProcess.start(written.permissions, written.flags);
    assertMatch(server.line, /listening on 127\.0\.0\.1:\d+, 127\.0\.0\.1:\d+ \(TLS\)\n$/);
    using connection = await connectTls(server.line, made);
    assertEquals(await askLine(connection, "SET k v"), "OK");
    const first = await shownSerial(server.line);

    await written.write(made.renewed);
    server.signal("SIGHUP");
    await server.hasComplained(/cert\.pem: read again: connections from now on get this certificate\n/);
    const second = await shownSerial(server.line);
    assert(second !== first && second !== "", `${first} → ${second}`);

    await Deno.writeTextFile(written.cert, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    server.signal("SIGHUP");
    await server.hasComplained(/error: \S+cert\.pem: Cannot use the certificate of TLS: [^\n]*STILL USED[^\n]*\n/);
    await Deno.writeTextFile(written.cert, made.server.cert);
    server.signal("SIGHUP");
    await server.hasComplained(/error: \S+key\.pem: Cannot use the key of TLS: it is not that of [^\n]*STILL USED/);
    await Deno.chmod(written.key, 0o644);
    server.signal("SIGHUP");
    await server.hasComplained(/error: \S+key\.pem: Cannot use it for a secret: [^\n]*STILL USED/);
    assertEquals(await shownSerial(server.line), second);
    assertEquals(await askLine(connection, "GET k"), "v");
  },
);

tlsTest("SIGHUP reads tokens and certificates each by itself", async (made, written) => {
  const tokens = written.cert.replace("cert.pem", "tokens.yaml");
  await Deno.writeTextFile(tokens, "tokens: []\n", { mode: 0o600 });
  const permissions = files([written.cert, written.key, tokens]);
  await using server = await ServerProcess.start(permissions, [...written.flags, "--token-file", tokens]);
  await Deno.writeTextFile(tokens, "tokens: [\n");
  server.signal("SIGHUP");
  await server.hasComplained(/STILL TAKEN[^\n]*\n[^\n]*cert\.pem: read again/);
  await Deno.writeTextFile(tokens, "tokens: []\n");
  await Deno.writeTextFile(written.cert, made.alice.key);
  server.signal("SIGHUP");
  await server.hasComplained(/tokens\.yaml: read again: tokens 0[^\n]*\n[^\n]*STILL USED/);
});

tlsTest(
  "--tls-client-ca takes clients by their certificates, so off this machine without a password too",
  async (made, written) => {
    const flags = ["--port=0", ...written.flags.slice(0, -1), "--tls-listen=0.0.0.0:0", "--tls-client-ca", written.ca];
    const permissions = ["--allow-net=127.0.0.1:0,0.0.0.0:0", ...written.permissions];
    await using server = await ServerProcess.startExactly(permissions, flags);
    assertMatch(server.line, /listening on 127\.0\.0\.1:\d+, 0\.0\.0\.0:\d+ \(mutual TLS\)\n$/);
    using alice = await connectTls(server.line, made, made.alice);
    assertMatch(await askLine(alice, "*2\r\n$6\r\nCLIENT\r\n$4\r\nINFO\r"), / user=alice /);
    for (const stranger of [undefined, made.stranger]) {
      await assertRejects(async () => {
        using connection = await connectTls(server.line, made, stranger);
        await connection.handshake();
        if (await askLine(connection, "PING") === "") throw new Deno.errors.UnexpectedEof("closed");
      });
    }
  },
);

tlsTest(
  "a start that lets the network in and asks nobody is refused, and told three ways to ask",
  async (_, written) => {
    const key = written.key.replace("key.pem", "k");
    const cases = [
      ["--host=0.0.0.0"],
      [...written.flags, "--host=0.0.0.0"],
      [...written.flags.slice(0, -1), "--tls-listen=0.0.0.0:0"],
      [...written.flags, "--host=0.0.0.0", "--tls-client-ca", written.ca],
      // A secure channel proves who the server is, and asks nobody.
      ["--host=0.0.0.0", "--server-key", key, "--require-secure=on"],
    ];
    const permissions = ["--allow-net", ...files([written.cert, written.key, written.ca, key], [key])];
    for (const args of cases) {
      const { code, out, complaint } = await runProgram(permissions, ["--port=0", ...args]);
      assertEquals([code, out], [1, ""]);
      assertMatch(complaint, /Cannot listen on 0\.0\.0\.0 without protection: [^\n]*\n$/);
      for (const way of ["--password-file", "--token-file", "--tls-client-ca", "127.0.0.1", "--insecure on"]) {
        assertStringIncludes(complaint, way);
      }
    }
  },
);

tlsTest("files of TLS that cannot be used stop the start in one line that names the file", async (made, written) => {
  const refused = async (args: readonly string[] = []) => {
    const { code, out, complaint } = await runProgram([NETWORK, ...written.permissions], [
      "--port=0",
      ...written.flags,
      ...args,
    ]);
    assertEquals([code, out, complaint.split("\n").length], [2, "", 2]);
    return complaint;
  };
  await written.write({ cert: made.server.key, key: made.server.key });
  assertStringIncludes(await refused(), `${written.cert}: Cannot use the certificate of TLS: `);
  await written.write({ cert: made.server.cert, key: made.alice.key });
  assertStringIncludes(await refused(), `${written.key}: Cannot use the key of TLS: it is not that of the certificate`);
  await written.write(made.server);
  await Deno.writeTextFile(written.ca, "nothing");
  assertStringIncludes(
    await refused(["--tls-client-ca", written.ca]),
    `${written.ca}: Cannot use the client CA of TLS`,
  );
  await Deno.writeFile(written.cert, new Uint8Array(1024 * 1024 + 1).fill(0x41));
  assertStringIncludes(await refused(), `${written.cert}: Cannot use it: it has more than 1048576 bytes`);
  await Deno.remove(written.cert);
  assertStringIncludes(await refused(), `${written.cert}: Cannot read it: there is no such file`);
  await written.write(made.server);
  await Deno.chmod(written.key, 0o644);
  assertStringIncludes(await refused(), `${written.key}: Cannot use it for a secret: others than its owner`);
});
