/**
 * The options of SET and GETEX, in any order and any case. As in Redis, an option may be repeated, and of a repeated
 * amount the last one counts; two different ones that exclude each other are a syntax error.
 *
 * @module
 */

import type { ByteRange } from "../bytes.ts";
import type { Request } from "../codec/message.ts";
import { DATE_MILLISECONDS, DATE_SECONDS, MILLISECONDS, SECONDS, type TimeUnit } from "./time_to_live.ts";
import { optionOf, syntaxError } from "./words.ts";

/** An option that is about expiry. They all exclude each other. */
type ExpiryOption = keyof typeof UNITS | "keepttl" | "persist";

/** What a request asks for beyond a key and a value. */
export interface SetOptions {
  /** SET: only if there is none (nx) or one (xx). */
  readonly condition: "nx" | "xx" | undefined;
  /** SET: answer with the value before (GET). */
  readonly returnsPrevious: boolean;
  /** What becomes of the expiry, if something is said of it. */
  readonly expiry: ExpiryOption | undefined;
  /** Until when, not yet read as a number. */
  readonly time: { readonly word: ByteRange; readonly unit: TimeUnit } | undefined;
}

const UNITS = { ex: SECONDS, px: MILLISECONDS, exat: DATE_SECONDS, pxat: DATE_MILLISECONDS } as const;

/** Reads the options of SET, behind key and value. */
export function setOptions(request: Request): SetOptions {
  return parse(request, 2, true);
}

/** Reads the options of GETEX, behind the key. */
export function getexOptions(request: Request): SetOptions {
  return parse(request, 1, false);
}

function parse({ words, wordCount }: Request, from: number, isSet: boolean): SetOptions {
  let condition: SetOptions["condition"];
  let returnsPrevious = false;
  let expiry: SetOptions["expiry"];
  let time: SetOptions["time"];
  for (let i = from; i < wordCount; i++) {
    const option = optionOf(words[i]!);
    if (isSet && (option === "nx" || option === "xx")) {
      if (condition !== undefined && condition !== option) throw syntaxError();
      condition = option;
    } else if (isSet && option === "get") returnsPrevious = true;
    else {
      if (!isExpiryOption(option, isSet) || expiry !== undefined && expiry !== option) throw syntaxError();
      expiry = option;
      if (option === "keepttl" || option === "persist") continue;
      if (++i === wordCount) throw syntaxError();
      time = { word: words[i]!, unit: UNITS[option] };
    }
  }
  return { condition, returnsPrevious, expiry, time };
}

function isExpiryOption(option: string, isSet: boolean): option is ExpiryOption {
  return Object.hasOwn(UNITS, option) || option === (isSet ? "keepttl" : "persist");
}
