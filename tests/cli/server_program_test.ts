// The server as a process of its own: what a user sees of it.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { VERSION } from "../../lib/version.ts";
import { canListen, canRun, canWrite } from "../support/permissions.ts";
import { type Ended, NETWORK, runProgram, ServerProcess } from "../support/server_process.ts";

const ignore = !canListen || !canRun || !canWrite;
/** Signals do not exist there. */
const ignoreSignals = ignore || Deno.build.os === "windows";

/** A complete PING of the CM dialect. */
const PING = Uint8Array.fromHex(`434d04${"00".repeat(14)}`);

interface Start {
  readonly permissions?: readonly string[];
  readonly environment?: Record<string, string>;
}

function run(args: readonly string[], { permissions = [NETWORK] }: Start = {}): Promise<Ended> {
  return runProgram(permissions, args);
}

function start(args: readonly string[], { permissions = [NETWORK], environment = {} }: Start = {}) {
  return ServerProcess.startExactly(permissions, args, { environment });
}

/** Sends a text and reads to the end. */
async function ask(port: number, text: string): Promise<string> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(text));
  await connection.closeWrite();
  return await new Response(connection.readable).text();
}

/** Sends a PING and waits until the whole answer is there. */
async function ping(connection: Deno.TcpConn): Promise<void> {
  await connection.write(PING);
  assert(await connection.read(new Uint8Array(64)) !== null);
}

Deno.test({
  name: "server.ts --version and --help answer without any permission",
  ignore,
  async fn() {
    const bare = { permissions: [] };
    assertEquals(await run(["--version"], bare), { code: 0, out: `cryptomem ${VERSION}\n`, complaint: "" });
    const help = await run(["--help"], bare);
    assertEquals([help.code, help.complaint], [0, ""]);
    assertMatch(help.out, /--port NUMBER/);
  },
});

Deno.test({
  name: "server.ts says in one line where it listens, and does so with --allow-net alone",
  ignore,
  async fn() {
    await using server = await start(["--port", "0"]);
    assertMatch(server.line, /^cryptomem \d+\.\d+\.\d+ listening on 127\.0\.0\.1:\d+\n$/);
    using connection = await server.connect();
    await ping(connection);
  },
});

Deno.test({
  name: "server.ts listens in further places, each in its dialect",
  ignore,
  async fn() {
    await using server = await start(["--port=0", "--listen", "0=gocache", "--listen=127.0.0.1:0=stash"]);
    const [, gocache, stash] = /:\d+, 127\.0\.0\.1:(\d+) \(gocache\), 127\.0\.0\.1:(\d+) \(stash\)\n$/.exec(
      server.line,
    )!;
    assertEquals(await ask(Number(gocache), "FLY\n"), "ERROR unknown command\n");
    assertEquals(await ask(Number(stash), "INC\x001\0k\r\n"), "1\r\n");
  },
});

Deno.test({
  name: "server.ts speaks only the dialects that it is told to",
  ignore,
  async fn() {
    await using server = await start(["--port=0", "--dialects=text,stash"]);
    assertEquals(await ask(server.port, "PING\n"), "PONG\n");
    assertEquals(await ask(server.port, "*1\r\n"), "");
  },
});

Deno.test({
  name: "server.ts PASSWORD PORT asks for the password, warns that others see it, and never shows it",
  ignore: ignoreSignals,
  async fn() {
    await using server = await start(["hunter2", "0"]);
    assertEquals(
      await ask(server.port, "SET k v\nPASS wrong\nPASS hunter2\nSET k v\n"),
      "Unauthorized\nERR: invalid password\nOK\nOK\n",
    );
    const word = (text: string) => `$${text.length}\r\n${text}\r\n`;
    const settings = await ask(
      server.port,
      `*2\r\n${word("AUTH")}${word("hunter2")}*3\r\n${word("CONFIG")}${word("GET")}${word("*")}`,
    );
    assertMatch(settings, /^\+OK\r\n[^]*max-value-size/);
    server.signal("SIGTERM");
    const { code, complaints } = await server.ended();
    assertEquals([code, /hunter2/.test(settings + complaints + server.line)], [0, false]);
    assertMatch(complaints, /^cryptomem: warning: other users of this machine can see the password[^\n]*\n$/);
  },
});

