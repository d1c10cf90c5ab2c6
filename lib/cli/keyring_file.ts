/**
 * What a key file says. It holds one key, or a keyring in lines:
 *
 * ```
 * # comment
 * active: cmk1_…           seals, and opens
 * open: cmk1_…             only opens; any number of lines
 * names: cmk1_…            blinds names
 * perNamespace: true       a key of its own for every namespace
 *
 * salt: …                  a passphrase, which stands in no file, is the active key, or an open one beside active:
 * saltNamespace: acme      instead of salt:, the salt of a name
 * iterations: 600000
 *
 * fernet: …                instead of all others: the first line seals, all open
 * ```
 *
 * Pure: where files, passphrases and permissions come from is in client_keys.ts. No error shows any of the content.
 *
 * @module
 */

import { textOf } from "../bytes.ts";
import { rootKey, weakKeyWarning } from "../crypto/key.ts";
import { type PassphraseKey, readPassphrase } from "../crypto/passphrase.ts";
import { UsageError } from "./usage_error.ts";

/** A key, as the SDK takes it. */
export type FileKey = string | Uint8Array;

/** How to turn a passphrase into the key that others have. */
export type Derivation = Omit<PassphraseKey, "passphrase">;

/** The content of a key file, each key of a form that can be used. */
export interface KeyringFile {
  /** The key that seals, unless that is the passphrase's. */
  readonly active: FileKey | undefined;
  readonly openOnly: readonly FileKey[];
  readonly names: FileKey | undefined;
  /** There is a passphrase: the active key if there is no other. */
  readonly derivation: Derivation | undefined;
  readonly perNamespace: boolean;
  /** Fernet keys; if there are any, there is nothing else. */
  readonly fernet: readonly string[];
  /** What the owner should hear of, each with where it stands. */
  readonly warnings: readonly string[];
}

const LINE_NAMES = [
  "active",
  "open",
  "names",
  "perNamespace",
  "salt",
  "saltNamespace",
  "iterations",
  "fernet",
] as const;
type LineName = typeof LINE_NAMES[number];

/** Lines that may stand there more than once. */
const REPEATED: ReadonlySet<LineName> = new Set(["open", "fernet"]);
const KEYRING_LINE = new RegExp(`^(${LINE_NAMES.join("|")})[ \\t]*:[ \\t]*(.*?)[ \\t]*$`);
const LINE_FORM = "write active: cmk1_… or another line of a keyring; see --help";

/** One line with a name, and where it stands. */
interface Line {
  readonly value: string;
  readonly source: string;
}

/**
 * Reads a key file.
 *
 * @param name what errors call the file
 * @throws {UsageError} with the line where there is one
 */
export function parseKeyringFile(name: string, bytes: Uint8Array): KeyringFile {
  const key = loneKey(bytes);
  if (key === undefined) return parseLines(name, textOf(bytes));
  const warnings: string[] = [];
  return { ...NOTHING, active: checkedKey(key, name, warnings), warnings };
}

const NOTHING: KeyringFile = {
  active: undefined,
  openOnly: [],
  names: undefined,
  derivation: undefined,
  perNamespace: false,
  fernet: [],
  warnings: [],
};

/**
 * The file's one key, or `undefined` if the file is lines. Printable characters, as editors and `echo` leave them, are
 * a key as text. Bytes of which some are no text are the key itself: lines that were cut to 32 bytes are none.
 */
function loneKey(bytes: Uint8Array): FileKey | undefined {
  const text = textOf(bytes);
  const line = /^([\x20-\x7e]*)\r?\n?$/.exec(text)?.[1];
  if (line !== undefined) return KEYRING_LINE.test(line) || line.startsWith("#") ? undefined : line;
  return /^[\t\r\n\x20-\x7e]*$/.test(text) ? undefined : bytes;
}

function parseLines(name: string, text: string): KeyringFile {
  const lines = linesOf(name, text);
  const one = (line: LineName) => lines.get(line)?.[0];
  const warnings: string[] = [];
  const keyOf = ({ value, source }: Line) => checkedKey(value, source, warnings);

  const fernet = (lines.get("fernet") ?? []).map(({ value }) => value);
  if (fernet.length > 0 && lines.size > 1) {
    throw new UsageError(name, "Cannot use fernet: beside other lines: a client either seals or speaks Fernet");
  }
  if (fernet.length > 0) return { ...NOTHING, fernet };

  const derivation = derivationOf(name, one);
  const active = one("active");
  if (active === undefined && derivation === undefined) {
    throw new UsageError(name, "Cannot seal without an active key: write a line active: cmk1_…, as keygen makes one");
  }
  const names = one("names");
  return {
    active: active && keyOf(active),
    openOnly: (lines.get("open") ?? []).map(keyOf),
    names: names && keyOf(names),
    derivation,
    perNamespace: isTrue(one("perNamespace")),
    fernet,
    warnings,
  };
}

function linesOf(name: string, text: string): ReadonlyMap<LineName, readonly Line[]> {
  const lines = new Map<LineName, Line[]>();
  for (const [index, content] of text.split(/\r?\n/).entries()) {
    if (/^\s*(#|$)/.test(content)) continue;
    const source = `${name}: line ${index + 1}`;
    const [, word, value] = KEYRING_LINE.exec(content) ?? [];
    if (word === undefined || value === undefined) throw new UsageError(source, `Cannot read it: ${LINE_FORM}`);
    if (value === "") throw new UsageError(source, `Cannot use ${word}: there is nothing behind it`);
    const before = lines.get(word as LineName);
    if (before === undefined) lines.set(word as LineName, [{ value, source }]);
    else if (REPEATED.has(word as LineName)) before.push({ value, source });
    else throw new UsageError(source, `Cannot set ${word} again: it stands further up`);
  }
  return lines;
}

function derivationOf(name: string, one: (line: LineName) => Line | undefined): Derivation | undefined {
  const [salt, saltNamespace, iterations] = [one("salt"), one("saltNamespace"), one("iterations")];
  if (salt === undefined && saltNamespace === undefined && iterations === undefined) return undefined;
  if (iterations === undefined || (salt === undefined) === (saltNamespace === undefined)) {
    throw new UsageError(
      name,
      "Cannot use a passphrase without a line iterations: and one salt: (or saltNamespace:); keygen --passphrase " +
        "makes them",
    );
  }
  const derivation: Derivation = {
    salt: salt?.value ?? { namespace: saltNamespace!.value },
    iterations: /^\d+$/.test(iterations.value) ? Number(iterations.value) : NaN,
  };
  try {
    // All but the passphrase, which is not known yet, is put to the test before anybody is asked for it.
    readPassphrase({ passphrase: "not known yet", ...derivation });
  } catch (error) {
    throw new UsageError(name, (error as Error).message);
  }
  return derivation;
}

function isTrue(line: Line | undefined): boolean {
  if (line === undefined || line.value === "false") return false;
  if (line.value === "true") return true;
  throw new UsageError(line.source, "Cannot read it: write true or false");
}

/** The key as it is, if it has one of the forms of a key; what is weak about it is added to the warnings. */
function checkedKey(key: FileKey, source: string, warnings: string[]): FileKey {
  let root: Uint8Array;
  try {
    root = rootKey(key);
  } catch (error) {
    throw new UsageError(source, (error as Error).message);
  }
  const warning = weakKeyWarning(root);
  if (warning !== undefined) warnings.push(`${source}: ${warning}`);
  root.fill(0);
  return key;
}
