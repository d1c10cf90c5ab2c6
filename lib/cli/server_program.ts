/**
 * The server as a program: arguments in, exit code out.
 *
 * @module
 */
import { utf8 } from "../bytes.ts";
import { formatAddress } from "../client/address.ts";
import { type RunningServer, serve, type ServeOptions } from "../server/serve.ts";
import { VERSION } from "../version.ts";
import { parseCommandLine, settleConfiguration } from "./configuration.ts";
import { helpText } from "./help.ts";
import { machineMemoryBytes } from "./machine.ts";
import { type Configuration, PROGRAM_OPTIONS, settingTexts } from "./options.ts";
import { onStopSignal } from "./stop_signal.ts";
import { requireListening, surroundingsOf } from "./surroundings.ts";
import { UsageError } from "./usage_error.ts";

/** Exit code for what the user has to put right in the command. */
const EXIT_USAGE = 2;
/** Exit code for what went wrong in a correct command. */
const EXIT_FAILURE = 1;

/**
 * Runs the server until a signal ends it.
 *
 * @returns the exit code: 0 after a signal, 1 if it cannot listen, 2 for a command that cannot be used
 */
export async function runServer(args: readonly string[]): Promise<number> {
  try {
    const { flags, password } = parseCommandLine(args);
    if (flags.has("help")) return print(helpText());
    if (flags.has("version")) return print(`cryptomem ${VERSION}`);
    const shownArgs = args.map((word) => word === password ? "PASSWORD" : word);
    const surroundings = surroundingsOf(shownArgs);
    const configuration = await settleConfiguration(flags, surroundings);
    const configPath = flags.get("config") ?? surroundings.variable(PROGRAM_OPTIONS[0].variable);
    requireListening(configuration, shownArgs, configPath);
    return await listen(configuration, password === undefined ? {} : { checkPassword: await checkOf(password) });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return complain(error.message, EXIT_USAGE);
  }
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
  authentication: Pick<ServeOptions, "checkPassword">,
): Promise<number> {
  const stop = new AbortController();
  let server: RunningServer;
  try {
    const machineBytes = machineMemoryBytes();
    server = serve({
      ...configuration,
      ...authentication,
      settings: settingTexts(configuration),
      ...(machineBytes !== undefined && { memoryWarningBytes: machineBytes / 2 }),
      signal: stop.signal,
      log: (line) => complain(`cryptomem: ${line}`),
    });
  } catch (error) {
    return complain(whyNotListening(error, configuration), EXIT_FAILURE);
  }
  using _signals = onStopSignal(() => stop.abort());
  // One connection's fault must not take the others with it; it is told, and the server goes on.
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    complain(`cryptomem: unexpected error, please report it: ${traceOf(event.reason)}`);
  });

  const hasPassword = authentication.checkPassword !== undefined;
  const places = [server.address, ...server.addresses].map(({ hostname, port }, i) => {
    const dialect = i === 0 ? undefined : configuration.listen[i - 1]!.dialect;
    const only = dialect === undefined ? "" : ` (${dialect})`;
    return formatAddress({ hostname, port }) + only + warningFor(hostname, hasPassword);
  });
  print(`cryptomem ${VERSION} listening on ${places.join(", ")}`);
  await server.finished;
  return 0;
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
