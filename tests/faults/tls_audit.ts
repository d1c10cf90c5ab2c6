/**
 * A7: what the TLS port offers, as sslscan and openssl see it: TLS 1.3 and nothing below.
 *
 * @module
 */

import { canMakeCertificates, makeCertificate } from "../support/certificates.ts";
import { ServerUnderTest } from "./process.ts";
import { expect, say } from "./report.ts";
import { placesIn } from "./secure_server.ts";

const OLD = ["ssl3", "tls1", "tls1_1", "tls1_2"];

/** What a program says; `undefined` if it is not installed. */
async function said(program: string, ...args: string[]): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

if (!canMakeCertificates) {
  say("A7: the audit is skipped, openssl is not installed");
} else {
  const tls = await makeCertificate();
  await using server = await ServerUnderTest.secure({ tls });
  const place = `127.0.0.1:${placesIn(server.greeting).tlsPort}`;
  say(`A7: what the TLS port offers`);
  const connected = await said("openssl", "s_client", "-connect", place, "-brief") ?? "";
  const protocol = /Protocol version: (\S+)/.exec(connected)?.[1];
  const suite = /Ciphersuite: (\S+)/.exec(connected)?.[1];
  expect(`openssl comes in by ${protocol} with ${suite}`, protocol === "TLSv1.3");
  for (const version of OLD) {
    // At the lowest level of security openssl itself would speak all of them.
    const args = ["-connect", place, `-${version}`, "-cipher", "ALL:@SECLEVEL=0", "-brief"];
    const answer = await said("openssl", "s_client", ...args) ?? "";
    const isUnknown = /[Uu]nknown option|null ssl method/.test(answer);
    const isRefused = !answer.includes("CONNECTION ESTABLISHED");
    expect(`openssl is refused with ${version}${isUnknown ? ", which it cannot speak itself" : ""}`, isRefused);
  }
  const report = await said("sslscan", "--no-colour", place);
  if (report === undefined) say("       sslscan is not installed (apt-get install sslscan)");
  else {
    const enabled = [...report.matchAll(/^((?:SSL|TLS)v[\d.]+)\s+enabled/gm)].map(([, name]) => name);
    expect(`sslscan finds ${enabled.join(", ")} alone`, enabled.join() === "TLSv1.3");
    for (const [line] of report.matchAll(/^(?:Preferred|Accepted).*$/gm)) say(`       ${line}`);
  }
}
