/**
 * Turns a password into its hash, which can stand in a configuration where the password must not.
 *
 * @module
 */

import { utf8 } from "../bytes.ts";
import { PasswordHash } from "../security/password_hash.ts";
import type { ServerMachine } from "./server_machine.ts";
import { UsageError } from "./usage_error.ts";

/** Runs `hash-password`. */
export async function hashPassword(args: readonly string[], on: ServerMachine): Promise<void> {
  if (args.length > 0) {
    throw new UsageError(
      "hash-password",
      "Cannot use an argument: others can see a program's arguments; the password is asked for, or read from " +
        "standard input",
    );
  }
  const hash = await hashed("password", on.isTyped ? await typedPassword(on) : withoutLineEnd(await on.readInput()));
  await on.print(utf8(`${hash.phc()}\n`));
}

/**
 * The hash of a password that was read from somewhere.
 *
 * @param source what errors call it
 * @param password wiped
 */
export function hashed(source: string, password: Uint8Array): Promise<PasswordHash> {
  try {
    return PasswordHash.of(password);
  } catch (error) {
    throw new UsageError(source, (error as Error).message);
  }
}

/** What is in a file, without the one end of a line that editors and `echo` leave. */
export function withoutLineEnd(content: Uint8Array): Uint8Array {
  let end = content.length;
  if (content[end - 1] === 0x0a) end -= content[end - 2] === 0x0d ? 2 : 1;
  const password = content.slice(0, end);
  content.fill(0);
  return password;
}

async function typedPassword(on: ServerMachine): Promise<Uint8Array> {
  const password = await on.askSecret("Password:");
  if (password === undefined) {
    throw new UsageError(
      "password",
      "Cannot ask for it: standard output must be a terminal as well; copy the hash from there",
    );
  }
  // Arrow keys and half a character that was removed leave these, unseen: nobody could type the same again.
  if (/[\p{Cc}\u{FFFD}]/u.test(password)) {
    throw new UsageError("password", "Cannot use it: a key was pressed that stands for no character; type it again");
  }
  if (await on.askSecret("Again:") !== password) {
    throw new UsageError("password", "Cannot use it: what was typed the second time is not the same");
  }
  return utf8(password);
}
