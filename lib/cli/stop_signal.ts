/**
 * Ctrl-C and `kill`: the first asks politely, the second insists.
 *
 * @module
 */

/** Exit codes of a process that a signal ended: 128 and the signal's number. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Calls `stop` at the first SIGINT or SIGTERM and ends the process at the second.
 *
 * @returns what gives the signals back
 */
export function onStopSignal(stop: () => void): Disposable {
  let stopping = false;
  const listeners = Object.entries(EXIT_CODES).map(([name, exitCode]) => {
    const listener = () => {
      if (stopping) Deno.exit(exitCode);
      stopping = true;
      stop();
    };
    return [name as keyof typeof EXIT_CODES, listener] as const;
  })
    // Windows has no SIGTERM to listen to.
    .filter(([name]) => Deno.build.os !== "windows" || name === "SIGINT");
  for (const [name, listener] of listeners) Deno.addSignalListener(name, listener);
  return {
    [Symbol.dispose]() {
      for (const [name, listener] of listeners) Deno.removeSignalListener(name, listener);
    },
  };
}
