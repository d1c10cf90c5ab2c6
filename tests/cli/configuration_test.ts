import { assertEquals, assertThrows } from "@std/assert";
import { parseCommandLine } from "../../lib/cli/configuration.ts";
import { settingTexts } from "../../lib/cli/options.ts";
import { DIALECT_NAMES } from "../../lib/codec/dialect.ts";
import { UsageError } from "../../lib/cli/usage_error.ts";
import {
  DEFAULT_FRAME_TIMEOUT_MS,
  DEFAULT_HOSTNAME,
  DEFAULT_KEPT_SNAPSHOTS,
  DEFAULT_MAX_VALUE_BYTES,
  DEFAULT_PORT,
  DEFAULT_SNAPSHOT_INTERVAL_MS,
} from "../../lib/limits.ts";
import { complaint, settle } from "../support/settle.ts";

/** What is kept, and how, unless somebody says so. */
const NOT_KEPT = {
  dataDir: "",
  appendLog: "everysec",
  snapshotIntervalMs: DEFAULT_SNAPSHOT_INTERVAL_MS,
  snapshotChanges: Infinity,
  keptSnapshots: DEFAULT_KEPT_SNAPSHOTS,
} as const;

/** What the options about users are unless somebody sets them. */
const NOBODY_ASKED = {
  passwordFile: undefined,
  passwordHash: undefined,
  rememberPassword: true,
  tokenFile: undefined,
  insecure: false,
  maxClients: 10_000,
  maxClientsPerAddress: 1_000,
  handshakeTimeoutMs: 5_000,
  idleTimeoutMs: Infinity,
};

/** What the options about wires are. */
const PLAIN_WIRES = {
  serverKeyFile: undefined,
  requireSecure: false,
  tlsCert: undefined,
  tlsKey: undefined,
  tlsListen: { port: 8443 },
  tlsClientCa: undefined,
  unixPath: undefined,
  unixMode: "600",
};

Deno.test("settleConfiguration() has a default for everything", async () => {
  assertEquals(await settle([]), {
    hostname: DEFAULT_HOSTNAME,
    port: DEFAULT_PORT,
    listen: [],
    dialects: DIALECT_NAMES,
    maxValueBytes: DEFAULT_MAX_VALUE_BYTES,
    maxMemoryBytes: Infinity,
    eviction: "s3-fifo",
    sealedOnly: [],
    counters: [],
    ...NOBODY_ASKED,
    ...PLAIN_WIRES,
    frameTimeoutMs: DEFAULT_FRAME_TIMEOUT_MS,
    ...NOT_KEPT,
  });
});

Deno.test("settleConfiguration() lets flags win over environment over file over default", async () => {
  const files = { "c.conf": "port=1\nhost=file\nmax-value-size=1kb" };
  const environment = { CRYPTOMEM_PORT: "2", CRYPTOMEM_HOST: "environment" };
  assertEquals(await settle(["--port", "3", "--config", "c.conf"], { environment, files }), {
    port: 3,
    hostname: "environment",
    listen: [],
    dialects: DIALECT_NAMES,
    maxValueBytes: 1024,
    maxMemoryBytes: Infinity,
    eviction: "s3-fifo",
    sealedOnly: [],
    counters: [],
    ...NOBODY_ASKED,
    ...PLAIN_WIRES,
    frameTimeoutMs: DEFAULT_FRAME_TIMEOUT_MS,
    ...NOT_KEPT,
  });
});

Deno.test("settleConfiguration() finds the file by CRYPTOMEM_CONFIG too, a flag wins", async () => {
  const world = { environment: { CRYPTOMEM_CONFIG: "a.yaml" }, files: { "a.yaml": "port: 1", "b.conf": "port=2" } };
  assertEquals((await settle([], world)).port, 1);
  assertEquals((await settle(["--config=b.conf"], world)).port, 2);
});

