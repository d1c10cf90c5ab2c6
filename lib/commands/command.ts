/**
 * What a handler is given and what it is.
 *
 * @module
 */

import type { Request, Response } from "../codec/message.ts";
import type { Store } from "../storage/store.ts";
import type { ClientState } from "./client_state.ts";
import type { ServerState } from "./server_state.ts";

/** What handlers work with besides the request. */
export interface CommandContext {
  readonly store: Store;
  readonly server: ServerState;
  readonly client: ClientState;
}

/**
 * Carries out one operation. The request is sound: its dialect has checked what the typed form takes, or the number of
 * words. May throw CryptomemError with a wire code. Only what has to wait returns a promise; the connection's next
 * request waits with it.
 */
export type Handler = (request: Request, response: Response, context: CommandContext) => void | Promise<void>;
