/**
 * The server as a program: arguments in, exit code out.
 *
 * @module
 */
import { utf8 } from "../bytes.ts";
import { formatAddress } from "../client/address.ts";
import type { Durability, RecoveryState } from "../commands/durability.ts";
import { CryptomemError } from "../errors.ts";
import { openPersistence } from "../server/open_persistence.ts";
import { type RunningServer, serve, type ServeOptions } from "../server/serve.ts";
import { VERSION } from "../version.ts";
import { parseCommandLine, settleConfiguration } from "./configuration.ts";
import { helpText } from "./help.ts";
import { machineMemoryBytes } from "./machine.ts";
import { type Configuration, PROGRAM_OPTIONS, settingTexts } from "./options.ts";
import { onStopSignal } from "./stop_signal.ts";
import { type DataCommandName, isDataCommand, parseDataArguments } from "./data_arguments.ts";
import { EXIT_FAILURE, EXIT_USAGE } from "./exit_code.ts";
import { requirePermissions, surroundingsOf } from "./surroundings.ts";
import { UsageError } from "./usage_error.ts";

/**
 * Runs the server until a signal ends it.
 *
 * @returns the exit code: 0 after a signal; 1 if it cannot listen, or load or keep the entries; 2 for a command that cannot
 * be used. Those of the commands for data directories are in data_commands.ts
 */
export async function runServer(args: readonly string[]): Promise<number> {
  try {
    if (isDataCommand(args[0])) return await runDataCommand(args[0], args);
    const { flags, password } = parseCommandLine(args);
    if (flags.has("help")) return print(helpText());
    if (flags.has("version")) return print(`cryptomem ${VERSION}`);
    const shownArgs = args.map((word) => word === password ? "PASSWORD" : word);
    const surroundings = surroundingsOf(shownArgs);
    const configuration = await settleConfiguration(flags, surroundings);
    const configPath = flags.get("config") ?? surroundings.variable(PROGRAM_OPTIONS[0].variable);
    requirePermissions(configuration, shownArgs, configPath);
    const authentication = password === undefined ? {} : { checkPassword: await checkOf(password) };
    const persistence = await persistenceOf(configuration);
    return await listen(configuration, { ...authentication, ...persistence !== undefined && { persistence } });
  } catch (error) {
    if (error instanceof CryptomemError) return complain(error.message, EXIT_FAILURE);
    if (!(error instanceof UsageError)) throw error;
    return complain(error.message, EXIT_USAGE);
  }
}

async function runDataCommand(name: DataCommandName, args: readonly string[]): Promise<number> {
  if (args.includes("--help")) return print(helpText());
  const call = parseDataArguments(name, args.slice(1));
  const commands = await import("./data_commands.ts");
  return await commands.runDataCommand(call, args, { print, complain });
}

/** The entries that were kept, loaded; `undefined` if none are to be. */
async function persistenceOf(configuration: Configuration): Promise<Durability | undefined> {
  const { dataDir } = configuration;
  if (dataDir === "") return undefined;
  const persistence = await openPersistence(dataDir, { ...configuration, log });
  const { recovery } = persistence.status();
  const what = recovery.snapshot + recovery.log === 0 ? "nothing to load" : `loaded ${recoveryText(recovery)}`;
  log(`${dataDir}: ${what}; ${persistence.engine.stats().entries} entries`);
  return persistence;
}

/** What was loaded, for the log. */
function recoveryText({ entries, changes, dropped, cutBytes, durationMs }: RecoveryState): string {
  const parts = [`${entries} entries of a snapshot and ${changes} changes in ${Math.ceil(durationMs)} ms`];
  if (dropped > 0) parts.push(`${dropped} had expired`);
  if (cutBytes > 0) parts.push(`${cutBytes} bytes of a torn write were cut off`);
  return parts.join(", ");
}

/** A check of the password, which this process forgets as far as it can. */
async function checkOf(password: string): Promise<(given: Uint8Array) => Promise<boolean>> {
  complain("cryptomem: warning: other users of this machine can see the password among the program's arguments");
  // Loaded when it is needed: most servers have no password.
  const { passwordCheck } = await import("../security/password.ts");
  try {
    return await passwordCheck(utf8(password));
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError("password", error.message);
    throw error;
  }
}

async function listen(
  configuration: Configuration,
  parts: Pick<ServeOptions, "checkPassword" | "persistence">,
): Promise<number> {
  const stop = new AbortController();
  let server: RunningServer;
  try {
    const machineBytes = machineMemoryBytes();
    server = serve({
      ...configuration,
      ...parts,
      settings: settingTexts(configuration),
      ...(machineBytes !== undefined && { memoryWarningBytes: machineBytes / 2 }),
      signal: stop.signal,
      log,
    });
  } catch (error) {
    await parts.persistence?.close({ snapshot: false });
    return complain(whyNotListening(error, configuration), EXIT_FAILURE);
  }
  using _signals = onStopSignal(() => stop.abort());
  // One connection's fault must not take the others with it; it is told, and the server goes on.
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    complain(`cryptomem: unexpected error, please report it: ${traceOf(event.reason)}`);
  });

  const hasPassword = parts.checkPassword !== undefined;
  const places = [server.address, ...server.addresses].map(({ hostname, port }, i) => {
    const dialect = i === 0 ? undefined : configuration.listen[i - 1]!.dialect;
    const only = dialect === undefined ? "" : ` (${dialect})`;
    return formatAddress({ hostname, port }) + only + warningFor(hostname, hasPassword);
  });
  print(`cryptomem ${VERSION} listening on ${places.join(", ")}`);
  await server.finished;
  // The server has closed it, and said why it could not; here it only counts whether it could.
  return await parts.persistence?.close({ snapshot: false }).catch(() => EXIT_FAILURE) ?? 0;
}

function log(line: string): void {
  complain(`cryptomem: ${line}`);
}

/** Values are sealed, but whoever reaches the port can still delete them, so an open port is worth a word. */
function warningFor(hostname: string, hasPassword: boolean): string {
  if (hostname.startsWith("127.") || hostname === "::1") return "";
  return hasPassword ? " (plain TCP)" : " (plain TCP, no password)";
}

function whyNotListening(error: unknown, { hostname, port, listen }: Configuration): string {
  const places = [{ hostname, port }, ...listen.map((place) => ({ hostname, ...place }))].map(formatAddress);
  // The system does not say which of several it was.
  const where = places.join(" or ");
  if (error instanceof Deno.errors.AddrInUse) {
    return `${where}: Cannot listen: another program does; stop it, or choose another port with --port`;
  }
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return `${where}: Cannot listen: this machine has no such address; choose one of its own with --host`;
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return `${where}: Cannot listen: the system denies it; choose a port from 1024 up with --port`;
  }
  return `${where}: Cannot listen: ${error instanceof Error ? error.message.split("\n")[0] : error}`;
}

function traceOf(reason: unknown): string {
  return reason instanceof Error ? reason.stack ?? reason.message : String(reason);
}

function print(text: string): number {
  // deno-lint-ignore no-console -- standard output is this program's voice
  console.log(text);
  return 0;
}

function complain(line: string, exitCode = EXIT_FAILURE): number {
  // deno-lint-ignore no-console -- so is standard error
  console.error(line);
  return exitCode;
}
