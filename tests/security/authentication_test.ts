import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { textOf, utf8 } from "../../lib/bytes.ts";
import { ClientState } from "../../lib/commands/client_state.ts";
import type { Identity } from "../../lib/commands/identity.ts";
import { CryptomemError } from "../../lib/errors.ts";
import { Authentication, type AuthenticationParts } from "../../lib/security/authentication.ts";
import { authenticationOf } from "../../lib/security/authentication_options.ts";
import { KdfQueue } from "../../lib/security/kdf_queue.ts";
import { createToken, type Token } from "../../lib/security/token.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { Random } from "../support/random.ts";

const PASSWORD = "correct horse";
const HERE = "203.0.113.7", ELSEWHERE = "203.0.113.8";

/** Stands for the slow hash, and counts. */
class CountedHash {
  hashed = 0;
  running = 0;
  most = 0;
  /** If set, hashing ends when this does. */
  until: Promise<void> | undefined;

  async verify(given: Uint8Array): Promise<boolean> {
    this.hashed++;
    this.most = Math.max(this.most, ++this.running);
    const isRight = textOf(given) === PASSWORD;
    await this.until;
    this.running--;
    return isRight;
  }
}

/** A server's users, and what somebody is told. */
class Users {
  readonly clock = new FakeClock();
  readonly hash = new CountedHash();
  readonly authentication: Authentication;

  constructor(parts: AuthenticationParts = {}) {
    this.authentication = new Authentication({ password: this.hash, queue: new KdfQueue(2), ...parts });
  }

  prove(secret: string, user?: string, network: string = HERE): Promise<Identity> {
    return this.authentication.prove({ user, secret: utf8(secret) }, network, this.clock);
  }

  /** The name of who it is, or the error as a client gets it. */
  told(secret: string, user?: string, network?: string): Promise<string> {
    return this.prove(secret, user, network).then(
      ({ name }) => name,
      (error: CryptomemError) => `${error.code} ${error.message}`,
    );
  }
}

const WRONG = "AUTH_FAILED invalid username-password pair or user is disabled.";

function connected(identity: Identity, id = 1): { client: ClientState; killed: () => number } {
  let killed = 0;
  const client = new ClientState({
    id,
    address: `${HERE}:${id}`,
    localAddress: "192.0.2.1:8080",
    network: HERE,
    isSecure: true,
    nowMs: 0,
    push: () => {},
    kill: () => {
      killed++;
      client.end();
    },
  });
  client.identify(identity);
  return { client, killed: () => killed };
}

Deno.test("the password is that of `default`, named or not, and of nobody else", async () => {
  const users = new Users();
  assertEquals(await users.told(PASSWORD), "default");
  assertEquals(await users.told(PASSWORD, "default"), "default");
  assertEquals((await users.prove(PASSWORD)).scope, undefined, "everything is allowed");
  for (
    const [secret, user] of [[PASSWORD, "billing"], [PASSWORD, ""], [PASSWORD, "DEFAULT"], ["x"], ["x", "x"], [""]]
  ) {
    assertEquals(await users.told(secret!, user), WRONG, `${user} ${secret}`);
  }
});

Deno.test("attack 19: an empty secret, which stands for one that is too long, is wrong and not hashed", async () => {
  const users = new Users();
  for (const user of [undefined, "default", "nobody"]) assertEquals(await users.told("", user), WRONG);
  assertEquals(users.hash.hashed, 0);
});

Deno.test("a token is its holder's: whole, or the secret with its id or name as the user", async () => {
  const { secret, token } = createToken({ name: "billing", can: ["read"] });
  const other = createToken({ name: "other", can: ["read"] });
  const users = new Users({ tokens: [token, other.token] });
  const random = secret.slice(-43);
  for (const user of [undefined, "default", "billing", token.id]) {
    assertEquals(await users.told(secret, user), "billing");
  }
  for (const user of ["billing", token.id]) assertEquals(await users.told(random, user), "billing");
  const wrong: [string, string?][] = [
    ...[[secret, "other"], [secret, ""], [random, "other"], [random], [random, "nobody"], [secret, "nobody"]],
    ...[[secret.slice(0, -1)], [`${secret.slice(0, -1)}~`], [secret.replace(token.id, other.token.id)]],
  ] as [string, string?][];
  for (const [i, [given, user]] of wrong.entries()) {
    assertEquals(await users.told(given, user, `network ${i}`), WRONG, `${user} ${given}`);
  }
});

