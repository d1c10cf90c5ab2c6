/**
 * What the policies have in common that keep nothing for an entry.
 *
 * @module
 */

import { Stream } from "../arena.ts";
import type { EvictionHost, EvictionPolicy, PolicyName } from "./policy.ts";

/** A policy that takes no notice of entries until it has to choose one. */
export abstract class UnlistedPolicy implements EvictionPolicy {
  abstract readonly name: PolicyName;
  readonly keepsLinks = false;
  readonly bytes = 0;
  readonly plannedBytes = 0;
  protected readonly host: EvictionHost;

  constructor(host: EvictionHost) {
    this.host = host;
  }

  streamFor(): Stream {
    return Stream.FIRST;
  }

  added(): void {}

  used(): void {}

  removed(): void {}

  moved(): void {}

  evict(): number {
    const address = this.choose();
    return address === 0 ? 0 : this.host.evict(address);
  }

  listed(): undefined {
    return undefined;
  }

  /** The address of the entry that goes next, 0 if none may. */
  protected abstract choose(): number;
}
