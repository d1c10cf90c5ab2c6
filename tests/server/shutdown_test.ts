import { concat } from "@std/bytes";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { serve } from "../../lib/server/serve.ts";
import { frame, reply } from "../support/cm_frame.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { canListen } from "../support/permissions.ts";
import { RawClient } from "../support/raw_client.ts";

const SET = 1, GET = 2, PING = 4;
const OK = 1;

function shutdownTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !canListen, fn });
}

shutdownTest("shutdown() ends an idle server; `finished` resolves with it", async () => {
  const server = serve({ port: 0 });
  await server.shutdown();
  await server.finished;
  await assertRejects(() => RawClient.connect(server.address), Deno.errors.ConnectionRefused);
});

shutdownTest("shutdown() may be called twice", async () => {
  const server = serve({ port: 0 });
  await Promise.all([server.shutdown(), server.shutdown()]);
  await server.shutdown();
});

shutdownTest("aborting the signal shuts down, also one that was aborted before", async () => {
  const controller = new AbortController();
  const server = serve({ port: 0, signal: controller.signal });
  controller.abort();
  await server.finished;
  await serve({ port: 0, signal: AbortSignal.abort() }).finished;
});

shutdownTest("idle connections see the end, not a reset", async () => {
  const server = serve({ port: 0 });
  using client = await RawClient.connect(server.address);
  await client.exchange(frame({ opcode: PING }), reply(OK));
  const ended = client.readToEnd();
  const finished = server.shutdown();
  assertEquals(await ended, new Uint8Array(0));
  client.connection.close();
  await finished;
});

shutdownTest("what has been read is answered, every reply whole", async () => {
  const server = serve({ port: 0 });
  using client = await RawClient.connect(server.address);
  const value = new Uint8Array(100_000).fill(7);
  await client.exchange(frame({ opcode: SET, key: "k", value }), reply(OK));
  await client.send(concat(Array.from({ length: 50 }, () => frame({ opcode: GET, key: "k" }))));
  const first = await client.read(7);
  const finished = server.shutdown();
  const rest = await client.readToEnd();
  client.connection.close();
  await finished;
  const one = 7 + value.length;
  assertEquals((first.length + rest.length) % one, 0);
});

shutdownTest("a client that stays after the end is cut off", async () => {
  const clock = new FakeClock();
  const server = serve({ port: 0, clock });
  using client = await RawClient.connect(server.address);
  await client.exchange(frame({ opcode: PING }), reply(OK));
  let isFinished = false;
  const finished = server.shutdown().then(() => isFinished = true);
  let turns = 0;
  for (; !isFinished && turns < 100; turns++) {
    clock.advance(100);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await finished;
  assert(turns >= 5, "it lingers first");
});
