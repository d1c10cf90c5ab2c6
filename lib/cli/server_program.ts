/**
 * The server as a program: arguments in, exit code out.
 *
 * @module
 */
import type { Durability } from "../commands/durability.ts";
import { CryptomemError } from "../errors.ts";
import type { RecoveryState } from "../persistence/recovery.ts";
import { openPersistence } from "../server/open_persistence.ts";
import { serve } from "../server/serve.ts";
import type { RunningServer, ServeOptions } from "../server/serve_options.ts";
import { VERSION } from "../version.ts";
import { parseCommandLine, settleConfiguration } from "./configuration.ts";
import { helpText } from "./help.ts";
import { machineMemoryBytes } from "./machine.ts";
import { type Configuration, PROGRAM_OPTIONS, settingTexts } from "./options.ts";
import { onReloadSignal } from "./reload_signal.ts";
import { commandOf } from "./server_commands.ts";
import { machine, type ServerMachine } from "./server_machine.ts";
import { placesText, whyNotListening, whyNotReady } from "./server_places.ts";
import { reloadTokens, usersOf } from "./server_users.ts";
import { reloadTls, tlsFilesOf, type Wires, wiresOf } from "./server_wires.ts";
import { onStopSignal } from "./stop_signal.ts";
import { type DataCommandName, isDataCommand, parseDataArguments } from "./data_arguments.ts";
import { EXIT_FAILURE, EXIT_USAGE } from "./exit_code.ts";
import { requirePermissions, surroundingsOf } from "./surroundings.ts";
import { UsageError } from "./usage_error.ts";

/**
 * Runs the server until a signal ends it, or one of its commands.
 *
 * @param on where a command runs; the real machine unless a test gives another
 * @returns the exit code: 0 after a signal; 1 if it cannot listen, or load or keep the entries; 2 for a command that cannot
 * be used. Those of the commands for data directories are in data_commands.ts
 */
export async function runServer(args: readonly string[], on: ServerMachine = machine): Promise<number> {
  try {
    if (isDataCommand(args[0])) return await runDataCommand(args[0], args);
    const command = commandOf(args);
    if (command !== undefined) {
      await command.row.run(command.rest, on);
      return 0;
    }
    const { flags, password } = parseCommandLine(args);
    if (flags.has("help")) return print(helpText());
    if (flags.has("version")) return print(`cryptomem ${VERSION}`);
    const shown = shownArgs(args, password);
    const surroundings = surroundingsOf(shown);
    const configuration = await settleConfiguration(flags, surroundings);
    const configPath = flags.get("config") ?? surroundings.variable(PROGRAM_OPTIONS[0].variable);
    await requirePermissions(configuration, shown, configPath, on.hasFile);
    const users = await usersOf(configuration, password, on);
    const wires = await wiresOf(configuration, on);
    const persistence = await persistenceOf(configuration);
    return await listen(configuration, {
      ...wires,
      ...users !== undefined && { authentication: users },
      ...persistence !== undefined && { persistence },
    }, on);
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

/** The arguments as they can be shown: errors end up in logs. */
function shownArgs(args: readonly string[], password: string | undefined): readonly string[] {
  const flag = "--password-hash";
  return args.map((word, i) => {
    if (word === password) return "PASSWORD";
    if (args[i - 1] === flag) return "HASH";
    return word.startsWith(`${flag}=`) ? `${flag}=HASH` : word;
  });
}

/** What the server is made of besides its configuration. */
type Parts = Pick<ServeOptions, "authentication" | "persistence"> & Wires;

async function listen(configuration: Configuration, parts: Parts, on: ServerMachine): Promise<number> {
  const stop = new AbortController();
  const machineBytes = machineMemoryBytes();
  const options: ServeOptions = {
    ...configuration,
    ...parts,
    settings: settingTexts(configuration),
    ...(machineBytes !== undefined && { memoryWarningBytes: machineBytes / 2 }),
    signal: stop.signal,
    log,
  };
  let server: RunningServer;
  try {
    server = serve(options);
  } catch (error) {
    await parts.persistence?.close({ snapshot: false });
    return complain(whyNotListening(error, configuration), EXIT_FAILURE);
  }
  using _signals = onStopSignal(() => stop.abort());
  using _reload = reloading(server, configuration, on);
  // One connection's fault must not take the others with it; it is told, and the server goes on.
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    complain(`cryptomem: unexpected error, please report it: ${traceOf(event.reason)}`);
  });

  try {
    await server.ready;
  } catch (error) {
    return complain(whyNotReady(error, server.tlsAddress !== undefined, options), EXIT_FAILURE);
  }
  print(`cryptomem ${VERSION} listening on ${placesText(server, options)}`);
  const { serverKey } = parts;
  if (serverKey !== undefined) {
    print(`secure channels: give clients the pin ${serverKey.pin} (${serverKey.fingerprint})`);
  }
  await server.finished;
  // The server has closed it, and said why it could not; here it only counts whether it could.
  return await parts.persistence?.close({ snapshot: false }).catch(() => EXIT_FAILURE) ?? 0;
}

/** Reads again at each SIGHUP what can be changed: each by itself, so that a slip in one leaves the other. */
function reloading(server: RunningServer, configuration: Configuration, on: ServerMachine): Disposable | null {
  const { tokenFile } = configuration;
  const tlsFiles = tlsFilesOf(configuration);
  if (tokenFile === undefined && tlsFiles === undefined) return null;
  return onReloadSignal(async () => {
    if (tokenFile !== undefined) await reloadTokens(server, tokenFile, on);
    if (tlsFiles !== undefined) await reloadTls(server, tlsFiles, on);
  });
}

function log(line: string): void {
  complain(`cryptomem: ${line}`);
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
