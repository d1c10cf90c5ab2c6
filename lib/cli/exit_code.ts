/**
 * How the server's program ends when it does not end well.
 *
 * @module
 */

/** What went wrong in a correct command. */
export const EXIT_FAILURE = 1;
/** What the user has to put right in the command. */
export const EXIT_USAGE = 2;
