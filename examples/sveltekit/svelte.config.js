import adapter from "@sveltejs/adapter-node";

// Pages of other sites cannot post JSON here. Gwop can, because it sends no Origin.
export default { kit: { adapter: adapter() } };
