/**
 * A server that lies, against the SDK over real TCP: whatever it answers instead of what was stored, and whichever call
 * reads it, the program gets an error that says so and nothing of the value. The attacks are those of docs/security.md.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Client, type ClientOptions, IntegrityError } from "../../client.ts";
import { serve } from "../../server.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { type Lie, LyingStore } from "../support/lying_store.ts";
import { canListen } from "../support/permissions.ts";

const ignore = !canListen;
const KEY = new Uint8Array(32).map((_, i) => 11 * i + 3);
const NAMES = new Uint8Array(32).map((_, i) => 17 * i + 5);
const CANARY = "canary-7f3a91";

interface Stage {
  readonly store: LyingStore;
  client(options?: ClientOptions): Client;
}

async function stage(run: (stage: Stage) => Promise<void>): Promise<void> {
  const store = new LyingStore();
  await using server = serve({ port: 0, store });
  await using opened = new AsyncDisposableStack();
  await run({
    store,
    client: (options = { key: KEY }) => opened.use(new Client(`127.0.0.1:${server.address.port}`, options)),
  });
}

/** Every call that reads a value, each on `k`. */
const READS: Readonly<Record<string, (client: Client) => Promise<unknown>>> = {
  get: (client) => client.get("k"),
  update: (client) => client.update("k", () => "forged"),
  increment: (client) => client.increment("k"),
  append: (client) => client.append("k", "tail"),
  rename: (client) => client.rename("k", "elsewhere"),
  take: (client) => client.take("k"),
};

const text = (value: string) => new TextEncoder().encode(value);

/** What a server may answer instead, and the code that its client must raise. */
const LIES: readonly (readonly [name: string, lie: Lie, code: string])[] = [
  ["attack 1: the envelope of another name", (_value, _key, store) => store.truth("other")!, "TAMPERED"],
  [
    "attack 1: the envelope of the same name in another namespace",
    (_v, _k, store) => store.truth("app:k")!,
    "TAMPERED",
  ],
  ["attack 2: an envelope with a flipped bit in its nonce", flipped(6), "TAMPERED"],
  ["attack 2: an envelope with a flipped bit in its ciphertext", flipped(30), "TAMPERED"],
  ["attack 2: an envelope with a flipped bit in its tag", flipped(-1), "TAMPERED"],
  ["attack 2: an envelope without its last byte", (value) => value.slice(0, -1), "TAMPERED"],
  ["attack 2: an envelope with a byte more", (value) => Uint8Array.of(...value, 0), "TAMPERED"],
  ["attack 2: nothing", () => new Uint8Array(0), "NOT_SEALED"],
  ["attack 2: the head of an envelope", (value) => value.slice(0, 45), "NOT_SEALED"],
  ["attack 3: plaintext", () => text("a forged value of some length, which nobody has sealed"), "NOT_SEALED"],
  ["attack 3: JSON", () => text('{"role":"admin","because":"the server says so, at some length"}'), "NOT_SEALED"],
  ["attack 4: an envelope of a key that nobody holds", flipped(2), "UNKNOWN_KEY"],
  ["attack 4: another version byte", (value) => value.with(0, 0xc0), "NOT_SEALED"],
];

function flipped(at: number): Lie {
  return (value) => value.with(at, value.at(at)! ^ 1);
}

for (const [name, lie, code] of LIES) {
  Deno.test({
    name: `${name} is refused as ${code} by every call that reads`,
    ignore,
    async fn(t) {
      for (const [call, read] of Object.entries(READS)) {
        await t.step(call, () =>
          stage(async ({ store, client }) => {
            const honest = client();
            await honest.set("k", CANARY);
            await honest.set("other", CANARY);
            await client({ key: KEY, namespace: "app" }).set("k", CANARY);
            const before = store.truth("k");

            store.lie = (value, key) => key === "k" ? lie(value, key, store) : value;
            const error = await assertRejects(() => read(honest), IntegrityError);
            assertEquals(error.code, code);
            assertStringIncludes(error.message, '"k"');
            assert(!`${error.message} ${error.stack} ${JSON.stringify(error)}`.includes(CANARY));
            // Nobody has changed anything on such an answer.
            if (call !== "take") assertEquals(store.truth("k"), before);
          }));
      }
    },
  });
}

