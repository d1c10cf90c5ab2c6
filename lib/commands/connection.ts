/**
 * The argument forms about one's own connection.
 *
 * @module
 */

import { binaryText, type ByteRange } from "../bytes.ts";
import { type Request, type Response, Status } from "../codec/message.ts";
import { OPERATIONS } from "../codec/operations.ts";
import { OK, Plain, type Reply } from "../codec/reply.ts";
import { CryptomemError } from "../errors.ts";
import { REDIS_VERSION, VERSION } from "../version.ts";
import { authenticateUser, pass, prove } from "./authenticate.ts";
import { client, clientNameOf } from "./client_command.ts";
import type { CommandContext, Handler } from "./command.ts";
import { endTransaction } from "./transactions.ts";
import { integerOf, optionOf, wrongNumberOfWords } from "./words.ts";

const PONG: Plain = new Plain("PONG");
const RESET: Plain = new Plain("RESET");
const HELP_LINE = OPERATIONS.filter(({ arity }) => arity !== 0).map(({ name }) => name).join(" ");
const MIN_I32 = -(2 ** 31), MAX_I32 = 2 ** 31 - 1;
const ACCENTS = ["minigostore", "gocache"] as const;

/** Operations of the group `connection` with an argument form. */
export const CONNECTION_HANDLERS = {
  /** A subscriber in RESP2 cannot tell a reply from a message but by its form. */
  PING({ words, wordCount }, response, { client }) {
    if (wordCount > 1) throw wrongNumberOfWords("ping");
    if (isLimitedSubscriber(client)) {
      response.answer(["pong", wordCount === 0 ? "" : words[0]!.copy()]);
    } else if (wordCount === 0) response.answer(PONG);
    else answerWord(response, words[0]!);
  },

  ECHO: ({ words }, response) => answerWord(response, words[0]!),

  AUTH: authenticateUser,
  PASS: pass,
  HELLO: hello,

  QUIT(_request, response, { client }) {
    client.isQuitting = true;
    response.answer(OK);
  },

  SELECT({ words }, response) {
    const database = integerOf(words[0]!);
    if (database < MIN_I32 || database > MAX_I32) {
      const message = `value is out of range, value must between ${MIN_I32} and ${MAX_I32}`;
      throw new CryptomemError("BAD_REQUEST", message);
    }
    if (database !== 0) throw new CryptomemError("BAD_REQUEST", "DB index is out of range");
    response.answer(OK);
  },

  RESET(_request, response, { server, client }) {
    endTransaction(client);
    server.channels.leave(client);
    client.respVersion = 2;
    client.replyMode = "on";
    client.name = "";
    client.noEvict = false;
    client.identifyByWire();
    response.answer(RESET);
  },

  CLIENT: client,

  ACCENT({ words }, response, { client }) {
    const accent = ACCENTS.find((name) => name === optionOf(words[0]!));
    if (accent === undefined) throw new CryptomemError("BAD_REQUEST", `accent must be ${ACCENTS.join(" or ")}`);
    client.accent = accent;
    response.answer(OK);
  },

  HELP: (_request, response) => response.answer(HELP_LINE),
} satisfies Record<string, Handler>;

/** Whether a connection may only say what a subscriber of RESP2 may. */
export function isLimitedSubscriber(client: CommandContext["client"]): boolean {
  return client.subscriptions > 0 && client.respVersion === 2 && client.dialect === "resp";
}

function answerWord(response: Response, { bytes, start, length }: ByteRange): void {
  response.value.point(bytes, start, length);
  response.answerValue();
}

/** HELLO [version [AUTH user password] [SETNAME name]]: all of it or nothing. */
function hello(request: Request, response: Response, context: CommandContext): void | Promise<void> {
  const { server, client } = context;
  const { version, user, password, name } = helloOptions(request, client.respVersion);
  if (password !== undefined) return prove(user, password, response, context).then(greet);
  if (server.authenticator !== undefined && client.identity === undefined) {
    const message = "HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH " +
      "<user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time";
    return response.fail("AUTH_REQUIRED", message, Status.DENIED);
  }
  greet();

  function greet(): void {
    if (name !== undefined) client.name = name;
    client.respVersion = version;
    response.answer(greeting(client));
  }
}

interface HelloOptions {
  readonly version: 2 | 3;
  readonly user?: ByteRange;
  readonly password?: ByteRange;
  readonly name?: string;
}

function helloOptions({ words, wordCount }: Request, present: 2 | 3): HelloOptions {
  if (wordCount === 0) return { version: present };
  const version = versionOf(words[0]!);
  let options: HelloOptions = { version };
  for (let i = 1; i < wordCount;) {
    const option = optionOf(words[i]!), behind = wordCount - i - 1;
    if (option === "auth" && behind >= 2) {
      options = { ...options, user: words[i + 1]!, password: words[i + 2]! };
      i += 3;
    } else if (option === "setname" && behind >= 1) {
      options = { ...options, name: clientNameOf(words[i + 1]!) };
      i += 2;
    } else {
      throw new CryptomemError("BAD_REQUEST", `Syntax error in HELLO option '${binaryText(words[i]!.copy())}'`);
    }
  }
  return options;
}

function versionOf(word: ByteRange): 2 | 3 {
  let version;
  try {
    version = integerOf(word);
  } catch {
    throw new CryptomemError("BAD_REQUEST", "Protocol version is not an integer or out of range");
  }
  if (version !== 2 && version !== 3) throw new CryptomemError("BAD_REQUEST", "NOPROTO unsupported protocol version");
  return version;
}

/** Clients choose what they use by the version of Redis; whose server it really is stands beside it. */
function greeting({ id, respVersion }: CommandContext["client"]): Reply {
  return new Map<string, Reply>([
    ["server", "redis"],
    ["version", REDIS_VERSION],
    ["cryptomem_version", VERSION],
    ["proto", respVersion],
    ["id", id],
    ["mode", "standalone"],
    ["role", "master"],
    ["modules", []],
  ]);
}
