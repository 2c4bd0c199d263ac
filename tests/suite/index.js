// All suite files. Importing them registers their tests.
import "./agent.js";
import "./amounts.js";
import "./auth-handlers.js";
import "./handlers.js";
import "./isolate-requests.js";
import "./checkout.js";
import "./errors.js";
import "./http.js";
import "./hosts.js";
import "./options.js";
import "./package.test.js";
import "./reconcile.js";
import "./seeds.js";
import "./simulator.js";
import "./token-cache.js";
import "./token-jose.js";
import "./token-jwks.js";
import "./token-requests.js";
import "./token-vectors.js";
import "./token.js";
import "./webhook.js";

export { run } from "./harness.js";
