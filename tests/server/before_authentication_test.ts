/**
 * What a client can do that has not said who it is, on a server that asks: which requests are taken (A4), and how much of
 * what it sends is held (A3; Redis' CVE-2025-21605).
 */

import { concat } from "@std/bytes";
import { assert, assertEquals } from "@std/assert";
import { textOf, utf8 } from "../../lib/bytes.ts";
import { openChannel } from "../../lib/channel/open_channel.ts";
import { parsePin } from "../../lib/channel/pin.ts";
import type { DialectName } from "../../lib/codec/dialect.ts";
import { OPCODE, type Operation, OPERATIONS } from "../../lib/codec/operations.ts";
import { DEFAULT_MAX_UNAUTHENTICATED_BYTES } from "../../lib/limits.ts";
import { createToken } from "../../lib/security/token.ts";
import { serve } from "../../lib/server/serve.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { ServerKey } from "../../server.ts";
import { makeCertificates } from "../support/certificates.ts";
import { frame } from "../support/cm_frame.ts";
import { type MemoryPeer, MemoryServer, settled, until } from "../support/memory_server.ts";
import { canListen } from "../support/permissions.ts";
import { command } from "../support/resp_frame.ts";

const { AUTH, PING, SET } = OPCODE;
const FULL = createToken({ name: "full", can: ["read", "write", "admin", "publish"] });
const WRONG = `cmt1_zzzzzzzz_${"x".repeat(43)}`;
const authentication = { tokens: [FULL.token] };
const certificates = canListen ? await makeCertificates() : undefined;

/** One request and whether an answer to it is a refusal. */
interface Attempt {
  readonly name: string;
  readonly request: Uint8Array;
}

/** A dialect: how one proves who one is, what there is to be asked, and how all of that is refused. */
interface Tongue {
  /** `undefined` where there is no way to say it. */
  readonly auth: ((secret: string) => Uint8Array) | undefined;
  /** Everything but what is allowed before authentication. */
  readonly attempts: readonly Attempt[];
  readonly refusal: RegExp;
  readonly wrong?: RegExp;
}

/** Allowed before authentication, by dialect; UNSUBSCRIBE in CM ends what cannot have begun. */
const FREE: Readonly<Record<"cm" | "resp" | "line", readonly string[]>> = {
  cm: ["AUTH", "HELLO", "PING"],
  resp: ["AUTH", "PASS", "HELLO", "QUIT", "RESET"],
  line: ["PASS", "PING", "QUIT"],
};

function typedRequest({ opcode, name, takes: { key, value, ttl } }: Operation): Uint8Array {
  // A cursor has twelve bytes; CAS' version and a number eight.
  const bytes = name === "SCAN" ? "123456789012" : "12345678";
  return frame({ opcode, ...key && { key: "k" }, ...value && { value: bytes }, ...ttl && { ttl: 1n } });
}

/** Every form in which the lines take each command's words; those that there are not are no commands before or after. */
const LINE_FORMS = ["", " k", " k v", " k v 60", " k v NX", " k EX 5"];

const TONGUES: Readonly<Record<DialectName, Tongue>> = {
  cm: {
    auth: (secret) => frame({ opcode: AUTH, value: secret }),
    attempts: OPERATIONS.filter(({ opcode, name }) => opcode > 0 && !FREE.cm.includes(name))
      .map((operation) => ({ name: operation.name, request: typedRequest(operation) })),
    refusal: /^CM[^]{5}AUTH_REQUIRED Authentication required\.$/,
    wrong: /AUTH_FAILED/,
  },
  resp: {
    auth: (secret) => command("AUTH", secret),
    attempts: OPERATIONS.filter(({ arity, name }) => arity !== 0 && !FREE.resp.includes(name))
      .map(({ name, arity }) => ({ name, request: command(name, ...Array(Math.abs(arity) - 1).fill("k")) })),
    refusal: /^-NOAUTH Authentication required\.\r\n$/,
    wrong: /^-WRONGPASS /,
  },
  text: lineTongue("ERR: ", "Unauthorized"),
  gocache: lineTongue("ERROR ", "ERROR Unauthorized"),
  stash: {
    auth: undefined,
    attempts: [
      ...["GET", "INC", "DEC", "DEL"].map((name) => ({ name, request: utf8(`${name}\x001\0k\r\n`) })),
      { name: "SET", request: utf8("SET\x001\0k\x001\0v\r\n") },
    ],
    refusal: /^ERR\r\n$/,
  },
};

function lineTongue(error: string, refusal: string): Tongue {
  return {
    auth: (secret) => utf8(`PASS ${secret}\n`),
    attempts: OPERATIONS.filter(({ name }) => !FREE.line.includes(name)).flatMap(({ name }) =>
      LINE_FORMS.map((form) => ({ name: `${name}${form}`, request: utf8(`${name}${form}\n`) }))
    ),
    // Words that no command has are told so to everybody.
    refusal: new RegExp(`^(${refusal}|${error}[^\n]*)\n$`),
    wrong: /invalid password/,
  };
}

