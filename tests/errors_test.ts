import { assert, assertEquals } from "@std/assert";
import { CryptomemError, IntegrityError, type IntegrityReason } from "../lib/errors.ts";

Deno.test("the code of an IntegrityError follows from its reason", () => {
  const codes: Record<IntegrityReason, string> = {
    "unknown-version": "NOT_SEALED",
    "too-short": "NOT_SEALED",
    "unknown-key-id": "UNKNOWN_KEY",
    "dropped-key-id": "WRONG_KEY",
    "expired": "EXPIRED",
    "rolled-back": "ROLLED_BACK",
    "auth": "TAMPERED",
    "reserved-flag": "TAMPERED",
    "bad-padding": "TAMPERED",
    "bad-compression": "TAMPERED",
    "bad-utf8": "TAMPERED",
    "bad-json": "TAMPERED",
    "size-limit": "TAMPERED",
    "other-name": "TAMPERED",
    "fernet": "TAMPERED",
  };
  for (const [reason, code] of Object.entries(codes)) {
    const error = new IntegrityError(reason as IntegrityReason, "Cannot open value: it does not open");
    assertEquals([error.reason, error.code, error.name], [reason, code, "IntegrityError"]);
    assert(error instanceof CryptomemError);
  }
});
