/**
 * What is to go wrong with the calls of a disk: which of them fail, write short or wait.
 *
 * @module
 */

/** What a call does; `appendSync` and `syncSync` are "append" and "sync" too. */
export type DiskOperation =
  | "list"
  | "create"
  | "openAppend"
  | "openRead"
  | "rename"
  | "remove"
  | "syncDirectory"
  | "lock"
  | "size"
  | "read"
  | "append"
  | "sync"
  | "truncate";

/** A call as it is asked for. */
export interface AskedCall {
  readonly operation: DiskOperation;
  /** The file it is made on, by the name that the file has then; "" for the directory. */
  readonly name: string;
  /** Of a rename: the new name. */
  readonly to?: string;
  /** Of an append and a read: how many bytes are asked for. Of a truncate: the length. */
  readonly bytes?: number;
}

/** A call that was made. */
export interface DiskCall extends AskedCall {
  /** Which call of its disk it is, from 1. */
  readonly number: number;
  /** "under way", "done", or the code of its error. */
  outcome: string;
}

/** The call with this number, or every call of which this is true. */
export type WhichCall = number | ((call: DiskCall) => boolean);

/** Errors that a disk has. */
export type FaultCode = "EACCES" | "EDQUOT" | "EIO" | "EMFILE" | "ENOSPC" | "EROFS";

/** How calls fail. */
export interface FailOptions {
  /** Whether all calls behind the numbered one fail too. */
  readonly onward?: boolean;
  /**
   * Whether a failing sync loses what it should have written, as it does on Linux: the next sync succeeds, and has not
   * written it either.
   */
  readonly dropsUnsynced?: boolean;
}

/** Something that goes wrong, from the moment it is planned until it is lifted. */
export interface Fault {
  /** How many calls it has met. */
  readonly met: number;
  /** Let it be well again. */
  lift(): void;
}

/** Calls that wait until it is lifted. */
export interface Hold extends Fault {
  /** Settles when a call waits. */
  readonly reached: Promise<void>;
}

/** What goes wrong with one call. */
export interface Trouble {
  readonly error?: FaultCode;
  readonly dropsUnsynced: boolean;
  readonly isShort: boolean;
  readonly held: readonly Promise<void>[];
}

interface Planned {
  readonly which: WhichCall;
  readonly options: FailOptions;
  readonly error?: FaultCode;
  readonly isShort?: boolean;
  readonly held?: Promise<void>;
  readonly onMet?: () => void;
  met: number;
}

/** All faults that are planned for one disk. */
export class DiskFaults {
  #planned: Planned[] = [];

  fail(which: WhichCall, error: FaultCode, options: FailOptions): Fault {
    return this.#plan({ which, error, options, met: 0 });
  }

  shorten(which: WhichCall, options: FailOptions): Fault {
    return this.#plan({ which, isShort: true, options, met: 0 });
  }

  hold(which: WhichCall): Hold {
    const reached = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    const planned = { which, held: held.promise, onMet: reached.resolve, options: {}, met: 0 };
    const fault = this.#plan(planned);
    return {
      reached: reached.promise,
      get met() {
        return planned.met;
      },
      lift() {
        fault.lift();
        held.resolve();
      },
    };
  }

  /** What this call meets. */
  meet(call: DiskCall): Trouble {
    const faults = this.#planned.filter((planned) => meets(planned, call));
    for (const fault of faults) {
      fault.met++;
      fault.onMet?.();
    }
    const failing = faults.find(({ error }) => error !== undefined);
    return {
      ...failing?.error === undefined ? {} : { error: failing.error },
      dropsUnsynced: failing?.options.dropsUnsynced ?? false,
      isShort: faults.some(({ isShort }) => isShort),
      held: faults.flatMap(({ held }) => held ?? []),
    };
  }

  #plan(planned: Planned): Fault {
    this.#planned.push(planned);
    return {
      get met() {
        return planned.met;
      },
      lift: () => void (this.#planned = this.#planned.filter((other) => other !== planned)),
    };
  }
}

function meets({ which, options, isShort }: Planned, call: DiskCall): boolean {
  // Half of one byte is none, and an append of none is an error of the disk.
  if (isShort && !(call.operation === "append" && call.bytes! > 1)) return false;
  if (typeof which === "function") return which(call);
  return options.onward ? call.number >= which : call.number === which;
}

const SYSTEM_ERRORS: Record<string, [message: string, number: number, type: new (message: string) => Error]> = {
  EACCES: ["Permission denied", 13, Deno.errors.PermissionDenied],
  EDQUOT: ["Disk quota exceeded", 122, Error],
  EEXIST: ["File exists", 17, Deno.errors.AlreadyExists],
  EIO: ["Input/output error", 5, Error],
  EMFILE: ["Too many open files", 24, Error],
  ENOENT: ["No such file or directory", 2, Deno.errors.NotFound],
  ENOSPC: ["No space left on device", 28, Error],
  EROFS: ["Read-only file system", 30, Error],
};

/** An error as Deno gives it for one of the system. */
export function systemError(code: FaultCode | "EEXIST" | "ENOENT", what: string): Error {
  const [message, number, type] = SYSTEM_ERRORS[code]!;
  return Object.assign(new type(`${message} (os error ${number}): ${what}`), { code });
}

/** An error of the program that uses the disk. It fails the test even where the program catches whatever a disk throws. */
export function misuse(message: string): Error {
  const error = new TypeError(message);
  queueMicrotask(() => reportError(error));
  return error;
}
