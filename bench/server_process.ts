/**
 * A server under test as a process of its own, and what the system says it costs. It ends with the `await using` block
 * that holds it, also when that fails, and when the signal that was given aborts.
 *
 * @module
 */

import { textOf } from "../lib/bytes.ts";
import type { TlsCredentials } from "../lib/server/tls_credentials.ts";
import type { Places } from "./wires_server.ts";

/** Linux counts processor time of processes in these, whatever the kernel's own clock. */
const TICKS_PER_SECOND = 100;
/** Places of user and system time in /proc/<pid>/stat behind the name, see proc(5). */
const USER_TIME = 11;
const SYSTEM_TIME = 12;
const CONNECT_ATTEMPTS = 100;
const CONNECT_PAUSE_MS = 50;
const HOSTNAME = "127.0.0.1";

/** Where entries are kept, and how. */
export interface Keeping {
  readonly folder: string;
  readonly flags: readonly string[];
}

/** A running server. */
export class ServerProcess implements AsyncDisposable {
  readonly port: number;
  readonly #child: Deno.ChildProcess;

  /** Use {@linkcode ServerProcess.cryptomem} or {@linkcode ServerProcess.redis}. */
  constructor(child: Deno.ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /**
   * Starts this project's server as its users do.
   *
   * @param keeping where it keeps its entries, and the flags that say how; nowhere by default
   */
  static async cryptomem(signal: AbortSignal, keeping?: Keeping): Promise<ServerProcess> {
    const program = new URL("../server.ts", import.meta.url).href;
    const permissions = [`--allow-net=${HOSTNAME}`], flags = ["--host", HOSTNAME, "--port", "0"];
    if (keeping !== undefined) {
      permissions.push(`--allow-read=${keeping.folder}`, `--allow-write=${keeping.folder}`);
      flags.push("--data-dir", keeping.folder, ...keeping.flags);
    }
    const args = ["run", "--no-prompt", ...permissions, program, ...flags];
    // What it has loaded is no figure.
    const { child, line } = await startProgram(args, signal, keeping === undefined ? "inherit" : "null");
    return new ServerProcess(child, Number(/:(\d+)\s/.exec(line)![1]));
  }

  /** Starts a server that is reached in every way, also with secure channels and TLS. */
  static async wires(signal: AbortSignal, tls: TlsCredentials): Promise<{ server: ServerProcess; places: Places }> {
    const program = new URL("wires_server.ts", import.meta.url).href;
    const args = ["run", "--no-prompt", `--allow-net=${HOSTNAME}`, program, JSON.stringify(tls)];
    const { child, line } = await startProgram(args, signal, "inherit");
    const places: Places = JSON.parse(line);
    return { server: new ServerProcess(child, places.port), places };
  }

  /** Starts Redis without persistence. */
  static async redis(signal: AbortSignal, settings: readonly string[] = []): Promise<ServerProcess> {
    const port = freePort();
    const child = new Deno.Command("redis-server", {
      args: ["--bind", HOSTNAME, "--port", String(port), "--save", "", "--appendonly", "no", ...settings],
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
      signal,
    }).spawn();
    const server = new ServerProcess(child, port);
    try {
      await server.#reach();
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Opens a connection to it. */
  async connect(): Promise<Deno.TcpConn> {
    const connection = await Deno.connect({ hostname: HOSTNAME, port: this.port });
    connection.setNoDelay();
    return connection;
  }

  /** Processor time it has used so far, all threads, user and system, in µs; `undefined` where /proc is not. */
  cpuMicroseconds(): number | undefined {
    if (Deno.build.os !== "linux") return undefined;
    const stat = Deno.readTextFileSync(`/proc/${this.#child.pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[USER_TIME]) + Number(fields[SYSTEM_TIME])) * (1e6 / TICKS_PER_SECOND);
  }

  /** Memory it holds at the moment (RSS), in bytes; `undefined` where /proc is not. */
  residentBytes(): number | undefined {
    if (Deno.build.os !== "linux") return undefined;
    const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${this.#child.pid}/status`))?.[1];
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGTERM");
    } catch {
      // Ended by itself.
    }
    await this.#child.status;
  }

  async #reach(): Promise<void> {
    for (let attempt = 1;; attempt++) {
      try {
        return (await this.connect()).close();
      } catch (error) {
        if (attempt === CONNECT_ATTEMPTS) throw error;
        await new Promise((resolve) => setTimeout(resolve, CONNECT_PAUSE_MS));
      }
    }
  }
}

/** Starts a server of ours. It says in a line how it is reached as soon as it is. */
async function startProgram(
  args: readonly string[],
  signal: AbortSignal,
  stderr: "inherit" | "null",
): Promise<{ child: Deno.ChildProcess; line: string }> {
  const command = new Deno.Command(Deno.execPath(), {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr,
    signal,
  });
  const child = command.spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  if (value === undefined) {
    await child.status;
    throw new Error("Cannot measure the server: it does not start");
  }
  return { child, line: textOf(value) };
}

/** Version of Redis on this machine, `undefined` if there is none. */
export async function redisVersion(): Promise<string | undefined> {
  try {
    const { stdout } = await new Deno.Command("redis-server", { args: ["--version"] }).output();
    return /v=(\S+)/.exec(textOf(stdout))?.[1];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: HOSTNAME, port: 0 });
  return listener.addr.port;
}
