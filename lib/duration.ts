/**
 * Lengths of time as people write them: `"10s"`, `"5m"`, `"24h"`, or a number of milliseconds. The command line, the
 * configuration file and the client's `ttl` all read them here.
 *
 * @module
 */

const MS_PER_UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Milliseconds of a length of time.
 *
 * A number, or a text of digits alone, counts milliseconds; else the unit is one of `ms`, `s`, `m`, `h` and `d`. The
 * amount may have decimals as long as whole milliseconds come out.
 *
 * @throws {TypeError} if it is no length of time
 * @throws {RangeError} if it is negative, has a part of a millisecond, or is over `Number.MAX_SAFE_INTEGER` milliseconds
 */
export function parseDurationMs(duration: string | number): number {
  const durationMs = typeof duration === "number" ? duration : durationOfText(duration);
  if (!Number.isSafeInteger(durationMs) || durationMs < 0) {
    throw new RangeError(
      `Cannot use ${show(duration)} as a duration: it must be a whole number of milliseconds from 0 to ` +
        `${Number.MAX_SAFE_INTEGER}`,
    );
  }
  return durationMs;
}

/** The shortest exact way to write a duration. */
export function formatDuration(durationMs: number): string {
  for (const [unit, unitMs] of Object.entries(MS_PER_UNIT).reverse()) {
    if (durationMs >= unitMs && durationMs % unitMs === 0) return `${durationMs / unitMs}${unit}`;
  }
  return `${durationMs}ms`;
}

function durationOfText(text: string): number {
  const [, amount, unit = "ms"] = typeof text === "string"
    ? /^(-?\d+(?:\.\d+)?)(ms|[smhd])?$/.exec(text.trim()) ?? []
    : [];
  if (amount === undefined) {
    throw new TypeError(
      `Cannot read ${
        show(text)
      } as a duration: write milliseconds (500) or a number with ms, s, m, h or d (10s, 5m, 24h)`,
    );
  }
  // 1.005 * 1000 is 1004.9999999999999 in binary: what is less than a millionth away from whole was meant so.
  const durationMs = Number(amount) * MS_PER_UNIT[unit]!;
  const wholeMs = Math.round(durationMs);
  return Math.abs(durationMs - wholeMs) < 1e-6 ? wholeMs : durationMs;
}

function show(duration: string | number): string {
  return typeof duration === "string" ? JSON.stringify(duration) : String(duration);
}
