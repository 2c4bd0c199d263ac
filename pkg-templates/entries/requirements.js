// Runs before wasm-bindgen's code, which needs these at once and reports less if they are missing.
for (const name of ["WebAssembly", "TextDecoder", "TextEncoder"]) {
  if (typeof globalThis[name] === "undefined") {
    throw new Error(
      `@gwop/sdk: there is no ${name} here. In Jest's jsdom, put \`@jest-environment node\` at the top of the test, or set testEnvironment to jest-fixed-jsdom; @gwop/sdk/errors, /handlers and /stores load without it.`,
    );
  }
}
