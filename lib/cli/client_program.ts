/**
 * The client as a program: arguments in, exit code out.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { strictTextOf, textOf, utf8 } from "../bytes.ts";
import { type Address, formatAddress, parseAddress } from "../client/address.ts";
import { Client, type ClientOptions } from "../client/client.ts";
import { rootKey, weakKeyWarning } from "../crypto/key.ts";
import type { Value } from "../crypto/value.ts";
import { CryptomemError, IntegrityError } from "../errors.ts";
import { DEFAULT_HOSTNAME, DEFAULT_PORT } from "../limits.ts";
import { type ClientMachine, machine } from "./client_machine.ts";
import { nearest } from "./nearest.ts";
import { UsageError } from "./usage_error.ts";

/** What the exit code of the program says. */
export const ClientExit = {
  OK: 0,
  NOT_FOUND: 1,
  USAGE: 2,
  SERVER: 3,
  INTEGRITY: 4,
} as const;

const DEFAULT_ADDRESS = `${DEFAULT_HOSTNAME}:${DEFAULT_PORT}`;

const HELP = `Cryptomem client: seals values before they leave this machine.

Usage: deno run --allow-net --allow-read=FILE client.ts [options] COMMAND

Commands:
  set KEY [VALUE]  store a value; without VALUE, or with -, it is read from standard input
  get KEY          write the value to standard output: text and bytes as they are, all else as JSON
  delete KEY       remove an entry
  ping             measure how long the server takes to answer

Options:
  --key-file FILE          the key: cmk1_… or 32 bytes (or CRYPTOMEM_KEY_FILE, CRYPTOMEM_KEY)
  --address, -a HOST:PORT  the server (or CRYPTOMEM_ADDRESS; default ${DEFAULT_ADDRESS})
  --ttl DURATION           with set: how long the entry lives, as 10s, 5m, 24h
  --timeout DURATION       how long to wait for an answer (default 5s)
  --help                   show this

Standard input is stored byte by byte: as text if it is UTF-8, else as bytes. A VALUE that starts
with - goes behind --. Variables are read with --allow-env. A key is never an argument: other users
of the machine can see those.

Exit codes: 0 done, 1 no such entry, 2 wrong use, 3 server or connection, 4 the value does not open`;

const COMMANDS = ["set", "get", "delete", "ping"] as const;
type Command = typeof COMMANDS[number];

const VALUE_OPTIONS = ["address", "key-file", "timeout", "ttl"] as const;

/** The command line, understood. */
interface Request {
  readonly command: Command;
  readonly key: string;
  readonly value: string | undefined;
  readonly options: { readonly [Name in typeof VALUE_OPTIONS[number]]?: string };
}

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
      await on.print(utf8(`${HELP}\n`));
      return ClientExit.OK;
    }
    return await carryOut(request, args, on);
  } catch (error) {
    const exit = exitOf(error);
    if (exit === undefined) throw error;
    on.complain((error as Error).message);
    return exit;
  }
}

/** Errors that say all there is to say; any other is a fault of the program and keeps its stack. */
function exitOf(error: unknown): number | undefined {
  if (error instanceof IntegrityError) return ClientExit.INTEGRITY;
  if (error instanceof CryptomemError) return ClientExit.SERVER;
  if (error instanceof UsageError || error instanceof TypeError || error instanceof RangeError) return ClientExit.USAGE;
  return undefined;
}

async function carryOut(request: Request, args: readonly string[], on: ClientMachine): Promise<number> {
  const { command, key, options } = request;
  const address = options.address ?? on.variable("CRYPTOMEM_ADDRESS") ?? DEFAULT_ADDRESS;
  const place = parseAddress(address);
  const keyPath = options["key-file"] ?? on.variable("CRYPTOMEM_KEY_FILE");
  // Even a value that was typed openly is not repeated: what goes to standard error ends up in logs.
  const shownArgs = args.map((word) => word === request.value ? "VALUE" : word);
  requirePermissions(place, keyPath, shownArgs, on);

  const clientOptions: ClientOptions = {
    ...command !== "ping" && command !== "delete" && { key: await findKey(keyPath, on) },
    ...options.timeout !== undefined && { timeout: options.timeout },
  };
  await using client = new Client(address, clientOptions);
  switch (command) {
    case "set": {
      const value = request.value ?? textOrBytes(await on.readInput());
      await client.set(key, value, options.ttl === undefined ? {} : { ttl: options.ttl });
      return ClientExit.OK;
    }
    case "get": {
      const value = await client.get(key);
      if (value === undefined) return ClientExit.NOT_FOUND;
      await on.print(shown(value));
      // A terminal's prompt starts on a line of its own; a file or another program gets the value and nothing else.
      if (on.printsToTerminal) await on.print(utf8("\n"));
      return ClientExit.OK;
    }
    case "delete":
      return await client.delete(key) ? ClientExit.OK : ClientExit.NOT_FOUND;
    case "ping":
      await on.print(utf8(`${formatAddress(place)} answered in ${(await client.ping()).toFixed(1)} ms\n`));
      return ClientExit.OK;
  }
}

