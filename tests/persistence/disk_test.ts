/**
 * What every disk does: one specification, run on the machine's disk and on the one of the tests. So what the tests show
 * on the latter holds on the former.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { CryptomemError } from "../../lib/errors.ts";
import { DenoDisk } from "../../lib/persistence/deno_disk.ts";
import { appendAll, appendAllSync, type Disk, type DiskFile, readAll } from "../../lib/persistence/disk.ts";
import { FaultDisk } from "../support/fault_disk.ts";
import { canRun, canRunShell, canWrite, temporaryFolder } from "../support/permissions.ts";
import { Random } from "../support/random.ts";
import { assertSameBytes } from "../support/same_bytes.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

async function textOf(file: DiskFile): Promise<string> {
  const bytes = new Uint8Array(await file.size());
  assertEquals(await readAll(file, 0, bytes), bytes.length);
  return new TextDecoder().decode(bytes);
}

async function write(disk: Disk, name: string, text: string): Promise<void> {
  const file = await disk.create(name);
  await appendAll(file, encode(text));
  file.close();
}

async function textAt(disk: Disk, name: string): Promise<string> {
  const file = await disk.openRead(name);
  try {
    return await textOf(file);
  } finally {
    file.close();
  }
}

async function assertCode(promise: Promise<unknown>, code: string): Promise<void> {
  const error = await assertRejects(() => promise);
  assertEquals((error as { code?: string }).code, code, String(error));
}

const specification: Record<string, (disk: Disk) => Promise<void>> = {
  async "a new file is empty"(disk) {
    const file = await disk.create("a");
    assertEquals(await file.size(), 0);
    assertEquals(await file.read(0, new Uint8Array(10)), 0);
    assertEquals(file.name, "a");
    file.close();
  },

  async "appends go to the end, wherever was read before"(disk) {
    const file = await disk.create("a");
    assertEquals(await file.append(encode("one ")), 4);
    assertEquals(await file.read(0, new Uint8Array(2)), 2);
    assertEquals(file.appendSync(encode("two ")), 4);
    assertEquals(await file.read(1, new Uint8Array(2)), 2);
    await file.append(encode("three"));
    assertEquals(await textOf(file), "one two three");
    assertEquals(await file.size(), 13);
    file.close();
  },

  async "reading begins anywhere and ends at the end of the file"(disk) {
    await write(disk, "a", "0123456789");
    const file = await disk.openRead("a");
    const into = new Uint8Array(6);
    assertEquals(await file.read(7, into), 3);
    assertEquals(into, new Uint8Array([...encode("789"), 0, 0, 0]));
    assertEquals(await file.read(2, into.subarray(0, 1)), 1);
    assertEquals(into[0], encode("2")[0]);
    assertEquals(await file.read(10, into), 0);
    assertEquals(await file.read(1000, into), 0);
    file.close();
  },

  async "a long file is read as it was written"(disk) {
    const random = new Random();
    const bytes = random.bytes(300_000);
    const file = await disk.create("a");
    await appendAll(file, bytes.subarray(0, 200_000));
    appendAllSync(file, bytes.subarray(200_000));
    const read = new Uint8Array(bytes.length + 10);
    assertEquals(await readAll(file, 0, read), bytes.length);
    assertSameBytes(read.subarray(0, bytes.length), bytes, `seed ${random.seed}`);
    assertEquals(await readAll(file, 299_999, read), 1);
    file.close();
  },

  async "syncs end, and leave the file as it is"(disk) {
    const file = await disk.create("a");
    await file.append(encode("one "));
    await file.sync();
    const syncing = file.sync();
    file.appendSync(encode("two"));
    file.syncSync();
    await syncing;
    await disk.syncDirectory();
    assertEquals(await textOf(file), "one two");
    file.close();
  },

  async "a file that was cut back goes on from there"(disk) {
    const file = await disk.create("a");
    await file.append(encode("one two"));
    await file.truncate(4);
    assertEquals(await file.size(), 4);
    await file.append(encode("three"));
    assertEquals(await textOf(file), "one three");
    await file.truncate(0);
    assertEquals(await file.size(), 0);
    await file.append(encode("x"));
    assertEquals(await textOf(file), "x");
    file.close();
  },

  async "a file that is there is opened to go on at its end"(disk) {
    await write(disk, "a", "one ");
    const file = await disk.openAppend("a");
    await file.append(encode("two"));
    assertEquals(await textOf(file), "one two");
    file.close();
    assertEquals(await textAt(disk, "a"), "one two");
  },

  async "two that have a file open see the same bytes"(disk) {
    const writer = await disk.create("a");
    const reader = await disk.openRead("a");
    await writer.append(encode("one"));
    assertEquals(await textOf(reader), "one");
    writer.close();
    reader.close();
  },

  async "a name is given once"(disk) {
    await write(disk, "a", "first");
    await assertCode(disk.create("a"), "EEXIST");
    assertEquals(await textAt(disk, "a"), "first");
  },

  async "what is not there cannot be opened, renamed or removed"(disk) {
    await assertCode(disk.openRead("a"), "ENOENT");
    await assertCode(disk.openAppend("a"), "ENOENT");
    await assertCode(disk.rename("a", "b"), "ENOENT");
    await assertCode(disk.remove("a"), "ENOENT");
    assertEquals(await disk.list(), []);
  },

  async "a rename moves the file and replaces another"(disk) {
    await write(disk, "a", "new");
    await write(disk, "b", "old");
    const open = await disk.openAppend("a");
    await disk.rename("a", "b");
    assertEquals(await disk.list(), ["b"]);
    await open.append(encode("er"));
    open.close();
    assertEquals(await textAt(disk, "b"), "newer");
    await disk.rename("b", "b");
    assertEquals(await textAt(disk, "b"), "newer");
  },

  async "a removed file is gone for those that have not opened it"(disk) {
    await write(disk, "a", "one");
    const open = await disk.openRead("a");
    await disk.remove("a");
    assertEquals(await disk.list(), []);
    await assertCode(disk.openRead("a"), "ENOENT");
    await write(disk, "a", "two");
    assertEquals(await textOf(open), "one");
    open.close();
    assertEquals(await textAt(disk, "a"), "two");
  },

  async "list() names all there is"(disk) {
    for (const name of ["log-0000000001.cryptomem", "b", "snapshot-0000000002.cryptomem.new"]) {
      await write(disk, name, "");
    }
    assertEquals((await disk.list()).sort(), [
      "b",
      "log-0000000001.cryptomem",
      "snapshot-0000000002.cryptomem.new",
    ]);
  },

  async "no name leads out of the directory"(disk) {
    await write(disk, "a", "one");
    const names = [
      "",
      ".",
      "..",
      "../a",
      "..\\a",
      "/a",
      "/etc/passwd",
      "a/b",
      "a\\b",
      "a\0b",
      "c:a",
      ".a",
      " a",
      "a\n",
    ];
    for (const name of [...names, "a".repeat(201), "é", "-a", "a%2f", "a*"]) {
      for (
        const use of [
          () => disk.create(name),
          () => disk.openRead(name),
          () => disk.openAppend(name),
          () => disk.rename(name, "b"),
          () => disk.rename("a", name),
          () => disk.remove(name),
        ]
      ) await assertRejects(use, TypeError, "plain file name", `${JSON.stringify(name)}, ${use}`);
    }
    assertEquals(await disk.list(), ["a"]);
    assertEquals(await textAt(disk, "a"), "one");
  },

  async "one process has the lock at a time"(disk) {
    const first = await disk.lock();
    const error = await assertRejects(() => disk.lock(), CryptomemError);
    assertEquals(error.code, "STORAGE");
    assertEquals(error.message, `Cannot use ${disk.path}: another process uses it`);
    first.release();
    const second = await disk.lock();
    first.release();
    await assertRejects(() => disk.lock(), CryptomemError);
    second.release();
    assertEquals(await disk.list(), ["lock"]);
  },

  async "closing twice does no harm"(disk) {
    const file = await disk.create("a");
    file.close();
    file.close();
    (await disk.openRead("a")).close();
  },
};

for (const [sentence, run] of Object.entries(specification)) {
  Deno.test(`FaultDisk: ${sentence}`, async () => {
    const disk = new FaultDisk();
    await run(disk);
    assertEquals(disk.openFiles, 0);
  });

  Deno.test({
    name: `DenoDisk: ${sentence}`,
    ignore: !canWrite,
    fn: () => inTemporaryFolder(async (path) => run(await DenoDisk.open(path))),
  });
}

async function inTemporaryFolder(run: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir({ prefix: "cryptomem-" });
  try {
    await run(path);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

function namesIn(path: string): Promise<string[]> {
  return Array.fromAsync(Deno.readDir(path), ({ name }) => name);
}

function openFails(path: string): Promise<CryptomemError> {
  return assertRejects(() => DenoDisk.open(path), CryptomemError);
}

Deno.test({
  name: "DenoDisk: the folder and its files are their owner's alone",
  ignore: !canWrite || Deno.build.os === "windows",
  fn: () =>
    inTemporaryFolder(async (above) => {
      const disk = await DenoDisk.open(`${above}/data/`);
      assertEquals(disk.path, `${above}/data`);
      (await disk.lock()).release();
      await write(disk, "a", "");
      const mode = async (path: string): Promise<number> => (await Deno.stat(path)).mode! & 0o777;
      assertEquals(await mode(disk.path), 0o700);
      assertEquals(await mode(`${disk.path}/a`), 0o600);
      assertEquals(await mode(`${disk.path}/lock`), 0o600);
    }),
});

const onlyFolder = `${canWrite ? temporaryFolder() : ""}/cryptomem-${crypto.randomUUID()}`;
Deno.test({
  name: "DenoDisk: leave to use the folder itself is enough",
  ignore: !canWrite,
  permissions: { read: [onlyFolder], write: [onlyFolder] },
  async fn() {
    const disk = await DenoDisk.open(onlyFolder);
    try {
      const lock = await disk.lock();
      await write(disk, "a", "one");
      await disk.rename("a", "b");
      await disk.syncDirectory();
      assertEquals(await textAt(disk, "b"), "one");
      await disk.remove("b");
      lock.release();
    } finally {
      await Deno.remove(onlyFolder, { recursive: true });
    }
  },
});

Deno.test({
  name: "DenoDisk: says in one line which permissions it lacks",
  permissions: { read: false, write: false },
  async fn() {
    const error = await openFails("/data");
    assertEquals(error.code, "STORAGE");
    assertEquals(
      error.message,
      "Cannot use /data: Deno may not; run it with --allow-read=/data --allow-write=/data",
    );
  },
});

Deno.test({
  name: "DenoDisk: says in one line why a folder cannot be used",
  ignore: !canWrite,
  fn: () =>
    inTemporaryFolder(async (above) => {
      await Deno.writeTextFile(`${above}/file`, "");
      const messages = {
        [`${above}/file`]: "it is no folder",
        [`${above}/file/data`]: "what it should be in is no folder",
        [`${above}/no/data`]: "the folder that it should be in does not exist",
      };
      for (const [path, reason] of Object.entries(messages)) {
        const error = await openFails(path);
        assertEquals([error.code, error.message], ["STORAGE", `Cannot use ${path}: ${reason}`]);
      }
      assertEquals(await namesIn(above), ["file"]);
    }),
});

Deno.test({
  name: "DenoDisk: says in one line that a folder may only be read",
  ignore: !canWrite || Deno.build.os === "windows",
  fn: () =>
    inTemporaryFolder(async (path) => {
      await Deno.chmod(path, 0o500);
      const isRoot = await Deno.writeTextFile(`${path}/a`, "").then(() => true, () => false);
      if (isRoot) return; // Who may do everything is denied nothing.
      const disk = await DenoDisk.open(path);
      const error = await assertRejects(() => disk.lock(), CryptomemError);
      assertEquals(error.message, `Cannot use ${path}: the system denies it to this user`);
    }),
});

Deno.test({
  name: "DenoDisk: opens and removes no folder in a file's place",
  ignore: !canWrite,
  fn: () =>
    inTemporaryFolder(async (path) => {
      const disk = await DenoDisk.open(path);
      await Deno.mkdir(`${path}/a`);
      await assertCode(disk.openRead("a"), "EINVAL");
      await assertCode(disk.openAppend("a"), "EINVAL");
      await assertCode(disk.remove("a"), "EINVAL");
      await assertCode(disk.create("a"), "EEXIST");
      await Deno.mkdir(`${path}/lock`);
      const error = await assertRejects(() => disk.lock(), CryptomemError);
      assertEquals(error.message, `Cannot use ${path}: ${path}/lock is no regular file`);
    }),
});

Deno.test({
  name: "DenoDisk: follows no link and waits for no pipe",
  ignore: !canWrite || !canRunShell,
  fn: () =>
    inTemporaryFolder(async (above) => {
      await Deno.writeTextFile(`${above}/outside`, "untouched");
      const disk = await DenoDisk.open(`${above}/data`);
      const script = "ln -s ../outside link && ln -s ../none dangling && mkfifo pipe";
      const made = await new Deno.Command("sh", { args: ["-c", script], cwd: disk.path }).output();
      assert(made.success);
      for (const name of ["link", "dangling", "pipe"]) {
        await assertCode(disk.openRead(name), "EINVAL");
        await assertCode(disk.openAppend(name), "EINVAL");
        await assertCode(disk.create(name), "EEXIST");
      }
      await disk.rename("link", "lock");
      await assertRejects(() => disk.lock(), CryptomemError, "is no regular file");
      assertEquals(await Deno.readTextFile(`${above}/outside`), "untouched");
      assertEquals((await namesIn(above)).sort(), ["data", "outside"]);
    }),
});

Deno.test({
  name: "DenoDisk: a process that is killed has its lock no more",
  ignore: !canWrite || !canRun,
  fn: () =>
    inTemporaryFolder(async (path) => {
      const module = new URL("../../lib/persistence/deno_disk.ts", import.meta.url);
      const code = `import { DenoDisk } from ${JSON.stringify(module)};
        const lock = await (await DenoDisk.open(${JSON.stringify(path)})).lock();
        await Deno.stdout.write(new Uint8Array(1));
        setInterval(() => lock, 1000);`;
      const holder = new Deno.Command(Deno.execPath(), {
        args: ["eval", "--no-check", code],
        stdout: "piped",
      }).spawn();
      const output = holder.stdout.getReader();
      assertEquals((await output.read()).done, false);
      const disk = await DenoDisk.open(path);
      await assertRejects(() => disk.lock(), CryptomemError, "another process uses it");
      holder.kill("SIGKILL");
      await holder.status;
      await output.cancel();
      (await disk.lock()).release();
    }),
});

Deno.test("appendAll() goes on where the disk has stopped", async () => {
  const disk = new FaultDisk();
  const file = await disk.create("a");
  disk.shorten(() => true);
  await appendAll(file, encode("0123456789"));
  appendAllSync(file, encode("abcdef"));
  assertEquals(await textOf(file), "0123456789abcdef");
  assertEquals(disk.trace.filter(({ operation }) => operation === "append").map(({ bytes }) => bytes), [
    ...[10, 5, 3, 2, 1],
    ...[6, 3, 2, 1],
  ]);
  file.close();
});

Deno.test("appendAll() does not ask for ever a disk that takes nothing", async () => {
  const file = { name: "a", append: () => Promise.resolve(0), appendSync: () => 0 } as unknown as DiskFile;
  await assertRejects(() => appendAll(file, encode("0")), Error, "takes no byte");
  await assertRejects(() => Promise.try(() => appendAllSync(file, encode("0"))), Error, "takes no byte");
});
