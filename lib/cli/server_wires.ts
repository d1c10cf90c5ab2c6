/**
 * What the server's wires need, from where its configuration says: the key of secure channels, certificates of TLS, a unix
 * socket.
 *
 * @module
 */

import type { ServerKey } from "../channel/server_key.ts";
import { MAX_CERTIFICATE_FILE_BYTES } from "../limits.ts";
import type { RunningServer, TlsOptions } from "../server/serve_options.ts";
import { TlsContext, type TlsCredentials, TlsCredentialsError } from "../server/tls_credentials.ts";
import type { UnixOptions } from "../server/unix_socket.ts";
import { fileText } from "./bounded_file.ts";
import type { Configuration } from "./options.ts";
import { obtainServerKey } from "./server_key_file.ts";
import type { ServerMachine } from "./server_machine.ts";
import { UsageError } from "./usage_error.ts";

/** What a server is given for its wires. */
export interface Wires {
  readonly serverKey?: ServerKey;
  readonly tls?: TlsOptions;
  readonly unix?: UnixOptions;
}

/** Where the parts of TLS credentials are. */
export type TlsFiles = Readonly<Record<keyof Required<TlsCredentials>, string | undefined>> & { readonly cert: string };

/**
 * What the server's wires need; a key that is not there yet is made.
 *
 * @throws {UsageError} if that cannot be used
 */
export async function wiresOf(configuration: Configuration, on: ServerMachine): Promise<Wires> {
  const { serverKeyFile, tlsListen, unixPath, unixMode } = configuration;
  const files = tlsFilesOf(configuration);
  const tls = files && { ...tlsListen, ...await readTls(files, on) };
  return {
    ...tls !== undefined && { tls },
    ...unixPath !== undefined && { unix: { path: unixPath, mode: Number.parseInt(unixMode, 8) } },
    // Last: no key is made for a server whose certificates cannot be used.
    ...serverKeyFile !== undefined && { serverKey: await obtainServerKey(serverKeyFile, on) },
  };
}

/** Where its TLS credentials are; `undefined` if it has none. */
export function tlsFilesOf({ tlsCert, tlsKey, tlsClientCa }: Configuration): TlsFiles | undefined {
  return tlsCert === undefined ? undefined : { cert: tlsCert, key: tlsKey, clientCa: tlsClientCa };
}

/**
 * Reads TLS credentials again. If they cannot be used the server goes on with those it has, and says so: a slip must not
 * keep everybody out.
 */
export async function reloadTls(
  server: Pick<RunningServer, "replaceTlsCredentials">,
  files: TlsFiles,
  on: Pick<ServerMachine, "readFile" | "readSecretFile" | "complain">,
): Promise<void> {
  try {
    server.replaceTlsCredentials(await readTls(files, on));
    on.complain(`${files.cert}: read again: connections from now on get this certificate`);
  } catch (error) {
    const { message } = error as Error;
    const reason = message.startsWith(files.cert) || error instanceof UsageError
      ? message
      : `${files.cert}: ${message}`;
    on.complain(
      `error: ${reason}; nothing has changed, the certificates of before are STILL USED: put it right and send SIGHUP`,
    );
  }
}

async function readTls(
  files: TlsFiles,
  on: Pick<ServerMachine, "readFile" | "readSecretFile">,
): Promise<TlsCredentials> {
  const { cert, key, clientCa } = files;
  const credentials: TlsCredentials = {
    cert: await on.readFile(cert, MAX_CERTIFICATE_FILE_BYTES),
    key: await readKey(key!, on),
    ...clientCa !== undefined && { clientCa: await on.readFile(clientCa, MAX_CERTIFICATE_FILE_BYTES) },
  };
  try {
    new TlsContext(credentials);
  } catch (error) {
    if (!(error instanceof TlsCredentialsError)) throw error;
    throw new UsageError(files[error.part]!, error.message);
  }
  return credentials;
}

async function readKey(path: string, on: Pick<ServerMachine, "readSecretFile">): Promise<string> {
  const bytes = await on.readSecretFile(path, MAX_CERTIFICATE_FILE_BYTES);
  try {
    return fileText(path, bytes);
  } finally {
    bytes.fill(0);
  }
}
