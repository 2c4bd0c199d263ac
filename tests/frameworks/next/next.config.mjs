// The package keeps its gwop.wasm beside it.
export default { serverExternalPackages: ["@gwop/sdk"], turbopack: { root: import.meta.dirname } };
