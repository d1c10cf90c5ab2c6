/**
 * A real Redis beside ours, where there is one: the reference for what commands answer.
 *
 * @module
 */

import { command } from "./resp_frame.ts";
import { ByteReader } from "./byte_reader.ts";
import { concat } from "@std/bytes";
import { textOf, utf8 } from "../../lib/bytes.ts";
import { canListen } from "./permissions.ts";

/** The version whose behaviour is the contract. */
const REFERENCE = "v=7.0.";
const PROGRAM = "redis-server";

/** Whether there is a Redis of the right version, and it may be started. */
export const hasRedis: boolean = canListen && await isInstalled();

async function isInstalled(): Promise<boolean> {
  try {
    if ((await Deno.permissions.query({ name: "run", command: PROGRAM })).state !== "granted") return false;
    const { stdout } = await new Deno.Command(PROGRAM, { args: ["--version"] }).output();
    return textOf(stdout).includes(REFERENCE);
  } catch {
    return false;
  }
}

/** Starts Redis on a free port, with nothing on disk. Disposing of it ends it. */
export async function startRedis(maxValueBytes: number): Promise<AsyncDisposable & { port: number }> {
  const port = freePort();
  const process = new Deno.Command(PROGRAM, {
    args: [
      ...["--bind", "127.0.0.1", "--port", String(port), "--databases", "1"],
      ...["--save", "", "--appendonly", "no", "--proto-max-bulk-len", String(maxValueBytes)],
    ],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const output = process.stdout.getReader();
  for (let log = ""; !log.includes("Ready to accept connections");) {
    const { value, done } = await output.read();
    if (done) throw new Error(`redis-server ended before it was ready: ${log}`);
    log += textOf(value);
  }
  return {
    port,
    async [Symbol.asyncDispose]() {
      process.kill("SIGKILL");
      await output.cancel();
      await process.status;
    },
  };
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Sends commands in one go and takes the bytes of each answer. */
export class RespConnection implements Disposable {
  readonly #connection: Deno.TcpConn;
  readonly #reader: ByteReader;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    this.#reader = new ByteReader(connection);
  }

  static async connect(port: number): Promise<RespConnection> {
    return new RespConnection(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** The answers of RESP2 to commands, as they came. */
  async ask(commands: readonly (readonly (string | Uint8Array)[])[]): Promise<Uint8Array[]> {
    const bytes = concat(commands.map((words) => command(...words)));
    const isSent = this.#send(bytes);
    const answers: Uint8Array[] = [];
    for (let i = 0; i < commands.length; i++) answers.push(await this.#take());
    await isSent;
    return answers;
  }

  async #send(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) sent += await this.#connection.write(bytes.subarray(sent));
  }

  async #take(): Promise<Uint8Array> {
    const line = await this.#reader.takeLine();
    const parts = [line, utf8("\n")];
    const count = Number(textOf(line.subarray(1)));
    if (line[0] === 0x24 && count >= 0) parts.push(await this.#reader.take(count + 2));
    if (line[0] === 0x2a) { for (let i = 0; i < count; i++) parts.push(await this.#take()); }
    return concat(parts);
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}
