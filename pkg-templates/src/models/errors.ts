/**
 * `@gwop/sdk/models/errors`: the error classes of the calls, at the path that existing code
 * imports.
 *
 * @module
 */
export * from "../errors/client.js";
export * from "../errors/gwop.js";
export * from "../errors/validation.js";
