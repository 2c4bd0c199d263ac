const COMMAND = "the package's command runs on Node; shown there";
const REALMS = "node:vm is Node's; frames need a page of their own";
const REQUESTS = "only on workerd does a cancelled request take its promises with it; shown there";

/** All exceptions of the runtimes: the capabilities that each one lacks, and why. */
const LACKS = {
  node: { requests: REQUESTS },
  deno: { command: COMMAND, realms: REALMS, requests: REQUESTS },
  bun: { command: COMMAND, realms: REALMS, requests: REQUESTS },
  workerd: { command: COMMAND, realms: REALMS },
  chromium: {
    command: COMMAND,
    realms: REALMS,
    requests: REQUESTS,
    env: "pages have no environment variables",
  },
  firefox: {
    command: COMMAND,
    realms: REALMS,
    requests: REQUESTS,
    env: "pages have no environment variables",
    requestBody: "Firefox has no Request.body, so nothing can lock one",
  },
};

/** Returns whether `runtime` lacks `capability`. */
export const lacks = (runtime, capability) => capability in (LACKS[runtime] ?? {});
