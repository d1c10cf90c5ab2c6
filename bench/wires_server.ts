/**
 * The server under test of `wires.ts`, in a process of its own: plain connections, secure channels and TLS at once, with
 * keys that end with it. Its one argument is the TLS certificate with its key; it tells in one line how to reach it.
 *
 * @module
 */

import { utf8 } from "../lib/bytes.ts";
import { serve, ServerKey } from "../server.ts";

/** How the server is reached. */
export interface Places {
  readonly port: number;
  readonly tlsPort: number;
  readonly pin: string;
}

if (import.meta.main) {
  const serverKey = await ServerKey.generate();
  const server = serve({ port: 0, serverKey, tls: { ...JSON.parse(Deno.args[0]!), port: 0 } });
  await server.ready;
  const places: Places = { port: server.address.port, tlsPort: server.tlsAddress!.port, pin: serverKey.pin };
  Deno.stdout.writeSync(utf8(`${JSON.stringify(places)}\n`));
}
