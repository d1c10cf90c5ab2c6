/**
 * Many connections at once, from one process.
 *
 * @module
 */

const HOSTNAME = "127.0.0.1";
/** Under the system's queue for connections that nobody has accepted yet. */
const AT_ONCE = 100;

/** Does something so many times, a hundred at a time; the results in order. */
export async function times<T>(count: number, one: (i: number) => Promise<T>, atOnce = AT_ONCE): Promise<T[]> {
  const results: T[] = new Array(count);
  let next = 0;
  const takeTurns = async () => {
    while (next < count) {
      const i = next++;
      results[i] = await one(i);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, takeTurns));
  return results;
}

/** Opens so many connections. */
export function connectMany(port: number, count: number): Promise<Deno.TcpConn[]> {
  return times(count, () => Deno.connect({ hostname: HOSTNAME, port }));
}

/** Sends all of it. */
export async function sendAll(connection: Pick<Deno.Conn, "write">, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

/** Reads until the end, however that comes. Returns what came. */
export async function readToEnd(connection: Pick<Deno.Conn, "read">): Promise<number> {
  const buffer = new Uint8Array(64 * 1024);
  let total = 0;
  try {
    for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
      total += count;
    }
  } catch {
    // A reset is an end as well.
  }
  return total;
}

/** Closes what may be closed already. */
export function closeAll(connections: Iterable<Disposable>): void {
  for (const connection of connections) {
    try {
      connection[Symbol.dispose]();
    } catch {
      // Closed before.
    }
  }
}
