export default {
  // Not bundled by Next, so that OpenNext finds what Workers need: they take no bytes of a wasm.
  serverExternalPackages: ["@gwop/sdk"],
  turbopack: { root: import.meta.dirname },
};
