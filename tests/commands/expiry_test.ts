import { assertEquals } from "@std/assert";
import { Asker, type Told } from "../support/asker.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** Where the fake clock starts. */
const START_SECONDS = Date.UTC(2026, 0, 1) / 1000;

const CONVERSATIONS: Record<string, [command: string, reply: Told][]> = {
  "EXPIRE and its relatives set what TTL and its relatives tell": [
    ["TTL k", -2],
    ["EXPIRE k 10", 0],
    ["SET k v", "OK"],
    ["TTL k", -1],
    ["EXPIRE k 10", 1],
    ["PTTL k", 10_000],
    ["PEXPIRE k 1499", 1],
    ["TTL k", 1],
    ["PEXPIRE k 1500", 1],
    ["TTL k", 2],
    [`EXPIREAT k ${START_SECONDS + 50}`, 1],
    ["EXPIRETIME k", START_SECONDS + 50],
    ["PEXPIRETIME k", (START_SECONDS + 50) * 1000],
    [`PEXPIREAT k ${START_SECONDS}001`, 1],
    ["PTTL k", 1],
    ["PERSIST k", 1],
    ["PERSIST k", 0],
    ["PERSIST x", 0],
    ["EXPIRETIME k", -1],
    ["PEXPIRETIME x", -2],
  ],
  "an expiry of now or before removes the entry": [
    ["MSET a 1 b 2 c 3", "OK"],
    ["EXPIRE a 0", 1],
    ["PEXPIRE b -9223372036854775808", 1],
    [`EXPIREAT c ${START_SECONDS}`, 1],
    ["EXISTS a b c", 0],
    ["EXPIRE a -1", 0],
  ],
  "EXPIRE NX, XX, GT and LT compare with the expiry that is there; none is the latest": [
    ["SET k v", "OK"],
    ["EXPIRE k 10 XX", 0],
    ["EXPIRE k 10 GT", 0],
    ["EXPIRE k 100 lt", 1],
    ["EXPIRE k 200 NX", 0],
    ["EXPIRE k 200 LT", 0],
    ["EXPIRE k 100 GT", 0],
    ["EXPIRE k 100 LT", 0],
    ["EXPIRE k 200 XX GT", 1],
    ["TTL k", 200],
    ["EXPIRE k -1 GT", 0],
    ["EXPIRE k -1 LT", 1],
    ["EXISTS k", 0],
  ],
  "EXPIRE refuses what it does not understand, and changes nothing": [
    ["SET k v", "OK"],
    ["EXPIRE k 10 NX GT", "! BAD_REQUEST NX and XX, GT or LT options at the same time are not compatible"],
    ["EXPIRE k 10 LT GT", "! BAD_REQUEST GT and LT options at the same time are not compatible"],
    ["EXPIRE k 10 foo", "! BAD_REQUEST Unsupported option foo"],
    ["EXPIRE k ten", "! NOT_INTEGER value is not an integer or out of range"],
    ["EXPIRE k 9223372036854776", "! BAD_REQUEST invalid expire time in 'expire' command"],
    ["PEXPIRE k 9223372036854775807", "! BAD_REQUEST invalid expire time in 'pexpire' command"],
    ["TTL k", -1],
  ],
};

for (const [name, steps] of Object.entries(CONVERSATIONS)) {
  Deno.test(name, () => {
    const asker = new Asker();
    for (const [command, reply] of steps) assertEquals(asker.ask(command), reply, command);
    asker.engine.verify();
  });
}

Deno.test("an expiry comes out as it went in, at whatever part of a millisecond the clocks stand", () => {
  for (const partMs of [0, 0.001, 0.4, 0.5, 0.999]) {
    const asker = new Asker({ clock: new FakeClock({ nowMs: 1_234.7, wallMs: 1_767_225_600_000 }) });
    asker.clock.advance(partMs);
    // The wall clock counts whole milliseconds, and not in step with the other.
    asker.clock.setWall(1_767_225_600_000);
    asker.ask("SET k v PX 1000");
    assertEquals(asker.ask("PTTL k"), 1_000);
    asker.ask("SET k v PXAT 1767225700123");
    assertEquals(asker.ask("PEXPIRETIME k"), 1_767_225_700_123);
    asker.clock.setWall(1_767_225_600_001);
    assertEquals(asker.ask("PEXPIRETIME k"), 1_767_225_700_123);
  }
});

Deno.test("a date follows the wall clock when that is set, and the entry's time to live does not", () => {
  const asker = new Asker();
  asker.ask("SET k v EX 100");
  asker.clock.jumpWall(3_600_000);
  assertEquals(asker.ask("TTL k"), 100);
  assertEquals(asker.ask("EXPIRETIME k"), START_SECONDS + 3_700);
  asker.ask(`SET l v EXAT ${START_SECONDS + 3_610}`);
  assertEquals(asker.ask("TTL l"), 10);
});

Deno.test("KEEPTTL, APPEND, SETRANGE and the counters keep an expiry to the millisecond, however often", () => {
  const asker = new Asker();
  asker.ask("SET k 1 PX 1000");
  for (let i = 0; i < 999; i++) {
    asker.clock.advance(1);
    for (const change of ["SET k 1 KEEPTTL", "SETRANGE k 0 2", "INCR k", "INCRBYFLOAT k 0.5", "APPEND k 0"]) {
      asker.ask(change);
    }
  }
  assertEquals(asker.ask("PTTL k"), 1);
  asker.clock.advance(1);
  assertEquals(asker.ask("EXISTS k"), 0);
});

Deno.test("an expiry beyond what an entry can tell is kept as the last it can, some 8,900 years on", () => {
  const asker = new Asker();
  asker.ask("SET k v PX 4611686018427387904");
  assertEquals(asker.ask("PTTL k"), 2 ** 48 - 1);
  assertEquals(asker.ask("GET k"), "v");
  asker.engine.verify();
});
