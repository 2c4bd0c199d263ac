/**
 * What all copies of this package in one process share: `import` and `require` load a copy each, and bundlers make more.
 *
 * It lies on `globalThis` under symbols that name the very build, so that copies of different builds do not meet.
 */

/** The version and the wasm's hash, by `assemble.mjs`. */
declare const GWOP_BUILD: string;

/** What one of them made under `name`; else what `make` makes. */
export function shared<T extends object>(name: string, make: () => T): T {
  const key = Symbol.for(`@gwop/sdk ${GWOP_BUILD} ${name}`);
  const all = globalThis as { [key: symbol]: T | undefined };
  const found = all[key];
  if (found) return found;
  const value = make();
  Object.defineProperty(all, key, { value });
  return value;
}

/** What was made under `name`, if anything was. */
export function sharedBefore<T extends object>(name: string): T | undefined {
  return (globalThis as { [key: symbol]: T | undefined })[
    Symbol.for(`@gwop/sdk ${GWOP_BUILD} ${name}`)
  ];
}
