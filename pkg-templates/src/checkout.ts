/**
 * `@gwop/sdk/checkout`: the surface of `gwop-checkout` 2.0.0, in the wire's own snake_case.
 *
 * @module
 */
export * from "./checkout/index.js";
