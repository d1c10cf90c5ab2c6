/**
 * What tests of sealing share: slots and sealers in one line, and the published vectors in the project's types.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { type Slot, SlotKind } from "../../lib/crypto/envelope.ts";
import { Keyring, type KeySource } from "../../lib/crypto/keyring.ts";
import { Sealer, type SealerOptions } from "../../lib/crypto/sealer.ts";
import { IntegrityError, type IntegrityReason } from "../../lib/errors.ts";

/** Bytes of hexadecimal digits. */
export const hex = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.fromHex(text);

/** Bytes of a text. */
export const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** Some key. */
export const KEY: Uint8Array<ArrayBuffer> = new Uint8Array(32).map((_, i) => 7 * i);
/** Another one. */
export const OTHER_KEY: Uint8Array<ArrayBuffer> = new Uint8Array(32).map((_, i) => 11 * i);

/** A place, of which all but what is given is empty. */
export function slotOf(parts: { kind?: SlotKind; namespace?: string; key?: string; field?: string }): Slot {
  const { kind = SlotKind.STRING, namespace = "", key = "k", field = "" } = parts;
  return { kind, namespace: bytes(namespace), key: bytes(key), field: bytes(field) };
}

/** The place of a vector. */
export function vectorSlot(vector: { slotKind: number; namespace: string; key: string; sub: string }): Slot {
  return {
    kind: vector.slotKind as SlotKind,
    namespace: hex(vector.namespace),
    key: hex(vector.key),
    field: hex(vector.sub),
  };
}

/** A keyring of one key that seals and others that do not. */
export function keyringOf(active: KeySource, ...openOnly: KeySource[]): Promise<Keyring> {
  return Keyring.create({ active, openOnly }, bytes(""));
}

/** A sealer over a keyring of one key. */
export async function sealerOf(key: KeySource, options?: SealerOptions): Promise<Sealer> {
  return Sealer.create(await keyringOf(key), options);
}

/** Gives out a nonce, first its prefix and then its tail, as a source of random bytes. */
export function sourceOf(nonce: Uint8Array): (target: Uint8Array) => void {
  let at = 0;
  return (target) => target.set(nonce.slice(at, at += target.length));
}

/** Asserts that opening is refused, and why. */
export async function assertRefused(
  opening: () => Promise<unknown>,
  reason: IntegrityReason,
  note?: string,
): Promise<void> {
  const error = await assertRejects(opening, IntegrityError, undefined, note);
  assertEquals(error.reason, reason, note);
}
