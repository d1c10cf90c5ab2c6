/**
 * A server without sockets: callers ask in RESP and get what would go over the wire, parsed.
 *
 * @module
 */

import { INVALID, Request, Response } from "../../lib/codec/message.ts";
import { RespDialect } from "../../lib/codec/resp.ts";
import { encodePush } from "../../lib/codec/resp_reply.ts";
import { ClientState } from "../../lib/commands/client_state.ts";
import { execute } from "../../lib/commands/execute.ts";
import { ServerState } from "../../lib/commands/server_state.ts";
import { Authentication } from "../../lib/security/authentication.ts";
import type { Token } from "../../lib/security/token.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { textOf } from "../../lib/bytes.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { command } from "../support/resp_frame.ts";
import { parseReply, RespError, RespPush, type RespValue } from "../support/resp_parser.ts";

/** A reply or a push, its bytes as text and its errors as `-…`. */
export type Answer = null | number | boolean | string | Answer[];

const MAX_VALUE_BYTES = 1 << 20;

/** What callers talk to. */
export class TestServer {
  readonly clock: FakeClock = new FakeClock();
  readonly engine: Engine = new Engine({ clock: this.clock, segmentBytes: 1024 });
  readonly state: ServerState;
  readonly authentication: Authentication | undefined;
  /** How often the server was told to end. */
  shutdowns = 0;

  /** @param options with a password or tokens, connections are asked who they are; nothing slow is done for that */
  constructor(options: { password?: string; tokens?: readonly Token[] } = {}) {
    const { password, tokens } = options;
    if (password !== undefined || tokens !== undefined) {
      this.authentication = new Authentication({
        ...password !== undefined &&
          { password: { verify: (given: Uint8Array) => Promise.resolve(textOf(given) === password) } },
        ...tokens !== undefined && { tokens },
      });
    }
    this.state = new ServerState({
      store: this.engine,
      clock: this.clock,
      maxValueBytes: MAX_VALUE_BYTES,
      port: 7,
      settings: new Map([["eviction", "s3-fifo"]]),
      shutdown: () => void this.shutdowns++,
      authenticator: this.authentication,
    });
  }

  /** A new connection. */
  connect(options: { isSecure?: boolean } = {}): Caller {
    return new Caller(this, options);
  }
}

/** One connection. */
export class Caller {
  readonly client: ClientState;
  readonly #server: TestServer;
  readonly #dialect: RespDialect;
  /** Pushes that came and were not taken, RESP2's too. */
  #pushes: Answer[] = [];
  isKilled = false;

  constructor(server: TestServer, { isSecure = true }: { isSecure?: boolean } = {}) {
    this.#server = server;
    const { clients } = server.state;
    this.client = new ClientState({
      id: clients.size + 1,
      address: `10.0.0.1:${clients.size + 1}`,
      localAddress: "10.0.0.2:7",
      network: "10.0.0.1",
      isSecure,
      nowMs: server.clock.nowMs(),
      push: (push) => this.#pushes.push(answerOf(parseReply(encodePush(push, this.client.respVersion)))),
      kill: () => {
        this.isKilled = true;
        clients.delete(this.client.id);
        this.client.end();
      },
    });
    this.client.dialect = "resp";
    clients.set(this.client.id, this.client);
    this.#dialect = new RespDialect(MAX_VALUE_BYTES, this.client);
  }

  /** Asks and gives the answer, `undefined` if there is none. Throws if it is not there at once. */
  ask(...words: (string | number)[]): Answer | undefined {
    const { answer, waiting } = this.#begin(words);
    if (waiting !== undefined) throw new Error(`${words[0]} has to wait`);
    return answer();
  }

  /** The same for what may have to wait. */
  async askLater(...words: (string | number)[]): Promise<Answer | undefined> {
    const { answer, waiting } = this.#begin(words);
    await waiting;
    return answer();
  }

  /** Asks and gives what is left of the request where it was received, as a text. */
  async askBytes(...words: string[]): Promise<string> {
    const { waiting, bytes } = this.#begin(words);
    await waiting;
    return textOf(bytes);
  }

  /** Takes all pushes that have come. */
  takePushes(): Answer[] {
    const pushes = this.#pushes;
    this.#pushes = [];
    return pushes;
  }

  #begin(
    words: readonly (string | number)[],
  ): { answer: () => Answer | undefined; waiting: void | Promise<void>; bytes: Uint8Array } {
    const bytes = command(...words);
    const request = new Request(), response = new Response();
    if (this.#dialect.decode(bytes, 0, bytes.length, request) === INVALID) throw new Error("invalid request");
    const context = { store: this.#server.engine, server: this.#server.state, client: this.client };
    const waiting = execute(request, response, context, (error) => {
      throw error;
    });
    return {
      waiting,
      bytes,
      answer: () => {
        if (response.isSilent) return undefined;
        const output = new Uint8Array(this.#dialect.encodedBytes(response));
        const end = this.#dialect.encode(response, request, output, 0);
        return answerOf(parseReply(output.subarray(0, end)));
      },
    };
  }
}

function answerOf(value: RespValue): Answer {
  if (value instanceof RespError) return `-${value.text}`;
  if (value instanceof RespPush) return value.items.map(answerOf);
  if (value instanceof Uint8Array) return textOf(value);
  if (value instanceof Map) return [...value].flat().map(answerOf);
  if (value instanceof Set) return [...value].map(answerOf);
  if (Array.isArray(value)) return value.map(answerOf);
  return typeof value === "bigint" ? Number(value) : value;
}
