// What runs inside workerd: `/?group=…&name=…&count=…&concurrency=…` runs so many operations of one candidate, and
// answers the names of the group's candidates.
import { prepare } from "./groups.js";
import { repeat } from "./harness.js";

const prepared = new Map();

export default {
  async fetch(request) {
    const { searchParams } = new URL(request.url);
    const group = searchParams.get("group");
    if (!group) return new Response();
    if (!prepared.has(group)) prepared.set(group, await prepare(group));
    const candidates = prepared.get(group);
    const count = Number(searchParams.get("count"));
    if (count > 0) await repeat(candidates[searchParams.get("name")], count, Number(searchParams.get("concurrency")));
    return Response.json(Object.keys(candidates));
  },
};