/** Whom a connection is, or is not. */
const STATES = ["no authentication", "a failed one", "one on another connection"] as const;

for (const [dialect, { auth, attempts, refusal, wrong }] of Object.entries(TONGUES)) {
  for (const state of STATES) {
    // There is no way to fail in it.
    if (auth === undefined && state === "a failed one") continue;
    Deno.test(`A4: ${dialect} with ${state}: each of ${attempts.length} requests is refused, and nothing happens`, async () => {
      const engine = new Engine();
      await using world = new MemoryServer({
        authentication,
        store: engine,
        // Each client has an address of its own, so that no throttle is in the way of the third wrong secret.
        insecure: true,
        dialects: dialect === "cm" ? ["cm"] : ["cm", dialect as DialectName],
      });
      const other = world.connect();
      if (state === "one on another connection") other.send(frame({ opcode: AUTH, value: FULL.secret }));
      for (const [i, { name, request }] of attempts.entries()) {
        const client = world.connect(`198.51.${i >> 8}.${i & 255}`);
        if (state === "a failed one") {
          client.send(auth!(WRONG));
          await settled();
          assert(wrong!.test(textOf(client.written)), textOf(client.written));
        }
        const answered = client.writtenBytes;
        client.send(request);
        await settled();
        const answer = textOf(client.written.subarray(answered));
        assert(refusal.test(answer), `${name}: ${JSON.stringify(answer)}`);
        client.leave();
      }
      assertEquals(engine.stats().entries, 0);
      assertEquals(engine.stats().hits + engine.stats().misses, 0);
    });
  }
}

Deno.test("A4: the same requests are taken, or refused for what is wrong with them, from who has said who it is", async () => {
  for (const [dialect, { auth, attempts, refusal }] of Object.entries(TONGUES)) {
    if (auth === undefined || dialect === "text" || dialect === "gocache") continue;
    await using world = new MemoryServer({ authentication, dialects: [dialect as DialectName] });
    for (const { name, request } of attempts) {
      // These answer later, or not at all.
      if (["SHUTDOWN", "DEBUG", "CLEAR"].includes(name)) continue;
      const client = world.connect();
      client.send(auth(FULL.secret));
      await settled();
      const answered = client.writtenBytes;
      client.send(request);
      await settled();
      const answer = textOf(client.written.subarray(answered));
      assert(!refusal.test(answer), `${dialect} ${name}: ${answer}`);
      client.leave();
    }
  }
});

/** Both wires that a client may have come through before it says who it is. */
const WIRES = ["a secure channel", "TLS"] as const;

for (const wire of WIRES) {
  Deno.test({
    name: `A4: ${wire} proves who the server is, not who the client is: a sample of each dialect is refused in it`,
    ignore: !canListen || wire === "TLS" && certificates === undefined,
    async fn() {
      const serverKey = await ServerKey.generate(), engine = new Engine();
      const tls = wire === "TLS" ? { tls: { port: 0, ...certificates!.server } } : {};
      await using server = serve({ port: 0, serverKey, authentication, store: engine, ...tls });
      await server.ready;
      for (const dialect of ["cm", "resp", "text", "stash"] as const) {
        const { attempts, refusal } = TONGUES[dialect];
        for (
          const { name, request } of attempts.filter(({ name }) => /^(GET|SET|DEL|INC|DELETE|STATS|INFO)\b/.test(name))
        ) {
          const stream = wire === "TLS"
            ? await Deno.connectTls({
              hostname: "localhost",
              port: server.tlsAddress!.port,
              caCerts: [certificates!.ca.cert],
            })
            : await openChannel(await Deno.connect({ port: server.address.port }), [parsePin(serverKey.pin)]);
          await stream.write(request);
          const answer = new Uint8Array(1_024);
          const count = await stream.read(answer);
          assert(refusal.test(textOf(answer.subarray(0, count!))), `${dialect} ${name}`);
          stream.close();
        }
      }
      assertEquals(engine.stats().entries, 0);
    },
  });
}

const MOST_BYTES = DEFAULT_MAX_UNAUTHENTICATED_BYTES;
/** The longest answer before authentication beside one that repeats what was asked. */
const ANSWER_BYTES = 4 * 1024;
const HUGE = 64 * 1024;

