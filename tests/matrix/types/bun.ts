// Bun: as `fetch` of a server, and as a route.
import { handle } from "./handle.js";

export const server = Bun.serve({ port: 0, fetch: handle });
export const routed = Bun.serve({ port: 0, routes: { "/hook": { POST: handle } } });
