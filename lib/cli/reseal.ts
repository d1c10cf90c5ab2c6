/**
 * Seals anew, with the active key, what other keys have sealed: for entries that live too long to wait for their end
 * before a key is dropped.
 *
 * @module
 */

import { utf8 } from "../bytes.ts";
import type { Client } from "../client/client.ts";
import { MAX_CONCURRENT_RESEALS } from "../limits.ts";
import { ClientExit, type ServerCall } from "./client_command.ts";

/** What became of one entry. */
type Result = "resealed" | "left" | "refused";

/** Runs `reseal [PREFIX]`. */
export async function reseal({ words: [prefix = ""], client, on }: ServerCall): Promise<ClientExit> {
  const activeId = (await client.keys.list()).find(({ isActive }) => isActive)!.id;
  const counts: Record<Result, number> = { resealed: 0, left: 0, refused: 0 };
  let names: string[] = [];
  const resealAll = async () => {
    for (const result of await Promise.all(names.map((name) => resealOne(client, name, activeId)))) counts[result]++;
    names = [];
  };
  for await (const { name, isOpened } of client.scan({ prefix })) {
    if (!isOpened) counts.refused++;
    else if (names.push(name) === MAX_CONCURRENT_RESEALS) await resealAll();
  }
  await resealAll();
  await on.print(utf8(`resealed ${counts.resealed} of ${counts.resealed + counts.left + counts.refused} entries\n`));
  if (counts.refused === 0) return ClientExit.OK;
  on.complain(`entries that do not open with these keys: ${counts.refused}`);
  return ClientExit.INTEGRITY;
}

async function resealOne(client: Client, name: string, activeId: string): Promise<Result> {
  const outcome = await client.open(name);
  if (outcome.status === "missing" || outcome.status === "found" && outcome.keyId === activeId) return "left";
  if (outcome.status !== "found") return "refused";
  // A change that changes nothing stores the value again, with the life that it has left; one that somebody else makes
  // at the same time stays.
  await client.update(name, (value) => value);
  return "resealed";
}
