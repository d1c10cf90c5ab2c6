/**
 * Publish and subscribe in the argument form. Who subscribes or leaves is told by pushes, one for each channel with the
 * count of subscriptions after it, and gets no answer besides.
 *
 * @module
 */

import { type ByteRange, bytesOfBinaryText } from "../bytes.ts";
import type { Push } from "../codec/dialect.ts";
import { type Request, type Response, Status } from "../codec/message.ts";
import type { Channels } from "./channels.ts";
import type { ClientState } from "./client_state.ts";
import type { CommandContext, Handler } from "./command.ts";
import { matchesGlob } from "./glob.ts";
import { subcommandSyntaxError, withSubcommands } from "./subcommands.ts";

/** Operations of the group `pubsub`. */
export const PUBSUB_HANDLERS = {
  PUBLISH({ words }, response, { server }) {
    response.answerInteger(server.channels.publish(words[0]!.copy(), words[1]!.copy()));
  },

  SUBSCRIBE: change("subscribe", (channels, client, name) => channels.subscribe(client, name)),
  PSUBSCRIBE: change("psubscribe", (channels, client, name) => channels.subscribePattern(client, name)),
  UNSUBSCRIBE: leave("unsubscribe"),
  PUNSUBSCRIBE: leave("punsubscribe"),

  PUBSUB: withSubcommands("PUBSUB", {
    channels: {
      arity: -2,
      help: ["CHANNELS [<pattern>]", "Return the currently active channels matching a <pattern> (default: '*')."],
      run: listChannels,
    },
    numpat: {
      arity: 2,
      help: ["NUMPAT", "Return number of subscriptions to patterns."],
      run: (_request, response, { server }) => response.answerInteger(server.channels.patternCount),
    },
    numsub: {
      arity: -2,
      help: [
        "NUMSUB [<channel> ...]",
        "Return the number of subscribers for the specified channels, excluding",
        "pattern subscriptions(default: no channels).",
      ],
      run: countSubscribers,
    },
  }),
} satisfies Record<string, Handler>;

type Change = (channels: Channels, client: ClientState, name: Uint8Array) => void;

function change(kind: Push["kind"], apply: Change): Handler {
  return ({ words, wordCount }, response, { server, client }) => {
    // All of them or none, and before anything is copied.
    let bytes = 0;
    for (let i = 0; i < wordCount; i++) bytes += words[i]!.length;
    server.channels.checkRoom(client, wordCount, bytes);
    changeEach(kind, copies(words, wordCount), client, (name) => {
      apply(server.channels, client, name);
    });
    answerByPushes(response);
  };
}

/** Without words, all of the kind are left; one push says so also where there is none. */
function leave(kind: "unsubscribe" | "punsubscribe"): Handler {
  return ({ words, wordCount }: Request, response: Response, { server, client }: CommandContext) => {
    const isPattern = kind === "punsubscribe";
    const own = isPattern ? client.patterns : client.channels;
    const names = wordCount > 0 ? copies(words, wordCount) : [...own].map(bytesOfBinaryText);
    changeEach(kind, names, client, (name) => {
      if (isPattern) server.channels.unsubscribePattern(client, name);
      else server.channels.unsubscribe(client, name);
    });
    if (names.length === 0) client.push({ kind, subscription: null, count: client.subscriptions });
    answerByPushes(response);
  };
}

function changeEach(
  kind: Push["kind"],
  names: readonly Uint8Array[],
  client: ClientState,
  apply: (name: Uint8Array) => void,
): void {
  for (const name of names) {
    apply(name);
    client.push({ kind, subscription: name, count: client.subscriptions });
  }
}

function answerByPushes(response: Response): void {
  response.settle(Status.OK);
  response.isSilent = true;
}

function listChannels({ words, wordCount }: Request, response: Response, { server }: CommandContext): void {
  if (wordCount > 2) throw subcommandSyntaxError("PUBSUB", words[0]!);
  const { names } = server.channels;
  if (wordCount === 1) return response.answer(names);
  const pattern = words[1]!.copy();
  response.answer(names.filter((name) => matchesGlob(pattern, name)));
}

function countSubscribers({ words, wordCount }: Request, response: Response, { server }: CommandContext): void {
  response.answer(copies(words, wordCount).slice(1).flatMap((name) => [name, server.channels.subscribers(name)]));
}

function copies(words: readonly ByteRange[], wordCount: number): Uint8Array[] {
  return words.slice(0, wordCount).map((word) => word.copy());
}
