/** The largest `maxBodyBytes`. */
const LARGEST_MAX_BODY_BYTES = 8 * 1024 * 1024;

/** Returns whether the value is a valid `maxBodyBytes`. */
export const isBodyBound = (bytes: unknown): boolean =>
  typeof bytes === "number" && bytes > 0 && bytes <= LARGEST_MAX_BODY_BYTES;

/** The rule for `maxBodyBytes`. */
export const BODY_BOUND_RULE = `maxBodyBytes must be a positive number of bytes, at most ${LARGEST_MAX_BODY_BYTES}`;

/**
 * Collects the bytes of a body in one growing buffer. Chunks are copied at once and not kept. A
 * chunk of one byte is an object of a hundred bytes, and may keep alive the 64 KB that the host
 * read with it.
 */
export class GatheredBytes {
  /** The number of bytes received. Bytes beyond the limit are counted and dropped. */
  length = 0;
  #buffer = new Uint8Array();

  constructor(readonly limit: number) {}

  add(chunk: Uint8Array): void {
    const at = this.length;
    this.length += chunk.length;
    if (this.length > this.limit) {
      this.#buffer = new Uint8Array();
      return;
    }
    if (this.length > this.#buffer.length) {
      // Fits the first chunk exactly, because often it is the only one. Then the size doubles.
      const grown = new Uint8Array(Math.min(this.limit, Math.max(this.length, 2 * at)));
      grown.set(this.#buffer.subarray(0, at));
      this.#buffer = grown;
    }
    this.#buffer.set(chunk, at);
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.length);
  }
}
