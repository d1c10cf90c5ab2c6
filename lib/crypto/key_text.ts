/**
 * Keys as texts: 32 bytes as 43 characters of base64url without padding, behind a prefix that says what they are.
 *
 * @module
 */

const BODY = /^[A-Za-z0-9_-]{43}$/;

/** The 32 bytes of such a text, without its prefix; `undefined` if it is none. */
export function bytesOfKeyText(body: string): Uint8Array<ArrayBuffer> | undefined {
  // The pattern comes first because base64 decoders let white space pass.
  if (!BODY.test(body)) return undefined;
  try {
    // 43 characters are 258 bits; "strict" refuses the texts whose last two are not zero, so each key has one text.
    return Uint8Array.fromBase64(`${body}=`, { alphabet: "base64url", lastChunkHandling: "strict" });
  } catch {
    return undefined;
  }
}
