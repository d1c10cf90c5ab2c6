/**
 * The Cryptomem server: a program, and {@linkcode serve} for programs that bring their own.
 *
 * ```sh
 * deno run --allow-net server.ts --port 8080
 * deno run --allow-net --allow-read=./data --allow-write=./data server.ts --data-dir ./data
 * deno run --allow-read=./data server.ts check ./data
 * ```
 *
 * @module
 */
export { serve } from "./lib/server/serve.ts";
export type { ListenOptions, RunningServer, ServeOptions, TlsOptions } from "./lib/server/serve_options.ts";
export { openPersistence, type OpenPersistenceOptions } from "./lib/server/open_persistence.ts";
export type { Durability, DurabilityStatus, SnapshotState } from "./lib/commands/durability.ts";
export type { AppendLogState } from "./lib/persistence/append_log.ts";
export type { RecoveryState } from "./lib/persistence/recovery.ts";
export type { AuthenticationOptions } from "./lib/security/authentication_options.ts";
export { createToken, type Token, type TokenOptions } from "./lib/security/token.ts";
export { TOKEN_CLASSES, type TokenClass } from "./lib/security/access.ts";
export { ServerKey } from "./lib/channel/server_key.ts";
export type { X25519KeyPair } from "./lib/crypto/subtle.ts";
export type { ClientLimits } from "./lib/server/session_limits.ts";
export type { TlsCredentials } from "./lib/server/tls_credentials.ts";
export type { UnixOptions } from "./lib/server/unix_socket.ts";
export { DIALECT_NAMES, type DialectName } from "./lib/codec/dialect.ts";
export type { Integer } from "./lib/integer.ts";
export { POLICY_NAMES, type PolicyName } from "./lib/storage/eviction/policy.ts";
export type { EntryCount, KeyIdCount, SealingStats, Store, StoreStats } from "./lib/storage/store.ts";
export type { ByteRange } from "./lib/bytes.ts";
export type { Clock, Timer } from "./lib/clock.ts";

if (import.meta.main) {
  const { runServer } = await import("./lib/cli/server_program.ts");
  Deno.exit(await runServer(Deno.args));
}
