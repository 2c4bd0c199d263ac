// Cloudflare Workers: as `fetch`, with any environment.
import { handle } from "./handle.js";

export default { fetch: handle } satisfies ExportedHandler<{ DB: string }>;
export const unknownEnvironment: ExportedHandler = { fetch: handle };
export const called = {
  fetch: (request, _env, ctx) => handle(request, ctx),
} satisfies ExportedHandler;
