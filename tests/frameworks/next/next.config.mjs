// The package keeps its gwop.wasm next to its code.
export default { serverExternalPackages: ["@gwop/sdk"], turbopack: { root: import.meta.dirname } };
