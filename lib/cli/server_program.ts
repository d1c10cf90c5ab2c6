/**
 * The server as a program: arguments in, exit code out.
 *
 * @module
 */
import { formatAddress } from "../client/address.ts";
import { type RunningServer, serve } from "../server/serve.ts";
import { VERSION } from "../version.ts";
import { parseFlags, settleConfiguration } from "./configuration.ts";
import { helpText } from "./help.ts";
import { machineMemoryBytes } from "./machine.ts";
import { type Configuration, PROGRAM_OPTIONS } from "./options.ts";
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
    const flags = parseFlags(args);
    if (flags.has("help")) return print(helpText());
    if (flags.has("version")) return print(`cryptomem ${VERSION}`);
    const surroundings = surroundingsOf(args);
    const configuration = await settleConfiguration(flags, surroundings);
    const configPath = flags.get("config") ?? surroundings.variable(PROGRAM_OPTIONS[0].variable);
    requireListening(configuration, args, configPath);
    return await listen(configuration);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return complain(error.message, EXIT_USAGE);
  }
}

async function listen(configuration: Configuration): Promise<number> {
  const stop = new AbortController();
  let server: RunningServer;
  try {
    const machineBytes = machineMemoryBytes();
    server = serve({
      ...configuration,
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

  const { hostname, port } = server.address;
  print(`cryptomem ${VERSION} listening on ${formatAddress({ hostname, port })}${warningFor(hostname)}`);
  await server.finished;
  return 0;
}

/** Values are sealed, but whoever reaches the port can still delete them, so an open port is worth a word. */
function warningFor(hostname: string): string {
  return hostname.startsWith("127.") || hostname === "::1" ? "" : " (plain TCP, no password)";
}

function whyNotListening(error: unknown, { hostname, port }: Configuration): string {
  const where = formatAddress({ hostname, port });
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
