// Cloudflare Workers, with D1.
import { d1Store } from "@gwop/sdk/stores";
import { createApp } from "./app.ts";
import { type D1, d1 } from "./database.ts";
import type { Config } from "./gwop.ts";

type Env = Config & { DB: D1 };

let app: ReturnType<typeof createApp> | undefined;

export default {
  fetch(request: Request, env: Env, context: Parameters<ReturnType<typeof createApp>["fetch"]>[2]) {
    app ??= createApp(env, d1(env.DB), d1Store(env.DB));
    return app.fetch(request, env, context);
  },
};
