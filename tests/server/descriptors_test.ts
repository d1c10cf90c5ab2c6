/** A server without file descriptors left (C4; denoland/deno#10148): a process of its own under `ulimit -n`. */

import { assert } from "@std/assert";
import { canListen, canRunShell } from "../support/permissions.ts";
import { frame, reply } from "../support/cm_frame.ts";
import { RawClient } from "../support/raw_client.ts";

const PING = frame({ opcode: 4 });
const PONG = reply(1);

Deno.test({
  name: "a server with 64 descriptors that met 200 clients serves again once they have gone (C4)",
  ignore: !canListen || !canRunShell,
  async fn() {
    const server = new URL("../../server.ts", import.meta.url).pathname;
    const script = `ulimit -n 64; exec '${Deno.execPath()}' run --no-prompt --allow-net=127.0.0.1 '${server}' --port 0`;
    await using process = new Deno.Command("sh", { args: ["-c", script], stdout: "piped" }).spawn();
    const output = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const { value: line = "" } = await output.read();
    const port = Number(/:(\d+)/.exec(line)?.[1]);
    try {
      const clients = await Promise.all(Array.from({ length: 200 }, () => RawClient.connect({ port })));
      // Those that were accepted get an answer; the others wait in the backlog.
      await clients[0]!.exchange(PING, PONG);
      for (const client of clients) client[Symbol.dispose]();
      using after = await RawClient.connect({ port });
      await after.exchange(PING, PONG);
      assert(port > 0);
    } finally {
      process.kill("SIGTERM");
      await process.status;
      await output.cancel();
    }
  },
});
