import { invalid, numberOf } from "./input.js";

/** The last millisecond of the year 9999: the latest time that a time stamp can contain. */
export const MAX_TIME_MS = 253_402_300_799_999;

/** The most milliseconds that {@link SimulatorClock.advance} accepts: about 31 years. */
const MAX_ADVANCE_MS = 1e12;

/** The difference between a clock and the real time, in milliseconds. */
export interface ClockState {
  /** How far the clock is ahead, unless it is frozen. */
  offsetMs: number;
  /** The time at which the clock is frozen. */
  frozenAt: number | null;
}

/**
 * The clock of a simulator. It shows the real time until you move or freeze it.
 *
 * Lifetimes, expiry, retries and the time stamps in bodies follow it. What a receiver compares with
 * its own clock keeps to the real time: the `t` of webhook signatures, `iat` and `exp` of tokens,
 * `validAfter` and `validBefore` of x402 payments. The block hashes of Solana challenges follow
 * this clock.
 */
export class SimulatorClock {
  #offset = 0;
  #frozenAt: number | undefined;
  readonly #wall: () => number;
  readonly #moved: () => Promise<void>;
  readonly #changed: (state: ClockState) => void;

  /** @internal */
  constructor(
    wall: () => number,
    moved: () => Promise<void>,
    changed: (state: ClockState) => void,
    kept?: ClockState,
  ) {
    this.#wall = wall;
    this.#moved = moved;
    this.#changed = changed;
    this.#offset = kept?.offsetMs ?? 0;
    this.#frozenAt = kept?.frozenAt ?? undefined;
  }

  /** The time in milliseconds since 1970. */
  now(): number {
    return this.#frozenAt ?? this.#wall() + this.#offset;
  }

  /** Whether the clock stands still. */
  get frozen(): boolean {
    return this.#frozenAt !== undefined;
  }

  /**
   * Moves the clock forward. Resolves when everything that became due has happened: invoices
   * expired, payments settled, webhooks attempted once.
   *
   * @throws SimulatorError `INVALID_OPTION` if `ms` is not a number from 0 to 1e12, or leads past
   * the year 9999.
   */
  async advance(ms: number): Promise<void> {
    this.#move(advanced(this.now(), ms, "ms"));
    await this.#moved();
  }

  /**
   * Sets the clock to a time. It continues from there, or stands still if it is frozen. Resolves as
   * {@link advance}.
   *
   * @throws SimulatorError `INVALID_OPTION` if `time` is not in the years 1970 to 9999.
   */
  async set(time: Date | number | string): Promise<void> {
    this.#move(timeOf(time, "time"));
    await this.#moved();
  }

  /** Freezes the clock. */
  freeze(): void {
    this.#frozenAt = this.now();
    this.#tell();
  }

  /** Lets the clock continue from its current time. */
  resume(): void {
    if (this.#frozenAt === undefined) return;
    this.#offset = this.#frozenAt - this.#wall();
    this.#frozenAt = undefined;
    this.#tell();
  }

  /**
   * Returns to the real time.
   *
   * @internal
   */
  restart(): void {
    this.#offset = 0;
    this.#frozenAt = undefined;
    this.#tell();
  }

  /**
   * Freezes or resumes, sets, then advances. Does nothing if one of the values is wrong.
   *
   * @internal
   */
  async change({
    frozen,
    set,
    advanceMs,
  }: {
    frozen?: unknown;
    set?: unknown;
    advanceMs?: unknown;
  }): Promise<void> {
    if (frozen !== undefined && typeof frozen !== "boolean")
      throw invalid("frozen", "a boolean", frozen);
    let time = set === undefined ? this.now() : timeOf(set, "set");
    if (advanceMs !== undefined) time = advanced(time, advanceMs, "advanceMs");
    if (frozen === true) this.freeze();
    if (frozen === false) this.resume();
    if (set === undefined && advanceMs === undefined) return;
    this.#move(time);
    await this.#moved();
  }

  #move(time: number): void {
    if (this.#frozenAt === undefined) this.#offset = time - this.#wall();
    else this.#frozenAt = time;
    this.#tell();
  }

  #tell(): void {
    this.#changed({ offsetMs: this.#offset, frozenAt: this.#frozenAt ?? null });
  }
}

/** Returns a time as milliseconds since 1970. */
function timeOf(value: unknown, field: string): number {
  const readable = value instanceof Date || typeof value === "number" || typeof value === "string";
  const ms = readable ? new Date(value).getTime() : Number.NaN;
  if (ms >= 0 && ms <= MAX_TIME_MS) return ms;
  throw invalid(
    field,
    "a Date, milliseconds since the epoch or ISO 8601, of the years 1970 to 9999",
    value,
  );
}

/** Returns `time` plus `ms`. */
function advanced(time: number, ms: unknown, field: string): number {
  return (
    time +
    numberOf(
      ms,
      field,
      "a number of milliseconds",
      0,
      Math.min(MAX_ADVANCE_MS, Math.max(0, MAX_TIME_MS - time)),
    )
  );
}