Deno.test("settleConfiguration() reads values alike from every source", async () => {
  const MIB = 1024 * 1024;
  const memory = { maxMemoryBytes: 512 * MIB, eviction: "lru" } as const;
  const places = {
    listen: [{ port: 6380, dialect: "gocache" }, { hostname: "::1", port: 0 }],
    dialects: ["cm", "text"],
  } as const;
  const sealing = { sealedOnly: ["user:", "token:"], counters: ["user:hits:"] } as const;
  const limits = { maxValueBytes: 2 * MIB, ...memory, frameTimeoutMs: 1500 };
  const kept = {
    dataDir: "/var/lib/cryptomem",
    appendLog: "no",
    snapshotIntervalMs: 60_000,
    snapshotChanges: 1_000,
    keptSnapshots: 3,
  } as const;
  const passwordHash = "$scrypt$ln=15,r=8,p=3$AAECAwQFBgcICQoLDA0ODw$ANYWwrwG9exM4wRn3uDhnkTuLMG27uj4k9dz5KrBPkg";
  const users = { passwordFile: "a/pw", passwordHash, rememberPassword: false, tokenFile: "t.yaml" } as const;
  const { insecure, maxClients, maxClientsPerAddress, handshakeTimeoutMs, idleTimeoutMs } = NOBODY_ASKED;
  const wires = { insecure, maxClients, maxClientsPerAddress, handshakeTimeoutMs, idleTimeoutMs };
  const expected = {
    hostname: "::1",
    port: 0,
    ...PLAIN_WIRES,
    ...places,
    ...limits,
    ...sealing,
    ...kept,
    ...users,
    ...wires,
  };
  const yaml = 'host: "::1"\nport: 0\nmax-value-size: 2mb\nmax-memory: 512mb\neviction: lru\nframe-timeout: 1500\n' +
    'listen:\n  - 6380=gocache\n  - "[::1]:0"\ndialects: [cm, text]\nsealed-only: ["user:", "token:"]\ncounters: "user:hits:"\n' +
    `password-file: a/pw\npassword-hash: ${passwordHash}\nremember-password: off\ntoken-file: t.yaml\n` +
    "data-dir: /var/lib/cryptomem\nappend-log: no\nsnapshot-interval: 1m\nsnapshot-changes: 1000\nsnapshots-kept: 3\n";
  const lines = "host=::1\nport=0\nmax-value-size=2097152\nmax-memory=536870912\neviction=lru\nframe-timeout=1.5s\n" +
    "listen=6380=gocache, [::1]:0\ndialects=cm,text\nsealed-only=user:,token:\ncounters=user:hits:\n" +
    `password-file=a/pw\npassword-hash=${passwordHash}\nremember-password=off\ntoken-file=t.yaml\n` +
    "data-dir=/var/lib/cryptomem\nappend-log=no\nsnapshot-interval=60000\nsnapshot-changes=1000\nsnapshots-kept=3\n";
  const flags = "--sealed-only user: --sealed-only=token: --counters user:hits: " +
    `--password-file a/pw --password-hash ${passwordHash} --remember-password=off --token-file t.yaml ` +
    "--listen 6380=gocache --listen=[::1]:0 --dialects cm,text --host ::1 --port 0 --max-value-size 2mb --max-memory 0.5gb --eviction lru --frame-timeout 1500ms " +
    "--data-dir /var/lib/cryptomem --append-log no --snapshot-interval 60s --snapshot-changes 1000 --snapshots-kept 3";
  assertEquals(await settle(flags.split(" ")), expected);
  assertEquals(await settle(["--config", "c.yaml"], { files: { "c.yaml": yaml } }), expected);
  assertEquals(await settle(["--config", "c.conf"], { files: { "c.conf": lines } }), expected);
  assertEquals(
    await settle([], {
      environment: {
        CRYPTOMEM_HOST: "::1",
        CRYPTOMEM_PORT: "0",
        CRYPTOMEM_MAX_VALUE_SIZE: "2mb",
        CRYPTOMEM_MAX_MEMORY: "512mb",
        CRYPTOMEM_EVICTION: "lru",
        CRYPTOMEM_LISTEN: "6380=gocache,[::1]:0",
        CRYPTOMEM_DIALECTS: "cm,text",
        CRYPTOMEM_SEALED_ONLY: "user:, token:",
        CRYPTOMEM_COUNTERS: "user:hits:",
        CRYPTOMEM_PASSWORD_FILE: "a/pw",
        CRYPTOMEM_PASSWORD_HASH: passwordHash,
        CRYPTOMEM_REMEMBER_PASSWORD: "off",
        CRYPTOMEM_TOKEN_FILE: "t.yaml",
        CRYPTOMEM_FRAME_TIMEOUT: "1500",
        CRYPTOMEM_DATA_DIR: "/var/lib/cryptomem",
        CRYPTOMEM_APPEND_LOG: "no",
        CRYPTOMEM_SNAPSHOT_INTERVAL: "1m",
        CRYPTOMEM_SNAPSHOT_CHANGES: "1000",
        CRYPTOMEM_SNAPSHOTS_KEPT: "3",
      },
    }),
    expected,
  );
});