/** What is sent before authentication, by a client that does not read, and what it is told once it does. */
const FLOODS: Readonly<Record<string, [bytes: Uint8Array, answer: RegExp]>> = {
  "RESP of 11 words": [
    command(...Array<string>(11).fill("GET")),
    /^-ERR Protocol error: unauthenticated multibulk length\r\n$/,
  ],
  "RESP with a word of 16 KiB and a byte": [command("GET", new Uint8Array(MOST_BYTES + 1)), /^-[^\n]*\r\n$/],
  "RESP that announces such a word": [utf8(`*2\r\n$3\r\nGET\r\n$${MOST_BYTES + 1}\r\n`), /^-[^\n]*\r\n$/],
  "500 pipelined AUTHs in RESP": [
    concat(Array<Uint8Array>(500).fill(command("AUTH", WRONG))),
    /^(-WRONGPASS [^\n]*\n){3}$/,
  ],
  "10,000 pipelined commands in RESP": [
    concat(Array<Uint8Array>(10_000).fill(command("GET", "k"))),
    /^(-NOAUTH Authentication required\.\r\n){10000}$/,
  ],
  "a line of 64 KiB": [utf8("x".repeat(HUGE)), /^Unauthorized\n$/],
  "a line of 64 KiB that is PASS": [utf8(`PASS ${"x".repeat(HUGE)}\n`), /^Unauthorized\n$/],
  "500 pipelined lines": [utf8("GET k\n".repeat(500)), /^(Unauthorized\n){500}$/],
  "empty lines": [utf8(" \n" + "\n".repeat(HUGE)), /^$/],
  "CM with a value of 16 KiB": [
    frame({ opcode: SET, key: "k", value: new Uint8Array(MOST_BYTES) }),
    /^CM[^]{5}AUTH_REQUIRED [^]*$/,
  ],
  "CM that announces one of 16 MiB": [
    frame({ opcode: SET, key: "k", valueLength: 16 * 1024 * 1024 }),
    /^CM[^]{5}AUTH_REQUIRED [^]*$/,
  ],
  "1,000 pings of 1 KiB in CM": [
    concat(Array<Uint8Array>(1_000).fill(frame({ opcode: PING, value: new Uint8Array(1_024) }))),
    /^(CM[^]{1029}){1000}$/,
  ],
  "500 pipelined AUTHs in CM": [
    concat(Array<Uint8Array>(500).fill(frame({ opcode: AUTH, value: WRONG }))),
    /^(CM[^]{5}AUTH_FAILED [^]*?\.){3}$/,
  ],
  "stash with a value of 64 KiB": [utf8(`SET\x001\0k\x00${HUGE}\0${"v".repeat(HUGE)}\r\n`), /^ERR\r\n$/],
};

for (const [what, [bytes, expected]] of Object.entries(FLOODS)) {
  Deno.test(`A3: of ${what} before authentication, less than 16 KiB of input and 4 KiB of answers are held`, async () => {
    const engine = new Engine();
    await using world = new MemoryServer({ authentication, store: engine });
    const flooding = world.connect(), other = world.connect();
    flooding.isReading = false;
    flooding.send(bytes);
    await settled();
    assertHeld(flooding);
    // One read has been taken in, and the next one is not looked at while the answer waits.
    assert(flooding.readBytes <= 2 * MOST_BYTES || expected.source === "^$", `${flooding.readBytes} bytes were read`);
    other.send(frame({ opcode: AUTH, value: FULL.secret }));
    await settled();
    assertEquals(other.writtenBytes, 7, "others are served");
    flooding.readOn();
    await until(() => expected.test(textOf(flooding.written)));
    assertHeld(flooding);
    assert(expected.test(textOf(flooding.written)), JSON.stringify(textOf(flooding.written).slice(0, 200)));
    assertEquals(engine.stats().entries, 0);
    await world.pass(6_000);
    assert(flooding.isClosed, "who has not said in time who it is is closed");
  });

  Deno.test(`A3: ${what} before authentication, unread for five seconds, is closed`, async () => {
    await using world = new MemoryServer({ authentication });
    const flooding = world.connect();
    flooding.isReading = false;
    flooding.send(bytes);
    await world.pass(6_000);
    assert(flooding.isClosed);
  });
}

function assertHeld({ largestRoomBytes, longestWriteBytes }: MemoryPeer): void {
  assert(largestRoomBytes <= MOST_BYTES, `room for ${largestRoomBytes} bytes`);
  assert(longestWriteBytes <= ANSWER_BYTES, `${longestWriteBytes} bytes in one write`);
}

Deno.test("A3: a request of 16 KiB is taken before authentication, one of a byte more is not", async () => {
  await using world = new MemoryServer({ authentication });
  for (const [valueBytes, isTaken] of [[MOST_BYTES - 17, true], [MOST_BYTES - 16, false]] as const) {
    const client = world.connect();
    client.send(frame({ opcode: PING, value: new Uint8Array(valueBytes) }));
    await settled();
    assertEquals(client.written[2] === 1, isTaken, `${valueBytes} bytes`);
  }
});

Deno.test("once a client has said who it is, it may send as much as any, in the same segment too", async () => {
  await using world = new MemoryServer({ authentication });
  const client = world.connect(), value = new Uint8Array(1024 * 1024);
  client.send(concat([frame({ opcode: AUTH, value: FULL.secret }), frame({ opcode: SET, key: "k", value })]));
  await until(() => client.writtenBytes >= 14);
  assertEquals(client.written.filter((_, i) => i % 7 === 2), Uint8Array.of(1, 1));
});
