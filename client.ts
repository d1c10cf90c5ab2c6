/**
 * Client of Cryptomem, an in-memory cache that never sees what it holds: values are sealed with AES-256-GCM before
 * they leave the process.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Client } from "@cryptomem/client";
 * import { serve } from "@cryptomem/server";
 *
 * // In place of a server that runs elsewhere: deno run --allow-net jsr:@cryptomem/server
 * await using server = serve({ port: 0 });
 *
 * await using client = new Client(`localhost:${server.address.port}`, {
 *   timeout: 60_000,
 *   key: "your-32-byte-very-secret-key-!!!",
 * });
 * await client.set("user_session", "active_data_payload", { ttl: "10m" });
 * assertEquals(await client.get("user_session"), "active_data_payload");
 * ```
 *
 * It is a program too:
 *
 * ```sh
 * deno run --allow-net --allow-read=key client.ts --key-file key set user_session active_data_payload --ttl 10m
 * deno run --allow-net --allow-read=key client.ts --key-file key get user_session
 * ```
 *
 * @module
 */

export { Client } from "./lib/client/client.ts";
export type { HeldKeyInfo, KeyControl, KeyStatus } from "./lib/client/key_control.ts";
export type { ClientTlsOptions, WireOptions } from "./lib/client/wire_options.ts";
export type {
  ClientKeys,
  ClientOptions,
  FernetCodec,
  Migration,
  ScanOptions,
  SetOptions,
} from "./lib/client/options.ts";
export type { Outcome, RefusedStatus } from "./lib/client/outcome.ts";
export type { ScannedName } from "./lib/client/scan.ts";
export type { Dial, Transport } from "./lib/client/transport.ts";
export type { Clock, Timer } from "./lib/clock.ts";
export { type KeySource, namespaceKey, type PassphraseKey } from "./lib/crypto/keyring.ts";
export type { JsonValue, Value } from "./lib/crypto/value.ts";
export {
  type ClientErrorCode,
  CryptomemError,
  type ErrorCode,
  type IntegrityCode,
  IntegrityError,
  type IntegrityReason,
  WIRE_ERROR_CODES,
  type WireErrorCode,
} from "./lib/errors.ts";

// Loaded only here, so that a program which imports the SDK does not load the command line with it.
if (import.meta.main) {
  const { runClient } = await import("./lib/cli/client_program.ts");
  Deno.exit(await runClient(Deno.args));
}
