/**
 * `@gwop/sdk/errors`: the error classes, their codes, and {@link isGwopError}.
 *
 * @module
 */
export * from "./errors/index.js";
