/**
 * AUTH and PASS: a connection proves that it knows the password.
 *
 * @module
 */

import type { ByteRange } from "../bytes.ts";
import { binaryText } from "../bytes.ts";
import { type Request, type Response, Status } from "../codec/message.ts";
import { OK, Plain } from "../codec/reply.ts";
import { CryptomemError } from "../errors.ts";
import { DEFAULT_USER } from "./client_list.ts";
import type { CommandContext } from "./command.ts";
import { syntaxError } from "./words.ts";

const ALREADY_AUTHENTICATED: Plain = new Plain("Already authenticated");

/** The typed form: the secret is the value. */
export function authenticate(request: Request, response: Response, context: CommandContext): void | Promise<void> {
  return checkPassword(request.value.copy(), response, context);
}

/** AUTH [user] password. There is one user, whose name is Redis' for it. */
export async function authenticateUser(
  { words, wordCount }: Request,
  response: Response,
  context: CommandContext,
): Promise<void> {
  if (wordCount > 2) throw syntaxError();
  await provePassword(wordCount === 2 ? words[0] : undefined, words[wordCount - 1]!, response, context);
  if (response.errorCode === undefined) response.answer(OK);
}

/** PASS password: AUTH in the words of the line dialect. */
export function pass({ words }: Request, response: Response, context: CommandContext): void | Promise<void> {
  if (context.client.isAuthenticated) return response.answer(ALREADY_AUTHENTICATED);
  return checkPassword(words[0]!.copy(), response, context);
}

/** Answers OK if user and password are right; in the words of Redis. */
export async function provePassword(
  user: ByteRange | undefined,
  password: ByteRange,
  response: Response,
  context: CommandContext,
): Promise<void> {
  if (context.server.checkPassword === undefined) {
    throw new CryptomemError(
      "BAD_REQUEST",
      "AUTH <password> called without any password configured for the default user. " +
        "Are you sure your configuration is correct?",
    );
  }
  // The password of a user who does not exist is checked all the same, so that time does not tell which names do.
  const isKnown = user === undefined || binaryText(user.copy()) === DEFAULT_USER;
  if (await isRight(password.copy(), context.server.checkPassword) && isKnown) {
    context.client.isAuthenticated = true;
    response.settle(Status.OK);
  } else response.fail("AUTH_FAILED", "invalid username-password pair or user is disabled.", Status.DENIED);
}

/**
 * Answers OK if the password is right.
 *
 * @param password wiped when it has been checked
 */
async function checkPassword(password: Uint8Array, response: Response, context: CommandContext): Promise<void> {
  const { server, client } = context;
  if (server.checkPassword === undefined) return response.fail("BAD_REQUEST", "no password is set on this server");
  if (await isRight(password, server.checkPassword)) {
    client.isAuthenticated = true;
    response.settle(Status.OK);
  } else response.fail("AUTH_FAILED", "invalid password", Status.DENIED);
}

async function isRight(password: Uint8Array, check: (password: Uint8Array) => Promise<boolean>): Promise<boolean> {
  try {
    return await check(password);
  } finally {
    password.fill(0);
  }
}