Deno.test({
  name: "server.ts --password-file asks for the password in it, which nothing shows",
  ignore: ignoreSignals,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const path = `${folder}/password`;
      await Deno.writeTextFile(path, "hunter2\n", { mode: 0o644 });
      const permissions = [NETWORK, `--allow-read=${path}`];
      const refused = await run(["--port=0", "--password-file", path], { permissions });
      assertEquals([refused.code, /run chmod 600 /.test(refused.complaint)], [2, true]);
      await Deno.chmod(path, 0o600);
      await using server = await start(["--port=0", "--password-file", path], { permissions });
      const answers = await ask(server.port, "SET k v\nPASS hunter2\nSET k v\n");
      assertEquals(answers, "Unauthorized\nOK\nOK\n");
      server.signal("SIGTERM");
      assertEquals(await server.ended(), { code: 0, complaints: "" });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "server.ts token create makes what a server takes after SIGHUP, until token revoke and another SIGHUP",
  ignore: ignoreSignals,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const path = `${folder}/tokens.yaml`;
      const permissions = [NETWORK, `--allow-read=${path},${path}.new`, `--allow-write=${path},${path}.new`];
      const token = (...args: string[]) => run(["token", ...args, "--file", path], { permissions });
      assertEquals((await token("create", "--name=first", "--can=read")).code, 0);
      await using server = await start(["--port=0", "--token-file", path], { permissions });
      const { out } = await token("create", "--name=app", "--can=read,write", "--prefix=app:");
      const pass = `PASS ${out.trimEnd()}\n`;
      assertEquals(await ask(server.port, pass), "ERR: invalid password\n");

      server.signal("SIGHUP");
      await server.hasComplained(/read again: tokens 2, connections closed 0\n/);
      using connection = await server.connect();
      const reply = new Uint8Array(64);
      await connection.write(new TextEncoder().encode(`${pass}SET app:k v\n`));
      for (let length = 0; length < "OK\nOK\n".length;) length += (await connection.read(reply))!;

      await Deno.writeTextFile(path, "tokens: [\n");
      server.signal("SIGHUP");
      await server.hasComplained(/error: [^\n]*Cannot read it as YAML: [^\n]*STILL TAKEN[^\n]*\n/);
      assertEquals(await ask(server.port, `${pass}GET app:k\n`), "OK\nv\n", "a slip in the file changes nothing");
      await Deno.remove(path);
      assertEquals((await token("create", "--name=other", "--can=read")).code, 0);
      server.signal("SIGHUP");
      assertEquals(await connection.read(reply), null);
      assertEquals(await ask(server.port, pass), "ERR: invalid password\n");
      server.signal("SIGTERM");
      const { code, complaints } = await server.ended();
      assertEquals(code, 0);
      assertMatch(complaints, /tokens\.yaml: read again: tokens 1, connections closed 1\n$/);
      assertEquals(complaints.includes(out.trimEnd().slice(-43)), false);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "server.ts hash-password prints what --password-hash takes",
  ignore,
  async fn() {
    const { code, out } = await runProgram([], ["hash-password"], "hunter2\n");
    const hash = out.trimEnd();
    assertEquals(code, 0);
    await using server = await start(["--port=0", "--password-hash", hash]);
    assertEquals(await ask(server.port, "PASS hunter3\nPASS hunter2\nSET k v\n"), "ERR: invalid password\nOK\nOK\n");
    const refused = await run(["--port=0", "--password-hash", hash, "--token-file=none"], {
      permissions: ["--allow-net=127.0.0.1:1"],
    });
    assertEquals([refused.code, refused.complaint.includes(hash)], [2, false]);
  },
});

Deno.test({
  name: "server.ts takes localhost as a host",
  ignore,
  async fn() {
    await using server = await start(["--port=0", "--host=localhost"]);
    assertMatch(server.line, /listening on (127\.0\.0\.1|\[::1\]):\d+\n$/);
  },
});

