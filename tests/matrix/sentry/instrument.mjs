// Imported first, as Sentry's documentation says for ES modules. After it, every module is loaded
// through import-in-the-middle.
import * as Sentry from "@sentry/node";

Sentry.init({ dsn: "https://key@localhost/1", tracesSampleRate: 1, registerEsmLoaderHooks: true });
