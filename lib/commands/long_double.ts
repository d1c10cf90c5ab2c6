/**
 * Numbers as C's `long double` on x86 (IEEE 754 double-extended: 64 bits of mantissa, 15 of exponent), in which Redis
 * computes INCRBYFLOAT. They are computed exactly here, with `bigint`, and rounded where the processor rounds, so that
 * the digits are the same: 10.5 + 0.1 is 10.6, which a `number` would not give in 17 digits.
 *
 * @module
 */

const MANTISSA_BITS = 64;
/** Exponent of the smallest number, of one bit. */
const MIN_EXPONENT = -16_445;
/** Numbers of so many bits before the point are too large. */
const MAX_BITS = 16_384;
/** Beyond these powers of ten no number can be; keeps a short text from asking for a long computation. */
const MAX_POWER_OF_TEN = 4_940, MIN_POWER_OF_TEN = -4_960;
const FRACTION_DIGITS = 17;

const DECIMAL = /^([+-]?)(?=\.?\d)(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i;
const HEXADECIMAL = /^([+-]?)0x(?=\.?[\da-f])([\da-f]*)(?:\.([\da-f]*))?(?:p([+-]?\d+))?$/i;
const INFINITE = /^[+-]?inf(?:inity)?$/i;

/** One number: `mantissa · 2 ** exponent`. */
export class LongDouble {
  /** Texts that are longer stand for no number (5 KiB with C's final zero, as in Redis). */
  static readonly MAX_TEXT_BYTES = 5 * 1024 - 1;
  static readonly ZERO: LongDouble = new LongDouble(0n, 0);
  /** Either infinity: only its sum is asked for, which is none. */
  static readonly #INFINITY = new LongDouble(0n, Infinity);

  readonly #mantissa: bigint;
  readonly #exponent: number;

  private constructor(mantissa: bigint, exponent: number) {
    this.#mantissa = mantissa;
    this.#exponent = exponent;
  }

  /** The number that a text stands for as C's `strtold` reads it; `undefined` if none, or too large or too small. */
  static parse(text: string): LongDouble | undefined {
    if (INFINITE.test(text)) return LongDouble.#INFINITY;
    const decimal = DECIMAL.exec(text);
    const found = decimal ?? HEXADECIMAL.exec(text);
    if (found === null) return undefined;
    const [, sign, whole = "", fraction = "", power = "0"] = found;
    const digits = (whole + fraction).replace(/^0+/, "");
    if (digits === "") return LongDouble.ZERO;
    const number = decimal !== null
      ? ofDecimal(digits, Number(power) - fraction.length)
      : ofHexadecimal(digits, Number(power) - 4 * fraction.length);
    if (number === undefined || number[0] === 0n) return undefined;
    return new LongDouble(sign === "-" ? -number[0] : number[0], number[1]);
  }

  /** The sum, or `undefined` if it is not a finite number. */
  static add(a: LongDouble, b: LongDouble): LongDouble | undefined {
    if (a.#exponent === Infinity || b.#exponent === Infinity) return undefined;
    const exponent = Math.min(a.#exponent, b.#exponent);
    const sum = (a.#mantissa << BigInt(a.#exponent - exponent)) + (b.#mantissa << BigInt(b.#exponent - exponent));
    const rounded = sum < 0n ? round(-sum, 1n, exponent) : round(sum, 1n, exponent);
    return rounded && new LongDouble(sum < 0n ? -rounded[0] : rounded[0], rounded[1]);
  }

  /** The decimal digits with up to 17 behind the point, the last ones no zeros, and never an exponent. */
  toString(): string {
    const isNegative = this.#mantissa < 0n;
    const scaled = (isNegative ? -this.#mantissa : this.#mantissa) * 10n ** BigInt(FRACTION_DIGITS);
    const units = this.#exponent >= 0
      ? scaled << BigInt(this.#exponent)
      : divideToEven(scaled, 1n << BigInt(-this.#exponent));
    const digits = String(units).padStart(FRACTION_DIGITS + 1, "0");
    const fraction = digits.slice(-FRACTION_DIGITS).replace(/0+$/, "");
    const text = digits.slice(0, -FRACTION_DIGITS) + (fraction === "" ? "" : "." + fraction);
    return isNegative && units !== 0n ? "-" + text : text;
  }
}

/** Mantissa, not negative, and exponent. */
type Parts = readonly [mantissa: bigint, exponent: number];

/** `digits · 10 ** power`. */
function ofDecimal(digits: string, power: number): Parts | undefined {
  const magnitude = digits.length + power;
  if (magnitude > MAX_POWER_OF_TEN || magnitude < MIN_POWER_OF_TEN) return undefined;
  const integer = BigInt(digits);
  return power >= 0 ? round(integer * 10n ** BigInt(power), 1n, 0) : round(integer, 10n ** BigInt(-power), 0);
}

/** `digits · 2 ** power`. */
function ofHexadecimal(digits: string, power: number): Parts | undefined {
  const magnitude = 4 * digits.length + power;
  if (magnitude > MAX_BITS + 4 || magnitude < MIN_EXPONENT - 4) return undefined;
  return round(BigInt("0x" + digits), 1n, power);
}

/** `dividend / divisor · 2 ** exponent` in as many bits as there are; `undefined` if it is too large. */
function round(dividend: bigint, divisor: bigint, exponent: number): Parts | undefined {
  if (dividend === 0n) return [0n, 0];
  // The quotient has so many bits, or one more.
  const bits = bitLength(dividend) - bitLength(divisor);
  const quotient = (shift: number) =>
    shift >= 0 ? divideToEven(dividend, divisor << BigInt(shift)) : divideToEven(dividend << BigInt(-shift), divisor);
  let shift = Math.max(bits - MANTISSA_BITS, MIN_EXPONENT - exponent);
  let mantissa = quotient(shift);
  if (mantissa >= 1n << BigInt(MANTISSA_BITS)) mantissa = quotient(++shift);
  return bitLength(mantissa) + shift + exponent > MAX_BITS ? undefined : [mantissa, shift + exponent];
}

/** The quotient, rounded to the nearest whole number, from the middle to the even one. */
function divideToEven(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor, doubled = dividend % divisor * 2n;
  return doubled > divisor || doubled === divisor && (quotient & 1n) === 1n ? quotient + 1n : quotient;
}

function bitLength(value: bigint): number {
  return value.toString(2).length;
}