Deno.test("settleConfiguration() names the source of a value that it cannot use", async () => {
  const port = "a port: it must be a whole number from 0 to 65535";
  assertEquals(await complaint(["--port", "70000"]), `--port: Cannot use "70000" as ${port}`);
  assertEquals(
    await complaint([], { environment: { CRYPTOMEM_PORT: "http" } }),
    `CRYPTOMEM_PORT: Cannot use "http" as ${port}`,
  );
  assertEquals(
    await complaint(["--config", "etc/config.yaml"], { files: { "etc/config.yaml": "port: 70000" } }),
    `config.yaml: port: Cannot use 70000 as ${port}`,
  );
  assertEquals(
    await complaint(["--config", "c.conf"], { files: { "c.conf": "port=" } }),
    `c.conf: port: Cannot use "" as ${port}`,
  );
});

Deno.test("settleConfiguration() refuses values out of range or of another kind", async () => {
  for (const port of ["65536", "1.5", "0x50", "1e3", "-0", "８０"]) {
    assertEquals((await complaint([`--port=${port}`])).startsWith("--port: Cannot use"), true, port);
  }
  for (const host of ["a:80", "http://a", "a b", "[::1]", "a/b"]) {
    assertEquals((await complaint(["--host", host])).startsWith("--host: Cannot use"), true, host);
  }
  assertEquals((await complaint(["--max-value-size", "1gb"])).startsWith("--max-value-size: Cannot use"), true);
  assertEquals((await complaint(["--max-memory", "1000"])).startsWith("--max-memory: Cannot use"), true);
  assertEquals((await complaint(["--max-memory", "lots"])).startsWith("--max-memory: Cannot read"), true);
  assertEquals((await complaint(["--eviction", "fifo"])).startsWith("--eviction: Cannot use"), true);
  assertEquals((await settle(["--max-memory", "none", "--eviction", "none"])).maxMemoryBytes, Infinity);
  assertEquals((await complaint(["--frame-timeout", "0"])).startsWith("--frame-timeout: Cannot use"), true);
  assertEquals((await complaint(["--frame-timeout", "25d"])).startsWith("--frame-timeout: Cannot use"), true);
});

Deno.test("settleConfiguration() refuses YAML values that are neither text nor number", async () => {
  const cases = {
    "port: true": "true",
    "port: [1]": "a list",
    "port: {a: 1}": "a group of values",
    "port:": "nothing",
  };
  for (const [yaml, kind] of Object.entries(cases)) {
    assertEquals(
      await complaint(["--config", "c.yaml"], { files: { "c.yaml": yaml } }),
      `c.yaml: port: Cannot use ${kind} here: write a text or a number`,
    );
  }
});

