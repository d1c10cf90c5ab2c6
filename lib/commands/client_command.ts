/**
 * CLIENT: what a connection tells of itself and of the others.
 *
 * @module
 */

import { binaryText, type ByteRange } from "../bytes.ts";
import { OK } from "../codec/reply.ts";
import { CryptomemError } from "../errors.ts";
import { MAX_CLIENT_NAME_BYTES } from "../limits.ts";
import { clientLine, clientsToKill, listedClients } from "./client_list.ts";
import type { Handler } from "./command.ts";
import { withSubcommands } from "./subcommands.ts";
import { optionOf, syntaxError } from "./words.ts";

/** CLIENT with all its subcommands. */
export const client: Handler = withSubcommands("CLIENT", {
  id: {
    arity: 2,
    help: ["ID", "Return the ID of the current connection."],
    run: (_request, response, { client }) => response.answerInteger(client.id),
  },
  getname: {
    arity: 2,
    help: ["GETNAME", "Return the name of the current connection."],
    run: (_request, response, { client }) => response.answer(client.name || null),
  },
  setname: {
    arity: 3,
    help: ["SETNAME <name>", "Assign the name <name> to the current connection."],
    run({ words }, response, { client }) {
      client.name = clientNameOf(words[1]!);
      response.answer(OK);
    },
  },
  setinfo: {
    arity: 4,
    help: [
      "SETINFO <option> <value>",
      "Set client meta attr. Options are:",
      "* LIB-NAME: the client lib name.",
      "* LIB-VER: the client lib version.",
    ],
    run({ words }, response, { client }) {
      const option = optionOf(words[1]!);
      if (option === "lib-name") client.libraryName = checkedText(words[2]!, option);
      else if (option === "lib-ver") client.libraryVersion = checkedText(words[2]!, option);
      else throw new CryptomemError("BAD_REQUEST", `Unrecognized option '${binaryText(words[1]!.copy())}'`);
      response.answer(OK);
    },
  },
  list: {
    arity: -2,
    help: [
      "LIST [options ...]",
      "Return information about client connections. Options:",
      "* TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
      "  Return clients of specified type.",
      "* ID <id> [<id> ...]",
      "  Return clients of specified IDs.",
    ],
    run({ words, wordCount }, response, { server }) {
      const clients = listedClients(words.slice(1, wordCount), server);
      response.answer(clients.map((client) => clientLine(client, server)).join(""));
    },
  },
  info: {
    arity: 2,
    help: ["INFO", "Return information about the current client connection."],
    run: (_request, response, { client, server }) => response.answer(clientLine(client, server)),
  },
  kill: {
    arity: -3,
    help: [
      "KILL <ip:port>",
      "Kill connection made from <ip:port>.",
      "KILL <option> <value> [<option> <value> [...]]",
      "Kill connections. Options are:",
      "* ADDR <ip:port>, LADDR <ip:port>, ID <id>, USER <username>",
      "* TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
      "* SKIPME (YES|NO)",
      "  Skip killing current connection (default: yes).",
    ],
    run({ words, wordCount }, response, { server, client }) {
      const isOldForm = wordCount === 2;
      const killed = isOldForm
        ? server.clients.values().filter(({ address }) => address === binaryText(words[1]!.copy())).toArray()
        : clientsToKill(words.slice(1, wordCount), server, client);
      if (isOldForm && killed.length === 0) throw new CryptomemError("BAD_REQUEST", "No such client");
      for (const one of killed) {
        // Its own answer still reaches it.
        if (one === client) one.isQuitting = true;
        else one.kill();
      }
      if (isOldForm) response.answer(OK);
      else response.answerInteger(killed.length);
    },
  },
  reply: {
    arity: 3,
    help: ["REPLY (ON|OFF|SKIP)", "Control the replies sent to the current connection."],
    run({ words }, response, { client }) {
      const mode = optionOf(words[1]!);
      if (mode !== "on" && mode !== "off" && mode !== "skip") throw syntaxError();
      if (mode !== "skip" || client.replyMode !== "off") client.replyMode = mode;
      response.answer(OK);
      response.isSilent = mode !== "on";
    },
  },
  "no-evict": {
    arity: 3,
    help: ["NO-EVICT (ON|OFF)", "Protect current client connection from eviction: none is ever evicted."],
    run({ words }, response, { client }) {
      const mode = optionOf(words[1]!);
      if (mode !== "on" && mode !== "off") throw syntaxError();
      client.noEvict = mode === "on";
      response.answer(OK);
    },
  },
  tracking: {
    arity: -3,
    help: ["TRACKING OFF", "Control server assisted client side caching: there is none."],
    run({ words }, response) {
      const mode = optionOf(words[1]!);
      if (mode === "on") {
        throw new CryptomemError("BAD_REQUEST", "client tracking is not supported: this server sends no invalidations");
      }
      if (mode !== "off") throw syntaxError();
      response.answer(OK);
    },
  },
});

/**
 * A word as the name of a connection, for CLIENT LIST.
 *
 * @throws CryptomemError if the name would break the lines of that list
 */
export function clientNameOf(word: ByteRange): string {
  const name = binaryText(word.copy());
  if (isPlain(name)) return name;
  throw new CryptomemError("BAD_REQUEST", "Client names cannot contain spaces, newlines or special characters.");
}

function checkedText(word: ByteRange, option: string): string {
  const text = binaryText(word.copy());
  if (!isPlain(text)) {
    throw new CryptomemError("BAD_REQUEST", `${option} cannot contain spaces, newlines or special characters.`);
  }
  return text;
}

/** Printing characters of ASCII without the space, and not more than one wants to keep for every connection. */
function isPlain(text: string): boolean {
  return text.length <= MAX_CLIENT_NAME_BYTES && /^[!-~]*$/.test(text);
}