Deno.test({
  name: "a lie shows in the outcome of open, each with a status of its own, and not as an exception",
  ignore,
  fn: () =>
    stage(async ({ store, client }) => {
      const honest = client();
      await honest.set("k", CANARY);
      await honest.set("other", CANARY);
      await client({ key: KEY, namespace: "app" }).set("k", CANARY);
      const expected: Record<string, string> = {
        TAMPERED: "tampered",
        NOT_SEALED: "not-an-envelope",
        UNKNOWN_KEY: "unknown-key",
      };
      for (const [name, lie, code] of LIES) {
        store.lie = (value, key) => key === "k" ? lie(value, key, store) : value;
        const outcome = await honest.open("k");
        assertEquals(outcome.status as string, expected[code], name);
        assert(!("value" in outcome), name);
      }
      store.lie = (value) => value;
      assertEquals((await honest.open("k")).status, "found");
      assertEquals(await honest.open("missing"), { status: "missing" });
    }),
});

Deno.test({
  name: "attack 1: a blinded entry shown under another name is refused, and a scan does not show it as that name",
  ignore,
  fn: () =>
    stage(async ({ store, client }) => {
      const blinded = client({ keys: { active: KEY, names: NAMES }, blindNames: true, namespace: "app" });
      await blinded.set("alice@example.org", CANARY);
      await blinded.set("bob@example.org", CANARY);
      const [alice, bob] = store.history.map(({ key }) => key);
      assert(!store.history.some(({ key }) => key.includes("example.org")));

      store.lie = (value, key) => key === alice ? store.truth(bob!)! : value;
      assertEquals((await assertRejects(() => blinded.get("alice@example.org"), IntegrityError)).code, "TAMPERED");
      const scanned = await Array.fromAsync(blinded.scan());
      assertEquals(scanned.filter(({ isOpened }) => isOpened).map(({ name }) => name), ["bob@example.org"]);
      assertEquals(scanned.length, 2);
    }),
});

Deno.test({
  name: "attack 4: an envelope of a key that was dropped is refused as WRONG_KEY, of one never held as UNKNOWN_KEY",
  ignore,
  fn: () =>
    stage(async ({ client }) => {
      const writer = client(), stranger = client({ key: NAMES });
      await writer.set("k", CANARY);
      const old = (await writer.keys.list())[0]!.id;
      await writer.keys.promote(await writer.keys.add(NAMES));
      assertEquals(await writer.get("k"), CANARY);
      await writer.keys.drop(old);
      assertEquals((await assertRejects(() => writer.get("k"), IntegrityError)).code, "WRONG_KEY");
      assertEquals((await assertRejects(() => stranger.get("k"), IntegrityError)).code, "UNKNOWN_KEY");
      assertEquals([(await writer.open("k")).status, (await stranger.open("k")).status], ["wrong-key", "unknown-key"]);
    }),
});

Deno.test({
  name: "attack 5: an older envelope of the same name is accepted by default, which the documentation says",
  ignore,
  fn: () =>
    stage(async ({ store, client }) => {
      const honest = client();
      await honest.set("k", "old");
      await honest.set("k", "new");
      assertEquals(await honest.get("k"), "new");
      store.lie = () => store.history[0]!.value;
      assertEquals(await honest.get("k"), "old");
    }),
});