Deno.test("settleConfiguration() refuses unknown keys and suggests the nearest", async () => {
  assertEquals(
    await complaint(["--config", "c.yaml"], { files: { "c.yaml": "prot: 1" } }),
    "c.yaml: prot: Unknown option: did you mean port?",
  );
  assertEquals(
    await complaint(["--config", "c.conf"], { files: { "c.conf": "password=hunter2" } }),
    "c.conf: password: Unknown option; there are host port listen dialects server-key require-secure tls-cert tls-key " +
      "tls-listen tls-client-ca unix unix-mode max-value-size max-memory eviction sealed-only counters data-dir append-log snapshot-interval snapshot-changes snapshots-kept password-file password-hash " +
      "remember-password token-file insecure max-clients max-per-address handshake-timeout idle-timeout frame-timeout",
  );
  for (const key of ["__proto__", "constructor", "toString"]) {
    const message = await complaint(["--config", "c.conf"], { files: { "c.conf": `${key}=1` } });
    assertEquals(message.startsWith(`c.conf: ${key}: Unknown option`), true);
  }
});

Deno.test("settleConfiguration() refuses to say how entries are kept where none are", async () => {
  for (const flag of ["--append-log=always", "--snapshot-interval=1m", "--snapshot-changes=1", "--snapshots-kept=1"]) {
    assertEquals(await complaint([flag]), `${flag.split("=")[0]}: Cannot use it without --data-dir`);
    assertEquals(
      await complaint([flag, "--data-dir", "none"]),
      `${flag.split("=")[0]}: Cannot use it without --data-dir`,
    );
    await settle([flag, "--data-dir", "d"]);
  }
  const environment = { CRYPTOMEM_APPEND_LOG: "always" };
  assertEquals(await complaint([], { environment }), "CRYPTOMEM_APPEND_LOG: Cannot use it without --data-dir");
});

Deno.test("settleConfiguration() refuses what entries cannot be kept by", async () => {
  const refused = [
    ["--append-log", "fsync"],
    ["--append-log", "Always"],
    ["--snapshot-interval", "0"],
    ["--snapshot-interval", "999"],
    ["--snapshot-interval", "25d"],
    ["--snapshot-changes", "0"],
    ["--snapshot-changes", "1.5"],
    ["--snapshots-kept", "0"],
    ["--snapshots-kept", "none"],
    ["--snapshots-kept", "1001"],
  ] as const;
  for (const [flag, value] of refused) {
    const message = await complaint([flag, value, "--data-dir", "d"]);
    assertEquals(message.startsWith(`${flag}: Cannot use`), true, message);
  }
  const never = await settle(["--data-dir=d", "--snapshot-interval=none", "--snapshot-changes=none"]);
  assertEquals([never.snapshotIntervalMs, never.snapshotChanges], [Infinity, Infinity]);
});

Deno.test("parseCommandLine() takes both ways of writing a value", () => {
  assertEquals([...parseCommandLine(["--host=a", "--port", "0"]).flags], [["host", "a"], ["port", "0"]]);
});

Deno.test("parseCommandLine() refuses unknown flags, suggests the nearest and hides their values", () => {
  const cases: [string[], string][] = [
    [["--prot", "1"], "--prot: Unknown option: did you mean --port?"],
    [["--prot=hunter2"], "--prot: Unknown option: did you mean --port?"],
    [["-p", "1"], "-p: Unknown option; there are "],
    [["--no-port"], "--no-port: Unknown option"],
    [["--__proto__", "1"], "--__proto__: Unknown option"],
    [["--password", "hunter2"], "--password: Unknown option; there are --host --port "],
  ];
  for (const [args, expected] of cases) {
    const { message } = assertThrows(() => parseCommandLine(args), UsageError);
    assertEquals(message.slice(0, expected.length), expected);
    assertEquals(message.includes("hunter2"), false);
  }
});

