/**
 * A server under experiment: a process of its own, a connection to it, and what the system says of it.
 *
 * @module
 */

import { utf8 } from "../../lib/bytes.ts";
import type { SecureStart } from "./secure_server.ts";
import type { Order, Report, Start } from "./served_engine.ts";

const HOSTNAME = "127.0.0.1";
const ENGINE = new URL("served_engine.ts", import.meta.url).pathname;
const SECURE = new URL("secure_server.ts", import.meta.url).pathname;
const SERVER = new URL("../../server.ts", import.meta.url).pathname;
/** In which the system counts the time of a processor: `getconf CLK_TCK`. */
const TICK_MS = 10;

/** Around a server. */
export interface Around {
  /** What starts it, with its arguments: nothing by default. */
  readonly under?: readonly string[];
  readonly environment?: Record<string, string>;
  /** What it may do, instead of listening on this machine alone. */
  readonly permissions?: readonly string[];
  /** Keeps what it complains of for {@linkcode ServerUnderTest.end}, instead of showing it. */
  readonly keepsComplaints?: boolean;
}

/** A running server. It is the `deno` binary itself that is started, so that signals and figures are its own. */
export class ServerUnderTest implements AsyncDisposable {
  readonly port: number;
  /** The line in which it said that it listens. */
  readonly greeting: string;
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #orders: WritableStreamDefaultWriter<Uint8Array>;
  readonly #complaints: Promise<string>;

  private constructor(
    child: Deno.ChildProcess,
    lines: ReadableStreamDefaultReader<string>,
    greeting: string,
    complaints: Promise<string>,
  ) {
    this.#child = child;
    this.#lines = lines;
    this.#orders = child.stdin.getWriter();
    this.#complaints = complaints;
    this.greeting = greeting;
    this.port = Number(/:(\d+)/.exec(greeting)?.[1]);
  }

  /** Starts the program of the experiments, whose engine can be asked. */
  static engine(start: Start, environment: Record<string, string> = {}): Promise<ServerUnderTest> {
    return this.#start([ENGINE, JSON.stringify(start)], { environment });
  }

  /** Starts the program of the experiments that speaks over secure channels and TLS as well. */
  static secure(start: SecureStart): Promise<ServerUnderTest> {
    return this.#start([SECURE, JSON.stringify(start)], { permissions: [`--allow-net=${HOSTNAME}`] });
  }

  /** Starts server.ts with flags. */
  static program(flags: readonly string[], around: Around = {}): Promise<ServerUnderTest> {
    return this.#start([SERVER, "--port", "0", ...flags], around);
  }

  static async #start(args: readonly string[], around: Around): Promise<ServerUnderTest> {
    const { under = [], environment = {}, permissions = [`--allow-net=${HOSTNAME}`], keepsComplaints = false } = around;
    const [program, ...rest] = [...under, Deno.execPath(), "run", "--no-prompt", "--quiet", ...permissions, ...args];
    const child = new Deno.Command(program!, {
      args: rest,
      env: environment,
      stdin: "piped",
      stdout: "piped",
      stderr: keepsComplaints ? "piped" : "inherit",
    }).spawn();
    const complaints = keepsComplaints ? new Response(child.stderr).text() : Promise.resolve("");
    const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(splitLines()).getReader();
    const { value: line = "" } = await lines.read();
    const server = new ServerUnderTest(child, lines, line, complaints);
    if (!(server.port > 0)) {
      throw new Error(`Cannot start the server: it said ${JSON.stringify(line)} ${await complaints}`);
    }
    return server;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Tells the program something; without an order it only reports. */
  async tell(order: Order = {}): Promise<Report> {
    await this.#orders.write(utf8(JSON.stringify(order) + "\n"));
    const { value } = await this.#lines.read();
    return JSON.parse(value!);
  }

  /** The most memory it has had at once, and has now, in bytes. */
  async residentBytes(): Promise<{ peak: number; now: number }> {
    const status = await Deno.readTextFile(`/proc/${this.pid}/status`);
    const kilobytes = (field: string) => Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]);
    return { peak: kilobytes("VmHWM") * 1024, now: kilobytes("VmRSS") * 1024 };
  }

  /** Lets the peak of {@linkcode residentBytes} begin anew. */
  async forgetPeak(): Promise<void> {
    await Deno.writeTextFile(`/proc/${this.pid}/clear_refs`, "5");
  }

  /** How many files and sockets it has open. */
  async descriptors(): Promise<number> {
    return (await Array.fromAsync(Deno.readDir(`/proc/${this.pid}/fd`))).length;
  }

  /** The time that processors have spent on it, in milliseconds. */
  async processorMs(): Promise<number> {
    // Behind the program's name, which may have spaces in it: fields 14 and 15 of proc(5).
    const fields = (await Deno.readTextFile(`/proc/${this.pid}/stat`)).replace(/^.*\) /s, "").split(" ");
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  }

  signal(name: Deno.Signal): void {
    this.#child.kill(name);
  }

  /** Asks it to end. Returns how it did, what else it said, and what it complained of if that is kept. */
  async end(): Promise<{ code: number; said: string; complaints: string }> {
    try {
      this.#child.kill("SIGTERM");
    } catch {
      // It has ended already.
    }
    const { code } = await this.#child.status;
    let said = "";
    for (let next = await this.#lines.read(); !next.done; next = await this.#lines.read()) said += `${next.value}\n`;
    return { code, said, complaints: await this.#complaints };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
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
