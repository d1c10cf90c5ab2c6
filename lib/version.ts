/**
 * The version of both packages, for `--version`, HELLO and the start line. A test holds deno.json and
 * client.deno.json to it.
 *
 * @module
 */

/** Semantic version of `@cryptomem/server` and `@cryptomem/client`. */
export const VERSION = "0.1.0";

/** The version of Redis whose behaviour the RESP dialect has, for clients that choose by it what they use. */
export const REDIS_VERSION = "7.0.15";
