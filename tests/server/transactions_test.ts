// Transactions of many connections at once.

import { assertEquals } from "@std/assert";
import { serve } from "../../lib/server/serve.ts";
import { canListen } from "../support/permissions.ts";
import { RespConnection } from "../support/redis_server.ts";
import { textOf } from "../../lib/bytes.ts";

const CONNECTIONS = 50;
const ROUNDS = 20;

async function eachConnection(port: number, run: (connection: RespConnection) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    using connection = await RespConnection.connect(port);
    await run(connection);
  }));
}

Deno.test("EXEC is undivided: two counters never differ inside of one", { ignore: !canListen }, async () => {
  await using server = serve({ port: 0 });
  await eachConnection(server.address.port, async (connection) => {
    for (let i = 0; i < ROUNDS; i++) {
      // Each command goes by itself, so that the connections' commands come in between.
      for (const words of [["MULTI"], ["INCR", "a"], ["MGET", "a", "b"], ["INCR", "b"]]) await connection.ask([words]);
      const [answer] = await connection.ask([["EXEC"]]);
      // [a, [a, b before], b]: with nothing in between, all of them fit together.
      const [a, a2, b, b2] = textOf(answer!).match(/(?<=:)\d+|(?<=\$\d+\r\n)\d+/g)!.map(Number);
      const numbers = i === 0 && b2 === undefined ? [a, a2, b, 0] : [a, a2, b2, b! + 1];
      assertEquals(numbers, [a, a, a, b2 === undefined ? 0 : a], textOf(answer!));
    }
  });
  using connection = await RespConnection.connect(server.address.port);
  const [a, b] = (await connection.ask([["GET", "a"], ["GET", "b"]])).map(textOf);
  assertEquals([a, b], Array(2).fill(`$4\r\n${CONNECTIONS * ROUNDS}\r\n`));
});

Deno.test("WATCH, read, MULTI, write, EXEC until it holds: no increment is lost", { ignore: !canListen }, async () => {
  await using server = serve({ port: 0 });
  await eachConnection(server.address.port, async (connection) => {
    for (let done = 0; done < 2;) {
      const [, value] = await connection.ask([["WATCH", "n"], ["GET", "n"]]);
      const n = Number(textOf(value!).split("\r\n")[1] || 0);
      const answers = await connection.ask([["MULTI"], ["SET", "n", String(n + 1)], ["EXEC"]]);
      if (textOf(answers[2]!) === "*1\r\n+OK\r\n") done++;
      else assertEquals(textOf(answers[2]!), "*-1\r\n");
    }
  });
  using connection = await RespConnection.connect(server.address.port);
  const [n] = await connection.ask([["GET", "n"]]);
  assertEquals(textOf(n!), `$3\r\n${CONNECTIONS * 2}\r\n`);
});
