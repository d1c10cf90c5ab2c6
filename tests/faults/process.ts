/**
 * A server under experiment: a process of its own, a connection to it, and what the system says of it.
 *
 * @module
 */

import { utf8 } from "../../lib/bytes.ts";
import type { Order, Report, Start } from "./served_engine.ts";

const HOSTNAME = "127.0.0.1";
const PROGRAM = new URL("served_engine.ts", import.meta.url).pathname;
const SERVER = new URL("../../server.ts", import.meta.url).pathname;

/** A running server. It is the `deno` binary itself that is started, so that signals and figures are its own. */
export class ServerUnderTest implements AsyncDisposable {
  readonly port: number;
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #orders: WritableStreamDefaultWriter<Uint8Array>;

  private constructor(
    child: Deno.ChildProcess,
    lines: ReadableStreamDefaultReader<string>,
    port: number,
  ) {
    this.#child = child;
    this.#lines = lines;
    this.#orders = child.stdin.getWriter();
    this.port = port;
  }

  /** Starts the program of the experiments, whose engine can be asked. */
  static engine(start: Start, environment: Record<string, string> = {}): Promise<ServerUnderTest> {
    return this.#start([PROGRAM, JSON.stringify(start)], environment);
  }

  /** Starts server.ts with flags. */
  static program(flags: readonly string[]): Promise<ServerUnderTest> {
    return this.#start([SERVER, "--port", "0", ...flags], {});
  }

  static async #start(args: readonly string[], environment: Record<string, string>): Promise<ServerUnderTest> {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--quiet", `--allow-net=${HOSTNAME}`, ...args],
      env: environment,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(splitLines()).getReader();
    const { value: line = "" } = await lines.read();
    const port = Number(/:(\d+)\D*$/.exec(line)?.[1]);
    if (!(port > 0)) throw new Error(`Cannot start the server: it said ${JSON.stringify(line)}`);
    return new ServerUnderTest(child, lines, port);
  }

  /** Tells the program something; without an order it only reports. */
  async tell(order: Order = {}): Promise<Report> {
    await this.#orders.write(utf8(JSON.stringify(order) + "\n"));
    const { value } = await this.#lines.read();
    return JSON.parse(value!);
  }

  /** The most memory it has had at once, and has now, in bytes. */
  async residentBytes(): Promise<{ peak: number; now: number }> {
    const status = await Deno.readTextFile(`/proc/${this.#child.pid}/status`);
    const kilobytes = (field: string) => Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]);
    return { peak: kilobytes("VmHWM") * 1024, now: kilobytes("VmRSS") * 1024 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGTERM");
    } catch {
      // It has ended already.
    }
    await this.#child.status;
    await this.#lines.cancel();
    await this.#orders.close().catch(() => {});
  }
}

/** One connection, one request at a time. */
export class Connection implements Disposable {
  readonly #connection: Deno.TcpConn;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    connection.setNoDelay(true);
  }

  static async to({ port }: { port: number }): Promise<Connection> {
    return new Connection(await Deno.connect({ hostname: HOSTNAME, port }));
  }

  /** Sends a request and reads the whole reply. Returns its status. */
  async ask(request: Uint8Array): Promise<number> {
    for (let sent = 0; sent < request.length;) sent += await this.#connection.write(request.subarray(sent));
    const header = await this.#read(7);
    await this.#read(new DataView(header.buffer).getUint32(3));
    return header[2]!;
  }

  async #read(length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    for (let filled = 0; filled < length;) {
      const count = await this.#connection.read(bytes.subarray(filled));
      if (count === null) throw new Error("Cannot read a reply: the server has ended the connection");
      filled += count;
    }
    return bytes;
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}

/** Lets time pass: experiments, unlike tests, run on the machine's own. */
export function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

function splitLines(): TransformStream<string, string> {
  let rest = "";
  return new TransformStream({
    transform(part, controller) {
      const lines = (rest + part).split("\n");
      rest = lines.pop()!;
      for (const line of lines) controller.enqueue(line);
    },
  });
}