Deno.test("a token is nobody's from the moment on at which it expires, and its connections are closed", async () => {
  const clock = new FakeClock();
  const { secret, token } = createToken({ name: "billing", can: ["read"], expiresMs: clock.wallMs() + 1_000 });
  const users = new Users({ tokens: [token] });
  const { client, killed } = connected(await users.prove(secret));
  users.clock.advance(999);
  users.authentication.sweep(users.clock.wallMs());
  assertEquals([await users.told(secret), killed()], ["billing", 0]);
  users.clock.advance(1);
  assertEquals(await users.told(secret), WRONG);
  users.authentication.sweep(users.clock.wallMs());
  assertEquals([client.identity, killed()], [undefined, 1]);
  users.clock.jumpWall(-1_000);
  const again = connected(await users.prove(secret));
  assertEquals([again.client.identity?.name, again.killed()], ["billing", 0], "the date had been wrong");
});

Deno.test("replaceTokens() closes the connections of tokens that are gone, changed or allow less, and no others", async () => {
  const rights = { can: ["read", "write"], prefixes: ["app:"] } as const;
  const made = Object.fromEntries(
    ["same", "more", "wider", "gone", "fewer", "narrower", "renamed", "remade"].map((
      name,
    ) => [name, createToken({ name, ...rights })]),
  );
  const users = new Users({ tokens: Object.values(made).map(({ token }) => token) });
  const connections = new Map<string, ReturnType<typeof connected>>();
  for (const [name, { secret }] of Object.entries(made)) connections.set(name, connected(await users.prove(secret)));
  const owner = connected(await users.prove(PASSWORD));

  const changes: Record<string, Partial<Token>> = {
    same: {},
    more: { can: ["read", "write", "publish"], prefixes: ["other:", "app:"] },
    wider: { prefixes: ["ap"] },
    fewer: { can: ["read", "publish"] },
    narrower: { prefixes: ["app:x", "app:y"] },
    renamed: { name: "renamed-2" },
    remade: { sha256: "0".repeat(64) },
  };
  const tokens = Object.entries(changes).map(([name, change]) => ({ ...made[name]!.token, ...change }));
  assertEquals(users.authentication.replaceTokens(tokens), 5);
  const isOpen = (name: string) =>
    connections.get(name)!.killed() === 0 && connections.get(name)!.client.identity !== undefined;
  assertEquals([...connections.keys()].filter(isOpen), ["same", "more", "wider"]);
  assertEquals(owner.killed(), 0);
  assertEquals(await users.told(made["gone"]!.secret), WRONG);
  assertEquals(await users.told(made["remade"]!.secret), WRONG);
  assertEquals(await users.told(made["renamed"]!.secret), "renamed-2");
  assertEquals(await users.told(made["narrower"]!.secret), "narrower");
});

Deno.test("replaceTokens() lets a connection do what its token allows by now", async () => {
  const { secret, token } = createToken({ name: "billing", can: ["read"], prefixes: ["app:"] });
  const users = new Users({ tokens: [token] });
  const { client } = connected(await users.prove(secret));
  const before = client.identity!.scope;
  users.authentication.replaceTokens([{ ...token, can: ["read", "write", "admin", "publish"], prefixes: [] }]);
  assert(before !== undefined);
  assertEquals(client.identity!.scope, undefined, "everything, which costs nothing");
});

Deno.test("replaceTokens() with tokens that cannot be used changes nothing", async () => {
  const { secret, token } = createToken({ name: "billing", can: ["read"] });
  const users = new Users({ tokens: [token] });
  const { killed } = connected(await users.prove(secret));
  assertThrows(() => users.authentication.replaceTokens([token, { ...token, id: "zz3defgh" }]), RangeError);
  assertEquals([await users.told(secret), killed()], ["billing", 0]);
});

Deno.test("who proves to hold a token that is revoked at that moment gets nothing", async () => {
  const { secret, token } = createToken({ name: "billing", can: ["read"] });
  const users = new Users({ tokens: [token] });
  const identity = await users.prove(secret);
  users.authentication.replaceTokens([]);
  const { client, killed } = connected(identity);
  assertEquals([client.identity, killed()], [undefined, 1]);
});

Deno.test("a password that was right once costs no hash again; a wrong one always does", async () => {
  const users = new Users();
  for (let i = 0; i < 100; i++) assertEquals(await users.told(PASSWORD, undefined, `network ${i}`), "default");
  assertEquals(users.hash.hashed, 1);
  for (let i = 0; i < 5; i++) await users.told("wrong");
  // The right one of somebody who is not there, too.
  await users.told(PASSWORD, "nobody");
  assertEquals(users.hash.hashed, 7);

  const forgetful = new Users({ remembersPassword: false });
  for (let i = 0; i < 5; i++) assertEquals(await forgetful.told(PASSWORD), "default");
  assertEquals(forgetful.hash.hashed, 5);
});

