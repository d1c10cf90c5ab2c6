/**
 * The shape of what `server.ts` does beside serving, and how it is found: by the first words of the arguments.
 *
 * @module
 */

import type { ServerMachine } from "./server_machine.ts";

/** A command of the server's program. */
export interface ServerCommandRow {
  /** One word or two, which come before everything else. */
  readonly name: string;
  /** What stands behind the name. */
  readonly usage: string;
  /** What it does, in one line of help. */
  readonly summary: string;
  /**
   * Runs it.
   *
   * @param args what stands behind the name
   * @throws {UsageError} for what cannot be used
   */
  run(args: readonly string[], on: ServerMachine): Promise<void>;
}
