/**
 * C9: the other side of connections vanishes without a word, as when a cable is pulled. Those connections are closed at
 * the idle timeout, whether replies to them are on their way or not, and without one by TCP's own keepalive.
 *
 * It needs a network of its own, whose loopback interface it takes down.
 *
 * @module
 */

import { frame } from "../support/cm_frame.ts";
import { sendAll } from "./crowd.ts";
import { isInside, runInside } from "./own_network.ts";
import { ServerUnderTest, sleep } from "./process.ts";
import { expect, judge, say } from "./report.ts";

const hostname = "127.0.0.1";
const CLIENTS = 20;
const IDLE_MS = 3_000;
/** What TCP is told in this network: the first question after so many seconds, the next ones each second. */
const KEEPALIVE = { time: 2, intvl: 1, probes: 3 };
const KEEPALIVE_MS = (KEEPALIVE.time + KEEPALIVE.intvl * KEEPALIVE.probes) * 1_000;
const VALUE_BYTES = 8 * 1024 * 1024;
const SET = 1, GET = 2, PING = 4;

async function system(...words: string[]): Promise<void> {
  const { success } = await new Deno.Command(words[0]!, { args: words.slice(1) }).output();
  if (!success) throw new Error(`Cannot run ${words.join(" ")}`);
}

/** Connects clients, half of which wait for a long reply, takes the network down, and looks when they are gone. */
async function vanish(what: string, flags: readonly string[], dueMs: number, isOwed: boolean): Promise<void> {
  await using server = await ServerUnderTest.program(flags);
  const before = await server.descriptors();
  const connections: Deno.TcpConn[] = [];
  for (let i = 0; i < CLIENTS; i++) {
    const connection = await Deno.connect({ hostname, port: server.port });
    connections.push(connection);
    await sendAll(connection, frame({ opcode: PING }));
    await connection.read(new Uint8Array(7));
  }
  if (isOwed) {
    await sendAll(connections[0]!, frame({ opcode: SET, key: "long", value: new Uint8Array(VALUE_BYTES) }));
    await connections[0]!.read(new Uint8Array(7));
    for (const connection of connections) await sendAll(connection, frame({ opcode: GET, key: "long" }));
  }
  await sleep(100);
  const opened = await server.descriptors() - before;
  await system("ip", "link", "set", "lo", "down");
  const downMs = performance.now();
  let firstMs = Infinity, left = opened;
  while (left > 0 && performance.now() < downMs + 3 * dueMs) {
    await sleep(20);
    left = await server.descriptors() - before;
    if (left < opened) firstMs = Math.min(firstMs, performance.now() - downMs);
  }
  const lastMs = performance.now() - downMs;
  await system("ip", "link", "set", "lo", "up");
  expect(`C9 ${what}: ${opened} vanish, ${left} are left, the first goes after ${Math.round(firstMs)} ms`, left === 0);
  judge(`C9 ${what}: the last one goes after`, { figure: lastMs, atMost: 2 * dueMs }, "ms");
  for (const connection of connections) connection.close();
  using next = await Deno.connect({ hostname, port: server.port });
  await sendAll(next, frame({ opcode: PING }));
  expect(`C9 ${what}: the next client is served`, await next.read(new Uint8Array(7)) === 7);
}

if (!isInside) {
  say(`C9: ${CLIENTS} clients vanish without a word`);
  if (!await runInside(import.meta.url)) say("C9: skipped, no network of its own is to be had (unshare, as root)");
} else {
  const idle = ["--idle-timeout", `${IDLE_MS}ms`];
  await vanish(`idle timeout of ${IDLE_MS} ms`, idle, IDLE_MS, false);
  await vanish("idle timeout, replies on their way", idle, IDLE_MS, true);
  for (const [name, value] of Object.entries(KEEPALIVE)) {
    await Deno.writeTextFile(`/proc/sys/net/ipv4/tcp_keepalive_${name}`, String(value));
  }
  await vanish(`keepalive of ${KEEPALIVE_MS} ms, no idle timeout`, [], KEEPALIVE_MS, false);
}
