/**
 * What a session speaks over: bytes both ways, and what is known of who is at the other end without asking.
 *
 * @module
 */

import type { ByteStream } from "../channel/byte_stream.ts";
import type { Identity } from "../commands/identity.ts";
import { networkOf, THIS_MACHINE } from "../security/peer_network.ts";

/** Kinds of wires. All but `plain` keep what passes from others. */
export type WireKind = "plain" | "unix" | "channel" | "tls";

/** The other end of a connection. */
export interface Peer {
  /** `host:port`, or the path of a socket, for logs and lists. */
  readonly address: string;
  /** The same of this end. */
  readonly localAddress: string;
  /** Where it comes from, for what is counted by that (peer_network.ts). */
  readonly network: string;
}

/** A connection as a session sees it. */
export interface Wire extends ByteStream {
  readonly peer: Peer;
  /** Settled once {@linkcode Wire.begin} has resolved. */
  readonly kind: WireKind;
  /** Who it is by the wire alone, as by a certificate. */
  readonly identity: Identity | undefined;
  /** The first read, which may lead to another kind of wire before there is anything to be read. */
  begin(into: Uint8Array): Promise<number | null>;
  closeWrite(): Promise<void>;
  /** The client has said who it is: it may send longer messages. */
  authenticated(): void;
}

/** Whether nobody but the peer can read what passes. */
export function isSecret({ kind, peer }: Pick<Wire, "kind" | "peer">): boolean {
  return kind !== "plain" || peer.network === THIS_MACHINE;
}

/** The other end of a connection of Deno's. */
export function peerOf({ remoteAddr, localAddr }: Pick<Deno.Conn, "remoteAddr" | "localAddr">): Peer {
  return {
    address: addressText(remoteAddr),
    localAddress: addressText(localAddr),
    network: networkOf("hostname" in remoteAddr ? remoteAddr.hostname : undefined),
  };
}

function addressText(address: Deno.Addr): string {
  if ("hostname" in address) return `${address.hostname}:${address.port}`;
  // A client of a unix socket has no path of its own.
  return ("path" in address ? address.path : undefined) ?? "unix";
}
