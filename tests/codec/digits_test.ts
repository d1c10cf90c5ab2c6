import { assertEquals } from "@std/assert";
import { ByteRange, textOf, utf8 } from "../../lib/bytes.ts";
import { MAX_INTEGER_BYTES, parseInteger, writeInteger } from "../../lib/codec/digits.ts";
import { Random } from "../support/random.ts";

function written(value: number | bigint): string {
  const output = new Uint8Array(3 + MAX_INTEGER_BYTES);
  return textOf(output.subarray(3, writeInteger(value, output, 3)));
}

Deno.test("writeInteger() and parseInteger() agree with String() and BigInt() over 64 bits", () => {
  const random = new Random();
  const edges = [0, 1, 9, 10, 99, 100, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 10 ** 15, 10 ** 15 - 1, Number.MAX_SAFE_INTEGER];
  const numbers: (number | bigint)[] = edges.flatMap((edge) => [edge, -edge]).concat();
  numbers.push(2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, -(2n ** 53n));
  for (let i = 0; i < 10_000; i++) numbers.push((random.below(2) * 2 - 1) * random.below(10 ** random.below(16)));
  for (const number of numbers) {
    const digits = String(number);
    assertEquals(written(number), digits, `seed ${random.seed}`);
    assertEquals(parseInteger(ByteRange.of(utf8(digits))), Object.is(number, -0) ? 0 : number, `seed ${random.seed}`);
  }
});

Deno.test("parseInteger() takes a number only as writeInteger() writes it", () => {
  for (
    const text of ["", "-", "+1", "01", "-0", "-01", " 1", "1 ", "1.0", "1e3", "0x1", "9223372036854775808", "1\n"]
  ) {
    assertEquals(parseInteger(ByteRange.of(utf8(text))), undefined, text);
  }
});
