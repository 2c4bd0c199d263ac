import adapter from "@sveltejs/adapter-node";

// Pages of other sites cannot post JSON here; Gwop, which sends no Origin, can.
export default { kit: { adapter: adapter() } };
