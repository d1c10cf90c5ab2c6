/**
 * The server's program as a process of its own: what a user sees of it.
 *
 * @module
 */

const ROOT = new URL("../../", import.meta.url);
/** What listening on a free port takes. */
export const NETWORK = "--allow-net=127.0.0.1,localhost";

/** Nothing takes so long but a program that hangs. */
const MAX_WAIT_MS = 20_000;

/** How the program ended, and what it said. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly complaint: string;
}

/** Around the program. */
export interface Around {
  /** What starts it, with its arguments: nothing by default. */
  readonly under?: readonly string[];
  readonly environment?: Record<string, string>;
}

function commandOf(
  permissions: readonly string[],
  args: readonly string[],
  input: "null" | "piped",
  { under = [], environment = {} }: Around = {},
): Deno.Command {
  const words = [Deno.execPath(), "run", "--no-prompt", "--quiet", ...permissions, "server.ts", ...args];
  const [program, ...rest] = [...under, ...words];
  return new Deno.Command(program!, {
    args: rest,
    cwd: ROOT,
    env: { NO_COLOR: "1", ...environment },
    stdin: input,
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs the program to its end, which is near unless it listens by mistake. */
export async function runProgram(permissions: readonly string[], args: readonly string[], input = ""): Promise<Ended> {
  const child = commandOf(permissions, args, "piped").spawn();
  const limit = setTimeout(() => child.kill("SIGKILL"), MAX_WAIT_MS);
  const writer = child.stdin.getWriter();
  // It may end before it has read everything.
  await writer.write(new TextEncoder().encode(input)).catch(() => {});
  await writer.close().catch(() => {});
  const { code, stdout, stderr } = await child.output();
  clearTimeout(limit);
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), complaint: decoder.decode(stderr) };
}

/** What a process says on one of its two outputs, as it comes. */
class Said {
  /** All of it, at the end. */
  readonly all: Promise<string>;
  #soFar = "";
  #hasEnded = false;
  #onMore = () => {};

  constructor(stream: ReadableStream<Uint8Array>) {
    this.all = this.#read(stream);
  }

  /** Resolves once it has said something; rejects with all that it has said if it ends, or goes on for long, without. */
  async until(what: RegExp): Promise<RegExpExecArray> {
    let isLate = false;
    const limit = setTimeout(() => {
      isLate = true;
      this.#onMore();
    }, MAX_WAIT_MS);
    try {
      for (;;) {
        const found = what.exec(this.#soFar);
        if (found !== null) return found;
        if (this.#hasEnded || isLate) throw new Error(`Cannot find ${what} in: ${this.#soFar}`);
        await new Promise<void>((more) => this.#onMore = more);
      }
    } finally {
      clearTimeout(limit);
    }
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<string> {
    const decoder = new TextDecoder();
    for await (const bytes of stream) {
      this.#soFar += decoder.decode(bytes, { stream: true });
      this.#onMore();
    }
    this.#hasEnded = true;
    this.#onMore();
    return this.#soFar;
  }
}

/** A server that listens until the test is over. It is the `deno` binary itself, so signals reach it. */
export class ServerProcess implements AsyncDisposable {
  /** What it has said first. */
  readonly line: string;
  /** The port in that. */
  readonly port: number;
  readonly #child: Deno.ChildProcess;
  readonly #out: Said;
  readonly #complaints: Said;

  private constructor(child: Deno.ChildProcess, line: string, out: Said, complaints: Said) {
    this.#child = child;
    this.line = line;
    this.port = Number(/:(\d+)/.exec(line)?.[1]);
    this.#out = out;
    this.#complaints = complaints;
  }

  /** Starts one on a free port; fails with its complaint if it does not come to listen. */
  static start(permissions: readonly string[], args: readonly string[], around?: Around): Promise<ServerProcess> {
    return ServerProcess.startExactly([NETWORK, ...permissions], ["--port", "0", ...args], around);
  }

  /** Starts one with these permissions and arguments and no others. */
  static async startExactly(
    permissions: readonly string[],
    args: readonly string[],
    around?: Around,
  ): Promise<ServerProcess> {
    const child = commandOf(permissions, args, "null", around).spawn();
    const [out, complaints] = [new Said(child.stdout), new Said(child.stderr)];
    try {
      const [line] = await out.until(/^[^\n]*\n/);
      return new ServerProcess(child, line, out, complaints);
    } catch {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended already.
      }
      await child.status;
      throw new Error(`Cannot start the server: ${await complaints.all}`);
    }
  }

  get pid(): number {
    return this.#child.pid;
  }

  connect(): Promise<Deno.TcpConn> {
    return Deno.connect({ hostname: "127.0.0.1", port: this.port });
  }

  signal(name: Deno.Signal): void {
    this.#child.kill(name);
  }

  /** Waits until it has printed something. */
  hasPrinted(what: RegExp): Promise<RegExpExecArray> {
    return this.#out.until(what);
  }

  /** Waits until it has complained of something. */
  hasComplained(what: RegExp): Promise<RegExpExecArray> {
    return this.#complaints.until(what);
  }

  /** How it ended, and all that it complained about. */
  async ended(): Promise<{ code: number; complaints: string }> {
    const { code } = await this.#child.status;
    await this.#out.all;
    return { code, complaints: await this.#complaints.all };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.ended();
  }
}
