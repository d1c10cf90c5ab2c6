/**
 * The one error that a program shows as a single line, without a stack, and ends with exit code 2.
 *
 * @module
 */

/** Something in the command line, the environment or the configuration file cannot be used. */
export class UsageError extends Error {
  override readonly name = "UsageError";

  /**
   * @param source where it stands: `--port`, `CRYPTOMEM_PORT`, `config.yaml: port`
   * @param problem what is wrong and what to do; on one line, never with a secret in it
   */
  constructor(source: string, problem: string) {
    super(`${source}: ${problem}`);
  }
}
