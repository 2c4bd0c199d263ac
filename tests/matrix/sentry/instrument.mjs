// Before anything else, as Sentry's documentation has it for ES modules: from here on, every module is loaded through import-in-the-middle.
import * as Sentry from "@sentry/node";

Sentry.init({ dsn: "https://key@localhost/1", tracesSampleRate: 1, registerEsmLoaderHooks: true });
