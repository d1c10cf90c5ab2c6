import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { textOf, utf8 } from "../../lib/bytes.ts";
import { readSecretFile, replaceSecretFile, writeSecretFile } from "../../lib/cli/secret_file.ts";
import { UsageError } from "../../lib/cli/usage_error.ts";
import { inFolder } from "../support/in_folder.ts";
import { canWrite } from "../support/permissions.ts";

function fileTest(name: string, run: (folder: string) => Promise<void>): void {
  Deno.test({
    name,
    ignore: !canWrite || Deno.build.os === "windows",
    fn: () => inFolder(run),
  });
}

async function modeOf(path: string): Promise<string> {
  return ((await Deno.stat(path)).mode! & 0o777).toString(8);
}

fileTest(
  "readSecretFile() reads a file that only its owner can get at, and tells how to make it one",
  async (folder) => {
    const path = `${folder}/my secret`;
    await Deno.writeTextFile(path, "hunter2", { mode: 0o600 });
    assertEquals(textOf(await readSecretFile(path, 7)), "hunter2");
    for (const mode of [0o640, 0o604, 0o660, 0o644, 0o601, 0o610]) {
      await Deno.chmod(path, mode);
      const { message } = await assertRejects(() => readSecretFile(path, 7), UsageError);
      assertStringIncludes(message, `(mode 0${mode.toString(8)}); run chmod 600 '${path}'`);
      assert(!message.includes("hunter2"));
    }
    await Deno.chmod(path, 0o400);
    assertEquals(textOf(await readSecretFile(path, 100)), "hunter2");
  },
);

fileTest("readSecretFile() refuses what is longer, a folder, and what is not there", async (folder) => {
  const path = `${folder}/secret`;
  await Deno.writeTextFile(path, "hunter2", { mode: 0o600 });
  const cases: [string, number, string][] = [
    [path, 6, "Cannot use it for a secret: it has more than 6 bytes"],
    [`${folder}/none`, 6, "Cannot read it: there is no such file"],
  ];
  for (const [name, maxBytes, expected] of cases) {
    const { message } = await assertRejects(() => readSecretFile(name, maxBytes), UsageError);
    assertEquals(message, `${name}: ${expected}`);
  }
  await assertRejects(() => readSecretFile(folder, 6), UsageError);
});

fileTest("writeSecretFile() makes a file for its owner alone, and overwrites none", async (folder) => {
  const path = `${folder}/secret`;
  await writeSecretFile(path, utf8("one"));
  assertEquals(await modeOf(path), "600");
  await assertRejects(() => writeSecretFile(path, utf8("two")), UsageError, "there is such a file");
  assertEquals(await Deno.readTextFile(path), "one");
});

fileTest(
  "replaceSecretFile() makes and replaces a file for its owner alone, and leaves nothing beside it",
  async (folder) => {
    const path = `${folder}/tokens.yaml`;
    for (const content of ["one", "two, which is longer", ""]) {
      await replaceSecretFile(path, () => Promise.resolve(utf8(content)));
      assertEquals([await Deno.readTextFile(path), await modeOf(path)], [content, "600"]);
    }
    assertEquals((await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name), ["tokens.yaml"]);
  },
);

fileTest("replaceSecretFile() leaves the file as it is if its content cannot be made", async (folder) => {
  const path = `${folder}/tokens.yaml`;
  await replaceSecretFile(path, () => Promise.resolve(utf8("one")));
  const error = new UsageError("x", "Cannot");
  await assertRejects(() => replaceSecretFile(path, () => Promise.reject(error)), UsageError, "x: Cannot");
  assertEquals((await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name), ["tokens.yaml"]);
  assertEquals(await Deno.readTextFile(path), "one");
});

fileTest("replaceSecretFile() lets one at a time change a file, so that no change is lost", async (folder) => {
  const path = `${folder}/tokens.yaml`;
  const counted = () =>
    replaceSecretFile(path, async () => utf8(String(Number(await Deno.readTextFile(path).catch(() => "0")) + 1)));
  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, counted));
  const done = outcomes.filter(({ status }) => status === "fulfilled").length;
  assert(done >= 1);
  assertEquals(await Deno.readTextFile(path), String(done));
  for (const outcome of outcomes) {
    if (outcome.status === "rejected") assertStringIncludes(String(outcome.reason), `run rm ${path}.new`);
  }
});

fileTest("replaceSecretFile() says where it cannot write", async (folder) => {
  const path = `${folder}/none/tokens.yaml`;
  await assertRejects(
    () => replaceSecretFile(path, () => Promise.resolve(utf8("one"))),
    UsageError,
    `${path}: Cannot write it: `,
  );
});
