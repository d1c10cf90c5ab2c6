/**
 * How many clients a server has at once, in all and from one address. Connections from this machine are counted in all
 * only: whoever is on it is trusted with more than that.
 *
 * @module
 */

import { THIS_MACHINE } from "../security/peer_network.ts";

/** Why a connection is turned away; the words after the code are Redis'. */
export const FULL = {
  server: "max number of clients reached",
  address: "too many clients from this address",
} as const;

/** The clients of one server, counted. */
export class ConnectionLimits {
  readonly #maxClients: number;
  readonly #maxPerAddress: number;
  #clients = 0;
  /** Only networks that somebody is connected from, so they are never more than clients. */
  readonly #byNetwork = new Map<string, number>();

  /** @param maxPerAddress `Infinity` = no limit */
  constructor(maxClients: number, maxPerAddress: number) {
    this.#maxClients = maxClients;
    this.#maxPerAddress = maxPerAddress;
  }

  /** Counts a client in, who has to be counted out again; or tells why there is no room for it. */
  admit(network: string): string | undefined {
    const fromThere = this.#byNetwork.get(network) ?? 0;
    if (this.#clients >= this.#maxClients) return FULL.server;
    if (network !== THIS_MACHINE && fromThere >= this.#maxPerAddress) return FULL.address;
    this.#clients++;
    this.#byNetwork.set(network, fromThere + 1);
    return undefined;
  }

  /** Counts a client out. */
  leave(network: string): void {
    this.#clients--;
    const left = this.#byNetwork.get(network)! - 1;
    if (left === 0) this.#byNetwork.delete(network);
    else this.#byNetwork.set(network, left);
  }
}
