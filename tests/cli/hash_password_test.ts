import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { utf8 } from "../../lib/bytes.ts";
import { PasswordHash } from "../../lib/security/password_hash.ts";
import { runIn } from "../support/server_world.ts";

Deno.test("hash-password reads standard input, without the end of its line, and prints the hash", async () => {
  for (const input of ["hunter2\n", "hunter2\r\n"]) {
    const { output, complaints } = await runIn({ files: {}, input }, "hash-password");
    assertEquals(complaints, []);
    assertEquals(await PasswordHash.parse(output.trimEnd()).verify(utf8("hunter2")), true);
  }
});

Deno.test("hash-password takes one end of a line away, and nothing else", async () => {
  const { output } = await runIn({ files: {}, input: " hunter2 \n\n" }, "hash-password");
  assertEquals(await PasswordHash.parse(output.trimEnd()).verify(utf8(" hunter2 \n")), true);
});

Deno.test("hash-password asks twice where somebody types", async () => {
  const { output } = await runIn({ files: {}, typed: ["hunter2", "hunter2"] }, "hash-password");
  assertEquals(await PasswordHash.parse(output.trimEnd()).verify(utf8("hunter2")), true);
});

Deno.test("hash-password refuses what cannot be used, and never shows it", async () => {
  const cases: [ReturnType<typeof runIn>, string][] = [
    [runIn({ files: {} }, "hash-password", "hunter2"), "hash-password: Cannot use an argument"],
    [runIn({ files: {}, input: "\n" }, "hash-password"), "password: Cannot use password: it has 0 bytes"],
    [
      runIn({ files: {}, input: "hunter2".repeat(100) }, "hash-password"),
      "password: Cannot use password: it has 700 bytes",
    ],
    [
      runIn({ files: {}, typed: ["hunter2", "hunter3"] }, "hash-password"),
      "password: Cannot use it: what was typed the second time",
    ],
    [
      runIn({ files: {}, typed: ["hunter2\x1b[A", "hunter2"] }, "hash-password"),
      "password: Cannot use it: a key was pressed",
    ],
    [
      runIn({ files: {}, typed: ["hunter2"], isRedirected: true }, "hash-password"),
      "password: Cannot ask for it: standard output",
    ],
  ];
  for (const [running, expected] of cases) {
    const { output, complaints } = await running;
    assertEquals([output, complaints.length], ["", 1]);
    assertStringIncludes(complaints[0]!, expected);
    assert(!complaints[0]!.includes("hunter"), complaints[0]);
  }
});
