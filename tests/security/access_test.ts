import { assert, assertEquals } from "@std/assert";
import { utf8 } from "../../lib/bytes.ts";
import { Request } from "../../lib/codec/message.ts";
import { OPERATION, type Operation, type OperationName, OPERATIONS } from "../../lib/codec/operations.ts";
import { TOKEN_CLASSES, type TokenClass, TokenScope } from "../../lib/security/access.ts";

/** What the table of operations says of each, written out once more by hand. */
const CLASSES: Readonly<Record<OperationName, string>> = {
  ...each(
    "write",
    "SET ADD REPLACE INCR DECR CAS SETNX SETEX PSETEX MSET MSETNX APPEND SETRANGE INCRBY DECRBY INCRBYFLOAT",
  ),
  ...each(
    "write",
    "DELETE TOUCH CLEAR DEL UNLINK EXPIRE PEXPIRE EXPIREAT PEXPIREAT PERSIST RENAME RENAMENX COPY FLUSHDB FLUSHALL",
  ),
  // They answer with the value that they change.
  ...each("read write", "SWAP TAKE GETEX GETSET GETDEL"),
  ...each(
    "read",
    "GET GETV MGET STRLEN GETRANGE SUBSTR TTL EXISTS SCAN TYPE EXPIRETIME PEXPIRETIME PTTL KEYS RANDOMKEY DBSIZE",
  ),
  ...each("read", "OBJECT STATS INFO TIME MEMORY WATCH SUBSCRIBE PSUBSCRIBE PUBSUB"),
  ...each("admin", "CONFIG SLOWLOG SAVE BGSAVE LASTSAVE BGREWRITEAOF SHUTDOWN DEBUG"),
  ...each("publish", "PUBLISH"),
  ...each("", "PING AUTH HELLO PASS ECHO QUIT SELECT RESET CLIENT ACCENT HELP COMMAND MULTI EXEC DISCARD UNWATCH"),
  ...each("", "UNSUBSCRIBE PUNSUBSCRIBE"),
} as Record<OperationName, string>;

/** What a token with prefixes may never ask for, as it is about all entries. */
const WHOLE = new Set<OperationName>(
  ["RANDOMKEY", "DBSIZE", "FLUSHDB", "FLUSHALL", "STATS", "INFO", "PUBSUB"],
);
/** Words of argument forms whose names are not where the table says, or which say more than names. */
const WORDS: Partial<Record<OperationName, (name: string) => string[]>> = {
  KEYS: (name) => [`${name}*`],
  SCAN: (name) => ["0", "MATCH", `${name}*`],
  PUBLISH: (name) => [name, "message"],
  SUBSCRIBE: (name) => [name, name],
  PSUBSCRIBE: (name) => [`${name}?`, `${name}*`],
  OBJECT: (name) => ["ENCODING", name],
  MEMORY: (name) => ["USAGE", name],
};

function each(classes: string, names: string): Record<string, string> {
  return Object.fromEntries(names.split(" ").map((name) => [name, classes]));
}

function typed(operation: Operation, key: string): Request {
  const request = new Request(), bytes = utf8(key);
  request.opcode = operation.opcode;
  if (operation.takes.key !== false) request.key.point(bytes, 0, bytes.length);
  return request;
}

function argument(operation: Operation, words: readonly string[]): Request {
  const request = new Request();
  request.operation = operation;
  for (const word of words.map(utf8)) request.addWord(word, 0, word.length);
  return request;
}

/** All forms of a request that uses nothing but this name. */
function requestsFor(operation: Operation, name: string): Request[] {
  const requests: Request[] = [];
  if (operation.opcode > 0) requests.push(typed(operation, name));
  if (operation.arity !== 0) {
    const words = WORDS[operation.name]?.(name) ?? Array<string>(Math.abs(operation.arity) + 2).fill(name);
    requests.push(argument(operation, words));
  }
  return requests;
}

function subsets(): TokenClass[][] {
  return Array.from({ length: 16 }, (_, bits) => TOKEN_CLASSES.filter((_, i) => (bits >> i & 1) === 1));
}

