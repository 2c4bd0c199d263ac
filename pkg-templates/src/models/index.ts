/**
 * `@gwop/sdk/models`: what Gwop sends and takes, in the SDK's spelling (camelCase, `Date`). Types only.
 */
export type * from "../generated/models.js";
export type { Known } from "./known.js";
