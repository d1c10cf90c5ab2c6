/**
 * The fuzzer's loop: frames of every dialect into one target, the engine verified and the memory watched on the way, and
 * what goes wrong reduced to the fewest frames that show it.
 *
 * @module
 */

import { DIALECT_NAMES, type DialectName } from "../../lib/codec/dialect.ts";
import type { Random } from "../support/random.ts";
import { Frames } from "./frames.ts";
import { Messages } from "./messages.ts";
import { Target } from "./target.ts";

/** A connection lasts for at most so many frames. */
const MAX_CONNECTION_FRAMES = 300;
const FRAMES_PER_VERIFY = 20_000;
const FRAMES_PER_TIDY = 100;
/** A request that is not complete by then is given up. */
const MAX_WAITING_BYTES = 200_000;

/** What broke a rule, with what shows it. */
export class Finding extends Error {
  readonly dialect: DialectName;
  /** The frames of one connection, from its beginning; on an empty store they may suffice or not. */
  readonly frames: readonly Uint8Array[];

  constructor(dialect: DialectName, frames: readonly Uint8Array[], cause: unknown) {
    super(`${cause instanceof Error ? cause.message : cause}`, { cause });
    this.dialect = dialect;
    this.frames = frames;
  }
}

/** Sends frames until it is told to stop. */
export class Fuzzer {
  readonly #random: Random;
  readonly #frames: Frames;
  readonly #target = new Target();
  /** How many frames were sent so far. */
  sent = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#frames = new Frames(random, new Messages(random));
  }

  /** How many requests came of the frames. */
  get requests(): number {
    return this.#target.requests;
  }

  /**
   * Sends so many frames.
   *
   * @throws Finding at the first rule that is broken
   */
  async run(count: number): Promise<void> {
    const end = this.sent + count;
    while (this.sent < end) {
      await this.#converse(Math.min(end - this.sent, 1 + this.#random.below(MAX_CONNECTION_FRAMES)));
    }
    this.#target.engine.verify();
  }

  async #converse(count: number): Promise<void> {
    const target = this.#target;
    const dialect = DIALECT_NAMES[this.#random.below(DIALECT_NAMES.length)]!;
    const said: Uint8Array[] = [];
    target.connect(dialect);
    try {
      for (let i = 0; i < count; i++) {
        const frame = this.#frames.next(dialect);
        said.push(frame);
        this.sent++;
        if (this.sent % FRAMES_PER_TIDY === 0) {
          target.engine.tidy(200);
          target.clock.advance(this.#random.below(50));
        }
        if (this.sent % FRAMES_PER_VERIFY === 0) target.engine.verify();
        // Some arrive in two reads.
        const cut = this.#random.below(10) === 0 ? this.#random.below(frame.length + 1) : 0;
        if (cut > 0) said.splice(-1, 1, frame.subarray(0, cut), frame.subarray(cut));
        const goesOn = (cut === 0 || await target.feed(frame.subarray(0, cut))) &&
          await target.feed(frame.subarray(cut));
        // A truncated frame swallows those that follow; now and then a client hangs up instead.
        if (
          !goesOn || target.waitingBytes > MAX_WAITING_BYTES || target.waitingBytes > 0 && this.#random.below(4) === 0
        ) {
          target.connect(dialect);
          said.length = 0;
        }
      }
    } catch (error) {
      throw new Finding(dialect, await reduce(dialect, said), error);
    }
  }
}

/** Whether frames on a new connection to an empty store break a rule. */
export async function replay(dialect: DialectName, frames: readonly Uint8Array[]): Promise<void> {
  const target = new Target();
  target.connect(dialect);
  for (const frame of frames) if (!await target.feed(frame)) break;
  target.engine.verify();
}

/** The fewest of these frames that still break a rule; all of them if they need what came before. */
async function reduce(dialect: DialectName, frames: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
  const breaks = (some: readonly Uint8Array[]) => replay(dialect, some).then(() => false, () => true);
  if (!await breaks(frames)) return frames;
  let kept = frames;
  for (let i = kept.length - 1; i >= 0; i--) {
    const fewer = kept.toSpliced(i, 1);
    if (await breaks(fewer)) kept = fewer;
  }
  return kept;
}
