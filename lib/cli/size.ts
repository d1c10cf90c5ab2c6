/**
 * Sizes as people write them: `512kb`, `16mb`, `2gb`, or a number of bytes. As in Redis' configuration, a `kb` is
 * 1024 bytes.
 *
 * @module
 */

const BYTES_PER_UNIT: Readonly<Record<string, number>> = { gb: 1024 ** 3, mb: 1024 ** 2, kb: 1024, b: 1 };

/**
 * Bytes of a size.
 *
 * @throws {TypeError} if it is no size
 * @throws {RangeError} if it is not a whole number of bytes, negative, or over `Number.MAX_SAFE_INTEGER`
 */
export function parseSizeBytes(size: string | number): number {
  const sizeBytes = typeof size === "number" ? size : sizeOfText(size);
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) {
    throw new RangeError(
      `Cannot use ${JSON.stringify(size)} as a size: it must be a whole number of bytes from 0 to ` +
        `${Number.MAX_SAFE_INTEGER}`,
    );
  }
  return sizeBytes;
}

/** The shortest exact way to write a size. */
export function formatSize(sizeBytes: number): string {
  for (const [unit, bytes] of Object.entries(BYTES_PER_UNIT)) {
    if (bytes > 1 && sizeBytes >= bytes && sizeBytes % bytes === 0) return `${sizeBytes / bytes}${unit}`;
  }
  return String(sizeBytes);
}

function sizeOfText(text: string): number {
  const [, amount, unit = "b"] = /^(-?\d+(?:\.\d+)?)\s*([kmg]?b)?$/.exec(text.trim().toLowerCase()) ?? [];
  if (amount === undefined) {
    throw new TypeError(
      `Cannot read ${JSON.stringify(text)} as a size: write bytes (1024) or a number with kb, mb or gb (512kb, 16mb)`,
    );
  }
  return Number(amount) * BYTES_PER_UNIT[unit]!;
}
