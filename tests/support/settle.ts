/**
 * The configuration of a server that is started with certain flags, variables and files of a test's own.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { parseCommandLine, settleConfiguration } from "../../lib/cli/configuration.ts";
import type { Configuration } from "../../lib/cli/options.ts";
import { UsageError } from "../../lib/cli/usage_error.ts";

/** What is there besides flags. */
export interface Around {
  readonly environment?: Record<string, string>;
  readonly files?: Record<string, string>;
}

/** The configuration. */
export function settle(args: readonly string[], { environment = {}, files = {} }: Around = {}): Promise<Configuration> {
  return settleConfiguration(parseCommandLine(args).flags, {
    variable: (name) => environment[name],
    readFile: (path) => Promise.resolve(files[path]!),
  });
}

/** The one line that a user sees in its place. */
export async function complaint(args: readonly string[], around?: Around): Promise<string> {
  const { message } = await assertRejects(async () => await settle(args, around), UsageError);
  assertEquals(message.includes("\n"), false, "one line");
  return message;
}
