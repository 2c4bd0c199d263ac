// Deno: as the handler of `Deno.serve`, with and without options.
import { handle } from "./handle.ts";

export const server = Deno.serve({ port: 0 }, handle);
export const other = Deno.serve(handle);
export default { fetch: handle } satisfies Deno.ServeDefaultExport;
