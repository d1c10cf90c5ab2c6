/**
 * Entries as a client has them, one request at a time: what is stored is sealed, what is read is opened. Each request
 * has its place in the order of all calls from the moment it is asked for here.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { encodeRequest } from "../codec/cm.ts";
import { OPCODE } from "../codec/operations.ts";
import type { SealedBody } from "../crypto/envelope.ts";
import { encodeValue } from "../crypto/value.ts";
import { describe } from "./call.ts";
import type { HighWater } from "./high_water.ts";
import type { Life, Lives } from "./life.ts";
import type { Pipeline } from "./pipeline.ts";
import type { Place, Places } from "./place.ts";
import { casRequest, keyRequest, NO_VERSION, ttlMsOf, type Version, versionedValueOf, wasDone } from "./requests.ts";
import type { Found, SealedValues } from "./sealed_values.ts";
import { soon } from "./soon.ts";

/** The state of an entry that is about to be changed. */
export interface Current {
  readonly place: Place;
  /** Names this state. */
  readonly version: Version;
  /** What the server has; `undefined` if there is no entry. */
  readonly bytes: Uint8Array | undefined;
  /** How new the value must be at least. */
  readonly mark: number | undefined;
  /** Milliseconds that it had left to live when the server was asked, at about `askedMs`; 0 = no expiry. */
  readonly ttlMs: number;
  readonly askedMs: number;
}

/** What {@linkcode Entries} needs. */
export interface EntriesParts {
  readonly pipeline: Pipeline;
  readonly clock: Clock;
  readonly places: Places;
  readonly lives: Lives;
  /** `undefined` for a client without keys, which neither reads nor stores. */
  readonly values: SealedValues | undefined;
  /** `undefined` unless values have sequences. */
  readonly marks: HighWater | undefined;
}

/** How long the remains of an entry that was moved elsewhere live: the shortest time there is. */
const REMAINS_TTL_MS = 1;

/** Sealed entries on a server. */
export class Entries {
  readonly #parts: EntriesParts;

  constructor(parts: EntriesParts) {
    this.#parts = parts;
  }

  /**
   * Reads and opens a value.
   *
   * @param opcode GET or TAKE
   */
  async read(verb: string, key: string, opcode: number): Promise<Found | undefined> {
    const { pipeline, places, marks } = this.#parts;
    const place = places.of(verb, key);
    const values = this.#valuesFor(verb, key);
    const mark = marks?.mark(key);
    const reply = await pipeline.send(verb, key, soon(place, ({ wireKey }) => keyRequest(opcode, wireKey)));
    if (!wasDone(opcode, reply, verb, key)) return undefined;
    return await values.open(verb, place instanceof Promise ? await place : place, reply.value, mark);
  }

  /**
   * Asks for something about an entry, or for its end.
   *
   * @param opcode EXISTS, DELETE or TOUCH
   * @returns whether there is, or was, an entry
   */
  async ask(verb: string, key: string, opcode: number, ttlMs = 0): Promise<boolean> {
    const { pipeline, places } = this.#parts;
    const frame = soon(places.of(verb, key), ({ wireKey }) => keyRequest(opcode, wireKey, ttlMs));
    return wasDone(opcode, await pipeline.send(verb, key, frame), verb, key);
  }

  /** How many milliseconds an entry has left, 0 for no expiry; `undefined` if there is none. */
  async ttlMs(verb: string, key: string): Promise<number | undefined> {
    const { pipeline, places } = this.#parts;
    const frame = soon(places.of(verb, key), ({ wireKey }) => keyRequest(OPCODE.TTL, wireKey));
    const reply = await pipeline.send(verb, key, frame);
    return wasDone(OPCODE.TTL, reply, verb, key) ? ttlMsOf(reply, verb, key) : undefined;
  }

