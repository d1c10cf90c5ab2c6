/**
 * The handshake Noise_NX_25519_AESGCM_SHA256 (Noise revision 34 §7), from either side, without a stream or frames.
 *
 * ```
 * client → server   e                32 bytes, then a payload in the clear
 * server → client   e, ee, s, es     32 + 48 bytes, then a payload and its tag
 * ```
 *
 * The client ends up knowing who the server is: the second message can only be made by who holds the private key of
 * the `s` in it. Whether that is the server it wants is for the client to compare (pin.ts). The server learns nothing
 * about the client, which says who it is inside of the channel.
 *
 * @module
 */

import { type Bytes, x25519, type X25519KeyPair } from "../crypto/subtle.ts";
import { TAG_BYTES } from "./cipher_state.ts";
import { SymmetricState } from "./symmetric_state.ts";

/** Noise's name for what is spoken here; both sides hash it first. */
const PROTOCOL_NAME = "Noise_NX_25519_AESGCM_SHA256";
/** Bytes of a public key. */
export const PUBLIC_KEY_BYTES = 32;

const NOTHING: Bytes = new Uint8Array(0);
const SEALED_KEY_BYTES = PUBLIC_KEY_BYTES + TAG_BYTES;
/** Bytes of the second message with an empty payload. */
export const LEAST_REPLY_BYTES: number = PUBLIC_KEY_BYTES + SEALED_KEY_BYTES + TAG_BYTES;

/** The keys that a handshake ends in, raw; whoever takes them wipes them. */
export interface ChannelKeys {
  readonly sending: Bytes;
  readonly receiving: Bytes;
}

/** What the client has learned from the server's message. */
export interface ServerHello {
  /** Whose private key the server has proven to hold. */
  readonly serverKey: Bytes;
  readonly payload: Bytes;
}

/** The side that speaks first. */
export class ClientHandshake {
  readonly #state = new SymmetricState(PROTOCOL_NAME);
  readonly #prologue: Bytes;
  readonly #ephemeral: X25519KeyPair;

  /**
   * @param prologue what both sides know to have been said before; if they differ, the handshake fails
   * @param ephemeral a key pair for this handshake alone
   */
  constructor(prologue: Bytes, ephemeral: X25519KeyPair) {
    this.#prologue = prologue;
    this.#ephemeral = ephemeral;
  }

  /** What to hash at the end of it all. */
  get handshakeHash(): Bytes {
    return this.#state.handshakeHash;
  }

  /** The first message. */
  async start(payload: Bytes = NOTHING): Promise<Bytes> {
    const { publicKey } = this.#ephemeral;
    await this.#state.mixHash(this.#prologue);
    await this.#state.mixHash(publicKey);
    return joined(publicKey, await this.#state.encryptAndHash(payload));
  }

  /**
   * Reads the second message.
   *
   * @param message at least {@linkcode LEAST_REPLY_BYTES}
   * @returns `undefined` if it was not made for this handshake, or holds a point of low order
   */
  async finish(message: Bytes): Promise<ServerHello | undefined> {
    const state = this.#state, { privateKey } = this.#ephemeral;
    const sealedEnd = PUBLIC_KEY_BYTES + SEALED_KEY_BYTES;
    const ephemeral = message.subarray(0, PUBLIC_KEY_BYTES);
    await state.mixHash(ephemeral);
    if (!await mixShared(state, privateKey, ephemeral)) return undefined;
    const serverKey = await state.decryptAndHash(message.subarray(PUBLIC_KEY_BYTES, sealedEnd));
    if (serverKey === undefined || !await mixShared(state, privateKey, serverKey)) return undefined;
    const payload = await state.decryptAndHash(message.subarray(sealedEnd));
    return payload && { serverKey, payload };
  }

  /** The keys, once the second message has been read and believed. */
  async split(): Promise<ChannelKeys> {
    const [sending, receiving] = await this.#state.split();
    return { sending, receiving };
  }
}

/** The side that answers and proves who it is. */
export class ServerHandshake {
  readonly #state = new SymmetricState(PROTOCOL_NAME);
  readonly #prologue: Bytes;
  readonly #identity: X25519KeyPair;
  readonly #ephemeral: X25519KeyPair;

  /**
   * @param prologue as for {@linkcode ClientHandshake}
   * @param identity the key pair that clients know the server by
   * @param ephemeral a key pair for this handshake alone
   */
  constructor(prologue: Bytes, identity: X25519KeyPair, ephemeral: X25519KeyPair) {
    this.#prologue = prologue;
    this.#identity = identity;
    this.#ephemeral = ephemeral;
  }

  /** See {@linkcode ClientHandshake.handshakeHash}. */
  get handshakeHash(): Bytes {
    return this.#state.handshakeHash;
  }

  /**
   * Reads the first message and makes the second.
   *
   * @param message at least the 32 bytes of a key
   * @returns `undefined` if the client's key is a point of low order: nothing may be answered to it
   */
  async answer(message: Bytes, payload: Bytes): Promise<Bytes | undefined> {
    const state = this.#state;
    const clientKey = message.subarray(0, PUBLIC_KEY_BYTES);
    await state.mixHash(this.#prologue);
    await state.mixHash(clientKey);
    await state.decryptAndHash(message.subarray(PUBLIC_KEY_BYTES));
    await state.mixHash(this.#ephemeral.publicKey);
    if (!await mixShared(state, this.#ephemeral.privateKey, clientKey)) return undefined;
    const sealedKey = await state.encryptAndHash(this.#identity.publicKey);
    if (!await mixShared(state, this.#identity.privateKey, clientKey)) return undefined;
    return joined(this.#ephemeral.publicKey, sealedKey, await state.encryptAndHash(payload));
  }

  /** The keys, once the second message has been made. */
  async split(): Promise<ChannelKeys> {
    const [receiving, sending] = await this.#state.split();
    return { sending, receiving };
  }
}

/** Mixes in what two key pairs share; `false` if nothing could be shared. */
async function mixShared(state: SymmetricState, privateKey: CryptoKey, publicKey: Bytes): Promise<boolean> {
  const secret = await x25519(privateKey, publicKey);
  if (secret === undefined) return false;
  await state.mixKey(secret);
  return true;
}

function joined(...parts: Bytes[]): Bytes {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