Deno.test("parseCommandLine() refuses a flag without its value", () => {
  for (const args of [["--port"], ["--port="], ["--port", ""], ["--port", "--host", "a"], ["--port", "-1"]]) {
    const { message } = assertThrows(() => parseCommandLine(args), UsageError);
    assertEquals(message, "--port: Cannot use it without a value");
  }
});

Deno.test("parseCommandLine() refuses a flag given twice", () => {
  const { message } = assertThrows(() => parseCommandLine(["--port", "1", "--port=2"]), UsageError);
  assertEquals(message, "--port: Cannot use it 2 times: give it once");
});

Deno.test("parseCommandLine() takes a password and a port as words, as they were written", () => {
  const cases: [string[], string, string | undefined][] = [
    [["secret"], "secret", undefined],
    [["007", "9090"], "007", "9090"],
    [["1e3", "--host", "a"], "1e3", undefined],
    [["--host", "a", "--", "--secret", "0"], "--secret", "0"],
    [["secret", "--port", "1"], "secret", "1"],
  ];
  for (const [args, password, port] of cases) {
    const commandLine = parseCommandLine(args);
    assertEquals([commandLine.password, commandLine.flags.get("port")], [password, port]);
    assertEquals([...commandLine.flags.values()].includes(password), false);
  }
  assertEquals(parseCommandLine(["--port", "1"]).password, undefined);
});

Deno.test("parseCommandLine() refuses other arguments without showing them", () => {
  const only = "Cannot use it: only options, a password and a port are taken, see --help";
  const port = "Cannot use it as a port: it must be a whole number from 0 to 65535";
  const cases: [string[], string][] = [
    [["secret", "1", "hunter2"], `argument 3: ${only}`],
    [["--host", "a", "secret", "--", "1", "hunter2"], `argument 6: ${only}`],
    [["secret", "hunter2"], `argument 2: ${port}`],
    [["secret", "65536"], `argument 2: ${port}`],
    [["secret", "-1"], "-1: Unknown option"],
    [["secret", "8081", "--port", "1"], "argument 2: Cannot use it as a port: --port is given as well"],
    [[""], "argument 1: Cannot use an empty password"],
  ];
  for (const [args, expected] of cases) {
    const { message } = assertThrows(() => parseCommandLine(args), UsageError);
    assertEquals(message.slice(0, expected.length), expected);
    assertEquals(/hunter2|secret/.test(message), false, message);
  }
});

Deno.test("settleConfiguration() takes further places as a list, and refuses what is none", async () => {
  const places = ["6380", "127.0.0.1:19201=stash", "localhost:0=cm", "[::1]:65535=text"];
  assertEquals((await settle(["--listen", places.join(",")])).listen, [
    { port: 6380 },
    { port: 19201, hostname: "127.0.0.1", dialect: "stash" },
    { port: 0, hostname: "localhost", dialect: "cm" },
    { port: 65535, hostname: "::1", dialect: "text" },
  ]);
  assertEquals((await settle(["--listen", "none"])).listen, []);
  assertEquals((await settle(["--config", "c.yaml"], { files: { "c.yaml": "listen: [6380]" } })).listen, [{
    port: 6380,
  }]);
  assertEquals((await settle(["--config", "c.yaml"], { files: { "c.yaml": "listen: []" } })).listen, []);
  for (const place of ["", "a", "a:b", ":1", "65536", "1=", "1=redis", "=cm", "::1:1", "1,,2", "none,1", "1=cm=cm"]) {
    const message = place === "" ? await complaint(["--listen="]) : await complaint(["--listen", place]);
    assertEquals(message.startsWith("--listen: Cannot use"), true, message);
  }
});

Deno.test("settleConfiguration() takes dialects as a list, and refuses names of none", async () => {
  assertEquals((await settle(["--dialects", "resp"])).dialects, ["resp"]);
  assertEquals((await settle(["--dialects", "cm", "--dialects", "stash"])).dialects, ["cm", "stash"]);
  for (const dialects of ["redis", "CM", "cm,", "cm text"]) {
    const message = await complaint(["--dialects", dialects]);
    assertEquals(message.endsWith("as a dialect: there are cm, text, gocache, stash, resp"), true, message);
  }
});

