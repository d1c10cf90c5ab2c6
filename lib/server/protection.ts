/**
 * Protected start: a server does not listen where others reach it and nobody is asked who they are, unless that is said to
 * be meant.
 *
 * @module
 */

import { DEFAULT_HOSTNAME } from "../limits.ts";
import { networkOf, THIS_MACHINE } from "../security/peer_network.ts";
import type { ServeOptions } from "./serve_options.ts";

/** Connecting to a unix socket takes the right to write to it; here of whoever is neither its owner nor in its group. */
const WRITE_BY_OTHERS = 0o002;

const ASK = "Set a password (--password-file), or take tokens (--token-file)";
const MEANT = "or say that it is meant (--insecure on)";

/**
 * Makes sure that no place is open to everybody.
 *
 * @throws RangeError for one that is, with what can be done about it
 */
export function checkProtected(options: ServeOptions): void {
  // Whoever comes, and over whatever wire, has to say who it is.
  if (options.authentication !== undefined) return;
  const { hostname = DEFAULT_HOSTNAME, listener, listen = [], tls, unix } = options;
  // A secure channel proves who the server is, not who its client is; so such places stay open with requireSecure too.
  const plain = [listener?.addr.hostname ?? hostname, ...listen.map((place) => place.hostname ?? hostname)];
  const open = plain.find((one) => !isThisMachine(one));
  if (open !== undefined) {
    throw openPlace(
      open,
      `${ASK}; or listen on this machine only (--host 127.0.0.1), and for others with TLS that wants client certificates ` +
        "(--tls-listen, --tls-client-ca)",
    );
  }
  const tlsHostname = tls?.hostname ?? hostname;
  if (tls !== undefined && tls.clientCa === undefined && !isThisMachine(tlsHostname)) {
    throw openPlace(
      tlsHostname,
      `${ASK}, or want client certificates (--tls-client-ca); or listen on this machine only (--tls-listen 127.0.0.1:PORT)`,
    );
  }
  if (unix?.mode !== undefined && (unix.mode & WRITE_BY_OTHERS) !== 0) {
    throw new RangeError(
      `Cannot listen on ${unix.path} with mode ${
        unix.mode.toString(8)
      } without protection: every user of this machine ` +
        `could read and change everything. ${ASK}; or let in its owner or group only (--unix-mode 660); ${MEANT}`,
    );
  }
}

function openPlace(hostname: string, advice: string): RangeError {
  return new RangeError(
    `Cannot listen on ${hostname} without protection: everybody in the network could read and change everything. ` +
      `${advice}; ${MEANT}`,
  );
}

/** Whether only programs on this machine reach what listens there. */
function isThisMachine(hostname: string): boolean {
  return hostname === "localhost" || networkOf(hostname) === THIS_MACHINE;
}
