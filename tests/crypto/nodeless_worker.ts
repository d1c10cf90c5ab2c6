/**
 * Seals and opens as a browser would, without node:crypto: what of it can be reached is taken away before the sealer
 * is loaded.
 *
 * @module
 */

import type { Slot } from "../../lib/crypto/envelope.ts";

/** What this worker is sent; it answers with the envelopes. */
export interface NodelessRequest {
  key: Uint8Array;
  nonce: Uint8Array;
  slot: Slot;
  bodies: Uint8Array[];
}

const scope = globalThis as unknown as { process?: unknown } & {
  onmessage: (event: MessageEvent<NodelessRequest>) => void;
  postMessage(message: Uint8Array[]): void;
};

scope.onmessage = async ({ data: { key, nonce, slot, bodies } }) => {
  delete scope.process;
  const { importNativeGcm } = await import("../../lib/crypto/native_gcm.ts");
  if (importNativeGcm(new Uint8Array(32)) !== undefined) throw new Error("node:crypto is still there");
  const { sealerOf, sourceOf } = await import("./sealers.ts");
  const envelopes: Uint8Array[] = [];
  for (const body of bodies) {
    const sealer = await sealerOf(key, { randomBytes: sourceOf(nonce) });
    const envelope = await sealer.seal(slot, { type: 0, body });
    const opened = await sealer.open(slot, envelope);
    if (opened.body.toHex() !== body.toHex()) throw new Error("what was sealed does not come back");
    envelopes.push(envelope);
  }
  scope.postMessage(envelopes);
};
