/**
 * Attacks 18 and 19 on whole sessions, which come from as many addresses as there are to be; only the hash is a stand-in
 * that counts. Over real sockets, all of which come from this machine, they are in tests/server/authentication_test.ts.
 *
 * @module
 */

import { concat } from "@std/bytes";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { textOf, utf8 } from "../../lib/bytes.ts";
import { OPCODE } from "../../lib/codec/operations.ts";
import { Authentication } from "../../lib/security/authentication.ts";
import { KdfQueue } from "../../lib/security/kdf_queue.ts";
import { createToken } from "../../lib/security/token.ts";
import { Session } from "../../lib/server/session.ts";
import { peerOf } from "../../lib/server/wire.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { frame, reply } from "../support/cm_frame.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryConnection, sessionContext } from "../support/memory_connection.ts";
import { command } from "../support/resp_frame.ts";

const PASSWORD = "correct horse";
const { secret: SECRET, token: TOKEN } = createToken({ name: "billing", can: ["read", "write"] });
const WRONG_TOKEN = `cmt1_${TOKEN.id}_${"x".repeat(43)}`, NO_TOKEN = `cmt1_zzzzzzzz_${"x".repeat(43)}`;

/** Ways to give a secret, by dialect; and what wrong ones are answered. */
const DIALECTS = {
  text: (secret: string) => utf8(`PASS ${JSON.stringify(secret)}\n`),
  resp: (secret: string, user?: string) => command("AUTH", ...user === undefined ? [] : [user], secret),
  hello: (secret: string, user = "default") => command("HELLO", "3", "AUTH", user, secret),
  cm: (secret: string, user = "") => frame({ opcode: OPCODE.AUTH, key: user, value: secret }),
} as const;
type DialectOfTest = keyof typeof DIALECTS;
const NAMES = Object.keys(DIALECTS) as DialectOfTest[];

/** A server without sockets. */
class Guessed {
  readonly clock = new FakeClock();
  readonly engine = new Engine({ clock: this.clock });
  hashed = 0;
  mostAtOnce = 0;
  #running = 0;
  #sessions = 0;
  /** If set, hashing ends when this does. */
  until: Promise<void> | undefined;
  readonly #context: ReturnType<typeof sessionContext>["context"];

  constructor() {
    const { context } = sessionContext(this.engine, this.clock, 1 << 20);
    const verify = async (given: Uint8Array) => {
      this.hashed++;
      this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#running);
      const isRight = textOf(given) === PASSWORD;
      await this.until;
      this.#running--;
      return isRight;
    };
    const authenticator = new Authentication({ password: { verify }, tokens: [TOKEN], queue: new KdfQueue(2) });
    // As with --insecure: where they come from is what counts here.
    this.#context = { ...context, server: Object.assign(context.server, { authenticator }), isInsecure: true };
  }

