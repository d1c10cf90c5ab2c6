/**
 * The argument forms about what is kept beyond the process: snapshots, the append log, and the end of the server.
 *
 * @module
 */

import { type Request, type Response, Status } from "../codec/message.ts";
import { OK, Plain } from "../codec/reply.ts";
import { CryptomemError } from "../errors.ts";
import type { CommandContext, Handler } from "./command.ts";
import type { Durability } from "./durability.ts";
import type { ServerState } from "./server_state.ts";
import { optionOf, syntaxError } from "./words.ts";

const MS_PER_SECOND = 1_000;
const SAVING_STARTED = new Plain("Background saving started");
const SAVING_SCHEDULED = new Plain("Background saving scheduled");
const REWRITING_STARTED = new Plain("Background append only file rewriting started");
const REWRITING_SCHEDULED = new Plain("Background append only file rewriting scheduled");
/** What SHUTDOWN may be told. */
const SHUTDOWN_WORDS: readonly string[] = ["nosave", "save", "now", "force", "abort"];

/** Operations of the group `server` that save or end. */
export const SAVING_HANDLERS = {
  /** Redis stands still for everybody; here only who asked for it waits. */
  SAVE(_request, response, { server }) {
    return durabilityOf(server).save().then(() => response.answer(OK));
  },

  BGSAVE({ words, wordCount }, response, { server }) {
    const isScheduled = wordCount === 1 && optionOf(words[0]!) === "schedule";
    if (wordCount > 1 || wordCount === 1 && !isScheduled) throw syntaxError();
    const durability = durabilityOf(server);
    if (durability.saveInBackground()) response.answer(SAVING_STARTED);
    else if (isScheduled) {
      saveLater(durability);
      response.answer(SAVING_SCHEDULED);
    } else response.fail("BAD_REQUEST", "Background save already in progress");
  },

  /** A new log and the snapshot that it begins with take the place of what there was. */
  BGREWRITEAOF(_request, response, { server }) {
    const durability = durabilityOf(server);
    if (durability.saveInBackground()) return response.answer(REWRITING_STARTED);
    saveLater(durability);
    response.answer(REWRITING_SCHEDULED);
  },

  /** As in Redis, before anything has been saved: the start. */
  LASTSAVE(_request, response, { server }) {
    response.answerInteger(lastSaveSeconds(server));
  },

  SHUTDOWN: shutdown,
} satisfies Record<string, Handler>;

/** Unix time of the last snapshot, or of the start, in seconds. */
export function lastSaveSeconds({ durability, startedWallMs }: ServerState): number {
  return Math.floor((durability?.status().lastSnapshot?.takenUnixMs ?? startedWallMs) / MS_PER_SECOND);
}

function durabilityOf({ durability }: ServerState): Durability {
  if (durability !== undefined) return durability;
  throw new CryptomemError("BAD_REQUEST", "persistence is off: this server keeps its entries in memory only");
}

/** When the one under way has ended. That it fails is told in the log and by INFO. */
function saveLater(durability: Durability): void {
  durability.save().catch(() => {});
}

/**
 * Nothing is answered but the end of the connection, as in Redis; and as there, a server that cannot save stays, unless it
 * is told not to save, or not to mind.
 */
function shutdown(
  { words, wordCount }: Request,
  response: Response,
  { server, client }: CommandContext,
): void | Promise<void> {
  const options = words.slice(0, wordCount).map(optionOf);
  const isAbort = options.includes("abort");
  const isSave = options.includes("save"), isNoSave = options.includes("nosave");
  if (!options.every((option) => SHUTDOWN_WORDS.includes(option)) || isAbort && wordCount > 1 || isSave && isNoSave) {
    throw syntaxError();
  }
  if (isAbort) throw new CryptomemError("BAD_REQUEST", "No shutdown in progress.");
  const end = (snapshot: boolean): void => {
    server.shutdown({ snapshot });
    client.isQuitting = true;
    response.settle(Status.OK);
    response.isSilent = true;
  };
  if (isSave) durabilityOf(server);
  if (isNoSave || server.durability === undefined) return end(false);
  if (options.includes("force")) return end(true);
  // What changes from here on is in the log, or in a second snapshot where there is none.
  return server.durability.save().then(() => end(false));
}
