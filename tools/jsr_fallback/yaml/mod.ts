/**
 * The part of `@std/yaml` that the project uses, made from js-yaml (of which `@std/yaml` is a port), for machines
 * that cannot reach JSR (see tools/setup.ts). tests/jsr_fallback_test.ts holds it and the real package to the same
 * behaviour.
 *
 * @module
 */
// deno-lint-ignore no-import-prefix -- a JSR package cannot use this project's import map
import { load } from "npm:js-yaml@4.1.1";

/** The one document in the text, `null` if there is none. Throws SyntaxError, with line and column, if it is no YAML. */
export function parse(content: string): unknown {
  try {
    return load(content) ?? null;
  } catch (error) {
    throw new SyntaxError((error as Error).message, { cause: error });
  }
}
