import { assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { canListen, canRun } from "./support/permissions.ts";

const ROOT = new URL("..", import.meta.url);

Deno.test({
  name: "demo shows every step with the permissions of its task, on one screen",
  ignore: !canListen || !canRun,
  async fn() {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--allow-net=127.0.0.1,localhost", "tools/demo.ts"],
      cwd: ROOT,
      stdout: "piped",
      stderr: "piped",
    }).output();
    const text = new TextDecoder().decode(stdout);
    assertEquals(code, 0, `${text}\n${new TextDecoder().decode(stderr)}`);

    const lines = text.trimEnd().split("\n");
    assertLess(lines.length, 41);
    for (const line of lines) assertLess(line.length, 101, line);
    assertEquals(lines.filter((line) => /^\d\. /.test(line)).map((line) => line[0]), ["1", "2", "3", "4", "5", "6"]);
    // An envelope begins with c1, and its dump shows nothing of the session.
    const dump = lines.filter((line) => /^ {5,}\d+ {2}[0-9a-f]{2} /.test(line));
    assertStringIncludes(dump[0]!, "  0  c1 ");
    assertEquals(dump.length, 7);
    assertEquals(dump.some((line) => line.includes("ada@") || line.includes("admin")), false);
    assertStringIncludes(text, "get session:7 -> user ada@example.org, role admin");
    assertStringIncludes(text, 'at once "194 302", 150 ms later undefined');
    assertStringIncludes(text, "IntegrityError");
    assertEquals(lines.at(-1), "Every step held.");
  },
});
