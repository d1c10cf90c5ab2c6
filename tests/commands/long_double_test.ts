import { assert, assertEquals } from "@std/assert";
import { LongDouble } from "../../lib/commands/long_double.ts";

function sum(a: string, b: string): string | undefined {
  const [first, second] = [LongDouble.parse(a), LongDouble.parse(b)];
  assert(first !== undefined && second !== undefined);
  return LongDouble.add(first, second)?.toString();
}

/** What INCRBYFLOAT of Redis 7.0.15 on x86 answers. */
const SUMS: [a: string, b: string, sum: string | undefined][] = [
  ["10.5", "0.1", "10.6"],
  ["0.1", "0.2", "0.3"],
  ["0", "4601.4592795", "4601.45927950000000006"],
  ["3.0e3", "200", "3200"],
  ["1", "-1", "0"],
  ["0", "-1e-30", "0"],
  ["0", "1e-17", "0.00000000000000001"],
  ["1", "0x10", "17"],
  ["0", "0x1.8p1", "3"],
  ["18446744073709551615", "1", "18446744073709551616"],
  ["18446744073709551616", "1", "18446744073709551616"],
  ["18446744073709551616", "3", "18446744073709551620"],
  ["0e999999999999", ".5", "0.5"],
  ["1e4932", "1e4932", undefined],
  ["inf", "1", undefined],
  ["-Infinity", "inf", undefined],
];

Deno.test("LongDouble gives the digits of Redis", () => {
  for (const [a, b, expected] of SUMS) assertEquals(sum(a, b), expected, `${a} + ${b}`);
});

Deno.test("LongDouble.parse() refuses what C does not read whole, and what is too large or too small", () => {
  for (
    const text of [
      "",
      " 1",
      "1 ",
      "1,5",
      "1e",
      "e1",
      ".",
      "+",
      "--1",
      "0x",
      "nan",
      "infinit",
      "2e4932",
      "1e-4951",
      "1_0",
    ]
  ) {
    assertEquals(LongDouble.parse(text), undefined, text);
  }
  for (const text of ["1e999999999999", "1e-999999999999", "0x1p99999999"]) {
    assertEquals(LongDouble.parse(text), undefined, `${text} must cost nothing`);
  }
});