  /** What somebody at an address is answered to these requests, which come in one segment. */
  async told(hostname: string, ...requests: Uint8Array[]): Promise<string> {
    const remoteAddr = { transport: "tcp", hostname, port: 1 } as const;
    const localAddr = { transport: "tcp", hostname: "192.0.2.1", port: 1 } as const;
    const connection = Object.assign(new MemoryConnection([concat(requests)]), {
      peer: peerOf({ remoteAddr, localAddr }),
    });
    await new Session(connection, this.#context, ++this.#sessions, undefined).run();
    return String.fromCharCode(...connection.written);
  }
}

function address(i: number): string {
  return `203.0.${i >> 8}.${i & 255}`;
}

/** Whether an answer is the one to a right secret. */
function isTaken(answer: string): boolean {
  return /^\+?OK\r?\n$|^%/.test(answer) || answer === textOf(reply(1));
}

Deno.test("attack 18: every dialect answers the same bytes to a wrong password, a wrong token and a user that is not there", async () => {
  for (const dialect of NAMES) {
    const ask = DIALECTS[dialect];
    const cases: [secret: string, user: string | undefined, hashes: number][] = [
      ["wrong", undefined, 1],
      [WRONG_TOKEN, undefined, 0],
      [NO_TOKEN, undefined, 0],
    ];
    if (dialect !== "text") {
      cases.push(
        ...["default", "billing", "nobody"].map((user): [string, string, number] => ["wrong", user, 1]),
        // The right one, of somebody else.
        [PASSWORD, "nobody", 1],
        [PASSWORD, "billing", 1],
        ["x".repeat(43), "billing", 0],
        ["x".repeat(43), "nobody", 0],
        [SECRET, "nobody", 0],
      );
    }
    const answers = new Set<string>();
    for (const [secret, user, hashes] of cases) {
      const server = new Guessed();
      answers.add(await server.told(address(1), ask(secret, user)));
      assertEquals(server.hashed, hashes, `${dialect}: a hash for ${user}, as if there were one`);
    }
    assertEquals(answers.size, 1, [...answers].join());
    assertMatch([...answers][0]!, /^-WRONGPASS |^ERR: invalid password|AUTH_FAILED/);
  }
});

Deno.test("attack 18: who guesses is closed after three, then has to wait with all of the same address, and nobody else", async () => {
  const server = new Guessed();
  const guesses = [1, 2, 3, 4].map((i) => DIALECTS.text(`wrong ${i}`));
  for (let i = 0; i < 3; i++) {
    // The fourth is not even looked at; nor is what comes behind it.
    const told = await server.told(address(1), ...guesses, DIALECTS.text(PASSWORD));
    assertEquals(told, "ERR: invalid password\n".repeat(3));
  }
  assertEquals(server.hashed, 9);
  assertEquals(await server.told(address(1), guesses[0]!), "ERR: invalid password\n");
  for (const dialect of NAMES) {
    for (const secret of ["wrong", PASSWORD, NO_TOKEN]) {
      assertMatch(await server.told(address(1), DIALECTS[dialect](secret)), /BUSY too many wrong passwords/);
    }
    assert(isTaken(await server.told(address(2), DIALECTS[dialect](PASSWORD))), "from elsewhere");
    assert(isTaken(await server.told(address(1), DIALECTS[dialect](SECRET))), "nobody guesses a token");
  }
  assertEquals(server.hashed, 11, "what has to wait costs nothing");
  server.clock.advance(1_000);
  assertEquals(await server.told(address(1), DIALECTS.text(PASSWORD)), "OK\n");
});

Deno.test("attack 19: of 200 wrong passwords at once from 200 addresses two are hashed at a time, 18 in all, and others are served meanwhile", async () => {
  const server = new Guessed();
  assertEquals(await server.told(address(300), DIALECTS.text(PASSWORD)), "OK\n");
  const end = Promise.withResolvers<void>();
  server.until = end.promise;
  const guesses = Array.from({ length: 200 }, (_, i) => server.told(address(i), DIALECTS.resp(`guess ${i}`)));
  assertEquals(await server.told(address(301), utf8("PING\n")), "PONG\n");
  assertEquals(await server.told(address(302), DIALECTS.text(SECRET), utf8("SET k v\nGET k\n")), "OK\nOK\nv\n");
  assertEquals(await server.told(address(303), DIALECTS.text(PASSWORD), utf8("GET k\n")), "OK\nv\n", "it is known");
  end.resolve();
  const answers = (await Promise.all(guesses)).map((answer) => answer.split(" ")[0]);
  assertEquals(answers.filter((code) => code === "-WRONGPASS").length, 18);
  assertEquals(answers.filter((code) => code === "-BUSY").length, 182);
  assertEquals([server.hashed, server.mostAtOnce], [1 + 18, 2]);
});

Deno.test("attack 19: a password of more than 512 bytes, or of a mebibyte, is refused unhashed, as a wrong one or unread", async () => {
  for (const dialect of NAMES) {
    for (const length of [513, 1 << 20]) {
      const server = new Guessed();
      const told = await server.told(address(1), DIALECTS[dialect]("x".repeat(length)), DIALECTS[dialect]("y"));
      assertMatch(told, /^-WRONGPASS |^-NOAUTH |^ERR: invalid password|^Unauthorized|AUTH_FAILED|AUTH_REQUIRED/);
      assert(server.hashed <= (length === 513 ? 1 : 0), "at most the short one behind it");
    }
  }
});

Deno.test("attack 19: nothing is carried out before AUTH, nor behind a wrong one in the same segment", async () => {
  const server = new Guessed();
  const set: Record<DialectOfTest, Uint8Array> = {
    text: utf8("SET k v\n"),
    resp: command("SET", "k", "v"),
    hello: command("SET", "k", "v"),
    cm: frame({ opcode: OPCODE.SET, key: "k", value: "v" }),
  };
  for (const [i, dialect] of NAMES.entries()) {
    const ask = DIALECTS[dialect];
    const told = await server.told(address(i), set[dialect], ask("wrong"), set[dialect], ask(SECRET), ask("wrong"));
    const refusals = [...told.matchAll(/NOAUTH|Unauthorized|AUTH_REQUIRED/g)];
    assertEquals(refusals.length, 2, told);
    // Whoever was somebody is nobody behind a wrong one.
    if (dialect !== "text") {
      assertMatch(
        await server.told(address(i), ask(SECRET), ask("wrong"), set[dialect]),
        /(NOAUTH|AUTH_REQUIRED) [^]*$/,
      );
    }
  }
  assertEquals(server.engine.stats().entries, 0);
  assertEquals(await server.told(address(9), DIALECTS.text(SECRET), set.text), "OK\nOK\n");
});
