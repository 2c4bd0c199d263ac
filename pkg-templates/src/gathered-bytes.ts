/** The largest `maxBodyBytes`. */
const LARGEST_MAX_BODY_BYTES = 8 * 1024 * 1024;

/** Whether it may be a `maxBodyBytes`. */
export const isBodyBound = (bytes: unknown): boolean =>
  typeof bytes === "number" && bytes > 0 && bytes <= LARGEST_MAX_BODY_BYTES;

/** What a `maxBodyBytes` has to be. */
export const BODY_BOUND_RULE = `maxBodyBytes must be a positive number of bytes, at most ${LARGEST_MAX_BODY_BYTES}`;

/**
 * The bytes of a body, in one buffer that grows. Chunks are copied at once and not kept: a chunk of one byte is an object of a hundred, and
 * may hold on to the 64 KB that a host read with it.
 */
export class GatheredBytes {
  /** How many bytes came; those beyond the limit are counted and dropped. */
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
      // Exactly a first chunk, which often is all there is; then twice as much each time.
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
