import { assertEquals } from "@std/assert";
import clientPackage from "../client.deno.json" with { type: "json" };
import serverPackage from "../deno.json" with { type: "json" };
import { VERSION } from "../lib/version.ts";

Deno.test("VERSION is the version of both packages", () => {
  assertEquals([serverPackage.version, clientPackage.version], [VERSION, VERSION]);
});

Deno.test("both packages take the same versions of what they import", () => {
  const imports: Record<string, string> = serverPackage.imports;
  for (const [name, specifier] of Object.entries(clientPackage.imports)) assertEquals(specifier, imports[name]);
});

Deno.test("both packages are compiled by the same rules", () => {
  assertEquals<unknown>(clientPackage.compilerOptions, serverPackage.compilerOptions);
});
