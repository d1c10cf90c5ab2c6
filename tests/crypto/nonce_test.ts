import { assertEquals, assertNotEquals } from "@std/assert";
import { NonceSource } from "../../lib/crypto/nonce.ts";
import { FakeClock } from "../support/fake_clock.ts";

const GIBIBYTE = 1024 ** 3;

function systemRandom(bytes: Uint8Array<ArrayBuffer>): void {
  crypto.getRandomValues(bytes);
}

function prefix(nonce: Uint8Array): string {
  return nonce.slice(0, 12).toHex();
}

Deno.test("NonceSource keeps a prefix for 2^16 values, then takes another; all nonces are distinct", () => {
  const source = new NonceSource(new FakeClock(), systemRandom);
  const nonces = new Set<string>();
  const prefixes = new Map<string, number>();
  for (let i = 0; i < 70_000; i++) {
    const nonce = source.next(100);
    nonces.add(nonce.toHex());
    prefixes.set(prefix(nonce), (prefixes.get(prefix(nonce)) ?? 0) + 1);
  }
  assertEquals(nonces.size, 70_000);
  assertEquals([...prefixes.values()], [65_536, 70_000 - 65_536]);
});

Deno.test("NonceSource keeps a prefix for less than 60 s", () => {
  const clock = new FakeClock({ nowMs: 12_345 });
  const source = new NonceSource(clock, systemRandom);
  const first = prefix(source.next(1));
  clock.advance(59_999);
  assertEquals(prefix(source.next(1)), first);
  clock.advance(1);
  const second = prefix(source.next(1));
  assertNotEquals(second, first);
  clock.advance(59_999);
  assertEquals(prefix(source.next(1)), second, "the second epoch lasts as long as the first");
});

Deno.test("NonceSource goes by time that passed, not by the date", () => {
  const clock = new FakeClock();
  const source = new NonceSource(clock, systemRandom);
  const first = prefix(source.next(1));
  clock.jumpWall(86_400_000);
  assertEquals(prefix(source.next(1)), first);
  clock.jumpWall(-2 * 86_400_000);
  clock.advance(60_000);
  assertNotEquals(prefix(source.next(1)), first);
});

Deno.test("NonceSource keeps a prefix for 16 GiB", () => {
  const source = new NonceSource(new FakeClock(), systemRandom);
  const first = prefix(source.next(GIBIBYTE));
  for (let i = 1; i < 16; i++) assertEquals(prefix(source.next(GIBIBYTE)), first);
  assertEquals(prefix(source.next(0)), first);
  assertNotEquals(prefix(source.next(1)), first);
});

Deno.test("NonceSource asks for 12 fresh random bytes a value and 12 an epoch", () => {
  let asked: number[] = [];
  const source = new NonceSource(new FakeClock(), (bytes) => {
    asked.push(bytes.length);
    bytes.fill(asked.length);
  });
  const first = source.next(1);
  assertEquals(asked, [12, 12]);
  assertEquals(first.toHex(), "01".repeat(12) + "02".repeat(12));
  asked = [];
  assertEquals(source.next(1).toHex(), "01".repeat(24));
  assertEquals(asked, [12]);
  assertEquals(first.toHex(), "01".repeat(12) + "02".repeat(12), "an earlier nonce is not overwritten");
});

Deno.test("two sources share no prefix", () => {
  const clock = new FakeClock();
  assertNotEquals(
    prefix(new NonceSource(clock, systemRandom).next(1)),
    prefix(new NonceSource(clock, systemRandom).next(1)),
  );
});