Deno.test("settleConfiguration() takes all, none or prefixes for sealed-only", async () => {
  assertEquals((await settle(["--sealed-only", "all"])).sealedOnly, "all");
  assertEquals((await settle(["--sealed-only", "none", "--counters", "none"])).sealedOnly, []);
  const { sealedOnly, counters } = await settle(["--sealed-only", "all", "--counters", "hits:,visits:"]);
  assertEquals([sealedOnly, counters], ["all", ["hits:", "visits:"]]);
  const file = { files: { "c.yaml": 'sealed-only: all\ncounters: ["hits:"]' } };
  assertEquals((await settle(["--config", "c.yaml"], file)).counters, ["hits:"]);
});

Deno.test("settleConfiguration() refuses prefixes that make no sense, and names where they stand", async () => {
  const cases: [string[], string][] = [
    [["--sealed-only", "a:,,b:"], '--sealed-only: Cannot use "" as a prefix of keys: '],
    [["--sealed-only", "all,a:"], '--sealed-only: Cannot use "all" as a prefix of keys: '],
    [["--sealed-only", "a:,none"], '--sealed-only: Cannot use "none" as a prefix of keys: '],
    [["--sealed-only", "a:", "--counters", "all"], '--counters: Cannot use "all" as a prefix of keys: '],
    [["--counters", "hits:"], '--counters: Cannot use "hits:" as a prefix of counters: no key under it is sealed-only'],
    [["--sealed-only", "none", "--counters", "hits:"], '--counters: Cannot use "hits:" as a prefix of counters: '],
    [["--sealed-only", "user:", "--counters", "hits:"], '--counters: Cannot use "hits:" as a prefix of counters: '],
  ];
  for (const [args, expected] of cases) {
    const message = await complaint(args);
    assertEquals(message.slice(0, expected.length), expected);
  }
  const files = { "c.yaml": "sealed-only: [7]" };
  assertEquals(
    await complaint(["--config", "c.yaml"], { files }),
    "c.yaml: sealed-only: Cannot use the number 7 as a prefix of keys: write it between quotes",
  );
  const environment = { CRYPTOMEM_COUNTERS: "hits:" };
  assertEquals((await complaint([], { environment })).startsWith("CRYPTOMEM_COUNTERS: Cannot use"), true);
});

Deno.test("settingTexts() tells every setting so that it can be given again", async () => {
  const args =
    "--listen 6380=gocache --listen [::1]:1 --dialects cm,text --max-memory 2mb --port 1 --frame-timeout 5s " +
    "--sealed-only a:,b: --counters a:n: " +
    "--data-dir d --append-log always --snapshot-interval 2m --snapshot-changes 7 --snapshots-kept 1 " +
    "--server-key k --require-secure on --tls-cert c --tls-key p --tls-listen [::1]:8 --tls-client-ca a --unix /s --unix-mode 0660";
  for (const given of [[], args.split(" "), ["--sealed-only", "all", "--counters", "n:"]]) {
    const configuration = await settle(given);
    const texts = settingTexts(configuration);
    // How entries are kept can be told to a server that keeps none, but not given to it; so with TLS and sockets.
    const isGiven = (name: string) =>
      configuration.dataDir !== "" || !/^(append-log|snapshot|tls-listen|unix-mode)/.test(name);
    const flags = [...texts].filter(([name]) => isGiven(name)).flatMap(([name, text]) => [`--${name}`, text]);
    assertEquals(await settle(flags), configuration);
  }
});

Deno.test("parseCommandLine() shows help to whoever asks, whatever else is wrong", () => {
  assertEquals(parseCommandLine(["--prot", "1", "--help"]).flags.has("help"), true);
});
