/**
 * What the test run may do, so that a test which needs more says `ignore: !canListen` instead of failing: plain
 * `deno test` without a single permission must pass.
 *
 * @module
 */

async function granted(descriptor: Deno.PermissionDescriptor): Promise<boolean> {
  return (await Deno.permissions.query(descriptor)).state === "granted";
}

/** Sockets on the loopback interface. */
export const canListen: boolean = await granted({ name: "net", host: "127.0.0.1" }) &&
  await granted({ name: "net", host: "localhost" });

/** Reading the project's own files. */
export const canRead: boolean = await granted({ name: "read", path: new URL("../..", import.meta.url) });

/** Reading environment variables. */
export const canReadEnv: boolean = await granted({ name: "env" });

/** Making files in a temporary folder, and reading them. */
export const canWrite: boolean = canReadEnv && await granted({ name: "write", path: temporaryFolder() }) &&
  await granted({ name: "read", path: temporaryFolder() });

/** Starting `deno` as a process of its own: `new Deno.Command(Deno.execPath(), …)`. */
export const canRun: boolean = canRead && await granted({ name: "run", command: Deno.execPath() });

/** Starting `deno` from a shell, for limits that only a shell can set. */
export const canRunShell: boolean = canRun && Deno.build.os !== "windows" &&
  await granted({ name: "run", command: "sh" });

/** Starting a program that may not be installed: without it, or without leave to run it, this is false. */
export function canRunTool(name: string): Promise<boolean> {
  return granted({ name: "run", command: name });
}

/** The folder `Deno.makeTempDir()` uses. */
export function temporaryFolder(): string {
  return Deno.env.get("TMPDIR") ?? Deno.env.get("TEMP") ?? "/tmp";
}
