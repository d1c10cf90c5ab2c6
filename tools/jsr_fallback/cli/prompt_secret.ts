/**
 * The part of `@std/cli/prompt-secret` that the project uses, made from `Deno.stdin.setRaw()`, for machines that
 * cannot reach JSR (see tools/setup.ts). tests/jsr_fallback_prompt_test.ts holds it and the real package to the same
 * behaviour.
 *
 * Not for: how a long line is redrawn where the terminal wraps it, and `clear`. What is typed comes out the same.
 *
 * @module
 */

/** How to ask. */
export interface PromptSecretOptions {
  /** What is shown for each byte that was typed; `*` by default, nothing if it is empty. */
  mask?: string;
}

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** The key that removes the last character sends one of these, as the terminal has it. */
const BACKSPACE = 0x08;
const DELETE = 0x7f;
/** To the start of the line, which is then cleared. */
const REDRAW = "\r\x1b[K";

/**
 * Asks for a line on the terminal without showing it.
 *
 * @returns what was typed, `null` if standard input is no terminal
 */
export function promptSecret(message = "Secret", options: PromptSecretOptions = {}): string | null {
  if (!Deno.stdin.isTerminal()) return null;
  const { mask = "*" } = options;
  // Signals keep working (cbreak): control and C ends the program. Windows knows no such mode.
  Deno.stdin.setRaw(true, { cbreak: Deno.build.os !== "windows" });
  try {
    // Only now, so that nothing is shown even of what is typed at once.
    write(`${message} `);
    return readLine(mask === "" ? () => {} : (length) => write(`${REDRAW}${message} ${mask.repeat(length)}`));
  } finally {
    Deno.stdin.setRaw(false);
    write("\n");
  }
}

/** Reads byte by byte, so that what comes behind the line stays where it is. */
function readLine(onTyped: (length: number) => void): string {
  const line: number[] = [];
  const next = new Uint8Array(1);
  while ((Deno.stdin.readSync(next) ?? 0) > 0) {
    const byte = next[0]!;
    if (byte === NEWLINE || byte === CARRIAGE_RETURN) break;
    if (byte === BACKSPACE || byte === DELETE) line.pop();
    else line.push(byte);
    onTyped(line.length);
  }
  const typed = Uint8Array.from(line);
  line.fill(0);
  const text = new TextDecoder().decode(typed);
  typed.fill(0);
  return text;
}

function write(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}
