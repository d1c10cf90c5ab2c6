/**
 * Sound commands of each dialect, chosen at random over a few keys, for pipelines.
 *
 * @module
 */

import { utf8 } from "../../lib/bytes.ts";
import { frame } from "../support/cm_frame.ts";
import type { Random } from "../support/random.ts";
import { command } from "../support/resp_frame.ts";
import { frameOf } from "./stash_surface.ts";
import { quote } from "./text_surface.ts";

/** A command of the conversation's dialect, as it is sent. */
export function randomCommand(name: string, random: Random): Uint8Array {
  const key = `key${random.below(8)}`, number = `number${random.below(4)}`;
  const value = random.bytes(random.below(20) === 0 ? random.below(5_000) : random.below(40));
  const choice = random.below(8);
  switch (name) {
    case "CM":
      return [
        () => frame({ opcode: 1, key, value }),
        () => frame({ opcode: 2, key }),
        () => frame({ opcode: 3, key }),
        () => frame({ opcode: 4, value }),
        () => frame({ opcode: 14, key: number }),
        () => frame({ opcode: 8, key, value, ttl: 5_000_000n }),
        () => frame({ opcode: 13, key }),
        () => frame({ opcode: 18, value: new Uint8Array(12) }),
      ][choice]!();
    case "text":
    case "gocache":
      return utf8(
        [
          () => `SET ${key} ${quote(value)}\n`,
          () => `GET ${key}\r\n`,
          () => `DEL ${key}\n`,
          () => `PING ${quote(value)}\n`,
          () => `INCR ${number}\n`,
          () => `SET ${key} ${quote(value)} PX 5000 GET\n`,
          () => `EXISTS ${key} ${number}\n`,
          () => `\n`,
        ][choice]!(),
      );
    case "stash":
      return [
        () => frameOf("SET", key, value),
        () => frameOf("GET", key),
        () => frameOf("DEL", key),
        () => frameOf("INC", number),
        () => frameOf("DEC", number),
        () => frameOf("INC", key),
        () => frameOf("GET", value),
        () => frameOf("SET", "k", key),
      ][choice]!();
    default:
      return [
        () => command("SET", key, value),
        () => command("GET", key),
        () => command("DEL", key, number),
        () => command("ECHO", value),
        () => command("INCR", number),
        () => command("APPEND", key, value),
        () => command("MGET", key, number, "nothing"),
        () => utf8(`EXISTS ${key}\r\n`),
      ][choice]!();
  }
}
