/**
 * `@gwop/sdk/errors`: the error classes, their codes, {@link isGwopError} and {@link isOutcomeUnknown}.
 *
 * @module
 */
export * from "./errors/index.js";
