// A server that keeps its entries, as its clients see it: when replies come, and what they say when a disk fails.
import { concat } from "@std/bytes";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { textOf, utf8 } from "../../lib/bytes.ts";
import { serve } from "../../lib/server/serve.ts";
import { frame, reply } from "../support/cm_frame.ts";
import { type DiskOperation, FaultDisk, type WhichCall } from "../support/fault_disk.ts";
import { KeptServer } from "../support/kept_server.ts";
import { canListen } from "../support/permissions.ts";
import { RawClient } from "../support/raw_client.ts";
import { command } from "../support/resp_frame.ts";

const SET = 1, GET = 2, PING = 4, CLEAR = 19, STATS = 20;
const OK = 1, ERROR = 2;
/** A log that is being written. */
const LOG = /^log-.*cryptomem$/;

/** All calls of a kind, on files of such names. */
function calls(operation: DiskOperation, name = /./): WhichCall {
  return (call) => call.operation === operation && name.test(call.name);
}

function durabilityTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !canListen, fn });
}

/** Lets everything that can go on go on, without waiting for time to pass. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setTimeout(resolve, 0));
}

/** What has come within a moment; the connection stays. */
class Listener {
  bytes: Uint8Array = new Uint8Array(0);
  readonly #done: Promise<void>;

  constructor(client: RawClient) {
    this.#done = this.#run(client);
  }

  get text(): string {
    return textOf(this.bytes);
  }

