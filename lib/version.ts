/**
 * The version of both packages, for `--version`, HELLO and the start line. A test holds deno.json and
 * client.deno.json to it.
 *
 * @module
 */

/** Semantic version of `@cryptomem/server` and `@cryptomem/client`. */
export const VERSION = "0.1.0";