  /**
   * Seals and stores a value.
   *
   * @param opcode SET, ADD or REPLACE
   * @returns whether it was stored
   */
  async store(verb: string, key: string, opcode: number, body: SealedBody, life: Life): Promise<boolean> {
    const { pipeline, clock, places, marks } = this.#parts;
    const place = places.of(verb, key);
    const values = this.#valuesFor(verb, key);
    const sequence = marks?.next(key, undefined, clock.wallMs());
    const frame = soon(place, (place) => this.#storeRequest(values, place, opcode, body, life, sequence));
    const isStored = wasDone(opcode, await pipeline.send(verb, key, frame), verb, key);
    if (isStored && sequence !== undefined) marks!.raise(key, sequence);
    return isStored;
  }

  async #storeRequest(
    values: SealedValues,
    place: Place,
    opcode: number,
    body: SealedBody,
    life: Life,
    sequence: number | undefined,
  ): Promise<Uint8Array> {
    const sealed = await values.seal(place, body, life.notAfterMs, sequence);
    return encodeRequest(opcode, place.wireKey, sealed, this.#parts.lives.ttlMs(life));
  }

  /** The state of an entry, with what it has left to live. */
  async current(verb: string, key: string): Promise<Current> {
    const { pipeline, clock, places, marks } = this.#parts;
    const place = places.of(verb, key);
    this.#valuesFor(verb, key);
    const mark = marks?.mark(key);
    const askedMs = clock.nowMs();
    const ask = (opcode: number) => pipeline.send(verb, key, soon(place, ({ wireKey }) => keyRequest(opcode, wireKey)));
    const [versioned, ttl] = await Promise.all([ask(OPCODE.GETV), ask(OPCODE.TTL)]);
    const state = { place: await place, mark, askedMs };
    // It may have gone between the two.
    if (!wasDone(OPCODE.GETV, versioned, verb, key) || !wasDone(OPCODE.TTL, ttl, verb, key)) {
      return { ...state, version: NO_VERSION, bytes: undefined, ttlMs: 0 };
    }
    const { version, value } = versionedValueOf(versioned, verb, key);
    return { ...state, version, bytes: value, ttlMs: ttlMsOf(ttl, verb, key) };
  }

  /** Opens the value of a state; `undefined` if there is none. */
  async open(verb: string, { place, bytes, mark }: Current): Promise<Found | undefined> {
    return bytes && await this.#valuesFor(verb, place.key).open(verb, place, bytes, mark);
  }

  /** What is left of the life of a state's value. */
  rest(verb: string, { place, ttlMs, askedMs }: Current, found: Found): Life {
    return this.#parts.lives.rest(verb, place.key, ttlMs, askedMs, found.sealed?.notAfterMs);
  }

  /**
   * Seals and stores a value if the entry is still in a state.
   *
   * @param present how new the value of that state is, if it opened
   * @returns whether it was, and the value is stored
   */
  async replace(
    verb: string,
    { place, version }: Current,
    present: number | undefined,
    body: SealedBody,
    life: Life,
  ): Promise<boolean> {
    const { clock, marks } = this.#parts;
    const sequence = marks?.next(place.key, present, clock.wallMs());
    const isStored = await this.#replaceSealed(verb, place, version, body, life, sequence);
    if (isStored && sequence !== undefined) marks!.raise(place.key, sequence);
    return isStored;
  }

  /**
   * Seals the value of a state anew, with the key that is active now, if the entry is still in that state. What is
   * sealed beside the value stays as it is, and it lives no longer than it would have.
   */
  async reseal(verb: string, { place, version, ttlMs, askedMs }: Current, { sealed, value }: Found): Promise<void> {
    // A millisecond less makes up for any rounding; 0 would be no expiry at all.
    const left = ttlMs === 0 ? 0 : Math.max(1, ttlMs - 1);
    const life = { ttlMs: left, sinceMs: askedMs, notAfterMs: sealed?.notAfterMs };
    await this.#replaceSealed(verb, place, version, sealed ?? encodeValue(value), life, sealed?.sequence);
  }

  async #replaceSealed(
    verb: string,
    place: Place,
    version: Version,
    body: SealedBody,
    life: Life,
    sequence: number | undefined,
  ): Promise<boolean> {
    const { key, wireKey } = place;
    const sealed = await this.#valuesFor(verb, key).seal(place, body, life.notAfterMs, sequence);
    return await this.#compareAndSet(verb, key, casRequest(wireKey, version, sealed, this.#parts.lives.ttlMs(life)));
  }

  /**
   * Ends an entry if it is still in a state. There is no request for that; giving its value anew, for a moment, comes
   * to the same.
   *
   * @returns whether it was, or is gone already
   */
  async end(verb: string, { place: { key, wireKey }, version, bytes }: Current): Promise<boolean> {
    return await this.#compareAndSet(verb, key, casRequest(wireKey, version, bytes!, REMAINS_TTL_MS));
  }

  async #compareAndSet(verb: string, key: string, frame: Uint8Array): Promise<boolean> {
    return wasDone(OPCODE.CAS, await this.#parts.pipeline.send(verb, key, frame), verb, key);
  }

  #valuesFor(verb: string, key: string): SealedValues {
    const { values } = this.#parts;
    if (values !== undefined) return values;
    const state = "the client was made without a key, and values are never sent or read unsealed";
    throw new TypeError(`Cannot ${describe(verb, key)}: ${state}; give it one: new Client(address, { key })`);
  }
}
