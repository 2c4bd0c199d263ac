/** Every capability exception of a runtime, in this one file: what it cannot do, and why. */
const LACKS = {
  chromium: { env: "pages have no environment variables" },
  firefox: { env: "pages have no environment variables" },
};

/** Whether `runtime` lacks `capability`. */
export const lacks = (runtime, capability) => capability in (LACKS[runtime] ?? {});
