/**
 * CONFIG: the settings, under their own names and under those that Redis' clients and tools ask for. What can be changed
 * while the server runs is the slow log's.
 *
 * @module
 */

import { type ByteRange, textOf, utf8 } from "../bytes.ts";
import type { Request, Response } from "../codec/message.ts";
import { OK } from "../codec/reply.ts";
import { CryptomemError } from "../errors.ts";
import type { CommandContext, Handler } from "./command.ts";
import { matchesGlob } from "./glob.ts";
import { redisPolicy } from "./redis_policy.ts";
import type { ServerState } from "./server_state.ts";
import type { SlowLog } from "./slow_log.ts";
import { withSubcommands } from "./subcommands.ts";
import { resetTotals } from "./totals.ts";
import { integerOf, wrongNumberOfWords } from "./words.ts";

const MAX_QUOTED_BYTES = 128;
const MS_PER_SECOND = 1_000;

/** What CONFIG SET can change: by name, the least value and how to set it. */
const CHANGEABLE: Readonly<Record<string, { min: number; set: (slowLog: SlowLog, value: number) => void }>> = {
  "slowlog-log-slower-than": { min: -1, set: (slowLog, value) => slowLog.thresholdMicroseconds = value },
  "slowlog-max-len": { min: 0, set: (slowLog, value) => slowLog.setMaxLength(value) },
};

/** CONFIG with all its subcommands. */
export const config: Handler = withSubcommands("CONFIG", {
  get: {
    arity: -3,
    help: ["GET <pattern> [<pattern> ...]", "Return parameters matching the glob-like <pattern> and their values."],
    run: get,
  },
  set: {
    arity: -4,
    help: ["SET <directive> <value> [...]", `Change ${Object.keys(CHANGEABLE).join(" or ")}.`],
    run: set,
  },
  resetstat: {
    arity: 2,
    help: ["RESETSTAT", "Reset statistics reported by the INFO command."],
    run(_request, response, { server }) {
      resetTotals(server);
      response.answer(OK);
    },
  },
});

/** All settings as texts; Redis' names have the last word. */
function settingsOf(server: ServerState): Map<string, string> {
  const { settings, store, slowLog, maxValueBytes, port } = server;
  const { maxMemoryBytes, policy } = store.stats();
  const status = server.durability?.status();
  return new Map([
    ...settings,
    ["port", String(port)],
    ["maxmemory", maxMemoryBytes === Infinity ? "0" : String(maxMemoryBytes)],
    ["maxmemory-policy", redisPolicy(policy, maxMemoryBytes)],
    ["save", status === undefined ? "" : savePoints(settings)],
    ["appendonly", status?.log === undefined ? "no" : "yes"],
    ["appendfsync", status?.log === undefined ? "everysec" : status.mode],
    ["dir", server.durability?.path ?? ""],
    ["timeout", "0"],
    ["databases", "1"],
    ["proto-max-bulk-len", String(maxValueBytes)],
    ["slowlog-log-slower-than", String(slowLog.thresholdMicroseconds)],
    ["slowlog-max-len", String(slowLog.maxLength)],
  ]);
}

/** When snapshots are made, as Redis writes it: seconds and changes. Here either is enough, there both are needed. */
function savePoints(settings: ReadonlyMap<string, string>): string {
  const intervalMs = Number(settings.get("snapshot-interval")), changes = Number(settings.get("snapshot-changes"));
  const points = [];
  if (intervalMs > 0) points.push(`${Math.ceil(intervalMs / MS_PER_SECOND)} 1`);
  if (changes > 0) points.push(`1 ${changes}`);
  return points.join(" ");
}

function get({ words, wordCount }: Request, response: Response, { server }: CommandContext): void {
  const patterns = words.slice(1, wordCount).map((word) => utf8(nameOf(word)));
  response.answer(
    new Map(
      settingsOf(server).entries().filter(([name]) => {
        const bytes = utf8(name);
        return patterns.some((pattern) => matchesGlob(pattern, bytes));
      }),
    ),
  );
}

/** Changes all that is given, or nothing. */
function set({ words, wordCount }: Request, response: Response, { server }: CommandContext): void {
  if (wordCount % 2 === 0) throw wrongNumberOfWords("config|set");
  const known = settingsOf(server);
  const changes = new Map<string, number>();
  for (let i = 1; i < wordCount; i += 2) {
    const name = nameOf(words[i]!);
    if (!known.has(name)) {
      const quoted = name.slice(0, MAX_QUOTED_BYTES);
      throw new CryptomemError("BAD_REQUEST", `Unknown option or number of arguments for CONFIG SET - '${quoted}'`);
    }
    if (!Object.hasOwn(CHANGEABLE, name)) throw refusal(name, "can't set immutable config");
    if (changes.has(name)) throw refusal(name, "duplicate parameter");
    changes.set(name, numberOf(name, words[i + 1]!));
  }
  for (const [name, value] of changes) CHANGEABLE[name]!.set(server.slowLog, value);
  response.answer(OK);
}

function numberOf(name: string, word: ByteRange): number {
  let value;
  try {
    value = Number(integerOf(word));
  } catch {
    throw refusal(name, "argument couldn't be parsed into an integer");
  }
  const { min } = CHANGEABLE[name]!;
  if (value < min) throw refusal(name, `argument must be between ${min} and 9223372036854775807 inclusive`);
  return value;
}

function nameOf(word: ByteRange): string {
  return textOf(word.copy()).toLowerCase();
}

function refusal(name: string, why: string): CryptomemError {
  return new CryptomemError("BAD_REQUEST", `CONFIG SET failed (possibly related to argument '${name}') - ${why}`);
}
