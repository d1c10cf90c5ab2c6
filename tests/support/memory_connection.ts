/**
 * A connection without a network: a session reads exactly the chunks that a test names, in order, and the test has all
 * that was written.
 *
 * @module
 */

import { concat } from "@std/bytes";
import { FakeClock } from "./fake_clock.ts";
import { DIALECT_NAMES, type DialectName } from "../../lib/codec/dialect.ts";
import { ServerState } from "../../lib/commands/server_state.ts";
import { BufferPool } from "../../lib/server/buffer_pool.ts";
import { Session, type SessionContext } from "../../lib/server/session.ts";
import { sessionLimits } from "../../lib/server/session_limits.ts";
import type { Peer, Wire } from "../../lib/server/wire.ts";
import { THIS_MACHINE } from "../../lib/security/peer_network.ts";
import { Engine } from "../../lib/storage/engine.ts";
import type { Store } from "../../lib/storage/store.ts";

/** A wire that delivers chunks and keeps what is written. */
export class MemoryConnection implements Wire {
  readonly kind = "plain";
  readonly identity = undefined;
  readonly peer: Peer = { address: "127.0.0.1:1", localAddress: "127.0.0.1:2", network: THIS_MACHINE };
  readonly #chunks: Uint8Array[];
  readonly #written: Uint8Array[] = [];
  isClosed = false;
  /** Whether the server told that nothing more comes. */
  isWriteClosed = false;

  constructor(chunks: readonly Uint8Array[]) {
    this.#chunks = chunks.filter((chunk) => chunk.length > 0);
  }

  begin(buffer: Uint8Array): Promise<number | null> {
    return this.read(buffer);
  }

  authenticated(): void {}

  read(buffer: Uint8Array): Promise<number | null> {
    const chunk = this.#chunks.shift();
    if (chunk === undefined || this.isClosed) return Promise.resolve(null);
    const part = chunk.subarray(0, buffer.length);
    buffer.set(part);
    if (part.length < chunk.length) this.#chunks.unshift(chunk.subarray(part.length));
    return Promise.resolve(part.length);
  }

  write(bytes: Uint8Array): Promise<number> {
    this.#written.push(bytes.slice());
    return Promise.resolve(bytes.length);
  }

  closeWrite(): Promise<void> {
    this.isWriteClosed = true;
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
  }

  /** All that was written. */
  get written(): Uint8Array {
    return concat(this.#written);
  }
}

/** How a conversation is held. */
export interface TalkOptions {
  /** Default: a new one. */
  readonly engine?: Store;
  /** The dialect that the listener is pinned to; default: told by the first bytes. */
  readonly pinned?: DialectName;
  readonly maxValueBytes?: number;
}

/** Parts of a server that can hold many conversations one after the other. */
export function sessionContext(engine: Store, clock: FakeClock, maxValueBytes: number): {
  context: SessionContext;
  errors: unknown[];
} {
  const errors: unknown[] = [];
  const context: SessionContext = {
    server: new ServerState({
      store: engine,
      clock,
      maxValueBytes,
      port: 2,
      settings: new Map(),
      shutdown: () => {},
      authenticator: undefined,
    }),
    clock,
    buffers: new BufferPool(),
    dialects: new Set(DIALECT_NAMES),
    limits: sessionLimits({}),
    turns: { requests: 0 },
    requiresSecure: false,
    isInsecure: false,
    reportError: (error) => errors.push(error),
    log: () => {},
    pending: undefined,
  };
  return { context, errors };
}

/** Always the same, so that a walk over the keys goes the same way in every conversation. */
const SEED = [1, 2] as const;

/** Serves a session that reads these chunks and then the end. Returns all replies; fails at an internal error. */
export async function talk(chunks: readonly Uint8Array[], options: TalkOptions = {}): Promise<Uint8Array> {
  const clock = new FakeClock();
  const { engine = new Engine({ clock, segmentBytes: 1024, seed: SEED }), pinned, maxValueBytes = 1 << 20 } = options;
  // Nobody tidies here, but an operation may wait for it.
  engine.onWork = () => void setTimeout(() => engine.tidy(1_000), 0);
  const { context, errors } = sessionContext(engine, clock, maxValueBytes);
  const connection = new MemoryConnection(chunks);
  await new Session(connection, context, 1, pinned).run();
  engine.onWork = undefined;
  if (errors.length > 0) throw errors[0];
  return connection.written;
}
