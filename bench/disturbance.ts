/**
 * What somebody else does to a server while the benchmark measures it from another process: opening channels, or
 * pipelines that never end. Arguments: which, and the {@linkcode Places} of the server; it goes on until it is ended.
 *
 * @module
 */

import { writeAll } from "../lib/channel/byte_stream.ts";
import { openChannel } from "../lib/channel/open_channel.ts";
import { parsePin } from "../lib/channel/pin.ts";
import { utf8 } from "../lib/bytes.ts";
import { systemClock } from "../lib/clock.ts";
import type { Places } from "./wires_server.ts";
import { say } from "./table.ts";
import { CM, joined } from "./wire.ts";

const HOSTNAME = "127.0.0.1";
/** How many channels are opened a second. */
export const HANDSHAKES_PER_SECOND = 200;
/** How many requests are on their way before the first reply is waited for. */
export const PIPELINE_DEPTH = 100_000;
/** Above that, the server does not keep up. */
const MAX_AT_ONCE = HANDSHAKES_PER_SECOND;
const TICK_MS = 5;
const MS_PER_SECOND = 1_000;
const READ_BUFFER_BYTES = 256 * 1024;

/** What is done. */
export type Disturbance = "handshakes" | "pipelines";

/** Opens a channel, asks for a sign of life inside of it, and closes it. */
async function openAndClose({ port, pin }: Places): Promise<void> {
  const channel = await openChannel(await Deno.connect({ hostname: HOSTNAME, port }), [parsePin(pin)]);
  await channel.write(CM.ping);
  await channel.read(new Uint8Array(CM.pongBytes));
  channel.close();
}

/** Begins so many a second, as long as the server keeps up. Says at the end how many were done a second. */
async function openChannels(places: Places): Promise<void> {
  let done = 0, isStopping = false;
  Deno.addSignalListener("SIGTERM", () => void (isStopping = true));
  const startMs = systemClock.nowMs();
  for (let begun = 0; !isStopping;) {
    const dueBy = (systemClock.nowMs() - startMs) * HANDSHAKES_PER_SECOND / MS_PER_SECOND;
    for (; begun < dueBy && begun - done < MAX_AT_ONCE; begun++) openAndClose(places).then(() => void done++);
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  say(String(Math.round(done / (systemClock.nowMs() - startMs) * MS_PER_SECOND)));
  Deno.exit();
}

async function sendPipelines({ port }: Places): Promise<void> {
  const connection = await Deno.connect({ hostname: HOSTNAME, port });
  const request = CM.request("GET", utf8("key:000000000000"), new Uint8Array(0));
  const pipeline = joined(Array.from({ length: PIPELINE_DEPTH }, () => request));
  const buffer = new Uint8Array(READ_BUFFER_BYTES);
  const forget = async () => {
    while (await connection.read(buffer) !== null);
  };
  forget();
  for (;;) await writeAll(connection, pipeline);
}

if (import.meta.main) {
  const [disturbance, places] = [Deno.args[0] as Disturbance, JSON.parse(Deno.args[1]!) as Places];
  await (disturbance === "handshakes" ? openChannels(places) : sendPipelines(places));
}
