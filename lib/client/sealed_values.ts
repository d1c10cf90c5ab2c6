/**
 * Values between a program and a server: sealed for their place on the way out, and judged on the way back. Whatever
 * a server answers with comes through {@linkcode SealedValues.open}; nothing else gives a value to the program.
 *
 * @module
 */

import { textOf } from "../bytes.ts";
import { type Opened, refusal, type SealedBody, type SealOptions, type Slot } from "../crypto/envelope.ts";
import { fernetTokenBytes } from "../crypto/fernet.ts";
import { maxEnvelopeBytes } from "../crypto/inner.ts";
import type { Keyring } from "../crypto/keyring.ts";
import { Sealer } from "../crypto/sealer.ts";
import { decodeValue, type Value } from "../crypto/value.ts";
import { CryptomemError, IntegrityError } from "../errors.ts";
import { MAX_FERNET_BODY_BYTES } from "../limits.ts";
import { describe } from "./call.ts";
import { FernetCodec } from "./fernet_codec.ts";
import type { HighWater } from "./high_water.ts";
import { PlaintextWindow } from "./migration.ts";
import type { Settings } from "./options.ts";
import type { Place } from "./place.ts";
import { VERSION_BYTES } from "./requests.ts";
import type { Soon } from "./soon.ts";

/** A value that a server had. */
export interface Found {
  /** The value. */
  readonly value: Value;
  /** As it was sealed; `undefined` for plaintext, which only a migration reads. */
  readonly sealed: Opened | undefined;
}

/** Makes of a value what the server keeps, and the value again of that: {@linkcode Sealer}, or Fernet. */
interface ValueCodec {
  seal(slot: Slot, value: SealedBody, options?: SealOptions): Promise<Uint8Array>;
  open(slot: Slot, bytes: Uint8Array): Promise<Opened>;
}

/** Seals and opens all values of a client. */
export class SealedValues {
  /** The promise until the keys are derived, which no call waits for but the first ones. */
  #codec: Soon<ValueCodec>;
  #keyring: Keyring | undefined;
  readonly #plaintext: PlaintextWindow | undefined;
  readonly #marks: HighWater | undefined;
  /** Longest value that is opened, as the server has it. */
  readonly #maxSealedBytes: number;
  readonly #maxValueBytes: number;

  /**
   * @param keyring the keys, unless the settings say Fernet
   * @param marks how new values must be at least, if that is kept
   */
  constructor(settings: Settings, keyring: Promise<Keyring> | undefined, marks: HighWater | undefined) {
    const { clock, fernet, maxValueBytes, readPlaintextUntilMs, warn } = settings;
    this.#marks = marks;
    this.#maxValueBytes = maxValueBytes;
    this.#maxSealedBytes = fernet === undefined
      ? maxEnvelopeBytes(maxValueBytes)
      : fernetTokenBytes(Math.min(maxValueBytes, MAX_FERNET_BODY_BYTES));
    if (fernet !== undefined) this.#codec = new FernetCodec(fernet, clock, maxValueBytes);
    else {
      this.#codec = keyring!.then((ready) => {
        this.#keyring = ready;
        return this.#codec = sealerOf(ready, settings);
      });
      // Its failure shows in every call.
      this.#codec.catch(() => {});
    }
    if (readPlaintextUntilMs !== undefined) this.#plaintext = new PlaintextWindow(clock, readPlaintextUntilMs, warn);
  }

  /** Longest reply that can hold such a value, with its version. */
  get maxReplyBytes(): number {
    return VERSION_BYTES + this.#maxSealedBytes;
  }

  /**
   * Seals a value for a place.
   *
   * @param value read before this returns
   * @param notAfterMs when its life ends, if that is sealed in
   * @param sequence how new it is, if that is sealed in
   */
  async seal(
    { slot, name }: Place,
    value: SealedBody,
    notAfterMs: number | undefined,
    sequence: number | undefined,
  ): Promise<Uint8Array> {
    const codec = this.#codec instanceof Promise ? await this.#codec : this.#codec;
    if (notAfterMs === undefined && sequence === undefined && name === undefined) return await codec.seal(slot, value);
    return await codec.seal(slot, value, {
      ...notAfterMs !== undefined && { notAfterMs },
      ...sequence !== undefined && { sequence },
      ...name !== undefined && { name },
    });
  }

  /**
   * The value that a server has at a place.
   *
   * @param verb what is being done, for messages
   * @param mark how new it must be at least
   * @throws IntegrityError if it is anything but a value that was sealed for this place with a key that is held;
   * CryptomemError `TOO_LARGE`
   */
  async open(verb: string, place: Place, bytes: Uint8Array, mark?: number): Promise<Found> {
    if (bytes.length > this.#maxSealedBytes) throw this.#tooLarge(verb, place);
    try {
      if (this.#plaintext?.admits(bytes)) {
        // What was sealed once does not become plaintext again by the right hands.
        if (mark !== undefined) throw refusal("rolled-back");
        return { value: this.#plaintext.read(bytes), sealed: undefined };
      }
      const codec = this.#codec instanceof Promise ? await this.#codec : this.#codec;
      const sealed = await codec.open(place.slot, bytes);
      if (!isSameName(sealed.name, place.name)) throw refusal("other-name");
      if (mark !== undefined && (sealed.sequence === undefined || sealed.sequence < mark)) throw refusal("rolled-back");
      const value = decodeValue(sealed);
      if (sealed.sequence !== undefined) this.#marks?.raise(place.key, sealed.sequence);
      return { value, sealed };
    } catch (error) {
      if (!(error instanceof IntegrityError)) throw error;
      // Nothing is wrong with it but its length: a program with a higher limit has sealed it.
      if (error.reason === "size-limit") throw this.#tooLarge(verb, place);
      throw refusal(error.reason, `Cannot ${describe(verb, place.key)}`);
    }
  }

  #tooLarge(verb: string, { key }: Place): CryptomemError {
    const state = `the value is longer than maxValueBytes, which is ${this.#maxValueBytes}`;
    return new CryptomemError("TOO_LARGE", `Cannot ${describe(verb, key)}: ${state}`);
  }

  /** The name that is sealed with a value whose place is known by its blinded name only; `undefined` if none opens. */
  async nameIn({ slot }: Place, bytes: Uint8Array): Promise<string | undefined> {
    const codec = await this.#codec;
    try {
      const { name } = await codec.open(slot, bytes);
      return name && textOf(name);
    } catch (error) {
      if (error instanceof IntegrityError) return undefined;
      throw error;
    }
  }

  /** Whether a value would be sealed otherwise today: it is plaintext, or was sealed with a key that only opens now. */
  isStale({ sealed }: Found): boolean {
    return sealed === undefined || this.#keyring !== undefined && sealed.keyId !== this.#keyring.active.id;
  }
}

function sealerOf(keyring: Keyring, { clock, maxValueBytes, padding, compression, fresh }: Settings): Sealer {
  return Sealer.create(keyring, {
    clock,
    maxValueBytes,
    compression,
    fresh,
    ...padding !== undefined && { padding },
  });
}

/** A value under a blinded name must hold the real one, and under a clear name none: else it belongs elsewhere. */
function isSameName(sealed: Uint8Array | undefined, asked: Uint8Array | undefined): boolean {
  if (sealed === undefined || asked === undefined) return sealed === asked;
  return sealed.length === asked.length && sealed.every((byte, i) => byte === asked[i]);
}
