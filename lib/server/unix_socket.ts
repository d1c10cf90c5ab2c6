/**
 * Listening on a unix socket: a file that whoever may write to it can connect to.
 *
 * @module
 */

import { DEFAULT_UNIX_MODE } from "../limits.ts";

/** A unix socket to listen on. */
export interface UnixOptions {
  /** Where the socket is made. One that nobody listens on any more is replaced. */
  readonly path: string;
  /** Who may connect, as for files. Default 0o600: the user that the server runs as. */
  readonly mode?: number;
}

/**
 * Listens. When the listener is closed, the socket is gone.
 *
 * @throws Deno.errors.AddrInUse if somebody listens there or something else is there; or what `Deno.listen` throws
 */
export async function listenUnix({ path, mode = DEFAULT_UNIX_MODE }: UnixOptions): Promise<Deno.UnixListener> {
  let listener: Deno.UnixListener;
  try {
    listener = listenPrivately(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse) || !await isStale(path)) throw error;
    await Deno.remove(path);
    listener = listenPrivately(path);
  }
  try {
    await Deno.chmod(path, mode);
  } catch (error) {
    listener.close();
    throw error;
  }
  return listener;
}

/** What a server leaves that did not come to closing it. */
async function isStale(path: string): Promise<boolean> {
  if (!(await Deno.lstat(path)).isSocket) return false;
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return false;
  } catch (error) {
    return error instanceof Deno.errors.ConnectionRefused;
  }
}

/** Nobody else can connect before the mode is set, where the process may see to that; else the system's mask decides. */
function listenPrivately(path: string): Deno.UnixListener {
  const maySetMask = Deno.permissions.querySync({ name: "sys", kind: "umask" as "uid" }).state === "granted";
  const mask = maySetMask ? Deno.umask(0o177) : undefined;
  try {
    return Deno.listen({ transport: "unix", path });
  } finally {
    if (mask !== undefined) Deno.umask(mask);
  }
}
