/**
 * Errors that say no more than that a connection is over.
 *
 * @module
 */

/** Whether an error is the peer's or our own closing of the connection. */
export function isConnectionEnd(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted ||
    error instanceof Deno.errors.ConnectionAborted || error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.TimedOut || error instanceof Deno.errors.UnexpectedEof;
}
