/**
 * Protected start: a server does not listen where the whole network reaches it and nobody is asked who they are, unless
 * that is said to be meant.
 *
 * @module
 */

import { networkOf, THIS_MACHINE } from "../security/peer_network.ts";

/** A place to listen, as far as its protection goes. */
export interface Place {
  readonly hostname: string;
  /** Whether whoever connects there has to prove who they are. */
  readonly asksWho: boolean;
}

/**
 * Makes sure that no place is open to everybody.
 *
 * @throws RangeError for one that is, with what can be done about it
 */
export function checkProtected(places: readonly Place[]): void {
  const open = places.find(({ hostname, asksWho }) => !asksWho && !isThisMachine(hostname));
  if (open === undefined) return;
  throw new RangeError(
    `Cannot listen on ${open.hostname} without protection: everybody in the network could read and change everything. ` +
      "Set a password (--password-file), or take tokens (--token-file), or listen on this machine only (--host 127.0.0.1); " +
      "or say that it is meant (--insecure on)",
  );
}

/** Whether only programs on this machine reach what listens there. */
export function isThisMachine(hostname: string): boolean {
  return hostname === "localhost" || networkOf(hostname) === THIS_MACHINE;
}
