/**
 * Certificates for tests, made by openssl: Deno cannot make any.
 *
 * @module
 */

import { canRunShell, canWrite, temporaryFolder } from "./permissions.ts";

/** A certificate with its private key, both in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** What to make. */
export interface CertificateOptions {
  /** Whose it is: the common name. Default `localhost`. */
  readonly name?: string;
  /** Who signs; default: itself. */
  readonly signer?: Certificate;
  /** Whether it signs others. */
  readonly isAuthority?: boolean;
  /** How many days from now it is good for; negative: it was. Default 2. */
  readonly days?: number;
}

/** Whether certificates can be made here. */
export const canMakeCertificates: boolean = canRunShell && canWrite && await hasOpenssl();

/** Makes one; good for `localhost` and 127.0.0.1. */
export async function makeCertificate(options: CertificateOptions = {}): Promise<Certificate> {
  const { name = "localhost", signer, isAuthority = false, days = 2 } = options;
  const folder = await Deno.makeTempDir({ dir: temporaryFolder() });
  try {
    const extensions = isAuthority
      ? ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"]
      // Deno takes no certificate of an authority for a server's own.
      : ["basicConstraints=critical,CA:FALSE", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    await Deno.writeTextFile(`${folder}/extensions`, extensions.join("\n"));
    if (signer !== undefined) {
      await Deno.writeTextFile(`${folder}/signer.pem`, signer.cert);
      await Deno.writeTextFile(`${folder}/signer.key`, signer.key);
    }
    const by = signer === undefined ? "-signkey key" : "-CA signer.pem -CAkey signer.key -CAcreateserial";
    await shell(
      `cd '${folder}' && openssl ecparam -name prime256v1 -genkey -noout -out ec && ` +
        `openssl pkcs8 -topk8 -nocrypt -in ec -out key && openssl req -new -key key -subj '/CN=${name}' -out request && ` +
        `openssl x509 -req -in request ${by} -days ${days} -extfile extensions -out cert`,
    );
    return { cert: await Deno.readTextFile(`${folder}/cert`), key: await Deno.readTextFile(`${folder}/key`) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function shell(command: string): Promise<void> {
  const { success, stderr } = await new Deno.Command("sh", { args: ["-c", command], stdin: "null" }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

async function hasOpenssl(): Promise<boolean> {
  const { success } = await new Deno.Command("sh", { args: ["-c", "openssl version"], stdout: "null", stderr: "null" })
    .output();
  return success;
}

/** Those that tests of a whole server need; all are of one authority but `stranger`, who has the name of `alice`. */
export interface Certificates {
  readonly ca: Certificate;
  readonly other: Certificate;
  readonly server: Certificate;
  /** The server's next one. */
  readonly renewed: Certificate;
  readonly alice: Certificate;
  readonly bob: Certificate;
  readonly nameless: Certificate;
  readonly expired: Certificate;
  readonly stranger: Certificate;
}

/** Makes all of them; `undefined` where none can be made. */
export async function makeCertificates(): Promise<Certificates | undefined> {
  if (!canMakeCertificates) return undefined;
  const [ca, other] = await Promise.all(
    ["authority", "other"].map((name) => makeCertificate({ name, isAuthority: true })),
  ) as [Certificate, Certificate];
  const made = Object.entries({
    server: {},
    renewed: {},
    alice: { name: "alice" },
    bob: { name: "bob" },
    nameless: { name: "" },
    expired: { name: "alice", days: -1 },
    stranger: { name: "alice", signer: other },
  }).map(async ([kind, options]) => [kind, await makeCertificate({ signer: ca, ...options })] as const);
  return { ca, other, ...Object.fromEntries(await Promise.all(made)) } as unknown as Certificates;
}
