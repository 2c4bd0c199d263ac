// Random choices that a seed repeats.

/** A generator of pseudo-random numbers (mulberry32): quick, and the same on every machine. */
export class Random {
  #state;

  constructor(seed) {
    this.#state = seed >>> 0;
  }

  /** A number from 0 up to 1. */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 up to `count`. */
  below(count) {
    return Math.floor(this.next() * count);
  }

  /** True in this share of all cases. */
  chance(share) {
    return this.next() < share;
  }

  /** One of the values. */
  pick(values) {
    return values[this.below(values.length)];
  }

  /** One of `[weight, value]`, as often as its weight says. */
  weighted(choices) {
    let left = this.next() * choices.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, value] of choices) if ((left -= weight) < 0) return value;
    return choices.at(-1)[1];
  }
}
