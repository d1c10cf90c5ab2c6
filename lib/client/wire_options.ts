/**
 * Over which wire a client reaches its server, and how it says who it is: options, checked. There is always one wire, and
 * none to fall back to.
 *
 * @module
 */

import { utf8 } from "../bytes.ts";
import { parsePin } from "../channel/pin.ts";
import { MAX_PASSWORD_BYTES } from "../limits.ts";
import { type Address, formatAddress, isThisMachine } from "./address.ts";
import type { Dial } from "./transport.ts";

/** How to reach a server; without any of it, in plain TCP on this machine. */
export interface WireOptions {
  /**
   * Speaks through a secure channel, to the server with this key alone: `cms1_` and 43 characters, as the server shows at
   * its start. Of several, any will do, so that the server's key can be changed: pin the new one beside the old one
   * everywhere, then change it.
   */
  readonly pin?: string | readonly string[];
  /** Speaks TLS, to a server whose certificate is good for its name; `true` trusts who the system trusts. */
  readonly tls?: boolean | ClientTlsOptions;
  /** What the server asks for, before anything else is sent on a connection. */
  readonly password?: string;
  /** The same, for one program's own: `cmt1_…`, as `server.ts token create` has shown it. */
  readonly token?: string;
  /**
   * Speaks plain TCP with another machine, which is refused otherwise: whoever is in between can then read names and the
   * password, and send commands of their own. Values stay sealed. `false` by default.
   */
  readonly insecure?: boolean;
  /** How to reach the server, instead of TCP; for tests and tunnels. A `pin` is good for it as well. */
  readonly connect?: Dial;
}

/** Whom a client trusts over TLS, and what it shows itself; all in PEM. */
export interface ClientTlsOptions {
  /** Certificates to trust beside those that the system trusts: of those who sign, or the server's own. */
  readonly caCerts?: readonly string[];
  /** The client's certificate, for a server that asks for one. Needs `key`. */
  readonly cert?: string;
  /** The private key of `cert`. */
  readonly key?: string;
}

/** One wire, settled. */
export interface WireSettings {
  /** Public keys of servers, for a secure channel. */
  readonly pins: readonly Uint8Array[] | undefined;
  readonly tls: ClientTlsOptions | undefined;
  /** What the client says who it is by. */
  readonly secret: Uint8Array | undefined;
  readonly connect: Dial | undefined;
}

const TOKEN = /^cmt1_[0-9A-Za-z]{8}_[\w-]{43}$/;

/**
 * Checks the options of a wire.
 *
 * @throws TypeError or RangeError if one of them is none, two do not go together, or others could read what passes and
 * nobody has said that it may be so
 */
export function wireOf(address: Address, options: WireOptions): WireSettings {
  const { pin, tls, connect, insecure = false } = options;
  const pins = pin === undefined ? undefined : (typeof pin === "string" ? [pin] : pin).map(parsePin);
  if (pins?.length === 0) throw new RangeError("Cannot use pin: the list is empty, so no server would do");
  const settled = {
    pins,
    tls: tls === undefined || tls === false ? undefined : checkedTls(tls === true ? {} : tls),
    secret: secretOf(options),
    connect,
  };
  if (settled.tls !== undefined) {
    if (pins !== undefined) throw unusable("pin and tls together", "each is a wire of its own; give one of the two");
    if (connect !== undefined) {
      throw unusable("tls and connect together", "give a pin instead, or let connect speak TLS");
    }
    if ("path" in address) {
      throw unusable("tls with a unix socket", "TLS has a port of its own; what passes stays here");
    }
  }
  const isReadable = pins === undefined && settled.tls === undefined && connect === undefined &&
    !isThisMachine(address);
  if (isReadable && !insecure) {
    throw unusable(
      `${formatAddress(address)} over plain TCP`,
      "others on the way could read names and send commands; give the pin that the server shows at its start, or tls, " +
        "or say that it is meant (insecure)",
    );
  }
  return settled;
}

function checkedTls(tls: ClientTlsOptions): ClientTlsOptions {
  const { cert, key, caCerts = [] } = tls;
  if ((cert === undefined) !== (key === undefined)) {
    throw unusable(`tls.${cert === undefined ? "key" : "cert"} alone`, "a certificate goes with its key; give both");
  }
  for (const pem of [...caCerts, ...cert === undefined ? [] : [cert]]) {
    if (typeof pem === "string" && pem.includes("-----BEGIN CERTIFICATE-----")) continue;
    throw new TypeError("Cannot use a certificate of tls: it is not in PEM; give the text of the file, not its name");
  }
  return tls;
}

/** None of its errors shows any of it. */
function secretOf({ password, token }: WireOptions): Uint8Array | undefined {
  if (password !== undefined && token !== undefined) {
    throw unusable("password and token together", "a connection is somebody's; give one of the two");
  }
  if (token !== undefined && !(typeof token === "string" && TOKEN.test(token))) {
    throw new TypeError("Cannot use token: it is not cmt1_…, as server.ts token create has shown it");
  }
  const text = password ?? token;
  if (text === undefined) return undefined;
  if (typeof text !== "string" || text === "" || !text.isWellFormed()) {
    throw new TypeError("Cannot use password: it is no text, or an empty one");
  }
  const secret = utf8(text);
  if (secret.length <= MAX_PASSWORD_BYTES) return secret;
  throw new RangeError(`Cannot use password: it has ${secret.length} bytes, the limit is ${MAX_PASSWORD_BYTES}`);
}

function unusable(what: string, state: string): TypeError {
  return new TypeError(`Cannot use ${what}: ${state}`);
}
