/**
 * A server whose entries are kept on a disk of the tests, which fails when it is told to. In one process, on a real port.
 *
 * @module
 */

import { systemClock } from "../../lib/clock.ts";
import type { LogMode } from "../../lib/persistence/append_log.ts";
import { Persistence } from "../../lib/persistence/persistence.ts";
import { serve } from "../../lib/server/serve.ts";
import type { RunningServer, ServeOptions } from "../../lib/server/serve_options.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { FaultDisk } from "./fault_disk.ts";

/** See the module. */
export class KeptServer implements AsyncDisposable {
  readonly disk: FaultDisk;
  readonly persistence: Persistence;
  readonly server: RunningServer;
  /** What an operator was told. */
  readonly lines: string[];

  private constructor(disk: FaultDisk, persistence: Persistence, server: RunningServer, lines: string[]) {
    this.disk = disk;
    this.persistence = persistence;
    this.server = server;
    this.lines = lines;
  }

  /** Opens what the disk holds, and serves it. */
  static async start(
    appendLog: LogMode | "off",
    disk: FaultDisk = new FaultDisk(),
    options: ServeOptions = {},
  ): Promise<KeptServer> {
    const lines: string[] = [];
    const log = (line: string) => void lines.push(line);
    const persistence = await Persistence.open({
      disk,
      engine: new Engine({ clock: systemClock }),
      clock: systemClock,
      appendLog,
      snapshotIntervalMs: 0,
      snapshotChanges: 0,
      keptSnapshots: 2,
      log,
    });
    return new KeptServer(disk, persistence, serve({ ...options, port: 0, persistence, log }), lines);
  }

  get port(): number {
    return this.server.address.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.shutdown({ snapshot: false });
  }
}
