// Random choices that repeat with the same seed.

/** A generator of pseudo-random numbers (mulberry32): fast, and the same on every machine. */
export class Random {
  #state;

  constructor(seed) {
    this.#state = seed >>> 0;
  }

  /** Returns a number from 0 up to 1. */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Returns a whole number from 0 up to `count`. */
  below(count) {
    return Math.floor(this.next() * count);
  }

  /** Returns true in the given share of all cases. */
  chance(share) {
    return this.next() < share;
  }

  /** Returns one of the values. */
  pick(values) {
    return values[this.below(values.length)];
  }

  /** Returns one of `[weight, value]`, with a probability in proportion to its weight. */
  weighted(choices) {
    let left = this.next() * choices.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, value] of choices) if ((left -= weight) < 0) return value;
    return choices.at(-1)[1];
  }
}
