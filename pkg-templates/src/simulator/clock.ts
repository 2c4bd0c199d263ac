import { SimulatorError } from "./error.js";

/**
 * A simulator's clock: the real time, until it is moved or frozen.
 *
 * It rules lifetimes, expiry, retries and the time stamps in bodies. What a receiver compares with its own clock keeps
 * to the real time: the `t` of webhook signatures, `iat` and `exp` of tokens, the validity of x402 payments.
 */
export class SimulatorClock {
  #offset = 0;
  #frozenAt: number | undefined;
  readonly #wall: () => number;
  readonly #moved: () => Promise<void>;

  /** @internal */
  constructor(wall: () => number, moved: () => Promise<void>) {
    this.#wall = wall;
    this.#moved = moved;
  }

  /** The time in milliseconds since the epoch. */
  now(): number {
    return this.#frozenAt ?? this.#wall() + this.#offset;
  }

  /** Whether it stands still. */
  get frozen(): boolean {
    return this.#frozenAt !== undefined;
  }

  /**
   * Moves it forward by so many milliseconds. Resolves when what became due has happened: invoices expired, payments
   * settled, webhooks attempted once.
   *
   * @throws SimulatorError `INVALID_OPTION` when `ms` is negative or not finite.
   */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0 && ms <= 1e12)) throw new SimulatorError("INVALID_OPTION", "`ms` must be 0 or more and finite");
    if (this.#frozenAt === undefined) this.#offset += ms;
    else this.#frozenAt += ms;
    await this.#moved();
  }

  /**
   * Sets it to a time, from which it goes on (or stands still, when frozen). Resolves as {@link advance}.
   *
   * @throws SimulatorError `INVALID_OPTION` when `time` is no time from 1970 on.
   */
  async set(time: Date | number | string): Promise<void> {
    const ms = new Date(time).getTime();
    if (!(ms >= 0)) throw new SimulatorError("INVALID_OPTION", "`time` must be a Date, milliseconds or ISO 8601, from 1970 on");
    if (this.#frozenAt === undefined) this.#offset = ms - this.#wall();
    else this.#frozenAt = ms;
    await this.#moved();
  }

  /** Stops it. */
  freeze(): void {
    this.#frozenAt = this.now();
  }

  /** Lets it go on from where it stands. */
  resume(): void {
    if (this.#frozenAt === undefined) return;
    this.#offset = this.#frozenAt - this.#wall();
    this.#frozenAt = undefined;
  }
}
