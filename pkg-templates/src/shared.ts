/**
 * Values that all copies of this package in one process share. `import` and `require` each load a
 * copy, and bundlers create more.
 *
 * The values are on `globalThis` under symbols that contain the build, so that copies of different
 * builds do not share them.
 */

/** The version and the wasm's hash, inserted by `assemble.mjs`. */
declare const GWOP_BUILD: string;

/** Returns the shared value under `name`. If there is none, creates it with `make`. */
export function shared<T extends object>(name: string, make: () => T): T {
  const key = Symbol.for(`@gwop/sdk ${GWOP_BUILD} ${name}`);
  const all = globalThis as { [key: symbol]: T | undefined };
  const found = all[key];
  if (found) return found;
  const value = make();
  Object.defineProperty(all, key, { value });
  return value;
}

/** Returns the shared value under `name`, if there is one. */
export function sharedBefore<T extends object>(name: string): T | undefined {
  return (globalThis as { [key: symbol]: T | undefined })[
    Symbol.for(`@gwop/sdk ${GWOP_BUILD} ${name}`)
  ];
}