Deno.test({
  name: "attack 5: with bindExpiry an older envelope is refused as EXPIRED once its own time has passed",
  ignore,
  async fn() {
    const clock = new FakeClock();
    await stage(async ({ store, client }) => {
      const honest = client({ key: KEY, bindExpiry: true, clock });
      await honest.set("k", "old", { ttl: "1m" });
      await honest.set("k", "new", { ttl: "1h" });
      store.lie = () => store.history[0]!.value;
      assertEquals(await honest.get("k"), "old");
      // What is past its minute, and the half that two clocks may differ by.
      clock.advance(90_001);
      assertEquals((await assertRejects(() => honest.get("k"), IntegrityError)).code, "EXPIRED");
      assertEquals((await honest.open("k")).status, "expired");
      store.lie = (value) => value;
      assertEquals(await honest.get("k"), "new");
    });
  },
});

Deno.test({
  name: "attack 5: with monotonic an older envelope is refused as ROLLED_BACK by every call that reads",
  ignore,
  async fn(t) {
    for (const [call, read] of Object.entries(READS)) {
      await t.step(call, () =>
        stage(async ({ store, client }) => {
          const honest = client({ key: KEY, monotonic: true });
          await honest.set("k", "old");
          await honest.set("k", "new");
          assertEquals(await honest.get("k"), "new");
          store.lie = () => store.history[0]!.value;
          assertEquals((await assertRejects(() => read(honest), IntegrityError)).code, "ROLLED_BACK");
        }));
    }
  },
});

Deno.test({
  name: "attack 5: with monotonic an envelope from before sequences were sealed is refused once one was seen",
  ignore,
  fn: () =>
    stage(async ({ store, client }) => {
      await client().set("k", "without a sequence");
      const honest = client({ key: KEY, monotonic: true });
      assertEquals(await honest.get("k"), "without a sequence");
      await honest.set("k", "with one");
      store.lie = () => store.history[0]!.value;
      assertEquals((await honest.open("k")).status, "rolled-back");
    }),
});

Deno.test({
  name: "attack 3: in a migration plaintext is read until its date, loudly, and what begins as an envelope never",
  ignore,
  async fn() {
    const clock = new FakeClock();
    await stage(async ({ store, client }) => {
      const warnings: string[] = [];
      const readPlaintextUntil = new Date(clock.wallMs() + 60_000);
      const warn = (message: string) => void warnings.push(message);
      const migrating = client({ key: KEY, clock, warn, migration: { readPlaintextUntil } });
      assertEquals(warnings.length, 1);
      await migrating.set("k", CANARY);
      store.lie = () => text("of before");
      assertEquals(await migrating.get("k"), "of before");
      assertEquals(await migrating.open("k"), { status: "plaintext", value: "of before" });
      assertEquals(warnings.length, 2);

      store.lie = flipped(40);
      assertEquals((await migrating.open("k")).status, "tampered");
      store.lie = (value) => value.slice(0, 20);
      assertEquals((await migrating.open("k")).status, "not-an-envelope");

      clock.advance(60_000);
      store.lie = () => text("of before");
      assertEquals((await migrating.open("k")).status, "not-an-envelope");
    });
  },
});

Deno.test({
  name: "attack 10: no canary of a value is ever with the server, and a name only where names are not blinded",
  ignore,
  fn: () =>
    stage(async ({ store, client }) => {
      const value = { secret: CANARY, nested: [CANARY] };
      const named = client({ key: KEY });
      const blinded = client({ keys: { active: KEY, names: NAMES }, blindNames: true, namespace: "app" });
      await named.set("name-canary", value);
      await named.update("name-canary", () => value);
      await named.set("text", CANARY);
      await named.append("text", CANARY);
      await blinded.set("blinded-canary", value);
      await blinded.rename("blinded-canary", "renamed-canary");
      const held = store.history.map(({ key, value }) => `${key} ${new TextDecoder("latin1").decode(value)}`).join(
        "\n",
      );
      assert(!held.includes(CANARY));
      assert(held.includes("name-canary"));
      assert(!held.includes("blinded-canary") && !held.includes("renamed-canary"));
    }),
});