function parseRequest(args: readonly string[]): Request | "help" {
  const parsed: Record<string, unknown> = parseArgs([...args], {
    boolean: ["help"],
    // Positional words too: 007 is a key, not the number 7.
    string: [...VALUE_OPTIONS, "_"],
    alias: { address: "a", help: "h" },
    unknown: (word, name) => {
      if (name === undefined || word === "-") return true;
      // Without what is behind the =, which may be a secret.
      throw new UsageError(word.replace(/=.*/s, ""), `Cannot use it: ${unknownOption(name)}`);
    },
  });
  if (parsed.help === true) return "help";
  const options: Record<string, string> = {};
  for (const name of VALUE_OPTIONS) {
    const value = parsed[name];
    if (value === undefined) continue;
    if (value === "") throw new UsageError(`--${name}`, "Cannot use it without a value");
    options[name] = String(value);
  }
  const [command = "", key, value, ...rest] = (parsed["_"] as unknown[]).map(String);
  return { command: checkedCommand(command), ...checkedWords(command, key, value, rest, options), options };
}

function unknownOption(name: string): string {
  if (name === "key") return "a key is never an argument, where others can see it; write it to a file for --key-file";
  const meant = nearest(name, [...VALUE_OPTIONS, "help"]);
  return `there is no such option; ${meant === undefined ? "see --help" : `did you mean --${meant}?`}`;
}

function checkedCommand(word: string): Command {
  const command = COMMANDS.find((it) => it === word);
  if (command !== undefined) return command;
  const meant = word === "" ? undefined : nearest(word, COMMANDS);
  throw new UsageError(
    word === "" ? "command" : word,
    word === ""
      ? `Cannot do nothing: give one of ${COMMANDS.join(", ")}; see --help`
      : `Cannot run it: there is no such command; ${meant === undefined ? "see --help" : `did you mean ${meant}?`}`,
  );
}

/** Holds the words behind a command to what the command takes. */
function checkedWords(
  command: string,
  key: string | undefined,
  value: string | undefined,
  rest: readonly string[],
  options: Readonly<Record<string, string>>,
): { key: string; value: string | undefined } {
  if (options.ttl !== undefined && command !== "set") {
    throw new UsageError("--ttl", "Cannot use it: only set takes it");
  }
  if (command === "ping") {
    if (key !== undefined) throw new UsageError(command, "Cannot run it: it takes nothing behind it");
    return { key: "", value: undefined };
  }
  if (key === undefined) throw new UsageError(command, "Cannot run it: the key is missing");
  if (rest.length > 0 || command !== "set" && value !== undefined) {
    const takes = command === "set" ? "a key and a value; put quotes around a value with spaces" : "one key";
    throw new UsageError(command, `Cannot run it: it takes ${takes}`);
  }
  return { key, value: value === "-" ? undefined : value };
}

/** Asks for all permissions at once, so that the command shown is the last one to try. */
function requirePermissions(
  place: Address,
  keyPath: string | undefined,
  args: readonly string[],
  on: ClientMachine,
): void {
  const host = formatAddress(place);
  const mayConnect = on.isGranted({ name: "net", host });
  const mayRead = keyPath === undefined || on.isGranted({ name: "read", path: keyPath });
  if (mayConnect && mayRead) return;
  const permissions = [`--allow-net=${host}`, ...keyPath === undefined ? [] : [`--allow-read=${keyPath}`]];
  const what = mayConnect ? `read ${keyPath}` : `connect to ${host}`;
  throw new UsageError(
    mayConnect ? keyPath! : host,
    `Cannot ${what} without permission: run ${on.commandLine(permissions, args)}`,
  );
}

/** The key, from a file or the environment. */
async function findKey(path: string | undefined, on: ClientMachine): Promise<Uint8Array> {
  const source = path ?? "CRYPTOMEM_KEY";
  const found = path === undefined ? on.variable("CRYPTOMEM_KEY") : await on.readFile(path);
  if (found === undefined) {
    throw new UsageError("key", "Cannot seal or open values without one: give its file with --key-file");
  }
  let root: Uint8Array;
  try {
    root = rootKey(typeof found === "string" ? found : keyInFile(found));
  } catch (error) {
    throw new UsageError(source, (error as Error).message);
  }
  const warning = weakKeyWarning(root);
  if (warning !== undefined) on.complain(`warning: ${source}: ${warning}`);
  return root;
}

/** Printable characters, as editors and `echo` leave them, are a key as text; any others are the key itself. */
function keyInFile(bytes: Uint8Array): string | Uint8Array {
  const text = /^([\x20-\x7e]*)\r?\n?$/.exec(textOf(bytes))?.[1];
  return text ?? bytes;
}

function textOrBytes(bytes: Uint8Array): string | Uint8Array {
  try {
    return strictTextOf(bytes);
  } catch {
    return bytes;
  }
}

function shown(value: Value): Uint8Array {
  if (value instanceof Uint8Array) return value;
  return utf8(typeof value === "string" ? value : JSON.stringify(value));
}