Deno.test("many connections that come back at once with the right password cost one hash for each place they come from", async () => {
  const users = new Users();
  const end = Promise.withResolvers<void>();
  users.hash.until = end.promise;
  const told = Array.from({ length: 1_000 }, (_, i) => users.told(PASSWORD, undefined, `network ${i % 4}`));
  await Promise.resolve();
  assertEquals(users.hash.hashed, 2);
  end.resolve();
  assertEquals(new Set(await Promise.all(told)), new Set(["default"]));
  // The other two had waited, and the password was known by then.
  assertEquals(users.hash.hashed, 2);
});

Deno.test("attack 18: the answer, and what is done for it, is the same for a wrong secret and for a user that is not there", async () => {
  const { token } = createToken({ name: "billing", can: ["read"] });
  const wrongToken = `cmt1_${token.id}_${"x".repeat(43)}`, noToken = `cmt1_zzzzzzzz_${"x".repeat(43)}`;
  const cases: [secret: string, user: string | undefined, hashes: number][] = [
    // By the form of what is given alone.
    ...["wrong", PASSWORD.slice(1), "y".repeat(43)].map((
      secret,
    ): [string, undefined, number] => [secret, undefined, 1]),
    ...["default", "nobody", "billing", token.id].map((user): [string, string, number] => ["wrong", user, 1]),
    ...["nobody", "billing", token.id].map((user): [string, string, number] => ["x".repeat(43), user, 0]),
    ...[wrongToken, noToken].flatMap((secret) =>
      [undefined, "nobody", "billing", "default"].map((user): [string, string | undefined, number] => [secret, user, 0])
    ),
  ];
  for (const [i, [secret, user, hashes]] of cases.entries()) {
    const users = new Users({ tokens: [token] });
    assertEquals(await users.told(secret, user), WRONG, `case ${i}`);
    assertEquals(users.hash.hashed, hashes, `case ${i}`);
  }
});

Deno.test("attack 18: who guesses has to wait, others from there with them, and nobody from elsewhere", async () => {
  const { secret, token } = createToken({ name: "billing", can: ["read"] });
  const users = new Users({ tokens: [token] });
  // Whatever is guessed counts alike.
  const guesses: [string, string?][] = [["a"], ["b", "nobody"], ["x".repeat(43), "billing"], [
    `cmt1_zzzzzzzz_${"x".repeat(43)}`,
  ]];
  for (let i = 0; i < 10; i++) {
    const [guess, user] = guesses[i % guesses.length]!;
    assertEquals(await users.told(guess.replace(/.$/, String(i)), user), WRONG);
  }
  const { hashed } = users.hash;
  const busy = "BUSY too many wrong passwords have come from this address: try again in 1 s";
  for (const [guess, user] of guesses) assertEquals(await users.told(guess, user), busy);
  assertEquals(await users.told(PASSWORD), busy, "or else it could be guessed all the same");
  assertEquals(users.hash.hashed, hashed, "nothing was looked at");
  assertEquals(await users.told(secret), "billing", "nobody guesses a token");
  assertEquals(await users.told(PASSWORD, undefined, ELSEWHERE), "default");
  assertEquals(await users.told(PASSWORD), busy, "the success of one does not end the wait of another");

  users.clock.advance(1_000);
  assertEquals(await users.told("k"), WRONG);
  assertEquals(await users.told(PASSWORD), busy.replace("1 s", "2 s"));
  users.clock.advance(2_000);
  assertEquals(await users.told(PASSWORD), "default");
});

Deno.test("attack 19: of 200 wrong passwords at once two are hashed at a time, 16 wait, and the others are BUSY", async () => {
  const users = new Users();
  const end = Promise.withResolvers<void>();
  users.hash.until = end.promise;
  const told = Array.from({ length: 200 }, (_, i) => users.told(`guess ${i}`, undefined, `network ${i}`));
  await Promise.resolve();
  end.resolve();
  const answers = (await Promise.all(told)).map((text) => text.split(" ")[0]);
  assertEquals(answers.filter((code) => code === "AUTH_FAILED").length, 18);
  assertEquals(answers.filter((code) => code === "BUSY").length, 182);
  assertEquals([users.hash.hashed, users.hash.most, users.hash.running], [18, 2, 0]);
  // Who was turned away has not guessed.
  for (let i = 0; i < 10; i++) assertEquals(await users.told(`again ${i}`, undefined, "network 199"), WRONG);
  assertEquals((await users.told("again", undefined, "network 199")).split(" ")[0], "BUSY");
});

