// Checks who may use the control routes, on every runtime that serves them.
import { started, startProgram } from "../runners/programs.mjs";
import { expect, expectEqual, startGwop, statusOf } from "./lib.mjs";

const RUNTIMES = {
  Node: () => startGwop(["--allowed-host", "gwop.local"]),
  Deno: () =>
    startServer(process.env.GWOP_DENO, [
      "run",
      "--no-prompt",
      "--no-config",
      "--node-modules-dir=manual",
      "--allow-net=127.0.0.1",
      "--allow-env",
    ]),
  Bun: () => startServer(process.env.GWOP_BUN, ["run"]),
};

async function startServer(runtime, args) {
  const program = startProgram(runtime, [...args, "simulator/server.mjs"]);
  let url;
  await started(() => (url = /listens on (\S+)/.exec(program.output())?.[1]), program, runtime);
  return { program, url };
}

export const checks = Object.fromEntries(
  Object.entries(RUNTIMES).map(([name, start]) => [
    `${name}: control routes refuse other origins, other sites, other hosts, and pages' requests that are no JSON`,
    async () => {
      const { program, url } = await start();
      try {
        const { host } = new URL(url);
        const port = host.split(":")[1];
        const json = { "content-type": "application/json" };
        for (const [status, headers, method = "POST"] of [
          // Programs.
          [200, {}],
          [200, {}, "GET"],
          [200, { "content-type": "application/x-www-form-urlencoded" }],
          [200, { host: `localhost:${port}` }],
          [200, { host: `[::1]:${port}` }],
          [200, { host: "192.168.7.7" }],
          [200, { host: `gwop.local:${port}` }],
          // The page.
          [200, { ...json, origin: url, "sec-fetch-site": "same-origin" }],
          [200, { ...json, origin: `http://localhost:${port}`, host: `localhost:${port}` }],
          [200, { "content-type": "application/json; charset=utf-8", origin: url }],
          [200, { "sec-fetch-site": "none" }, "GET"],
          // Pages of other origins.
          [403, { ...json, origin: "https://evil.example" }],
          [403, { ...json, origin: "null" }],
          [403, { ...json, origin: "http://127.0.0.1:1" }],
          [403, { ...json, origin: `http://localhost:${port}` }],
          [403, { ...json, origin: `https://${host}` }],
          [403, { ...json, origin: "https://evil.example" }, "GET"],
          [403, { "sec-fetch-site": "cross-site" }],
          [403, { "sec-fetch-site": "cross-site" }, "GET"],
          [415, { origin: url }],
          [415, { origin: url, "content-type": "text/plain" }],
          [415, { origin: url, "content-type": "application/x-www-form-urlencoded" }],
          // Host names that resolve to this machine.
          [403, { host: "evil.example" }, "GET"],
          [403, { host: "127.0.0.1.evil.example" }, "GET"],
          [403, { host: `evil.example:${port}`, ...json, origin: `http://evil.example:${port}` }],
          // Proxies.
          [403, { "x-forwarded-for": "127.0.0.1" }, "GET"],
        ]) {
          const [path, body] =
            method === "GET" ? ["state", undefined] : ["faults", '{"fault":"payment-fail"}'];
          const answered = await statusOf(
            `${url}/_sim/${path}`,
            method,
            { host, ...headers },
            body,
          );
          expectEqual(answered, status, `${name}, ${method} with ${JSON.stringify(headers)}`);
        }
        const page = await fetch(url, { headers: { accept: "text/html,*/*" } });
        const policy = page.headers.get("content-security-policy");
        expect(
          /default-src 'none'.*script-src 'sha256-[^']+='.*frame-ancestors 'none'/.test(policy),
          `the page's policy is ${policy}`,
        );
        expect(
          !/https?:\/\/(?!127\.0\.0\.1)/.test(await page.text()),
          "the page names another host",
        );
        expect(
          (
            await (await fetch(url, { headers: { accept: "application/json" } })).json()
          ).controlRoutes.includes("POST /_sim/pay"),
          "JSON lists the routes",
        );
        // A stream whose client leaves causes no failure. It reports when something happens.
        const left = new AbortController();
        const stream = await fetch(`${url}/_sim/stream`, { signal: left.signal });
        const reader = stream.body.pipeThrough(new TextDecoderStream()).getReader();
        // The runtime may split it into chunks in any way.
        let told = "";
        const tells = async (words) => {
          while (!told.includes(words)) {
            const { value, done } = await reader.read();
            expect(!done, `the stream ended before ${words}: ${told}`);
            told += value;
          }
        };
        await tells('"begin":true');
        await fetch(`${url}/_sim/invoices`, { method: "POST", body: '{"amountUsdc":5}' });
        await tells('"invoices":[');
        left.abort();
        expectEqual(
          await statusOf(`${url}/_sim/state`, "GET", { host }),
          200,
          "after the client has left",
        );
      } finally {
        program.end();
      }
    },
  ]),
);
