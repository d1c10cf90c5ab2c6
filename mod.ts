/**
 * Server and client of Cryptomem in one module, for a program that uses both.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Client, serve } from "@cryptomem/server/mod";
 *
 * await using server = serve({ port: 0 });
 * await using client = new Client(`localhost:${server.address.port}`, { key: crypto.getRandomValues(new Uint8Array(32)) });
 * await client.set("greeting", "hello");
 * assertEquals(await client.get("greeting"), "hello");
 * ```
 *
 * @module
 */
export * from "./client.ts";
export * from "./server.ts";
