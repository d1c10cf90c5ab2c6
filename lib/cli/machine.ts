/**
 * The machine and the permissions on it, as both programs see them. Nothing here ever prompts: a permission is queried
 * first, and where there is none, the user is shown the command that grants it.
 *
 * @module
 */

/** Whether something may be done without asking anybody. */
export function isGranted(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
}

/** An environment variable, `undefined` also where the environment may not be read. */
export function variable(name: string): string | undefined {
  return isGranted({ name: "env", variable: name }) ? Deno.env.get(name) : undefined;
}

/** Memory of the machine in bytes, `undefined` where it may not be asked about. */
export function machineMemoryBytes(): number | undefined {
  return isGranted({ name: "sys", kind: "systemMemoryInfo" }) ? Deno.systemMemoryInfo().total : undefined;
}

/** Why a file could not be read, in a few words. */
export function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder";
  if (error instanceof Deno.errors.PermissionDenied) return "the system denies it";
  return error instanceof Error ? error.message.split("\n")[0]! : String(error);
}

/** The command line that runs this program with these permissions and arguments, as a shell takes it. */
export function commandLine(
  program: "server" | "client",
  permissions: readonly string[],
  args: readonly string[],
): string {
  const module = Deno.mainModule.startsWith("file:") ? `${program}.ts` : `jsr:@cryptomem/${program}`;
  return ["deno", "run", ...permissions, module, ...args].map(quoted).join(" ");
}

/** One word of a command line, as a shell takes it. */
export function quoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
