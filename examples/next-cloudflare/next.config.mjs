export default {
  // Next must not bundle it, so that OpenNext selects the files for Workers, which cannot load wasm
  // from bytes.
  serverExternalPackages: ["@gwop/sdk"],
  turbopack: { root: import.meta.dirname },
};
