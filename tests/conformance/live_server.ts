/**
 * A server whose entries live by a clock that the test turns, while everything else about it runs by the machine's: it
 * tidies, and cuts connections, without being told.
 *
 * @module
 */

import { type Clock, systemClock } from "../../lib/clock.ts";
import { serve } from "../../lib/server/serve.ts";
import type { RunningServer, ServeOptions } from "../../lib/server/serve_options.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** One engine behind one server. */
export class LiveServer implements AsyncDisposable {
  /** The time that entries live by. */
  readonly clock: FakeClock = new FakeClock();
  readonly engine: Engine;
  readonly server: RunningServer;
  /** What the server had to log: an internal error fails the test. */
  readonly lines: string[] = [];

  constructor(options: Pick<ServeOptions, "sealedOnly"> = {}) {
    const { clock } = this;
    const turned: Clock = {
      nowMs: () => clock.nowMs(),
      wallMs: () => clock.wallMs(),
      schedule: (delayMs, callback) => systemClock.schedule(delayMs, callback),
    };
    this.engine = new Engine({ clock });
    const log = (line: string) => void this.lines.push(line);
    this.server = serve({ ...options, port: 0, store: this.engine, clock: turned, log });
  }

  get address(): Deno.NetAddr {
    return this.server.address;
  }

  /** Empties the store. */
  async clear(): Promise<void> {
    await this.engine.clear(new Uint8Array(0));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.shutdown();
  }
}
