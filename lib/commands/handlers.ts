/**
 * What every operation means: the handlers of all groups, by name. A handler does not know which dialect asked.
 *
 * @module
 */

import type { ArgumentName } from "../codec/operations.ts";
import type { Handler } from "./command.ts";
import { CONNECTION_HANDLERS } from "./connection.ts";
import { GENERIC_HANDLERS } from "./generic.ts";
import { PUBSUB_HANDLERS } from "./pubsub.ts";
import { SERVER_HANDLERS } from "./server.ts";
import { STRING_HANDLERS } from "./strings.ts";
import { TRANSACTION_HANDLERS } from "./transactions.ts";

export { TYPED_HANDLERS } from "./typed.ts";

/** One for each operation with an argument form. */
export const ARGUMENT_HANDLERS = {
  ...STRING_HANDLERS,
  ...GENERIC_HANDLERS,
  ...CONNECTION_HANDLERS,
  ...SERVER_HANDLERS,
  ...TRANSACTION_HANDLERS,
  ...PUBSUB_HANDLERS,
} satisfies Record<ArgumentName, Handler>;
