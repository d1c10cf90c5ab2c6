import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { HandshakeError } from "../../lib/channel/channel_error.ts";
import { checkPinned, checkPins, fingerprintOf, parsePin, pinOf } from "../../lib/channel/pin.ts";
import session from "../vectors/noise_nx_session_v1.json" with { type: "json" };

const PUBLIC_KEY = Uint8Array.fromHex(session.serverStaticPublic);
const PIN = "cms1_ew1H2TQn-DERYHgcfHM_2J-IlwrvSQ2KoO4ZpMuKGxQ";
const FINGERPRINT = "SHA256:Gb0ZX4+p7Llf2qjd1clvkQHFR9U9ioifDhBeRzsK/zY";

Deno.test("a public key has one pin, which holds all of it, and one fingerprint", async () => {
  assertEquals(pinOf(PUBLIC_KEY), PIN);
  assertEquals(parsePin(PIN), PUBLIC_KEY);
  assertEquals(await fingerprintOf(PUBLIC_KEY), FINGERPRINT);
  for (const key of [new Uint8Array(32), new Uint8Array(32).fill(0xff)]) assertEquals(parsePin(pinOf(key)), key);
});

Deno.test("parsePin() refuses everything else, and does not show it", () => {
  const wrong = [
    "",
    "cms1_",
    PIN.slice(0, -1),
    PIN + "A",
    PIN.slice(5),
    PIN.replace("cms1_", "cmk1_"),
    PIN.replace("cms1_", "CMS1_"),
    ` ${PIN}`,
    `${PIN}\n`,
    PIN.replace("-", "+"),
    PIN.replace("_2", "/2"),
    PIN.slice(0, -1) + "=",
    // The same bytes with other bits behind the last one.
    PIN.slice(0, -1) + "R",
    FINGERPRINT,
  ];
  for (const text of wrong) {
    const error = assertThrows(() => parsePin(text), RangeError, `${text.length} characters`);
    assert(text.length < 6 || !error.message.includes(text.slice(5)), error.message);
  }
  assertThrows(() => parsePin(undefined as unknown as string), TypeError, "it is no text");
});

Deno.test("a channel is not opened without a pin, nor with one of a wrong length", () => {
  assertThrows(() => checkPins([]), RangeError, "any server would do");
  assertThrows(() => checkPins([PUBLIC_KEY, PUBLIC_KEY.slice(1)]), RangeError, "a pin has 31 bytes");
  checkPins([PUBLIC_KEY]);
});

Deno.test("any one of several pins is enough, and all 32 bytes of it have to match", async () => {
  const other = new Uint8Array(32).fill(1);
  await checkPinned(PUBLIC_KEY, [PUBLIC_KEY]);
  await checkPinned(PUBLIC_KEY, [other, PUBLIC_KEY]);
  for (let i = 0; i < 32; i++) {
    const near = PUBLIC_KEY.slice();
    near[i]! ^= 1;
    await assertRejects(() => checkPinned(PUBLIC_KEY, [other, near]), HandshakeError);
  }
});

Deno.test("a server with another key is told apart in both forms, expected and got", async () => {
  const expected = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const error = await assertRejects(() => checkPinned(PUBLIC_KEY, expected), HandshakeError);
  assertEquals([error.reason, error.code], ["wrong-key", "UNTRUSTED"]);
  assert(error.message.includes(`got ${PIN} (${FINGERPRINT})`), error.message);
  for (const key of expected) {
    const fingerprint = await fingerprintOf(key);
    assertNotEquals(fingerprint, FINGERPRINT);
    assert(error.message.includes(`${pinOf(key)} (${fingerprint})`), error.message);
  }
});
