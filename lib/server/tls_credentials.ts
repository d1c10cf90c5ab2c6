/**
 * Certificates and keys of a TLS port, looked at before they are used: node:tls takes anything, and fails with the first
 * client that comes.
 *
 * @module
 */

import { createPrivateKey, X509Certificate } from "node:crypto";
import type { SecureContextOptions } from "node:tls";
import { MAX_CERTIFICATE_NAME_LENGTH } from "../limits.ts";

/** What a TLS port proves itself with, and by what it knows its clients; all in PEM. */
export interface TlsCredentials {
  /** The server's certificate, and those between it and the root behind it. */
  readonly cert: string;
  /** The certificate's private key. */
  readonly key: string;
  /**
   * Certificates of those who sign clients'. With it, clients must show a certificate that one of these has signed, and
   * its common name is who they are.
   */
  readonly clientCa?: string;
}

/** Why credentials cannot be used. */
export class TlsCredentialsError extends RangeError {
  override readonly name = "TlsCredentialsError";

  /**
   * @param part the one to blame
   * @param problem without anything of the key
   */
  constructor(readonly part: keyof TlsCredentials, problem: string) {
    super(`Cannot use the ${NAMES[part]} of TLS: ${problem}`);
  }
}

const NAMES = { cert: "certificate", key: "key", clientCa: "client CA" } as const;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Credentials that can be used. */
export class TlsContext {
  /** The same for node:tls. */
  readonly options: SecureContextOptions;
  readonly #clientCas: readonly X509Certificate[];

  /** @throws TlsCredentialsError if they cannot */
  constructor({ cert, key, clientCa }: TlsCredentials) {
    const [own] = certificatesIn("cert", cert);
    let fits: boolean;
    try {
      fits = own!.checkPrivateKey(createPrivateKey(key));
    } catch {
      throw new TlsCredentialsError("key", "it is no private key in PEM without a passphrase");
    }
    if (!fits) throw new TlsCredentialsError("key", "it is not that of the certificate");
    this.#clientCas = clientCa === undefined ? [] : certificatesIn("clientCa", clientCa);
    this.options = { cert, key, minVersion: "TLSv1.3", ...clientCa !== undefined && { ca: clientCa } };
  }

  /** Whether clients must show a certificate. */
  get isMutual(): boolean {
    return this.#clientCas.length > 0;
  }

  /**
   * Who a client is by its certificate; `undefined` if that is nobody. The signature and the dates are looked at here as
   * well: TLS has checked them, but a runtime has once said so without having done it (denoland/deno#34366).
   *
   * @param der the certificate
   */
  nameOf(der: Uint8Array | undefined, wallMs: number): string | undefined {
    if (der === undefined || der.length === 0) return undefined;
    const certificate = new X509Certificate(der);
    const isSigned = this.#clientCas.some((ca) => certificate.checkIssued(ca) && certificate.verify(ca.publicKey));
    const [from, to] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
    if (!isSigned || !(from <= wallMs && wallMs <= to)) return undefined;
    const names = certificate.subject.split("\n").filter((part) => part.startsWith("CN="));
    const name = names[0]?.slice("CN=".length) ?? "";
    // A name of several lines could be taken for several parts.
    const isName = names.length === 1 && name !== "" && name.length <= MAX_CERTIFICATE_NAME_LENGTH;
    return isName && /^[\x21-\x7e]+$/.test(name) ? name : undefined;
  }
}

function certificatesIn(part: "cert" | "clientCa", pem: string): X509Certificate[] {
  const found = pem.match(CERTIFICATE) ?? [];
  if (found.length === 0) throw new TlsCredentialsError(part, "there is no certificate in PEM");
  try {
    return found.map((one) => new X509Certificate(one));
  } catch {
    throw new TlsCredentialsError(part, "a certificate in it cannot be read");
  }
}
