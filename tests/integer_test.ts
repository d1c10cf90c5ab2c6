import { assertEquals } from "@std/assert";
import { addIntegers, MAX_INTEGER_BYTES, parseInteger, writeInteger } from "../lib/integer.ts";
import { ByteRange, utf8 } from "../lib/bytes.ts";
import { Random } from "./support/random.ts";
import { text } from "./support/ranges.ts";

const MAX_I64 = 2n ** 63n - 1n;
const MIN_I64 = -(2n ** 63n);

/** Around every place where digits, exactness or the range of 64 bits change. */
function edges(): bigint[] {
  const numbers = [0n, MAX_I64, MIN_I64];
  for (let power = 1n; power < MAX_I64; power *= 10n) numbers.push(power);
  for (const power of [31n, 32n, 52n, 53n, 54n, 62n, 63n]) numbers.push(2n ** power);
  return numbers.flatMap((n) => [n - 1n, n, n + 1n, -n - 1n, -n, -n + 1n]);
}

function isI64(number: bigint): boolean {
  return number >= MIN_I64 && number <= MAX_I64;
}

function written(value: number | bigint): string {
  const target = new Uint8Array(MAX_INTEGER_BYTES);
  return new TextDecoder().decode(target.subarray(0, writeInteger(value, target, 0)));
}

Deno.test("parseInteger() reads every integer of 64 bits, as a number where that is exact, and none beyond", () => {
  for (const edge of edges()) {
    const parsed = parseInteger(text(String(edge)));
    if (!isI64(edge)) {
      assertEquals(parsed, undefined, String(edge));
      continue;
    }
    assertEquals(typeof parsed, Number.isSafeInteger(Number(edge)) ? "number" : "bigint", String(edge));
    assertEquals(String(parsed), String(edge));
  }
});

Deno.test("parseInteger() refuses what this project would not write", () => {
  const refused = [
    "",
    "-",
    "+1",
    "01",
    "-01",
    "00",
    "-0",
    " 1",
    "1 ",
    "1\n",
    "\n",
    "1.0",
    "1e3",
    "0x10",
    "1_000",
    "--1",
  ];
  refused.push("a", "1a", "a1", "/", ":", "１", "NaN", "Infinity", "-Infinity", "null", "\0", "1\0");
  refused.push("9223372036854775808", "-9223372036854775809", "10000000000000000000", "99999999999999999999");
  refused.push("100000000000000000000", "-99999999999999999999", "0".repeat(20), "1".repeat(1_000));
  for (const form of refused) assertEquals(parseInteger(text(form)), undefined, JSON.stringify(form));
  assertEquals(parseInteger(ByteRange.of(Uint8Array.of(0xb1))), undefined, "a digit with the high bit set");
});

Deno.test("parseInteger() looks at its range alone", () => {
  const range = new ByteRange();
  range.point(utf8("9-429"), 1, 3);
  assertEquals(parseInteger(range), -42);
});

Deno.test("writeInteger() writes what String() does, and parseInteger() reads it back", () => {
  for (const edge of edges().filter(isI64)) {
    assertEquals(written(edge), String(edge));
    if (Number.isSafeInteger(Number(edge))) assertEquals(written(Number(edge)), String(edge));
  }
  const random = new Random();
  for (let i = 0; i < 20_000; i++) {
    const bits = BigInt(random.below(2 ** 32)) << 32n | BigInt(random.below(2 ** 32));
    const number = BigInt.asIntN(64, bits >> BigInt(random.below(64)));
    assertEquals(written(parseInteger(text(String(number)))!), String(number), `seed ${random.seed}`);
  }
});

Deno.test("writeInteger() is exact for the largest numbers: no sum on the way leaves 53 bits", () => {
  for (let n = Number.MAX_SAFE_INTEGER; n > Number.MAX_SAFE_INTEGER - 200; n--) {
    assertEquals(written(n), String(n));
    assertEquals(written(-n), String(-n));
  }
});

Deno.test("addIntegers() is exact, narrows to a number where it can, and refuses what leaves 64 bits", () => {
  const numbers = edges().filter(isI64);
  for (const a of numbers) {
    for (const b of numbers) {
      const sum = addIntegers(parseInteger(text(String(a)))!, parseInteger(text(String(b)))!);
      if (!isI64(a + b)) assertEquals(sum, undefined, `${a} + ${b}`);
      else {
        assertEquals(String(sum), String(a + b));
        assertEquals(typeof sum, Number.isSafeInteger(Number(a + b)) ? "number" : "bigint", `${a} + ${b}`);
      }
    }
  }
  assertEquals(addIntegers(-1, 1), 0);
  assertEquals(written(addIntegers(-1, 1)!), "0", "never -0");
  assertEquals(written(-0), "0", "never -0");
});