Deno.test("every operation is allowed to exactly the tokens that have its classes", () => {
  assertEquals(Object.keys(CLASSES).length, OPERATIONS.length);
  for (const can of subsets()) {
    const scope = new TokenScope(can, []);
    for (const operation of OPERATIONS) {
      const needed = CLASSES[operation.name].split(" ").filter((one) => one !== "");
      const expected = needed.every((one) => can.includes(one as TokenClass))
        ? undefined
        : `this user has no permissions to run the '${operation.name.toLowerCase()}' command`;
      for (const request of requestsFor(operation, "k")) {
        const refusal = scope.refusal(operation, request)?.replace("|k'", "'");
        assertEquals(refusal, expected, `${operation.name} for ${can}`);
      }
    }
  }
});

Deno.test("a token with prefixes is allowed every operation on names under them, and none on others", () => {
  const scope = new TokenScope([...TOKEN_CLASSES], ["app:", "other:"]);
  for (const operation of OPERATIONS) {
    const { name } = operation;
    const isAboutNames = CLASSES[name] !== "" && CLASSES[name] !== "admin" && name !== "TIME";
    for (const key of ["app:", "app:1", "other:app"]) {
      for (const request of requestsFor(operation, key)) {
        const refusal = scope.refusal(operation, request);
        const isWhole = WHOLE.has(name) && (request.opcode === 0 || operation.takes.key === false);
        assertEquals(refusal === undefined, !isWhole, `${name} ${key}: ${refusal}`);
      }
    }
    for (const key of ["", "app", "apq:", "App:1", "xapp:1", "*"]) {
      for (const request of requestsFor(operation, key)) {
        const refusal = scope.refusal(operation, request);
        assertEquals(refusal !== undefined, isAboutNames, `${name} ${key}: ${refusal}`);
      }
    }
  }
});

Deno.test("of several keys every one counts, wherever it stands, and nothing that is no key", () => {
  const scope = new TokenScope([...TOKEN_CLASSES], ["app:"]);
  const isAllowed = (line: string) => {
    const [name, ...words] = line.split(" ");
    return scope.refusal(OPERATION[name as OperationName], argument(OPERATION[name as OperationName], words)) ===
      undefined;
  };
  const allowed = [
    ...[
      "MGET app:1 app:2",
      "MSET app:1 x app:2 y",
      "MSET app:1 secret app:2 secret",
      "DEL app:1",
      "COPY app:1 app:2 DB 0",
    ],
    ...[
      "RENAME app:1 app:2",
      "SET app:1 secret EX 10",
      "WATCH app:1 app:2",
      "OBJECT HELP",
      "MEMORY HELP",
      "EXISTS app:1",
    ],
    ...["SUBSCRIBE app:1 app:2", "PUBLISH app:1 secret", "GETRANGE app:1 0 1", "UNSUBSCRIBE secret", "CLIENT LIST"],
  ];
  for (const line of allowed) assertEquals(isAllowed(line), true, line);
  const refused = [
    ...[
      "MGET app:1 secret",
      "MGET secret app:1",
      "MSET app:1 x secret y",
      "MSET app:1 x app:2 y secret z",
      "DEL app:1 secret",
    ],
    ...["RENAME app:1 secret", "RENAME secret app:1", "COPY app:1 secret", "COPY secret app:1", "WATCH app:1 secret"],
    ...[
      "SUBSCRIBE app:1 secret",
      "PSUBSCRIBE app:* *",
      "OBJECT ENCODING secret",
      "MEMORY USAGE secret",
      "TOUCH app:1 secret",
    ],
    ...["UNLINK app:1 app:2 secret", "EXISTS app:1 secret", "MSETNX app:1 x secret y"],
  ];
  for (const line of refused) assertEquals(isAllowed(line), false, line);
});

