import { assertEquals, assertRejects } from "@std/assert";
import { parseConfigFile } from "../../lib/cli/config_file.ts";
import { UsageError } from "../../lib/cli/usage_error.ts";

async function entries(path: string, text: string): Promise<Record<string, unknown>> {
  return Object.fromEntries(await parseConfigFile(path, text));
}

async function complaint(path: string, text: string): Promise<string> {
  const { message } = await assertRejects(() => parseConfigFile(path, text), UsageError);
  assertEquals(message.includes("\n"), false, "one line");
  return message;
}

Deno.test("parseConfigFile() reads key=value lines with both kinds of comment", async () => {
  const text = "\uFEFF# first\r\nhost = localhost\r\n\r\n// second\nport=9090 # third\nframe-timeout=5s // fourth\n";
  assertEquals(await entries("dir/cryptomem.conf", text), { host: "localhost", port: "9090", "frame-timeout": "5s" });
});

Deno.test("parseConfigFile() takes # and // inside a value as part of it", async () => {
  assertEquals(await entries("c", "a=x#y//z"), { a: "x#y//z" });
});

Deno.test("parseConfigFile() reads YAML by the file's extension", async () => {
  const yaml = "# comment\nhost: localhost\nport: 9090\n";
  assertEquals(await entries("config.yaml", yaml), { host: "localhost", port: 9090 });
  assertEquals(await entries("CONFIG.YML", yaml), { host: "localhost", port: 9090 });
});

Deno.test("parseConfigFile() takes an empty file as no options", async () => {
  assertEquals(await entries("config.yaml", "# nothing\n"), {});
  assertEquals(await entries("cryptomem.conf", "# nothing\n"), {});
});

Deno.test("parseConfigFile() names file and line of what it cannot read, without quoting it", async () => {
  assertEquals(
    await complaint("/etc/cryptomem.conf", "port=1\nhunter2\n"),
    "cryptomem.conf: line 2: Cannot read it: write key=value",
  );
  assertEquals(
    await complaint("cryptomem.conf", "=hunter2"),
    "cryptomem.conf: line 1: Cannot read it: write key=value",
  );
});

Deno.test("parseConfigFile() refuses a key that stands twice", async () => {
  assertEquals(
    await complaint("c.conf", "port=1\nhost=a\nport=2"),
    "c.conf: line 3: Cannot set port again: it stands further up",
  );
  assertEquals((await complaint("c.yaml", "port: 1\nport: 2")).startsWith("c.yaml: Cannot read it as YAML: "), true);
});

Deno.test("parseConfigFile() refuses YAML that is no list of names and values", async () => {
  for (const text of ["- port", "8080", "text"]) {
    assertEquals(
      await complaint("c.yaml", text),
      'c.yaml: Cannot use it as a configuration: write lines such as "port: 8080"',
    );
  }
});

Deno.test("parseConfigFile() keeps the file's text out of a YAML error", async () => {
  const message = await complaint("c.yaml", "port: 1\npassword: hunter2\n  x: [");
  assertEquals(message.includes("hunter2"), false);
});
