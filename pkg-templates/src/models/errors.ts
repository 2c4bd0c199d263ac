/**
 * `@gwop/sdk/models/errors`: the error classes of the calls, under the path that existing code imports them from.
 *
 * @module
 */
export * from "../errors/client.js";
export * from "../errors/gwop.js";
export * from "../errors/validation.js";
