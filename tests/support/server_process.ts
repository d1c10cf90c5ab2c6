/**
 * The server's program as a process of its own: what a user sees of it.
 *
 * @module
 */

const ROOT = new URL("../../", import.meta.url);
/** What listening on a free port takes. */
export const NETWORK = "--allow-net=127.0.0.1,localhost";

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
  const limit = setTimeout(() => child.kill("SIGKILL"), 20_000);
  const writer = child.stdin.getWriter();
  // It may end before it has read everything.
  await writer.write(new TextEncoder().encode(input)).catch(() => {});
  await writer.close().catch(() => {});
  const { code, stdout, stderr } = await child.output();
  clearTimeout(limit);
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), complaint: decoder.decode(stderr) };
}

/** A server that listens on a free port until the test is over. It is the `deno` binary itself, so signals reach it. */
export class ServerProcess implements AsyncDisposable {
  readonly port: number;
  readonly #child: Deno.ChildProcess;
  readonly #out: ReadableStreamDefaultReader<string>;
  readonly #complaints: Promise<string>;

  private constructor(
    child: Deno.ChildProcess,
    port: number,
    out: ReadableStreamDefaultReader<string>,
    complaints: Promise<string>,
  ) {
    this.#child = child;
    this.port = port;
    this.#out = out;
    this.#complaints = complaints;
  }

  /** Starts one; fails with its complaint if it does not come to listen. */
  static async start(
    permissions: readonly string[],
    args: readonly string[],
    around?: Around,
  ): Promise<ServerProcess> {
    const child = commandOf([NETWORK, ...permissions], ["--port", "0", ...args], "null", around).spawn();
    const complaints = new Response(child.stderr).text();
    const out = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let line = "";
    while (!line.endsWith("\n")) {
      const { value, done } = await out.read();
      if (done) throw new Error(`Cannot start the server: ${await complaints}`);
      line += value;
    }
    return new ServerProcess(child, Number(/:(\d+)/.exec(line)?.[1]), out, complaints);
  }

  get pid(): number {
    return this.#child.pid;
  }

  signal(name: Deno.Signal): void {
    this.#child.kill(name);
  }

  /** How it ended, and all that it complained about. */
  async ended(): Promise<{ code: number; complaints: string }> {
    const { code } = await this.#child.status;
    return { code, complaints: await this.#complaints };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.#child.status;
    await this.#out.cancel();
    await this.#complaints;
  }
}