Deno.test("a pattern is allowed if all that it matches is under a prefix", () => {
  const scope = new TokenScope(["read"], ["app:", "a*b"]);
  const isAllowed = (name: OperationName, words: string[]) =>
    scope.refusal(OPERATION[name], argument(OPERATION[name], words)) === undefined;
  for (const pattern of ["app:*", "app:", "app:?[x]", "\\app:*", "a\\p\\p\\:*", "app:\\", "a\\*b*", "app:*secret"]) {
    for (const name of ["KEYS", "PSUBSCRIBE"] as const) assertEquals(isAllowed(name, [pattern]), true, pattern);
    assertEquals(isAllowed("SCAN", ["0", "COUNT", "10", "match", pattern, "TYPE", "string"]), true, pattern);
  }
  for (
    const pattern of [
      "*",
      "",
      "app*",
      "app",
      "app?",
      "[a]pp:*",
      "?pp:*",
      "ap[p]:*",
      "a*b",
      "a*",
      "*app:*",
      "\\\\app:*",
      "app\\",
    ]
  ) {
    for (const name of ["KEYS", "PSUBSCRIBE"] as const) assertEquals(isAllowed(name, [pattern]), false, pattern);
    assertEquals(isAllowed("SCAN", ["0", "MATCH", pattern]), false, pattern);
    assertEquals(isAllowed("SCAN", ["0", "MATCH", "app:*", "MATCH", pattern]), false, pattern);
  }
  for (const words of [["0"], ["0", "COUNT", "MATCH"], ["0", "MATCH"], ["MATCH", "app:*"]]) {
    assertEquals(isAllowed("SCAN", words), false, words.join(" "));
  }
});

Deno.test("the binary dialect's SUBSCRIBE is allowed with a last star if what stands before it is under a prefix", () => {
  const scope = new TokenScope(["read"], ["app:", "b*"]);
  const isAllowed = (key: string) => scope.refusal(OPERATION.SUBSCRIBE, typed(OPERATION.SUBSCRIBE, key)) === undefined;
  assertEquals(["app:", "app:*", "app:x*", "b*x", "b**"].map(isAllowed), [true, true, true, true, true]);
  assertEquals(["app*", "ap*", "*", "b*", "app"].map(isAllowed), [false, false, false, false, false]);
});

Deno.test("SET needs reading as well where it answers with the value before, CLIENT administration beyond one's own connection", () => {
  const refusal = (can: TokenClass[], line: string) => {
    const [name, ...words] = line.split(" ");
    return new TokenScope(can, []).refusal(
      OPERATION[name as OperationName],
      argument(OPERATION[name as OperationName], words),
    );
  };
  for (const line of ["SET k v GET", "SET k v EX 1 get", "SET k v XX GET PX 1"]) {
    assertEquals(refusal(["write"], line), "this user has no permissions to run the 'set' command");
    assertEquals(refusal(["read", "write"], line), undefined);
  }
  assertEquals(refusal(["write"], "SET k GET"), undefined, "a value is no option");
  assertEquals(refusal(["write"], "SET GET v"), undefined, "nor is a key");
  for (const line of ["CLIENT LIST", "CLIENT list ID 1", "CLIENT KILL ID 1", "CLIENT kill 10.0.0.1:1"]) {
    const subcommand = line.split(" ")[1]!.toLowerCase();
    assertEquals(
      refusal(["read", "write", "publish"], line),
      `this user has no permissions to run the 'client|${subcommand}' command`,
    );
    assertEquals(refusal(["admin"], line), undefined);
  }
  for (const line of ["CLIENT ID", "CLIENT INFO", "CLIENT SETNAME LIST", "CLIENT HELP"]) {
    assertEquals(refusal(["read"], line), undefined);
  }
});

Deno.test("covers() says whether a scope allows all that another does", () => {
  const scope = (classes: string, ...prefixes: string[]) =>
    new TokenScope(classes.split(" ") as TokenClass[], prefixes);
  const yes = [
    [scope("read"), scope("read")],
    [scope("read write"), scope("write")],
    [scope("read"), scope("read", "a")],
    [scope("read", "a"), scope("read", "a", "ab", "abc")],
    [scope("read", "b", "a"), scope("read", "a")],
  ] as const;
  for (const [wide, narrow] of yes) assertEquals(wide.covers(narrow), true);
  const no = [
    [scope("read"), scope("write")],
    [scope("read write publish"), scope("read admin", "a")],
    [scope("read", "a"), scope("read")],
    [scope("read", "ab"), scope("read", "a")],
    [scope("read", "a"), scope("read", "a", "b")],
  ] as const;
  for (const [wide, narrow] of no) assertEquals(wide.covers(narrow), false);
});

Deno.test("only a scope of all classes and no prefixes is everything", () => {
  for (const can of subsets()) {
    assertEquals(new TokenScope(can, []).isEverything, can.length === TOKEN_CLASSES.length);
    assert(!new TokenScope(can, ["a"]).isEverything);
  }
});
