/**
 * Inline commands: RESP as a person types it, one line of words parted by spaces, with the quoting of Redis.
 *
 * @module
 */

const TAB = 0x09;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const DOUBLE_QUOTE = 0x22;
const SINGLE_QUOTE = 0x27;
const BACKSLASH = 0x5c;
const LOWER_X = 0x78;

/** What a letter behind a backslash stands for; any other stands for itself. */
const ESCAPES: ReadonlyMap<number, number> = new Map([[0x6e, 0x0a], [0x72, 0x0d], [0x74, 0x09], [0x62, 8], [0x61, 7]]);

/**
 * The words of a line, without the quotes around them. Between double quotes `\n \r \t \b \a \xHH` are escapes and
 * any other escaped byte is itself; between single quotes only `\'` is one.
 *
 * @returns `undefined` if a quote does not end, or not where a word ends
 */
export function splitInline(line: Uint8Array): Uint8Array[] | undefined {
  const words: Uint8Array[] = [];
  // A word is never longer than what it is written with, so all of them fit here.
  const room = new Uint8Array(line.length);
  let filled = 0;
  for (let at = 0; at < line.length;) {
    if (isSpace(line[at]!)) {
      at++;
      continue;
    }
    const wordStart = filled;
    while (at < line.length && !isSpace(line[at]!)) {
      const byte = line[at++]!;
      if (byte !== DOUBLE_QUOTE && byte !== SINGLE_QUOTE) {
        room[filled++] = byte;
        continue;
      }
      while (at < line.length && line[at] !== byte) {
        const length = byte === DOUBLE_QUOTE ? escapeLength(line, at) : line[at + 1] === SINGLE_QUOTE ? 2 : 1;
        const isEscape = length > 1 && line[at] === BACKSLASH;
        room[filled++] = isEscape ? escaped(line, at, length) : line[at]!;
        at += isEscape ? length : 1;
      }
      const isEndOfWord = at + 1 >= line.length || isSpace(line[at + 1]!);
      if (at >= line.length || !isEndOfWord) return undefined;
      at++;
    }
    words.push(room.subarray(wordStart, filled));
  }
  return words;
}

/** How many bytes of a double-quoted word stand for one: 4 as `\xHH`, 2 behind a backslash, else 1. */
function escapeLength(line: Uint8Array, at: number): number {
  if (line[at] !== BACKSLASH || at + 1 >= line.length) return 1;
  return line[at + 1] === LOWER_X && digitOf(line[at + 2]) >= 0 && digitOf(line[at + 3]) >= 0 ? 4 : 2;
}

function escaped(line: Uint8Array, at: number, length: number): number {
  if (length === 4) return digitOf(line[at + 2]) << 4 | digitOf(line[at + 3]);
  return ESCAPES.get(line[at + 1]!) ?? line[at + 1]!;
}

/** Value of a hexadecimal digit, -1 if it is none. */
function digitOf(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}

/** As C's isspace(). */
function isSpace(byte: number): boolean {
  return byte === SPACE || byte >= TAB && byte <= CARRIAGE_RETURN;
}
