/**
 * The program of the experiments on wires: a server as serve() makes it, in a process of its own, that speaks over plain
 * connections, secure channels and TLS. `process.ts` starts it.
 *
 * Its one argument is a {@linkcode SecureStart}. It says in a line its port, where it listens for TLS, and its pin.
 *
 * @module
 */

import { utf8 } from "../../lib/bytes.ts";
import { ServerKey } from "../../lib/channel/server_key.ts";
import { serve } from "../../lib/server/serve.ts";
import type { ClientLimits } from "../../lib/server/session_limits.ts";
import type { TlsCredentials } from "../../lib/server/tls_credentials.ts";

/** What it is started with. */
export interface SecureStart extends ClientLimits {
  readonly tls: TlsCredentials;
  readonly maxClients?: number;
}

/** Where a client finds its wires. */
export interface SecurePlaces {
  readonly pin: string;
  readonly tlsPort: number;
}

/** Takes the places out of the program's line. */
export function placesIn(line: string): SecurePlaces {
  const [, tlsPort, pin] = / tls :(\d+) pin (\S+)$/.exec(line) ?? [];
  return { pin: pin!, tlsPort: Number(tlsPort) };
}

if (import.meta.main) {
  const { tls, ...limits }: SecureStart = JSON.parse(Deno.args[0]!);
  const serverKey = await ServerKey.generate();
  await using server = serve({ ...limits, port: 0, serverKey, tls: { ...tls, port: 0 } });
  await server.ready;
  const line = `plain :${server.address.port} tls :${server.tlsAddress!.port} pin ${serverKey.pin}\n`;
  Deno.stdout.writeSync(utf8(line));
  const stop = new Promise<void>((resolve) => Deno.addSignalListener("SIGTERM", resolve));
  await stop;
}
