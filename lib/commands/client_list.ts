/**
 * Connections as CLIENT LIST and INFO tell them, in the fields of Redis that are known here.
 *
 * @module
 */

import { binaryText, type ByteRange } from "../bytes.ts";
import { CryptomemError } from "../errors.ts";
import type { ClientState } from "./client_state.ts";
import type { ServerState } from "./server_state.ts";
import { integerOf, optionOf, syntaxError } from "./words.ts";

/** Kinds of connections that can be asked for, as in Redis; there are none of two of them. */
const TYPES: readonly string[] = ["normal", "master", "replica", "slave", "pubsub"];
const MS_PER_SECOND = 1_000;
/** Who has given the password, and everybody where nobody is asked; the word is Redis'. */
export const DEFAULT_USER = "default";

/** One line about a connection. */
export function clientLine(client: ClientState, server: ServerState): string {
  const nowMs = server.clock.nowMs();
  const fields: Readonly<Record<string, string | number>> = {
    "id": client.id,
    "addr": client.address,
    "laddr": client.localAddress,
    "name": client.name,
    "age": wholeSeconds(nowMs - client.connectedMs),
    "idle": wholeSeconds(nowMs - client.activeMs),
    "flags": flagsOf(client),
    "db": 0,
    "sub": client.channels.size,
    "psub": client.patterns.size,
    "multi": client.transaction?.requests.length ?? -1,
    "cmd": client.lastCommand.toLowerCase() || "NULL",
    "user": userOf(client, server),
    "dialect": client.dialect,
    "resp": client.respVersion,
    "lib-name": client.libraryName,
    "lib-ver": client.libraryVersion,
  };
  return Object.entries(fields).map(([name, value]) => `${name}=${value}`).join(" ") + "\n";
}

/** Empty for who has not said yet who they are. */
function userOf({ identity }: ClientState, { authenticator }: ServerState): string {
  return identity?.name ?? (authenticator === undefined ? DEFAULT_USER : "");
}

/** `normal` or `pubsub`. */
function clientType(client: ClientState): string {
  return client.subscriptions > 0 ? "pubsub" : "normal";
}

/** The connections that the words behind CLIENT LIST choose. */
export function listedClients(words: readonly ByteRange[], server: ServerState): ClientState[] {
  const clients = [...server.clients.values()];
  if (words.length === 0) return clients;
  const option = optionOf(words[0]!);
  if (option === "type" && words.length === 2) {
    const type = typeOf(words[1]!);
    return clients.filter((client) => clientType(client) === type);
  }
  if (option !== "id" || words.length < 2) throw syntaxError();
  const ids = words.slice(1).map((word) => {
    const id = numberOf(word);
    if (!(id > 0)) throw new CryptomemError("BAD_REQUEST", "Invalid client ID");
    return id;
  });
  return ids.map((id) => server.clients.get(id)).filter((client) => client !== undefined);
}

/**
 * Which connections the options behind CLIENT KILL mean.
 *
 * @param self is left out unless they say SKIPME no
 */
export function clientsToKill(words: readonly ByteRange[], server: ServerState, self: ClientState): ClientState[] {
  const fits: ((client: ClientState) => boolean)[] = [];
  let skipsSelf = true;
  if (words.length % 2 !== 0) throw syntaxError();
  for (let i = 0; i < words.length; i += 2) {
    const value = words[i + 1]!, text = binaryText(value.copy());
    switch (optionOf(words[i]!)) {
      case "id": {
        const id = numberOf(value);
        if (!(id > 0)) throw new CryptomemError("BAD_REQUEST", "client-id should be greater than 0");
        fits.push((client) => client.id === id);
        break;
      }
      case "type": {
        const type = typeOf(value);
        fits.push((client) => clientType(client) === type);
        break;
      }
      case "addr":
        fits.push((client) => client.address === text);
        break;
      case "laddr":
        fits.push((client) => client.localAddress === text);
        break;
      case "user":
        if (text !== DEFAULT_USER && server.authenticator?.hasUser(text) !== true) {
          throw new CryptomemError("BAD_REQUEST", `No such user '${text}'`);
        }
        fits.push((client) => userOf(client, server) === text);
        break;
      case "skipme":
        if (!["yes", "no"].includes(text.toLowerCase())) throw syntaxError();
        skipsSelf = text.toLowerCase() === "yes";
        break;
      default:
        throw syntaxError();
    }
  }
  return [...server.clients.values()].filter((client) =>
    !(skipsSelf && client === self) && fits.every((isMeant) => isMeant(client))
  );
}

function typeOf(word: ByteRange): string {
  const type = optionOf(word);
  if (!TYPES.includes(type)) {
    throw new CryptomemError("BAD_REQUEST", `Unknown client type '${binaryText(word.copy())}'`);
  }
  return type;
}

/** NaN for what is no number, so that each command can say so in its own words. */
function numberOf(word: ByteRange): number {
  try {
    return Number(integerOf(word));
  } catch {
    return NaN;
  }
}

function flagsOf({ subscriptions, transaction, noEvict }: ClientState): string {
  return `${subscriptions > 0 ? "P" : ""}${transaction !== undefined ? "x" : ""}${noEvict ? "e" : ""}` || "N";
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / MS_PER_SECOND);
}
