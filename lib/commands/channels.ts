/**
 * Who listens to what: publish and subscribe, across all dialects.
 *
 * @module
 */

import { binaryText, bytesOfBinaryText } from "../bytes.ts";
import { CryptomemError } from "../errors.ts";
import { MAX_SUBSCRIPTION_BYTES, REMEMBERED_NAME_BYTES } from "../limits.ts";
import type { ClientState } from "./client_state.ts";
import { matchesGlob } from "./glob.ts";

/** All subscriptions of a server. */
export class Channels {
  readonly #byChannel = new Map<string, Set<ClientState>>();
  readonly #byPattern = new Map<string, Set<ClientState>>();

  /**
   * Makes sure that so many more names may be remembered for a client.
   *
   * @param bytes all of them together
   * @throws CryptomemError `TOO_LARGE`
   */
  checkRoom(client: ClientState, names: number, bytes: number): void {
    if (client.subscriptionBytes + names * REMEMBERED_NAME_BYTES + bytes <= MAX_SUBSCRIPTION_BYTES) return;
    throw new CryptomemError(
      "TOO_LARGE",
      `a connection's subscriptions may take ${MAX_SUBSCRIPTION_BYTES} bytes, each its name and ${REMEMBERED_NAME_BYTES}`,
    );
  }

  /** Subscribes to a channel. Returns whether that is new. */
  subscribe(client: ClientState, channel: Uint8Array): boolean {
    return add(this.#byChannel, client.channels, client, binaryText(channel));
  }

  /** Ends a subscription to a channel. Returns whether there was one. */
  unsubscribe(client: ClientState, channel: Uint8Array): boolean {
    return remove(this.#byChannel, client.channels, client, binaryText(channel));
  }

  /** Subscribes to all channels that match a glob pattern. Returns whether that is new. */
  subscribePattern(client: ClientState, pattern: Uint8Array): boolean {
    return add(this.#byPattern, client.patterns, client, binaryText(pattern));
  }

  /** Ends a subscription to a pattern. Returns whether there was one. */
  unsubscribePattern(client: ClientState, pattern: Uint8Array): boolean {
    return remove(this.#byPattern, client.patterns, client, binaryText(pattern));
  }

  /** Ends all subscriptions of a client. */
  leave(client: ClientState): void {
    for (const channel of client.channels) remove(this.#byChannel, client.channels, client, channel);
    for (const pattern of client.patterns) remove(this.#byPattern, client.patterns, client, pattern);
  }

  /**
   * Sends a message to every subscription that fits: a client with two of them gets it twice.
   *
   * @returns how many subscriptions it went to
   */
  publish(channel: Uint8Array, message: Uint8Array): number {
    let receivers = 0;
    const listeners = this.#byChannel.get(binaryText(channel));
    if (listeners !== undefined) {
      const push = { kind: "message", subscription: channel, channel, message } as const;
      for (const client of listeners) client.push(push), receivers++;
    }
    for (const [pattern, clients] of this.#byPattern) {
      const subscription = bytesOfBinaryText(pattern);
      if (!matchesGlob(subscription, channel)) continue;
      const push = { kind: "pmessage", subscription, channel, message } as const;
      for (const client of clients) client.push(push), receivers++;
    }
    return receivers;
  }

  /** Channels that somebody is subscribed to, patterns aside. */
  get names(): Uint8Array[] {
    return [...this.#byChannel.keys()].map(bytesOfBinaryText);
  }

  /** How many are subscribed to a channel, patterns aside. */
  subscribers(channel: Uint8Array): number {
    return this.#byChannel.get(binaryText(channel))?.size ?? 0;
  }

  /** How many different patterns somebody is subscribed to. */
  get patternCount(): number {
    return this.#byPattern.size;
  }
}

function add(all: Map<string, Set<ClientState>>, own: Set<string>, client: ClientState, name: string): boolean {
  if (own.has(name)) return false;
  own.add(name);
  client.subscriptionBytes += rememberedBytes(name.length);
  const clients = all.get(name);
  if (clients === undefined) all.set(name, new Set([client]));
  else clients.add(client);
  return true;
}

function remove(all: Map<string, Set<ClientState>>, own: Set<string>, client: ClientState, name: string): boolean {
  if (!own.delete(name)) return false;
  client.subscriptionBytes -= rememberedBytes(name.length);
  const clients = all.get(name)!;
  clients.delete(client);
  if (clients.size === 0) all.delete(name);
  return true;
}

function rememberedBytes(nameBytes: number): number {
  return REMEMBERED_NAME_BYTES + nameBytes;
}
