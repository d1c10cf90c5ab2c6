/**
 * Makes connections over the one wire that a client was given, ready for calls: the socket, what protects it, and the
 * word on who the client is. Whatever fails of it, nothing weaker is tried.
 *
 * @module
 */

import { closeQuietly } from "../channel/byte_stream.ts";
import { openChannel } from "../channel/open_channel.ts";
import type { Clock } from "../clock.ts";
import { CryptomemError } from "../errors.ts";
import type { Address, NetworkAddress } from "./address.ts";
import { messageOf } from "./connection.ts";
import { Login } from "./login.ts";
import { type Dial, dialSocket, prepare, type Transport } from "./transport.ts";
import type { ClientTlsOptions, WireSettings } from "./wire_options.ts";

/** A guard against servers of other protocols; one that names none is taken too. */
const PROTOCOL = "cryptomem/1";

/** How connections are made. */
export function dialOver(address: Address, { pins, tls, secret, connect }: WireSettings, clock: Clock): Dial {
  const dial = connect ?? ((signal) => dialSocket(address, signal));
  const login = secret && new Login(secret, clock);
  if (tls !== undefined && !("path" in address)) return loggedIn((signal) => dialTls(address, tls, signal), login);
  if (pins === undefined) return loggedIn(dial, login);
  return async (signal) => {
    login?.checkWorthwhile();
    const channel = await openChannel(await dial(signal), pins, { clock, signal });
    if (login === undefined) return channel;
    await logIn(channel, login, signal);
    channel.authenticated();
    return channel;
  };
}

function loggedIn(dial: Dial, login: Login | undefined): Dial {
  if (login === undefined) return dial;
  return async (signal) => {
    login.checkWorthwhile();
    const transport = await dial(signal);
    await logIn(transport, login, signal);
    return transport;
  };
}

/** Closes the transport if it comes to nothing. */
async function logIn(transport: Transport, login: Login, signal: AbortSignal): Promise<void> {
  const close = () => closeQuietly(transport);
  signal.addEventListener("abort", close, { once: true });
  try {
    signal.throwIfAborted();
    await login.over(transport);
  } catch (error) {
    close();
    throw error;
  } finally {
    signal.removeEventListener("abort", close);
  }
}

async function dialTls(address: NetworkAddress, tls: ClientTlsOptions, signal: AbortSignal): Promise<Transport> {
  const connection = await startTls(address, tls, signal);
  const close = () => closeQuietly(connection);
  signal.addEventListener("abort", close, { once: true });
  try {
    signal.throwIfAborted();
    await connection.handshake();
    return connection;
  } catch (error) {
    close();
    const state = messageOf(error);
    if (!/^invalid peer certificate/.test(state)) throw error;
    throw new CryptomemError("UNTRUSTED", `Cannot trust the server: ${state}`, { cause: error });
  } finally {
    signal.removeEventListener("abort", close);
  }
}

/** Deno sets up TCP by itself where it takes a client's certificate, and only there. */
async function startTls(
  { hostname, port }: NetworkAddress,
  { caCerts = [], cert, key }: ClientTlsOptions,
  signal: AbortSignal,
): Promise<Deno.TlsConn> {
  const trusted = { hostname, caCerts: [...caCerts], alpnProtocols: [PROTOCOL] };
  if (cert !== undefined && key !== undefined) return await Deno.connectTls({ ...trusted, port, cert, key });
  const connection = await Deno.connect({ hostname, port, signal });
  prepare(connection);
  return await Deno.startTls(connection, trusted);
}
