/**
 * C1 and A7: a thousand clients that begin a request, a secure channel or TLS, and then send a byte a second at the most.
 * Nobody else notices, all of them are closed at their deadline, and meanwhile a good client comes in the same way.
 *
 * @module
 */

import { openChannel } from "../../lib/channel/open_channel.ts";
import { parsePin } from "../../lib/channel/pin.ts";
import { utf8 } from "../../lib/bytes.ts";
import { canMakeCertificates, makeCertificate } from "../support/certificates.ts";
import { frame } from "../support/cm_frame.ts";
import { closeAll, readToEnd, sendAll, times } from "./crowd.ts";
import { Others } from "./others.ts";
import { ServerUnderTest, sleep } from "./process.ts";
import { expect, judge, say } from "./report.ts";
import { placesIn } from "./secure_server.ts";

const hostname = "127.0.0.1";
const COUNT = 1_000;
const FRAME_TIMEOUT_MS = 4_000;
const HANDSHAKE_TIMEOUT_MS = 3_000;
const DEFAULT_FRAME_TIMEOUT_MS = 10_000;
/** How far from its deadline a connection may be closed. */
const TOLERANCE_MS = 1_000;
const DRIP_MS = 1_000;
const MAX_OTHERS_MS = 5;

/** Something that is begun and never completed. */
interface Beginning {
  /** All that is ever sent, from its first byte on. */
  readonly bytes: Uint8Array;
  /** How much of it is sent at once. */
  readonly first: number;
  readonly timeoutMs: number;
}

/** Begins it a thousand times, looks whether a good client comes in meanwhile, and waits until all are closed. */
async function besiege(
  what: string,
  server: { port: number },
  port: number,
  { bytes, first, timeoutMs }: Beginning,
  comeIn: () => Promise<boolean>,
): Promise<void> {
  using others = await Others.of(server);
  const connections: Deno.TcpConn[] = [];
  const endsMs: number[] = [];
  const ends = await times(COUNT, async () => {
    const connection = await Deno.connect({ hostname, port });
    connections.push(connection);
    const startMs = performance.now();
    await sendAll(connection, bytes.subarray(0, first));
    void drip(connection, bytes.subarray(first));
    // Not awaited here: it takes as long as the server lets it.
    return { end: readToEnd(connection).then(() => void endsMs.push(performance.now() - startMs)) };
  });
  const giveUp = setTimeout(() => closeAll(connections), 2 * timeoutMs + 5_000);
  await sleep(timeoutMs / 4);
  expect(`${what}: a good client comes in meanwhile`, await comeIn().catch(() => false));
  await Promise.all(ends.map(({ end }) => end));
  clearTimeout(giveUp);
  closeAll(connections);
  await others.judge(what, MAX_OTHERS_MS);
  const [early, late] = [Math.min(...endsMs), Math.max(...endsMs)];
  expect(
    `${what}: ${endsMs.length} closed, the first after ${Math.round(early)} ms`,
    endsMs.length === COUNT && early >= timeoutMs - TOLERANCE_MS,
  );
  judge(`${what}: the last one closed after`, { figure: late, atMost: timeoutMs + TOLERANCE_MS }, "ms");
}

/** Sends one byte after the other until the server has closed the connection. */
async function drip(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  try {
    for (let sent = 0; sent < bytes.length; sent++) {
      await sleep(DRIP_MS);
      await sendAll(connection, bytes.subarray(sent, sent + 1));
    }
  } catch {
    // It has.
  }
}

/** Whether somebody is answered. */
async function isAnswered(
  stream: { read(into: Uint8Array): Promise<number | null>; write(bytes: Uint8Array): Promise<number>; close(): void },
): Promise<boolean> {
  await stream.write(frame({ opcode: 4 }));
  const count = await stream.read(new Uint8Array(64));
  stream.close();
  return count === 7;
}

const SET = frame({ opcode: 1, key: "k", value: "v".repeat(100) });
const RESP = utf8("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100\r\n" + "v".repeat(100));

for (
  const [name, bytes, first, flags, timeoutMs] of [
    ["half a header of CM", SET, 9, ["--frame-timeout", `${FRAME_TIMEOUT_MS}ms`], FRAME_TIMEOUT_MS],
    ["half a value of RESP", RESP, 30, ["--frame-timeout", `${FRAME_TIMEOUT_MS}ms`], FRAME_TIMEOUT_MS],
    ["half a line", utf8("SET k " + "v".repeat(100)), 8, [], DEFAULT_FRAME_TIMEOUT_MS],
  ] as const
) {
  say(`C1: ${COUNT} clients with ${name}, which may take ${timeoutMs} ms; a byte each ${DRIP_MS} ms`);
  await using server = await ServerUnderTest.program(flags);
  await besiege(
    `C1 ${name}`,
    server,
    server.port,
    { bytes, first, timeoutMs },
    async () => isAnswered(await Deno.connect({ hostname, port: server.port })),
  );
}

if (!canMakeCertificates) {
  say("C1, A7: half-open handshakes are skipped, openssl is not installed");
} else {
  const tls = await makeCertificate();
  await using server = await ServerUnderTest.secure({ tls, handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS });
  const { pin, tlsPort } = placesIn(server.greeting);
  const timeoutMs = HANDSHAKE_TIMEOUT_MS;
  say(`C1: ${COUNT} half-open secure channels, which may take ${timeoutMs} ms`);
  const hello = new Uint8Array(45).fill(1);
  hello.set([0xe0, 0, 0, 0, 40, ...utf8("CMEM")]);
  await besiege("C1 secure channel", server, server.port, { bytes: hello, first: 20, timeoutMs }, async () => {
    const connection = await Deno.connect({ hostname, port: server.port });
    return isAnswered(await openChannel(connection, [parsePin(pin)]));
  });
  say(`A7: ${COUNT} half-open TLS handshakes, which may take ${timeoutMs} ms`);
  // The beginning of a ClientHello: a record of 512 bytes that never come.
  const clientHello = new Uint8Array(60);
  clientHello.set([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]);
  const comeIn = async () => isAnswered(await Deno.connectTls({ hostname, port: tlsPort, caCerts: [tls.cert] }));
  await besiege("A7 TLS", server, tlsPort, { bytes: clientHello, first: 11, timeoutMs }, comeIn);
}
