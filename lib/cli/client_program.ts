/**
 * The client as a program: arguments in, exit code out. What there is to run is in client_commands.ts.
 *
 * @module
 */

import { utf8 } from "../bytes.ts";
import { parseAddress } from "../client/address.ts";
import { Client } from "../client/client.ts";
import type { ClientOptions } from "../client/options.ts";
import { CryptomemError, IntegrityError } from "../errors.ts";
import { parseRequest, type Request, shownArgs } from "./client_arguments.ts";
import { ClientExit } from "./client_command.ts";
import { clientHelpText } from "./client_help.ts";
import { findKeys, type FoundKeys, keyFilePath } from "./client_keys.ts";
import { type ClientMachine, machine } from "./client_machine.ts";
import { DEFAULT_ADDRESS, type GivenOptions, withVariables } from "./client_options.ts";
import { requirePermissions } from "./client_permissions.ts";
import { findWire, wirePaths } from "./client_wire.ts";
import { UsageError } from "./usage_error.ts";

/**
 * Runs one command.
 *
 * @param on where it runs; the real machine unless a test gives another
 * @returns the exit code, one of {@linkcode ClientExit}
 */
export async function runClient(args: readonly string[], on: ClientMachine = machine): Promise<number> {
  try {
    const request = parseRequest(args);
    if (request === "help") {
      await on.print(utf8(`${clientHelpText()}\n`));
      return ClientExit.OK;
    }
    return await carryOut(request, args, on);
  } catch (error) {
    // Whoever reads the output has seen enough, as `head` does.
    if (error instanceof Deno.errors.BrokenPipe) return ClientExit.OK;
    const exit = exitOf(error);
    if (exit === undefined) throw error;
    on.complain(error instanceof IntegrityError ? `${error.message} (${error.code})` : (error as Error).message);
    return exit;
  }
}

/** Errors that say all there is to say; any other is a fault of the program and keeps its stack. */
function exitOf(error: unknown): ClientExit | undefined {
  if (error instanceof IntegrityError) return ClientExit.INTEGRITY;
  if (error instanceof CryptomemError) return ClientExit.SERVER;
  if (error instanceof UsageError || error instanceof TypeError || error instanceof RangeError) return ClientExit.USAGE;
  return undefined;
}

async function carryOut(request: Request, args: readonly string[], on: ClientMachine): Promise<ClientExit> {
  const { command, words } = request;
  const options = withVariables(request.options, (name) => on.variable(name));
  const address = options.address ?? DEFAULT_ADDRESS;
  const place = parseAddress(address);
  const connects = command.needs.startsWith("server");
  const blindsNames = connects && options["blind-names"] === true && command.words.length > 0;
  const usesKeys = command.needs.endsWith("keys") || blindsNames;
  const keyPath = keyFilePath(options);

  requirePermissions(
    {
      place: connects ? place : undefined,
      readPaths: [...usesKeys && keyPath !== undefined ? [keyPath] : [], ...connects ? wirePaths(options) : []],
      writePath: options.out,
    },
    shownArgs(request, args),
    on,
  );
  const call = { words, options, on };
  if (command.needs === "nothing") return await command.run(call);
  const keys = usesKeys ? await findKeys(keyPath, on) : {};
  if (command.needs === "keys") return await command.run({ ...call, keys });
  const wire = await findWire(options, on);
  await using client = new Client(address, { ...wire, ...clientOptions(options, keys, blindsNames, on) });
  return await command.run({ ...call, client, place });
}

function clientOptions(options: GivenOptions, keys: FoundKeys, blindsNames: boolean, on: ClientMachine): ClientOptions {
  const { timeout, namespace } = options;
  const hasKeys = keys.keys !== undefined || keys.fernet !== undefined;
  return {
    ...keys,
    ...timeout !== undefined && { timeout },
    ...namespace !== undefined && { namespace },
    ...blindsNames && { blindNames: true },
    // Who needs no key seals nothing.
    ...hasKeys && options.padding === true && { padding: true },
    ...hasKeys && options.monotonic === true && { monotonic: true },
    warn: (message) => on.complain(`warning: ${message}`),
  };
}