  async until(isThere: (listener: Listener) => boolean): Promise<void> {
    for (let turns = 0; !isThere(this); turns++) {
      assert(turns < 2_000, `it did not come; there is ${JSON.stringify(this.text)}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  end(): Promise<void> {
    return this.#done;
  }

  async #run({ connection }: RawClient): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    try {
      for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
        this.bytes = concat([this.bytes, buffer.slice(0, count)]);
      }
    } catch {
      // Closed by the test.
    }
  }
}

durabilityTest(
  "under `always` a reply waits for the sync, and those of other connections that change nothing do not",
  async () => {
    await using kept = await KeptServer.start("always");
    using writer = await RawClient.connect(kept);
    using other = await RawClient.connect(kept);
    const hold = kept.disk.hold(calls("sync", LOG));
    const listener = new Listener(writer);
    await writer.send(utf8("SET k v\nGET k\nPING\n"));
    await other.exchange(frame({ opcode: PING, value: "still here" }), reply(OK, "still here"));
    await settle();
    assertEquals(listener.text, "");
    // One who might have seen the change waits with it.
    const reader = new Listener(other);
    await other.send(frame({ opcode: GET, key: "k" }));
    await settle();
    assertEquals(reader.bytes.length, 0);
    hold.lift();
    await listener.until(({ text }) => text === "OK\nv\nPONG\n");
    await reader.until(({ bytes }) => bytes.length === reply(OK, "v").length);
    assertEquals(reader.bytes, reply(OK, "v"));
    writer[Symbol.dispose]();
    other[Symbol.dispose]();
    await Promise.all([listener.end(), reader.end()]);
  },
);

durabilityTest("under `everysec` and `no` replies wait for nothing", async () => {
  for (const mode of ["everysec", "no", "off"] as const) {
    await using kept = await KeptServer.start(mode);
    using client = await RawClient.connect(kept);
    const holds = [kept.disk.hold(calls("append", LOG)), kept.disk.hold(calls("sync", LOG))];
    await client.exchange(utf8("SET k v\nGET k\n"), utf8("OK\nv\n"));
    for (const hold of holds) hold.lift();
  }
});

durabilityTest("pipelined commands share one sync, and so do connections", async () => {
  await using kept = await KeptServer.start("always");
  using client = await RawClient.connect(kept);
  const syncs = () => kept.disk.trace.filter(({ operation, name }) => operation === "sync" && LOG.test(name)).length;
  const before = syncs();
  await client.exchange(
    concat(Array.from({ length: 100 }, (_, i) => frame({ opcode: SET, key: `k${i}`, value: "v" }))),
    concat(Array.from({ length: 100 }, () => reply(OK))),
  );
  // They may come in more than one read.
  assert(syncs() - before <= 10, `${syncs() - before} syncs`);
  const hold = kept.disk.hold(calls("sync", LOG));
  const others: RawClient[] = [];
  const listeners: Listener[] = [];
  const atHold = syncs();
  for (let i = 0; i < 10; i++) {
    const other = await RawClient.connect(kept);
    others.push(other);
    listeners.push(new Listener(other));
    await other.send(utf8(`SET other${i} v\n`));
  }
  await settle();
  hold.lift();
  for (const listener of listeners) await listener.until(({ text }) => text === "OK\n");
  assert(syncs() - atHold <= 3, `${syncs() - atHold} syncs for ten connections`);
  for (const other of others) other[Symbol.dispose]();
  await Promise.all(listeners.map((listener) => listener.end()));
});

/** A dialect's words for: store k, read k, whether there is another entry, and a transaction or the like. */
const DIALECTS: readonly {
  readonly name: string;
  readonly set: (key: string, value: string) => Uint8Array;
  readonly get: (key: string) => Uint8Array;
  readonly stored: Uint8Array;
  readonly value: (value: string) => Uint8Array;
  readonly missing: Uint8Array;
  readonly refused: RegExp;
}[] = [
  {
    name: "cm",
    set: (key, value) => frame({ opcode: SET, key, value }),
    get: (key) => frame({ opcode: GET, key }),
    stored: reply(OK),
    value: (value) => reply(OK, value),
    missing: reply(0),
    // deno-lint-ignore no-control-regex -- a frame has them
    refused: /^CM\x02[^]{4}STORAGE [^]+$/,
  },
  {
    name: "text",
    set: (key, value) => utf8(`SET ${key} ${value}\n`),
    get: (key) => utf8(`GET ${key}\n`),
    stored: utf8("OK\n"),
    value: (value) => utf8(`${value}\n`),
    missing: utf8("(nil)\n"),
    refused: /^ERR: STORAGE [^\n]+\n$/,
  },
  {
    name: "gocache",
    set: (key, value) => utf8(`SET ${key} "${value}"\n`),
    get: (key) => utf8(`GET ${key}\n`),
    stored: utf8("OK\n"),
    value: (value) => utf8(`"${value}"\n`),
    missing: utf8("(nil)\n"),
    refused: /^ERROR STORAGE [^\n]+\n$/,
  },
  {
    name: "stash",
    set: (key, value) => utf8(`SET\0${key.length}\0${key}\0${value.length}\0${value}\r\n`),
    get: (key) => utf8(`GET\0${key.length}\0${key}\r\n`),
    stored: utf8("OK\r\n"),
    value: (value) => utf8(`${value}\r\n`),
    missing: utf8("ERR\r\n"),
    refused: /^ERR\r\n$/,
  },
  {
    name: "resp",
    set: (key, value) => command("SET", key, value),
    get: (key) => command("GET", key),
    stored: utf8("+OK\r\n"),
    value: (value) => utf8(`$${value.length}\r\n${value}\r\n`),
    missing: utf8("$-1\r\n"),
    refused: /^-MISCONF [^\r\n]+\r\n$/,
  },
];

for (const dialect of DIALECTS) {
  durabilityTest(
    `${dialect.name}: what the disk does not take is refused, before and after that is known; reads are served`,
    async () => {
      const isPinned = dialect.name === "gocache";
      await using kept = await KeptServer.start("always", new FaultDisk(), {
        ...(isPinned && { dialects: ["gocache"] as const }),
      });
      using client = await RawClient.connect(kept);
      await client.exchange(dialect.set("k", "old"), dialect.stored);
      const faults = [
        kept.disk.fail(calls("sync", LOG), "EIO"),
        kept.disk.fail(calls("create"), "EIO"),
      ];
      // This one is what finds out; the others meet a log that is known to fail.
      for (let i = 0; i < 3; i++) {
        await client.send(dialect.set("k", "new"));
        const answer = textOf(await readOne(client));
        assertMatch(answer, dialect.refused);
        await client.exchange(dialect.get("k"), dialect.value("old"));
        await client.exchange(dialect.get("nobody"), dialect.missing);
      }
      for (const fault of faults) fault.lift();
      await untilStored(client, dialect.set("k", "new"), dialect.stored);
      await client.exchange(dialect.get("k"), dialect.value("new"));
    },
  );
}

/** All that comes at once. */
async function readOne(client: RawClient): Promise<Uint8Array> {
  const buffer = new Uint8Array(4096);
  const count = await client.connection.read(buffer);
  return buffer.slice(0, count ?? 0);
}

/** Asks again until the server has recovered, which it tries each second. */
async function untilStored(client: RawClient, request: Uint8Array, stored: Uint8Array): Promise<void> {
  for (let i = 0; i < 500; i++) {
    await client.send(request);
    const answer = await readOne(client);
    if (textOf(answer) === textOf(stored)) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("it did not recover");
}

durabilityTest(
  "of a pipeline whose changes are lost, each reply about entries is refused and the others stay, in order",
  async () => {
    await using kept = await KeptServer.start("always");
    using client = await RawClient.connect(kept);
    await client.exchange(command("SET", "n", 1), utf8("+OK\r\n"));
    kept.disk.fail(calls("sync", LOG), "EIO");
    const refused = /^-MISCONF /;
    const expected = [
      ["PING", /^\+PONG$/],
      ["INCR n", refused],
      ["ECHO between", /^\$7$/],
      ["", /^between$/],
      ["GET n", refused],
      ["GET nobody", refused],
      ["FLY", /^-ERR unknown command/],
      ["SET k", /^-ERR wrong number of arguments/],
      ["MULTI", /^\+OK$/],
      ["SET a 1", /^\+QUEUED$/],
      ["SET b 2", /^\+QUEUED$/],
      ["EXEC", refused],
      ["MSET c 3 d 4", refused],
      ["RENAME n m", refused],
      ["SUBSCRIBE news", /^\*3$/],
      ["", /^\$9$/],
      ["", /^subscribe$/],
      ["", /^\$4$/],
      ["", /^news$/],
      ["", /^:1$/],
      ["PING", /^\*2$/],
    ] as const;
    await client.send(concat(expected.filter(([line]) => line !== "").map(([line]) => command(...line.split(" ")))));
    const listener = new Listener(client);
    await listener.until(({ text }) => text.endsWith("*2\r\n$4\r\npong\r\n$0\r\n\r\n"));
    const lines = listener.text.split("\r\n");
    for (const [i, [line, pattern]] of expected.entries()) assertMatch(lines[i]!, pattern, `${line}: ${lines[i]}`);
    using other = await RawClient.connect(kept);
    await other.exchange(command("GET", "n"), utf8("$1\r\n1\r\n"));
    await other.exchange(command("DBSIZE"), utf8(":1\r\n"));
    client[Symbol.dispose]();
    await listener.end();
  },
);

durabilityTest("a CLEAR that is lost is refused, and its entries are there again", async () => {
  await using kept = await KeptServer.start("always");
  using client = await RawClient.connect(kept);
  for (const key of ["a", "b"]) await client.exchange(frame({ opcode: SET, key, value: "v" }), reply(OK));
  kept.disk.fail(calls("sync", LOG), "EIO");
  await client.send(frame({ opcode: CLEAR }));
  const header = await client.read(7);
  assertEquals(header[2], ERROR);
  assertStringIncludes(textOf(await client.read(new DataView(header.buffer).getUint32(3))), "STORAGE ");
  await client.exchange(frame({ opcode: GET, key: "a" }), reply(OK, "v"));
  await client.exchange(frame({ opcode: GET, key: "b" }), reply(OK, "v"));
});

durabilityTest("a message that comes while replies wait comes behind them", async () => {
  await using kept = await KeptServer.start("always");
  using subscriber = await RawClient.connect(kept);
  using publisher = await RawClient.connect(kept);
  await subscriber.exchange(command("HELLO", 3), await helloOf(kept));
  const listener = new Listener(subscriber);
  await subscriber.send(command("SUBSCRIBE", "news"));
  await listener.until(({ text }) => text.includes("news"));
  const hold = kept.disk.hold(calls("sync", LOG));
  const before = listener.bytes.length;
  await subscriber.send(command("SET", "k", "v"));
  await settle();
  await publisher.exchange(command("PUBLISH", "news", "hello"), utf8(":1\r\n"));
  await settle();
  assertEquals(listener.bytes.length, before);
  hold.lift();
  await listener.until(({ text }) => text.includes("hello"));
  assertEquals(
    textOf(listener.bytes.subarray(before)),
    "+OK\r\n>3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n",
  );
  subscriber[Symbol.dispose]();
  await listener.end();
});

async function helloOf(kept: KeptServer): Promise<Uint8Array> {
  using client = await RawClient.connect(kept);
  await client.send(command("HELLO", 3));
  const text = textOf(await readOne(client));
  // All but the connection's id is the same for each.
  return utf8(text.replace(/(\$2\r\nid\r\n:)\d+/, (_, head) => `${head}1`));
}

durabilityTest(
  "under `everysec` a failing disk refuses nothing, and INFO, STATS and the log say so until it works again",
  async () => {
    await using kept = await KeptServer.start("everysec");
    using client = await RawClient.connect(kept);
    const fault = kept.disk.fail(calls("append", LOG), "ENOSPC");
    const noNew = kept.disk.fail(calls("create"), "ENOSPC");
    await client.exchange(command("SET", "k", "v"), utf8("+OK\r\n"));
    await untilInfo(kept, /aof_last_write_status:err\r\n[^]*append_log_error:[^\r]*No space left/);
    await client.exchange(command("SET", "k", "w"), utf8("+OK\r\n"));
    using cm = await RawClient.connect(kept);
    await cm.send(frame({ opcode: STATS }));
    const header = await cm.read(7);
    const stats = JSON.parse(textOf(await cm.read(new DataView(header.buffer).getUint32(3))));
    assertEquals([stats.persistence.mode, stats.persistence.log.state], ["everysec", "failing"]);
    assert(kept.lines.some((line) => /No space left/.test(line)), kept.lines.join("\n"));
    fault.lift();
    noNew.lift();
    await untilInfo(kept, /aof_last_write_status:ok/);
    await client.exchange(command("SAVE"), utf8("+OK\r\n"));
    await using again = await KeptServer.start("everysec", kept.disk.afterKill());
    using reader = await RawClient.connect(again);
    await reader.exchange(command("GET", "k"), utf8("$1\r\nw\r\n"));
  },
);

async function untilInfo(kept: KeptServer, pattern: RegExp): Promise<void> {
  using client = await RawClient.connect(kept);
  let text = "";
  for (let i = 0; i < 500 && !pattern.test(text); i++) {
    await client.send(command("INFO", "persistence"));
    text = textOf(await readOne(client));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assertMatch(text, pattern);
}

durabilityTest(
  "shutdown() answers what was read when it is synced, and what is answered is there at the next start",
  async () => {
    for (const mode of ["always", "everysec", "no", "off"] as const) {
      const kept = await KeptServer.start(mode);
      using client = await RawClient.connect(kept);
      const holds = mode === "always" ? [kept.disk.hold(calls("sync", LOG))] : [];
      const listener = new Listener(client);
      await client.send(utf8("SET k v\n"));
      await settle();
      const ended = kept.server.shutdown();
      await settle();
      for (const hold of holds) hold.lift();
      await listener.end();
      client[Symbol.dispose]();
      await ended;
      assertEquals(listener.text, "OK\n");
      assertEquals(kept.disk.openFiles, 0);
      await using again = await KeptServer.start(mode, kept.disk.afterPowerCut("none"));
      using reader = await RawClient.connect(again);
      await reader.exchange(utf8("GET k\n"), utf8("v\n"));
    }
  },
);

durabilityTest("SAVE, BGSAVE, BGREWRITEAOF and LASTSAVE", async () => {
  await using kept = await KeptServer.start("everysec");
  using client = await RawClient.connect(kept);
  await client.exchange(command("SET", "k", "v"), utf8("+OK\r\n"));
  await client.exchange(command("SAVE"), utf8("+OK\r\n"));
  assert(kept.disk.names().includes("snapshot-0000000002.cryptomem"), kept.disk.names().join());
  const { takenUnixMs } = kept.persistence.status().lastSnapshot!;
  await client.exchange(command("LASTSAVE"), utf8(`:${Math.floor(takenUnixMs / 1000)}\r\n`));
  const hold = kept.disk.hold(calls("sync", /^snapshot/));
  await client.exchange(command("BGSAVE"), utf8("+Background saving started\r\n"));
  await untilInfo(kept, /rdb_bgsave_in_progress:1/);
  await client.exchange(command("BGSAVE"), utf8("-ERR Background save already in progress\r\n"));
  await client.exchange(command("BGSAVE", "SCHEDULE"), utf8("+Background saving scheduled\r\n"));
  await client.exchange(
    command("BGREWRITEAOF"),
    utf8("+Background append only file rewriting scheduled\r\n"),
  );
  await client.exchange(command("BGSAVE", "NOW"), utf8("-ERR syntax error\r\n"));
  hold.lift();
  await untilInfo(kept, /rdb_bgsave_in_progress:0[^]*rdb_last_bgsave_status:ok/);
  await client.exchange(
    concat([
      command("MULTI"),
      command("SET", "a", 1),
      command("BGREWRITEAOF"),
      command("SET", "b", 2),
      command("EXEC"),
    ]),
    utf8(
      "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n+OK\r\n+Background append only file rewriting started\r\n+OK\r\n",
    ),
  );
  await untilInfo(kept, /rdb_bgsave_in_progress:0/);
});

durabilityTest(
  "SAVE fails with the disk, and a SHUTDOWN that cannot save does not end the server, unless it must",
  async () => {
    await using kept = await KeptServer.start("off");
    using client = await RawClient.connect(kept);
    await client.exchange(command("SET", "k", "v"), utf8("+OK\r\n"));
    kept.disk.fail(calls("create"), "ENOSPC");
    for (const words of [["SAVE"], ["SHUTDOWN", "SAVE"], ["SHUTDOWN"]]) {
      await client.send(command(...words));
      assertMatch(textOf(await readOne(client)), /^-MISCONF [^\r]*\r\n$/);
    }
    await client.exchange(command("GET", "k"), utf8("$1\r\nv\r\n"));
    await client.send(command("SHUTDOWN", "FORCE"));
    assertEquals(await client.readToEnd(), new Uint8Array(0));
    client[Symbol.dispose]();
    await kept.server.finished;
    assert(kept.lines.some((line) => /No space left/.test(line)), kept.lines.join("\n"));
  },
);

durabilityTest("SHUTDOWN keeps all there is; NOSAVE what the log has", async () => {
  for (const words of [["SHUTDOWN"], ["SHUTDOWN", "SAVE"], ["SHUTDOWN", "NOSAVE"]]) {
    const kept = await KeptServer.start("everysec");
    using client = await RawClient.connect(kept);
    await client.send(concat([command("SET", "k", "v"), command(...words)]));
    assertEquals(textOf(await client.readToEnd()), "+OK\r\n");
    client[Symbol.dispose]();
    await kept.server.finished;
    const hasSnapshot = kept.disk.names().some((name) => name.startsWith("snapshot"));
    assertEquals(hasSnapshot, !words.includes("NOSAVE"), words.join(" "));
    await using again = await KeptServer.start("everysec", kept.disk.afterPowerCut("none"));
    using reader = await RawClient.connect(again);
    await reader.exchange(command("GET", "k"), utf8("$1\r\nv\r\n"));
  }
});

durabilityTest("a server without a data directory tells that nothing is kept", async () => {
  await using server = serve({ port: 0 });
  using client = await RawClient.connect(server.address);
  await client.send(command("INFO", "persistence"));
  assertMatch(textOf(await readOne(client)), /aof_enabled:0\r\n/);
  using cm = await RawClient.connect(server.address);
  await cm.send(frame({ opcode: STATS }));
  const header = await cm.read(7);
  assertEquals(JSON.parse(textOf(await cm.read(new DataView(header.buffer).getUint32(3)))).persistence, null);
});
