/**
 * One client of many that share a key: seals what it is told and answers with the nonces, one after the other.
 *
 * @module
 */

import { encodeValue } from "../../lib/crypto/value.ts";
import { sealerOf, slotOf } from "./sealers.ts";

/** What this worker is sent; it answers with 24 bytes for each write. */
export interface SealingRequest {
  key: Uint8Array;
  writes: number;
}

const NONCE_BYTES = 24;

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<SealingRequest>) => void;
  postMessage(nonces: Uint8Array): void;
};

scope.onmessage = async ({ data: { key, writes } }) => {
  const sealer = await sealerOf(key);
  const nonces = new Uint8Array(writes * NONCE_BYTES);
  for (let i = 0; i < writes; i++) {
    const envelope = await sealer.seal(slotOf({ key: "k" }), encodeValue(i));
    nonces.set(envelope.subarray(5, 5 + NONCE_BYTES), i * NONCE_BYTES);
  }
  scope.postMessage(nonces);
};
