/**
 * The server's public key as people pass it on, and the check that the server there is the one that was meant.
 *
 * ```
 * pin          "cms1_" ‖ base64url of the 32 bytes, without padding            48 characters
 * fingerprint  "SHA256:" ‖ base64 of their SHA-256, without padding, as ssh    50 characters
 * ```
 *
 * A client is configured with the pin. The fingerprint is for comparing by eye only.
 *
 * @module
 */

import { bytesOfKeyText } from "../crypto/key_text.ts";
import { type Bytes, sha256 } from "../crypto/subtle.ts";
import { HandshakeError } from "./channel_error.ts";
import { PUBLIC_KEY_BYTES } from "./handshake.ts";

const PREFIX = "cms1_";

/** The pin of a public key. */
export function pinOf(publicKey: Uint8Array): string {
  return PREFIX + publicKey.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** The fingerprint of a public key. */
export async function fingerprintOf(publicKey: Bytes): Promise<string> {
  return `SHA256:${(await sha256(publicKey)).toBase64({ omitPadding: true })}`;
}

/**
 * The public key that a pin stands for.
 *
 * @throws TypeError if it is no text, RangeError if it is no pin. Neither shows it: it may be a secret in a wrong place
 */
export function parsePin(text: string): Uint8Array<ArrayBuffer> {
  if (typeof text !== "string") throw new TypeError("Cannot use pin: it is no text");
  const key = text.startsWith(PREFIX) ? bytesOfKeyText(text.slice(PREFIX.length)) : undefined;
  if (key !== undefined) return key;
  throw new RangeError(
    `Cannot use pin: a text of ${text.length} characters is not ${PREFIX} and 43 characters of base64url; ` +
      "take the one that the server shows at its start",
  );
}

/**
 * Makes sure that pins can be compared with.
 *
 * @throws RangeError if there is none, or one of another length than a key has
 */
export function checkPins(pins: readonly Uint8Array[]): void {
  if (pins.length === 0) {
    throw new RangeError("Cannot open a secure channel: no pin is given, so any server would do");
  }
  for (const pin of pins) {
    if (pin.length === PUBLIC_KEY_BYTES) continue;
    throw new RangeError(`Cannot open a secure channel: a pin has ${pin.length} bytes and must have 32`);
  }
}

/**
 * Checks that a server is one of those that are pinned. Public keys are compared, so how long it takes tells nothing.
 *
 * @throws HandshakeError `wrong-key`, which names both keys
 */
export async function checkPinned(serverKey: Bytes, pins: readonly Uint8Array[]): Promise<void> {
  if (pins.some((pin) => pin.every((byte, i) => byte === serverKey[i]))) return;
  const expected = await Promise.all(pins.map((pin) => bothForms(new Uint8Array(pin))));
  throw new HandshakeError(
    "wrong-key",
    `expected a server with the key ${expected.join(", or ")}, but got ${await bothForms(serverKey)}. ` +
      "Somebody may be in between. If the server's key was changed on purpose, pin the new one",
  );
}

async function bothForms(publicKey: Bytes): Promise<string> {
  return `${pinOf(publicKey)} (${await fingerprintOf(publicKey)})`;
}
