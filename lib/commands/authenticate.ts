/**
 * AUTH, PASS and HELLO's AUTH: a connection proves who it speaks for. One way for all dialects.
 *
 * Until it has, it speaks for nobody, whoever it was before: what is sent behind an attempt is meant for who was named in
 * it, and must not be carried out for somebody else if that fails.
 *
 * @module
 */

import { binaryText, type ByteRange } from "../bytes.ts";
import { type Request, type Response, Status } from "../codec/message.ts";
import { OK, Plain } from "../codec/reply.ts";
import { CryptomemError } from "../errors.ts";
import { MAX_PASSWORD_BYTES, MAX_REFUSED_ATTEMPTS } from "../limits.ts";
import type { CommandContext } from "./command.ts";
import type { Credentials } from "./identity.ts";
import { syntaxError } from "./words.ts";

const ALREADY_AUTHENTICATED: Plain = new Plain("Already authenticated");
const READABLE_WIRE =
  "no secret is taken over a wire that others can read: use TLS, or a secure channel (a client with the pin)";

/** The typed form: the key is a user's name or a token's id, or empty; the value is the secret. */
export function authenticate({ key, value }: Request, response: Response, context: CommandContext): Promise<void> {
  return prove(key.length === 0 ? undefined : key, value, response, context);
}

/** AUTH [user] password. */
export async function authenticateUser(
  { words, wordCount }: Request,
  response: Response,
  context: CommandContext,
): Promise<void> {
  if (wordCount > 2) {
    for (let i = 0; i < wordCount; i++) wipe(words[i]!);
    throw syntaxError();
  }
  await prove(wordCount === 2 ? words[0] : undefined, words[wordCount - 1]!, response, context);
  response.answer(OK);
}

/** PASS password: AUTH in the words of the line dialect. */
export function pass({ words }: Request, response: Response, context: CommandContext): void | Promise<void> {
  const secret = words[0]!;
  if (context.client.identity === undefined) return prove(undefined, secret, response, context);
  wipe(secret);
  response.answer(ALREADY_AUTHENTICATED);
}

/**
 * Answers OK to who proves who they are. After a few refusals the connection is closed.
 *
 * @param secret wiped
 * @throws CryptomemError with the code to refuse with
 */
export async function prove(
  user: ByteRange | undefined,
  secret: ByteRange,
  response: Response,
  { server, client }: CommandContext,
): Promise<void> {
  // The next request moves what is pointed at.
  const given = copyOf(user, secret);
  wipe(secret);
  const { authenticator, clock } = server;
  if (authenticator === undefined) {
    throw new CryptomemError(
      "BAD_REQUEST",
      "AUTH <password> called without any password configured for the default user. " +
        "Are you sure your configuration is correct?",
    );
  }
  const before = client.identity;
  client.identify(undefined);
  try {
    // Not AUTH_FAILED: nothing was looked at, and another secret would be refused as well.
    if (!client.isSecure) throw new CryptomemError("FORBIDDEN", READABLE_WIRE);
    client.identify(await authenticator.prove(given, client.network, clock));
  } catch (error) {
    server.counts.refusedAttempts++;
    if (++client.refusedAttempts >= MAX_REFUSED_ATTEMPTS) client.isQuitting = true;
    throw error;
  } finally {
    given.secret.fill(0);
    const { identity } = client;
    // They were allowed to who it was before; who may do everything keeps them.
    const keeps = identity !== undefined && (identity === before || identity.scope === undefined);
    if (!keeps && client.subscriptions > 0) server.channels.leave(client);
  }
  response.settle(Status.OK);
}

/** What is longer than it may be is not looked at: the empty secret stands for it, which is nobody's. */
function copyOf(user: ByteRange | undefined, secret: ByteRange): Credentials {
  if (secret.length > MAX_PASSWORD_BYTES || user !== undefined && user.length > MAX_PASSWORD_BYTES) {
    return { user: undefined, secret: new Uint8Array(0) };
  }
  return { user: user && binaryText(user.copy()), secret: secret.copy() };
}

/** Where it was received, a secret would stay until the connection needs the room. */
function wipe({ bytes, start, length }: ByteRange): void {
  bytes.fill(0, start, start + length);
}
