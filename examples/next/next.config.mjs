// Nothing about @gwop/sdk: it needs no configuration.
export default { turbopack: { root: import.meta.dirname } };
