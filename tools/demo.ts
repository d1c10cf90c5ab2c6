/**
 * `deno task demo`: what Cryptomem does, in one screen, over real TCP. Ends with 0 only if every step held.
 *
 * @module
 */

import { Client, IntegrityError } from "../client.ts";
import { utf8 } from "../lib/bytes.ts";
import { ReplyReader } from "../lib/client/reply_reader.ts";
import { encodeRequest } from "../lib/codec/cm.ts";
import { OPCODE } from "../lib/codec/operations.ts";
import { ENVELOPE_OVERHEAD_BYTES } from "../lib/crypto/envelope.ts";
import { DEFAULT_MAX_VALUE_BYTES } from "../lib/limits.ts";
import { serve } from "../lib/server/serve.ts";

const BYTES_PER_LINE = 16;
const TAG_BYTES = 16;
const CIPHERTEXT_START = ENVELOPE_OVERHEAD_BYTES - TAG_BYTES - 1;
const SHORT_TTL_MS = 100;
const PAUSE_MS = 150;

const session = { user: "ada@example.org", role: "admin", token: "k7-Zq1-994" };
const secrets = Object.values(session);

async function demo(): Promise<void> {
  say("Cryptomem: a cache that cannot read what it holds", "");

  await using server = serve({ port: 0 });
  const { hostname, port } = server.address;
  const address = `${hostname}:${port}`;
  say(`1. A server listens on ${address}.`);

  const key = crypto.getRandomValues(new Uint8Array(32));
  await using client = new Client(address, { key });
  await client.set("session:7", session, { ttl: "10m" });
  say("", "2. A client seals a session with its key and stores it for ten minutes:");
  say(`     set session:7 ${JSON.stringify(session)}`);

  const held = await readRaw(server.address, "session:7");
  const heldText = new TextDecoder("latin1").decode(held);
  hold(secrets.every((secret) => !heldText.includes(secret)), "the server can read the session");
  say("", "3. What the server holds, fetched without the key:");
  say(...hexDump(held).map((line) => `     ${line}`));
  say("", ...legend(held.length).map((line) => `     ${line}`));

  const found = await client.get<typeof session>("session:7");
  hold(JSON.stringify(found) === JSON.stringify(session), "the session came back changed");
  say("", "4. The client reads it back and opens it, an object again:");
  say(`     get session:7 -> user ${found?.user}, role ${found?.role}, token ${found?.token}`);

  const [, early] = await Promise.all([
    client.set("code", "194 302", { ttl: SHORT_TTL_MS }),
    client.get("code"),
  ]);
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  const late = await client.get("code");
  hold(early === "194 302" && late === undefined, "the entry did not live as long as its ttl");
  say("", `5. An entry with a ttl of ${SHORT_TTL_MS} ms: at once "${early}", ${PAUSE_MS} ms later ${late}.`);

  await using stranger = new Client(address, { key: crypto.getRandomValues(new Uint8Array(32)) });
  const refusal = await stranger.get("session:7").catch((error) => error);
  hold(refusal instanceof IntegrityError, "another key opened the session");
  say("", "6. A client with another key gets an error, and nothing of the session:");
  say(`     ${refusal.name}:`, `     ${refusal.message}`);

  say("", "Every step held.");
}

/** A value as the server gives it to anybody: one GET over a connection of its own. */
async function readRaw({ hostname, port }: Deno.NetAddr, key: string): Promise<Uint8Array> {
  using connection = await Deno.connect({ hostname, port });
  await connection.write(encodeRequest(OPCODE.GET, utf8(key), new Uint8Array(0), 0));
  const reader = new ReplyReader(DEFAULT_MAX_VALUE_BYTES);
  let value: Uint8Array | undefined;
  while (value === undefined) {
    const count = await connection.read(reader.room());
    hold(count !== null, "the server closed the connection");
    reader.accept(count, (reply) => value = reply.value);
  }
  return value;
}

/** Offset, bytes and the same bytes as ASCII, sixteen a line. */
function hexDump(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += BYTES_PER_LINE) {
    const row = [...bytes.subarray(at, at + BYTES_PER_LINE)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = row.map((byte) => byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".").join("");
    lines.push(`${String(at).padStart(3)}  ${hex.padEnd(BYTES_PER_LINE * 3)} ${text}`);
  }
  return lines;
}

/** What lies where in an envelope of that length. */
function legend(length: number): string[] {
  const tagStart = length - TAG_BYTES;
  const fields = [
    ["0", "c1, the mark of an envelope: no text begins with it"],
    ["1-4", "which key it was sealed with"],
    [`5-${CIPHERTEXT_START - 1}`, "nonce, different for every write"],
    [`${CIPHERTEXT_START}-${tagStart - 1}`, "the session, encrypted with AES-256-GCM"],
    [`${tagStart}-${length - 1}`, "tag: shows any change, and a move to another name"],
  ] as const;
  return fields.map(([range, meaning]) => `bytes ${range.padEnd(8)}${meaning}`);
}

function say(...lines: readonly string[]): void {
  // deno-lint-ignore no-console -- the demo is there to be read
  for (const line of lines) console.log(line);
}

/** Ends the demo unless what it shows is true. */
function hold(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Error(`This step did not hold: ${otherwise}`);
}

if (import.meta.main) await demo();
