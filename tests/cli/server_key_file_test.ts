// The file of the server's key, and the command that shows what clients know of it.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ServerKey } from "../../lib/channel/server_key.ts";
import { obtainServerKey } from "../../lib/cli/server_key_file.ts";
import { machine } from "../../lib/cli/server_machine.ts";
import { UsageError } from "../../lib/cli/usage_error.ts";
import { canWrite } from "../support/permissions.ts";
import { machineOf, runIn, type ServerRan, type ServerWorld } from "../support/server_world.ts";

const BYTES = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
const { pin: PIN, fingerprint: FINGERPRINT } = await ServerKey.from(BYTES.slice());

function worldWith(bytes: Uint8Array): ServerWorld {
  return { files: {}, binaries: { "k": bytes.slice() } };
}

/** The key, and what was complained of. */
async function obtain(world: ServerWorld): Promise<{ pin: string; complaints: readonly string[] }> {
  const ran: ServerRan = { output: "", complaints: [] };
  const { pin } = await obtainServerKey("k", machineOf(world, ran));
  assertEquals(ran.output, "");
  return { pin, complaints: ran.complaints };
}

Deno.test("a key is made where there is none, which is said once, and used from then on", async () => {
  const world: ServerWorld = { files: {} };
  const first = await obtain(world);
  assertEquals(first.complaints, [
    "k: made a new server key; keep a copy: with another key, this is another server to clients",
  ]);
  assertEquals(world.binaries?.["k"]?.length, 32);
  assertEquals(await obtain(world), { pin: first.pin, complaints: [] });
  assert((await obtain({ files: {} })).pin !== first.pin);
});

Deno.test("a key that another server is about to write is waited for", async () => {
  const world = worldWith(BYTES.subarray(0, 0));
  let pauses = 0;
  world.onPause = () => {
    if (++pauses === 3) world.binaries!["k"] = BYTES.slice();
  };
  assertEquals((await obtain(world)).pin, PIN);
});

Deno.test("a file that holds no key is refused and left as it is, and no other key is made", async () => {
  const cases: [Uint8Array, string][] = [
    [BYTES.subarray(0, 0), "k: Cannot use server key: it has 0 bytes and must have 32; bring it back from a copy"],
    [BYTES.subarray(1), "k: Cannot use server key: it has 31 bytes and must have 32; bring it back from a copy"],
    [new Uint8Array(32), "k: Cannot use server key: all of its bytes are zero; bring it back from a copy"],
    [new Uint8Array(33), "k: Cannot use it"],
  ];
  for (const [bytes, expected] of cases) {
    const world = worldWith(bytes);
    const { message } = await assertRejects(() => obtain(world), UsageError);
    assertEquals(message.slice(0, expected.length), expected);
    assertEquals({ ...world.binaries?.["k"] }, { ...bytes });
  }
});

Deno.test({
  name: "servers that start at once end with one key, which only its owner can read",
  ignore: !canWrite || Deno.build.os === "windows",
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const complaints: string[] = [];
      const on = { ...machine, complain: (line: string) => void complaints.push(line) };
      const keys = await Promise.all(Array.from({ length: 20 }, () => obtainServerKey(`${folder}/k`, on)));
      assertEquals([new Set(keys.map(({ pin }) => pin)).size, complaints.length], [1, 1]);
      const { mode, size } = await Deno.stat(`${folder}/k`);
      assertEquals([mode! & 0o777, size], [0o600, 32]);
      await assertRejects(() => obtainServerKey(`${folder}/none/k`, on), UsageError, "there is no such folder");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("fingerprint prints the pin, alone in its line, and the fingerprint", async () => {
  const expected = { output: `${PIN}\n${FINGERPRINT}\n`, complaints: [] };
  assertEquals(await runIn(worldWith(BYTES), "fingerprint", "--server-key", "k"), expected);
  const world = { ...worldWith(BYTES), variables: { CRYPTOMEM_SERVER_KEY: "k" } };
  assertEquals(await runIn(world, "fingerprint"), expected);
});

Deno.test("fingerprint makes no key, and says in one line what it lacks", async () => {
  const cases: [ServerWorld, string, string][] = [
    [{ files: {} }, "", "fingerprint: Cannot run it without a key: write --server-key FILE behind it"],
    [
      { files: {} },
      "--server-key k",
      "k: Cannot show its pin: there is no such file; server.ts --server-key FILE makes it",
    ],
    [
      { ...worldWith(BYTES), denied: ["read"] },
      "--server-key k",
      "k: Cannot read it without permission: run deno run --allow-read=k server.ts fingerprint --server-key k",
    ],
    [worldWith(BYTES.subarray(1)), "--server-key k", "k: Cannot use server key: it has 31 bytes and must have 32; "],
    [{ files: {} }, "k", "fingerprint: Cannot use a word behind it"],
    [{ files: {} }, "--key k", "--key: Unknown option of fingerprint: there are --server-key"],
  ];
  for (const [world, line, expected] of cases) {
    const before = structuredClone(world.binaries);
    const { output, complaints } = await runIn(world, "fingerprint", ...line.split(" ").filter((word) => word !== ""));
    assertEquals([output, complaints.length, world.binaries], ["", 1, before]);
    assertEquals(complaints[0]!.slice(0, expected.length), expected);
  }
});
