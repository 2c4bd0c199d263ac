import { SimulatorError } from "./error.js";

/**
 * Where a simulator's state is kept beyond its process: an append-only text, one JSON value a line. The lines hold keys
 * and secrets. `gwop-simulator --state FILE` keeps them in a file.
 *
 * The simulator calls one method at a time, and answers only after it has resolved.
 */
export interface SimulatorJournal {
  /** What was kept so far; without it the simulator is a new one. A last line without an end is left out. */
  readonly kept?: Uint8Array | undefined;
  /** Appends whole lines. Resolves when they outlive the process. */
  append(lines: string): Promise<void>;
  /** Puts a snapshot in place of everything before, or nothing of it. Resolves when it outlives the process. */
  replace(snapshot: string): Promise<void>;
}

/** How many characters of lines follow a snapshot, at least, before there is another. */
const LEAST_LINES = 4 << 20;

/** Writes a journal: what comes while it writes goes out together. */
export class JournalWriter {
  readonly #journal: SimulatorJournal;
  readonly #snapshot: () => string;
  #lines = "";
  #length = 0;
  #limit = LEAST_LINES;
  #anew = true;
  #writing: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  /** @param snapshot All that happened so far, as the lines that a journal begins with. */
  constructor(journal: SimulatorJournal, snapshot: () => string) {
    this.#journal = journal;
    this.#snapshot = snapshot;
  }

  /** Takes lines, to be written soon. */
  add(lines: string): void {
    this.#lines += lines;
    this.#plan();
  }

  /** Writes a snapshot in place of the lines. */
  compact(): Promise<void> {
    this.#anew = true;
    return this.#plan();
  }

  /** Resolves when all that was taken is written. */
  written(): Promise<void> {
    return this.#next ?? this.#writing;
  }

  #plan(): Promise<void> {
    if (this.#next) return this.#next;
    const next = this.#writing.then(() => {
      this.#writing = next;
      this.#next = undefined;
      return this.#write();
    });
    // Whoever asks is told.
    next.catch(() => {});
    this.#next = next;
    return next;
  }

  async #write(): Promise<void> {
    const lines = this.#lines;
    this.#lines = "";
    this.#length += lines.length;
    try {
      if (this.#anew || this.#length > this.#limit) {
        this.#anew = false;
        const snapshot = this.#snapshot();
        this.#length = 0;
        this.#limit = Math.max(LEAST_LINES, snapshot.length);
        await this.#journal.replace(snapshot);
      } else {
        await this.#journal.append(lines);
      }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new SimulatorError(
        "INTERNAL_ERROR",
        `the state could not be kept, and nothing more is answered: ${message}`,
      );
    }
  }
}
