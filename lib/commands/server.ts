/**
 * The argument forms about the server as a whole.
 *
 * @module
 */

import { type ByteRange, textOf } from "../bytes.ts";
import { type Request, type Response, Status } from "../codec/message.ts";
import { OK, type Reply } from "../codec/reply.ts";
import { CryptomemError } from "../errors.ts";
import { MAX_TIMER_MS } from "../limits.ts";
import { entryBytes, HEADER_BYTES } from "../storage/entry.ts";
import type { CommandContext, Handler } from "./command.ts";
import { command } from "./command_docs.ts";
import { config } from "./config.ts";
import { info } from "./info.ts";
import { SAVING_HANDLERS } from "./saving.ts";
import type { SlowCommand } from "./slow_log.ts";
import { subcommandSyntaxError, withSubcommands } from "./subcommands.ts";
import { integerOf, optionOf, syntaxError } from "./words.ts";

const MS_PER_SECOND = 1_000;
const MICROSECONDS_PER_SECOND = 1_000_000;
const MICROSECONDS_PER_MS = 1_000;
const DEFAULT_SLOW_COMMANDS = 10;

/** Operations of the group `server` with an argument form. */
export const SERVER_HANDLERS = {
  ...SAVING_HANDLERS,
  INFO: info,
  CONFIG: config,
  COMMAND: command,

  TIME(_request, response, { server }) {
    const microseconds = Math.floor(server.clock.wallMs() * MICROSECONDS_PER_MS);
    const seconds = Math.floor(microseconds / MICROSECONDS_PER_SECOND);
    response.answer([String(seconds), String(microseconds - seconds * MICROSECONDS_PER_SECOND)]);
  },

  MEMORY: withSubcommands("MEMORY", {
    usage: {
      arity: -3,
      help: ["USAGE <key> [SAMPLES <count>]", "Return memory in bytes used by <key> and its value."],
      run: memoryUsage,
    },
  }),

  SLOWLOG: withSubcommands("SLOWLOG", {
    get: {
      arity: -2,
      help: [
        "GET [<count>]",
        `Return top <count> entries from the slowlog (default: ${DEFAULT_SLOW_COMMANDS}, -1 mean all).`,
        "Entries are made of:",
        "id, timestamp, time in microseconds, arguments array (of what is no key only",
        "the length), client IP and port, client name",
      ],
      run: slowCommands,
    },
    len: {
      arity: 2,
      help: ["LEN", "Return the length of the slowlog."],
      run: (_request, response, { server }) => response.answerInteger(server.slowLog.length),
    },
    reset: {
      arity: 2,
      help: ["RESET", "Reset the slowlog."],
      run(_request, response, { server }) {
        server.slowLog.reset();
        response.answer(OK);
      },
    },
  }),

  DEBUG: withSubcommands("DEBUG", {
    sleep: {
      arity: 3,
      help: ["SLEEP <seconds>", "Let this connection wait; the others do not."],
      run: sleep,
    },
  }),
} satisfies Record<string, Handler>;

function memoryUsage({ words, wordCount }: Request, response: Response, { store }: CommandContext): void {
  for (let i = 2; i < wordCount; i += 2) {
    if (optionOf(words[i]!) !== "samples" || i + 1 === wordCount) throw syntaxError();
    if (integerOf(words[i + 1]!) < 0) throw syntaxError();
  }
  const key = words[1]!;
  if (!store.get(key, response.value)) return response.settle(Status.NOT_FOUND);
  response.answerInteger(entryBytes(HEADER_BYTES, key.length, response.value.length));
}

function slowCommands({ words, wordCount }: Request, response: Response, { server }: CommandContext): void {
  if (wordCount > 2) throw subcommandSyntaxError("SLOWLOG", words[0]!);
  const count = wordCount === 2 ? slowCountOf(words[1]!) : DEFAULT_SLOW_COMMANDS;
  response.answer(server.slowLog.latest(count === -1 ? Infinity : count).map(slowReply));
}

function slowCountOf(word: ByteRange): number {
  let count = -2;
  try {
    count = Number(integerOf(word));
  } catch {
    // Refused below, in the same words as what is too small.
  }
  if (count < -1) throw new CryptomemError("BAD_REQUEST", "count should be greater than or equal to -1");
  return count;
}

function slowReply({ id, wallMs, microseconds, words, clientAddress, clientName }: SlowCommand): Reply {
  return [id, Math.floor(wallMs / MS_PER_SECOND), microseconds, words, clientAddress, clientName];
}

/** Redis stands still for everybody; here only who asked for it waits. */
async function sleep({ words }: Request, response: Response, { server, client }: CommandContext): Promise<void> {
  const seconds = Number(textOf(words[1]!.copy()));
  if (Number.isNaN(seconds)) throw new CryptomemError("BAD_REQUEST", "value is not a valid float");
  const delayMs = Math.min(Math.max(0, seconds * MS_PER_SECOND), MAX_TIMER_MS);
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = server.clock.schedule(delayMs, resolve);
  client.waits.add(resolve);
  await promise;
  client.waits.delete(resolve);
  timer.cancel();
  response.answer(OK);
}
