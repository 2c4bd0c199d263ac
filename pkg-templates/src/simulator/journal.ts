import { SimulatorError } from "./error.js";

/**
 * Keeps a simulator's state beyond its process, as an append-only text with one JSON value per
 * line. The lines contain keys and secrets. `gwop-simulator --state FILE` keeps them in a file.
 *
 * The simulator calls one method at a time, and responds only after it has resolved.
 */
export interface SimulatorJournal {
  /**
   * The lines that were kept. Without it, the simulator starts new. An incomplete last line is
   * ignored.
   */
  readonly kept?: Uint8Array | undefined;
  /** Appends whole lines. Resolves when they are durable. */
  append(lines: string): Promise<void>;
  /**
   * Replaces everything before by a snapshot, atomically. Resolves when the snapshot is durable.
   */
  replace(snapshot: string): Promise<void>;
}

/** The fewest characters of lines between two snapshots. */
const LEAST_LINES = 4 << 20;

/** Writes a journal. Lines that arrive during a write go out together in the next one. */
export class JournalWriter {
  readonly #journal: SimulatorJournal;
  readonly #snapshot: () => string;
  #lines = "";
  #length = 0;
  #limit = LEAST_LINES;
  #anew = true;
  #writing: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  /** @param snapshot Returns everything that happened so far, as the first lines of a journal. */
  constructor(journal: SimulatorJournal, snapshot: () => string) {
    this.#journal = journal;
    this.#snapshot = snapshot;
  }

  /** Takes lines, to write them soon. */
  add(lines: string): void {
    this.#lines += lines;
    this.#plan();
  }

  /** Replaces the lines by a snapshot. */
  compact(): Promise<void> {
    this.#anew = true;
    return this.#plan();
  }

  /** Resolves when all lines are written. */
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
    // Callers receive the error from the returned promise.
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
