/**
 * The calls of a client: in which order they go, and which way. What they promise is client.ts's to say.
 *
 * @module
 */

import { utf8 } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import { encodeRequest } from "../codec/cm.ts";
import { OPCODE } from "../codec/operations.ts";
import { Keyring } from "../crypto/keyring.ts";
import { NameKey } from "../crypto/name_key.ts";
import { encodeValue, type JsonValue, type Value } from "../crypto/value.ts";
import { CLIENT_LEAST_REPLY_BYTES } from "../limits.ts";
import { type Address, formatAddress } from "./address.ts";
import { describe } from "./call.ts";
import { adding, appending } from "./changes.ts";
import { Entries } from "./entries.ts";
import { HighWater } from "./high_water.ts";
import { Lives } from "./life.ts";
import { checkedTtlMs, type ScanOptions, type SetOptions, type Settings, wellFormed } from "./options.ts";
import { Pipeline } from "./pipeline.ts";
import { Places } from "./place.ts";
import { countOf, statisticsOf, wasDone } from "./requests.ts";
import { Reseals } from "./reseals.ts";
import { Scan, type ScannedName } from "./scan.ts";
import { type Found, SealedValues } from "./sealed_values.ts";
import { Turns } from "./turns.ts";
import { type Change, Updates } from "./updates.ts";
import { dialOver } from "./wire.ts";
import type { WireSettings } from "./wire_options.ts";

const NO_BYTES = new Uint8Array(0);

/**
 * Carries calls out. A call of one request waits until the turns at its key are over that were asked for before it;
 * a call of several takes a turn (turns.ts, updates.ts). So calls on one key keep their order.
 */
export class Calls {
  readonly #clock: Clock;
  readonly #pipeline: Pipeline;
  readonly #turns: Turns;
  readonly #places: Places;
  readonly #lives: Lives;
  readonly #values: SealedValues | undefined;
  readonly #entries: Entries;
  readonly #updates: Updates;
  readonly #reseals: Reseals | undefined;
  /** Whether storing a value takes knowing how new the one before is. */
  readonly #isMonotonic: boolean;
  /** Whether a value comes back as what it was stored as: not so from a Fernet token. */
  readonly #keepsTypes: boolean;
  readonly #keyring: Promise<Keyring> | undefined;
  readonly #nameKey: Promise<NameKey> | undefined;
  #closed = false;

