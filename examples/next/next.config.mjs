// @gwop/sdk needs no configuration.
export default { turbopack: { root: import.meta.dirname } };
