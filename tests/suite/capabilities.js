const COMMAND = "the package's command runs on Node; shown there";

/** Every capability exception of a runtime, in this one file: what it cannot do, and why. */
const LACKS = {
  deno: { command: COMMAND },
  bun: { command: COMMAND },
  workerd: { command: COMMAND },
  chromium: { command: COMMAND, env: "pages have no environment variables" },
  firefox: { command: COMMAND, env: "pages have no environment variables" },
};

/** Whether `runtime` lacks `capability`. */
export const lacks = (runtime, capability) => capability in (LACKS[runtime] ?? {});
