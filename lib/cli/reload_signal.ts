/**
 * SIGHUP: read again what can be changed while the server runs.
 *
 * @module
 */

/**
 * Calls `reload` at each SIGHUP, one call after the other.
 *
 * @param reload never rejects
 * @returns what gives the signal back
 */
export function onReloadSignal(reload: () => Promise<void>): Disposable {
  // Windows has no such signal.
  if (Deno.build.os === "windows") return { [Symbol.dispose]() {} };
  let last = Promise.resolve();
  const listener = () => void (last = last.then(reload));
  Deno.addSignalListener("SIGHUP", listener);
  return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGHUP", listener) };
}