Deno.test("attack 19: of 200 wrong passwords at once from one place ten are looked at", async () => {
  const users = new Users();
  const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => users.told(`guess ${i}`)));
  assertEquals(answers.filter((text) => text === WRONG).length, 10);
  assertEquals(users.hash.hashed, 10);
});

Deno.test("a server without a password hashes nothing, and one without tokens takes none", async () => {
  const { secret, token } = createToken({ name: "billing", can: ["read"] });
  const tokensOnly = new Authentication({ tokens: [token] });
  const clock = new FakeClock();
  for (const given of [{ user: undefined, secret: utf8(PASSWORD) }, { user: "default", secret: utf8("") }]) {
    const { code } = await assertRejects(() => tokensOnly.prove(given, HERE, clock), CryptomemError);
    assertEquals(code, "AUTH_FAILED");
  }
  assertEquals((await tokensOnly.prove({ user: undefined, secret: utf8(secret) }, HERE, clock)).name, "billing");
  assertEquals(await new Users().told(secret), WRONG);
});

Deno.test("a hash that fails is no password, and is not taken for a guess", async () => {
  const users = new Users({ password: { verify: () => Promise.reject(new Error("no memory")) } });
  for (let i = 0; i < 20; i++) await assertRejects(() => users.prove(PASSWORD), Error, "no memory");
});

Deno.test("random guesses, tokens and connections leave the books in order", async () => {
  const random = new Random();
  const made = Array.from({ length: 5 }, (_, i) => createToken({ name: `t${i}`, can: ["read"] }));
  const users = new Users({ tokens: made.map(({ token }) => token) });
  const clients = new Map<ClientState, string>();
  let taken = new Set(made.map(({ token }) => token.name));
  for (let i = 0; i < 2_000; i++) {
    users.clock.advance(random.below(60_000));
    if (random.below(10) === 0) {
      const kept = made.filter(() => random.below(3) > 0);
      users.authentication.replaceTokens(kept.map(({ token }) => token));
      taken = new Set(kept.map(({ token }) => token.name));
      for (const [client, name] of clients) {
        assertEquals(client.identity?.name, taken.has(name) ? name : undefined, `seed ${random.seed}`);
        if (!taken.has(name)) clients.delete(client);
      }
    } else if (random.below(3) === 0) await users.told(`guess ${i}`);
    else {
      const { secret, token: { name } } = made[random.below(made.length)]!;
      const told = await users.told(secret);
      assert(
        taken.has(name) ? told === name : told === WRONG || told.startsWith("BUSY"),
        `${told}, seed ${random.seed}`,
      );
      if (told === name) clients.set(connected(await users.prove(secret), i).client, name);
    }
  }
});

Deno.test("authenticationOf() refuses what cannot be used together or at all, and shows no secret", () => {
  const { secret } = createToken({ name: "billing", can: ["read"] });
  const hash = "$scrypt$ln=15,r=8,p=3$AAECAwQFBgcICQoLDA0ODw$ANYWwrwG9exM4wRn3uDhnkTuLMG27uj4k9dz5KrBPkg";
  assertThrows(() => authenticationOf({ password: utf8("a"), passwordHash: hash }), TypeError, "give one of them");
  for (const password of ["", "a".repeat(513), secret]) {
    const { message } = assertThrows(() => authenticationOf({ password: utf8(password) }), RangeError);
    assert(!message.includes("aaa") && !message.includes(secret), message);
  }
  assertThrows(() => authenticationOf({ passwordHash: "hunter2" }), TypeError);
  assertThrows(() => authenticationOf({ tokens: [{} as Token] }), RangeError);
});

Deno.test("authenticationOf() makes users of a password or its hash, and wipes the password", async () => {
  const password = utf8(PASSWORD);
  const clock = new FakeClock();
  const given = { user: undefined, secret: utf8(PASSWORD) };
  assertEquals((await authenticationOf({ password }).prove(given, HERE, clock)).name, "default");
  assert(password.every((byte) => byte === 0));
  const passwordHash = "$scrypt$ln=15,r=8,p=3$AAECAwQFBgcICQoLDA0ODw$ANYWwrwG9exM4wRn3uDhnkTuLMG27uj4k9dz5KrBPkg";
  assertEquals((await authenticationOf({ passwordHash }).prove(given, HERE, clock)).name, "default");
});
