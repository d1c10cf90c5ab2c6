/**
 * What the figures were made on: printed before them, because they mean little without it.
 *
 * @module
 */

import { redisVersion } from "./server_process.ts";
import { say } from "./table.ts";

say(
  `${navigator.hardwareConcurrency} cores, ${Deno.build.os} ${Deno.osRelease()}, ${Deno.build.arch}`,
  `Deno ${Deno.version.deno}, V8 ${Deno.version.v8}`,
  `Redis ${await redisVersion() ?? "not installed (apt-get install redis-server)"}`,
);
