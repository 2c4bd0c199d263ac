/**
 * `@gwop/sdk/checkout`: the API of `gwop-checkout` 2.0.0, with the snake_case names of the wire.
 *
 * @module
 */
export * from "./checkout/index.js";
