/**
 * The names in a directory as a machine has them: those that processes see, and those on the disk. A name that was
 * given, changed or removed since the directory was synced may have reached the disk or not, whatever became of the
 * file's bytes.
 *
 * @module
 */
import type { CachedFile } from "./cached_file.ts";
import type { Random } from "./random.ts";

type NameChange =
  | { readonly kind: "add"; readonly name: string; readonly file: CachedFile }
  | { readonly kind: "rename"; readonly name: string; readonly to: string; readonly file: CachedFile }
  | { readonly kind: "remove"; readonly name: string };

/** What a sync of the directory will have made durable when it ends. */
export type NamesSyncPoint = ReadonlySet<unknown>;

/** A directory that is kept in memory twice. */
export class CachedNames {
  #seen = new Map<string, CachedFile>();
  #durable = new Map<string, CachedFile>();
  /** What was changed since the last sync, in order. */
  #changes: NameChange[] = [];

  /** What processes see. */
  get seen(): ReadonlyMap<string, CachedFile> {
    return this.#seen;
  }

  /** What is certain to be on the disk. */
  get durable(): ReadonlyMap<string, CachedFile> {
    return this.#durable;
  }

  /** Give a durable name at once. */
  put(name: string, file: CachedFile): void {
    this.#seen.set(name, file);
    this.#durable.set(name, file);
  }

  add(name: string, file: CachedFile): void {
    this.#change({ kind: "add", name, file });
  }

  rename(name: string, to: string, file: CachedFile): void {
    if (name !== to) this.#change({ kind: "rename", name, to, file });
  }

  remove(name: string): void {
    this.#change({ kind: "remove", name });
  }

  /** What a sync that begins now covers. */
  beginSync(): NamesSyncPoint {
    return new Set(this.#changes);
  }

  /** The sync has ended well. */
  endSync(point: NamesSyncPoint): void {
    for (const change of this.#changes) if (point.has(change)) apply(change, this.#durable);
    this.#changes = this.#changes.filter((change) => !point.has(change));
  }

  /** The names after a power cut in the middle of the system's writing, which `random` decides about. */
  someWritten(random: Random): Map<string, CachedFile> {
    const found = new Map(this.#durable);
    // A file system with a journal keeps the first so many changes, a simpler one any of them.
    const isJournaled = random.below(2) === 0;
    const kept = random.below(this.#changes.length + 1);
    this.#changes.forEach((change, index) => {
      if (isJournaled ? index < kept : random.below(2) === 0) apply(change, found);
    });
    return found;
  }

  /** The same directory in the same state, with clones of its files. */
  clone(): CachedNames {
    const clones = new Map<CachedFile, CachedFile>();
    const cloned = (file: CachedFile): CachedFile => {
      const clone = clones.get(file) ?? file.clone();
      clones.set(file, clone);
      return clone;
    };
    const copy = new CachedNames();
    for (const [name, file] of this.#seen) copy.#seen.set(name, cloned(file));
    for (const [name, file] of this.#durable) copy.#durable.set(name, cloned(file));
    copy.#changes = this.#changes.map((change) =>
      change.kind === "remove" ? change : { ...change, file: cloned(change.file) }
    );
    return copy;
  }

  #change(change: NameChange): void {
    apply(change, this.#seen);
    this.#changes.push(change);
  }
}

function apply(change: NameChange, names: Map<string, CachedFile>): void {
  if (change.kind === "add") return void names.set(change.name, change.file);
  if (change.kind === "remove") return void names.delete(change.name);
  // Also where an earlier rename of the same file was lost, a file has one name only.
  for (const [name, file] of names) if (file === change.file) names.delete(name);
  names.set(change.to, change.file);
}