  /**
   * Begins to derive the keys.
   *
   * @throws TypeError or RangeError if a key is none
   */
  constructor(address: Address, wire: WireSettings, settings: Settings) {
    const { clock, timeoutMs, namespace, keys, fernet, blindNames, monotonic } = settings;
    this.#clock = clock;
    this.#isMonotonic = monotonic;
    this.#keepsTypes = fernet === undefined;
    this.#keyring = keys && Keyring.create(keys, utf8(namespace));
    this.#nameKey = blindNames ? NameKey.create(keys!.names!) : undefined;
    const marks = monotonic ? new HighWater() : undefined;
    this.#values = keys || fernet ? new SealedValues(settings, this.#keyring, marks) : undefined;
    const pipeline = new Pipeline({
      dial: dialOver(address, wire, clock),
      address: formatAddress(address),
      timeoutMs,
      maxValueBytes: Math.max(CLIENT_LEAST_REPLY_BYTES, this.#values?.maxReplyBytes ?? 0),
      clock,
    });
    this.#pipeline = pipeline;
    const places = new Places(namespace, this.#nameKey), lives = new Lives(clock, settings.bindExpiry);
    this.#places = places;
    this.#lives = lives;
    const entries = new Entries({ pipeline, clock, places, lives, values: this.#values, marks });
    this.#entries = entries;
    const turns = this.#turns = new Turns(clock, timeoutMs);
    this.#updates = new Updates({ entries, pipeline, turns, lives, clock, timeoutMs, isSequenced: monotonic });
    if (settings.resealOnRead) this.#reseals = new Reseals(entries, this.#values!, pipeline);
  }

  /** @param opcode GET or TAKE */
  async read(verb: string, key: string, opcode: number): Promise<Found | undefined> {
    this.#checkOpen(verb, key);
    const turn = this.#turns.before(verb, key);
    if (turn !== undefined) await turn;
    const found = await this.#entries.read(verb, key, opcode);
    if (this.#reseals !== undefined && found !== undefined && opcode === OPCODE.GET) this.#reseals.consider(key, found);
    return found;
  }

  async set(key: string, value: Value | object, options: SetOptions): Promise<void> {
    await this.store("set", key, OPCODE.SET, value, options);
  }

  /** @param opcode SET, ADD or REPLACE */
  async store(
    verb: string,
    key: string,
    opcode: number,
    value: Value | object,
    options: SetOptions,
  ): Promise<boolean> {
    this.#checkOpen(verb, key);
    const life = this.#lives.begin(verb, key, options);
    // Here and not later: the value as it is at the call.
    const body = encodeValue(value);
    if (this.#isMonotonic && opcode !== OPCODE.ADD) {
      return await this.#updates.set(verb, key, body, life, opcode === OPCODE.REPLACE);
    }
    const turn = this.#turns.before(verb, key);
    if (turn !== undefined) await turn;
    return await this.#entries.store(verb, key, opcode, body, life);
  }

  /** @param opcode DELETE, EXISTS or TOUCH */
  async ask(verb: string, key: string, opcode: number, ttlMs?: number): Promise<boolean> {
    this.#checkOpen(verb, key);
    const turn = this.#turns.before(verb, key);
    if (turn !== undefined) await turn;
    return await this.#entries.ask(verb, key, opcode, ttlMs);
  }

  async ttl(key: string): Promise<number | null | undefined> {
    const verb = "read the ttl of";
    this.#checkOpen(verb, key);
    const turn = this.#turns.before(verb, key);
    if (turn !== undefined) await turn;
    const ttlMs = await this.#entries.ttlMs(verb, key);
    return ttlMs === 0 ? null : ttlMs;
  }

  async touch(key: string, ttl: number | string | null): Promise<boolean> {
    // Left out by mistake it would mean for ever.
    if (ttl === undefined) {
      throw new TypeError(`Cannot ${describe("touch", key)}: the ttl is missing; null is for none`);
    }
    return await this.ask("touch", key, OPCODE.TOUCH, ttl === null ? 0 : checkedTtlMs(ttl));
  }

  /** @param isTtlForNew whether the ttl is for a new entry only */
  async change(
    verb: string,
    key: string,
    change: Change,
    options: SetOptions,
    isTtlForNew = false,
  ): Promise<Value | object | undefined> {
    this.#checkOpen(verb, key);
    if (options.ttl !== undefined) checkedTtlMs(options.ttl);
    return await this.#updates.change(verb, key, change, options, isTtlForNew);
  }

  async increment(verb: string, key: string, delta: number, sign: 1 | -1, options: SetOptions): Promise<number> {
    if (typeof delta !== "number") throw new TypeError(`Cannot ${describe(verb, key)}: delta is no number`);
    if (!Number.isSafeInteger(delta)) {
      throw new RangeError(`Cannot ${describe(verb, key)}: delta is ${delta}, and must be a safe integer`);
    }
    if (!this.#keepsTypes) {
      throw new TypeError(`Cannot ${describe(verb, key)}: a Fernet token holds no number, only text and bytes`);
    }
    return await this.change(verb, key, adding(verb, key, sign * delta), options, true) as number;
  }

  async append(key: string, tail: string | Uint8Array, options: SetOptions): Promise<void> {
    if (typeof tail !== "string" && !(tail instanceof Uint8Array)) {
      throw new TypeError(`Cannot ${describe("append to", key)}: what is to be added is neither text nor bytes`);
    }
    await this.change("append to", key, appending(key, tail), options, true);
  }

  async rename(from: string, to: string): Promise<boolean> {
    if (from === to) return await this.ask("rename", from, OPCODE.EXISTS);
    this.#checkOpen("rename", from);
    return await this.#updates.rename(from, to);
  }

  async clear(prefix: string): Promise<number> {
    this.#checkOpen("clear");
    if (wellFormed("prefix", prefix) !== "" && this.#places.areBlinded) {
      throw new TypeError(
        `Cannot clear ${JSON.stringify(prefix)}: names are blinded, so the server does not know which begin so; ` +
          "clear the namespace, or scan it and delete one by one",
      );
    }
    const frame = encodeRequest(OPCODE.CLEAR, this.#places.wirePrefix(prefix), NO_BYTES, 0);
    const reply = await this.#pipeline.send("clear", undefined, frame);
    wasDone(OPCODE.CLEAR, reply, "clear");
    return countOf(reply, "clear");
  }

  async ping(): Promise<number> {
    this.#checkOpen("ping");
    const startMs = this.#clock.nowMs();
    const reply = await this.#pipeline.send("ping", undefined, encodeRequest(OPCODE.PING, NO_BYTES, NO_BYTES, 0));
    wasDone(OPCODE.PING, reply, "ping");
    return this.#clock.nowMs() - startMs;
  }

  async statistics(verb: string): Promise<Record<string, JsonValue>> {
    this.#checkOpen(verb);
    const reply = await this.#pipeline.send(verb, undefined, encodeRequest(OPCODE.STATS, NO_BYTES, NO_BYTES, 0));
    wasDone(OPCODE.STATS, reply, verb);
    return statisticsOf(reply, verb);
  }

  scan(options: ScanOptions): AsyncIterable<ScannedName> {
    const parts = { pipeline: this.#pipeline, places: this.#places, values: this.#values };
    return new Scan({ ...parts, checkOpen: () => this.#checkOpen("scan") }, options);
  }

  /** The keys, once they are derived. */
  keyring(): Promise<Keyring> {
    if (this.#keyring !== undefined) return this.#keyring;
    const reason = this.#keepsTypes ? "it was made without a key" : "those of Fernet cannot change while it is in use";
    throw new TypeError(`Cannot use the keys of this client: ${reason}`);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#turns.finished();
    await this.#pipeline.close();
    // A call that found nothing may have ended before the keys it did not need were ready.
    await Promise.allSettled([this.#keyring, this.#nameKey]);
  }

  #checkOpen(verb: string, key?: string): void {
    if (this.#closed) throw new TypeError(`Cannot ${describe(verb, key)}: the client is closed`);
  }
}
