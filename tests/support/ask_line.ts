/**
 * A question in the line dialect, over any wire.
 *
 * @module
 */

import { textOf, utf8 } from "../../lib/bytes.ts";

interface ByteStream {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
}

/** Asks in a line, and reads one short answer. */
export async function askLine(stream: ByteStream, line: string): Promise<string> {
  await stream.write(utf8(`${line}\n`));
  const bytes = new Uint8Array(4096);
  return textOf(bytes.subarray(0, await stream.read(bytes) ?? 0)).trimEnd();
}