Deno.test({
  name: "server.ts reads a YAML file, and the environment if it may",
  ignore,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const path = `${folder}/config.yaml`;
      await Deno.writeTextFile(path, "port: 70000\nhost: localhost\n");
      const permissions = [NETWORK, `--allow-read=${folder}`, "--allow-env"];
      const refused = await run(["--config", path], { permissions });
      assertEquals(
        [refused.code, refused.complaint],
        [2, "config.yaml: port: Cannot use 70000 as a port: it must be a whole number from 0 to 65535\n"],
      );
      await using server = await start(["--config", path], {
        permissions,
        environment: { CRYPTOMEM_PORT: "0", CRYPTOMEM_HOST: "127.0.0.1" },
      });
      assertMatch(server.line, /listening on 127\.0\.0\.1:\d+\n$/);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "server.ts skips the environment without --allow-env",
  ignore,
  async fn() {
    await using server = await start(["--port", "0"], { environment: { CRYPTOMEM_HOST: "no such host" } });
    assert(server.port > 0);
  },
});

Deno.test({
  name: "server.ts ends with exit code 2 and one line at options that it cannot use",
  ignore,
  async fn() {
    const cases: [string[], Start, string][] = [
      [["--prot", "1"], {}, "--prot: Unknown option: did you mean --port?\n"],
      [
        ["--port", "9090"],
        { permissions: ["--allow-net=127.0.0.1:8080"] },
        "127.0.0.1:9090: Cannot listen without permission: run deno run --allow-net=127.0.0.1:9090 server.ts --port 9090\n",
      ],
      [
        ["hunter2", "9090", "--listen", "9091=cm"],
        { permissions: ["--allow-net=127.0.0.1:9090"] },
        "127.0.0.1:9091: Cannot listen without permission: run deno run --allow-net=127.0.0.1:9090,127.0.0.1:9091 " +
        "server.ts PASSWORD 9090 --listen 9091=cm\n",
      ],
      [["hunter2", "hunter3"], {}, "argument 2: Cannot use it as a port: it must be a whole number from 0 to 65535\n"],
      [
        ["--config", "my config.yaml"],
        {},
        "my config.yaml: Cannot read it without permission: run deno run --allow-net '--allow-read=my config.yaml' " +
        "server.ts --config 'my config.yaml'\n",
      ],
      [
        ["--config", "nowhere.yaml"],
        { permissions: [NETWORK, "--allow-read"] },
        "nowhere.yaml: Cannot read it: there is no such file\n",
      ],
    ];
    for (const [args, start, complaint] of cases) {
      assertEquals(await run(args, start), { code: 2, out: "", complaint });
    }
  },
});

Deno.test({
  name: "server.ts ends with exit code 1 and one line when its port is taken",
  ignore,
  async fn() {
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = taken.addr;
    assertEquals(await run(["--port", String(port)]), {
      code: 1,
      out: "",
      complaint:
        `127.0.0.1:${port}: Cannot listen: another program does; stop it, or choose another port with --port\n`,
    });
  },
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test({
    name: `server.ts ends with exit code 0 within 5 s of ${signal}, whatever its connections do`,
    ignore: ignoreSignals,
    async fn() {
      await using server = await start(["--port", "0"]);
      using idle = await server.connect();
      using halfway = await server.connect();
      await ping(idle);
      await ping(halfway);
      await halfway.write(PING.subarray(0, 5));
      const signalledMs = performance.now();
      server.signal(signal);
      assertEquals(await server.ended(), { code: 0, complaints: "" });
      assert(performance.now() - signalledMs < 5_000);
      assertEquals(await idle.read(new Uint8Array(1)), null);
    },
  });
}

Deno.test({
  name: "server.ts ends at once at the second signal",
  ignore: ignoreSignals,
  async fn() {
    await using server = await start(["--port", "0"]);
    using connection = await server.connect();
    await ping(connection);
    server.signal("SIGTERM");
    // The server has ended this connection and waits for the client to do the same.
    assertEquals(await connection.read(new Uint8Array(1)), null);
    server.signal("SIGTERM");
    assertEquals((await server.ended()).code, 143);
  },
});

Deno.test({
  name: "server.ts says once why it does not listen where the network reaches it and nobody is asked",
  ignore: !canRun || !canListen,
  async fn() {
    const { code, complaint } = await run(["--host", "0.0.0.0", "--port", "0"], { permissions: ["--allow-net"] });
    assertEquals([code, complaint.split("Cannot listen").length], [1, 2]);
  },
});
