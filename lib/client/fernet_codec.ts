/**
 * Values as Fernet tokens (lib/crypto/fernet.ts), in place of envelopes. A token does not say what is in it, so:
 *
 * | stored | in the token | read |
 * |---|---|---|
 * | `string` | UTF-8 | `string` |
 * | `Uint8Array` | its bytes | `string` if they happen to be UTF-8, else `Uint8Array` |
 * | anything else | refused: store `JSON.stringify(value)` | |
 *
 * @module
 */

import { strictTextOf } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import { type Opened, type SealedBody, type Slot, ValueType } from "../crypto/envelope.ts";
import { Fernet } from "../crypto/fernet.ts";
import type { Settings } from "./options.ts";

/** What {@linkcode Opened.keyId} is of a token, which does not name its key. */
export const NO_KEY_ID = -1;

/** Makes tokens of values and values of tokens. The place of a value is not bound to it: Fernet has no way to. */
export class FernetCodec {
  readonly #fernet: Fernet;

  /** @throws TypeError or RangeError if a key is none */
  constructor({ keys, maxAgeMs }: NonNullable<Settings["fernet"]>, clock: Clock, maxValueBytes: number) {
    this.#fernet = Fernet.create(keys, { clock, maxValueBytes, ...maxAgeMs !== undefined && { maxAgeMs } });
  }

  /**
   * Makes a token.
   *
   * @throws TypeError if the value is neither text nor bytes
   */
  async seal(_slot: Slot, { type, body }: SealedBody): Promise<Uint8Array> {
    if (type === ValueType.JSON) {
      throw new TypeError(
        "Cannot store value: a Fernet token holds text or bytes and does not say which; store JSON.stringify(value)",
      );
    }
    return await this.#fernet.seal(body);
  }

  /** Opens a token; an IntegrityError says what is wrong with it. */
  async open(_slot: Slot, token: Uint8Array): Promise<Opened> {
    const body = await this.#fernet.open(token);
    const type = isText(body) ? ValueType.UTF8 : ValueType.BYTES;
    return { type, body, keyId: NO_KEY_ID, notAfterMs: undefined, sequence: undefined, name: undefined };
  }
}

function isText(bytes: Uint8Array): boolean {
  try {
    strictTextOf(bytes);
    return true;
  } catch {
    return false;
  }
}
