/**
 * Which dialect a connection speaks, by its first bytes (PROTOCOL.md). Adding a dialect is its file, a line among the
 * makers here, and a line where its first bytes are told from others.
 *
 * @module
 */

import { CmDialect } from "./cm.ts";
import type { Agreed, Dialect, DialectName } from "./dialect.ts";
import { RespDialect } from "./resp.ts";
import { STASH_STARTS, StashDialect } from "./stash.ts";
import { TextDialect } from "./text.ts";

const MAKERS: Readonly<Record<DialectName, (maxValueBytes: number, agreed: Agreed) => Dialect>> = {
  cm: (maxValueBytes) => new CmDialect(maxValueBytes),
  text: (maxValueBytes, agreed) => new TextDialect(maxValueBytes, agreed),
  gocache: (maxValueBytes, agreed) => new TextDialect(maxValueBytes, agreed),
  stash: (maxValueBytes) => new StashDialect(maxValueBytes),
  resp: (maxValueBytes, agreed) => new RespDialect(maxValueBytes, agreed),
};

/** Dialects that remember nothing of a connection: one serves all that have the same limit. */
const STATELESS: readonly DialectName[] = ["cm", "stash"];
const shared = new Map<string, Dialect>();

/** A dialect for one connection. */
export function createDialect(name: DialectName, maxValueBytes: number, agreed: Agreed): Dialect {
  if (!STATELESS.includes(name)) return MAKERS[name](maxValueBytes, agreed);
  const key = `${name} ${maxValueBytes}`;
  let dialect = shared.get(key);
  if (dialect === undefined) shared.set(key, dialect = MAKERS[name](maxValueBytes, agreed));
  return dialect;
}

const STAR = 0x2a;
const TLS_HANDSHAKE = 0x16;
const CHANNEL_HELLO = 0xe0;
const CM_START = "CM";

/** What a connection can begin with: a dialect, or a wire in which there will be one. */
export type Beginning = DialectName | "tls" | "channel" | "incomplete";

/** The dialect of a connection that began with these bytes. */
export function detect(bytes: Uint8Array, start: number, end: number): Beginning {
  if (end === start) return "incomplete";
  if (bytes[start] === STAR) return "resp";
  if (bytes[start] === TLS_HANDSHAKE) return "tls";
  if (bytes[start] === CHANNEL_HELLO) return "channel";
  const given = String.fromCharCode(...bytes.subarray(start, Math.min(end, start + 4)));
  if (given.startsWith(CM_START)) return "cm";
  if (STASH_STARTS.includes(given)) return "stash";
  const mayBecome = [CM_START, ...STASH_STARTS].some((text) => text.startsWith(given));
  return mayBecome ? "incomplete" : "text";
}
