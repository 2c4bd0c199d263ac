// One signal for many calls at a time, as when a process shuts down: no warning, and no leak.
import { getEventListeners } from "node:events";
import { Gwop } from "@gwop/sdk";

const waiting = {
  request: (request) =>
    new Promise((_, failed) =>
      request.signal.addEventListener("abort", () => failed(request.signal.reason)),
    ),
};
const gwop = new Gwop({ httpClient: waiting, retryConfig: { strategy: "none" } });
const warnings = [];
process.on("warning", ({ name }) => warnings.push(name));
const controller = new AbortController();
const { signal } = controller;
const calls = Array.from({ length: 30 }, (_, index) =>
  gwop.invoices
    .get({ id: `inv_${index}` }, { signal })
    .catch(({ code, cause }) => `${code} ${cause}`),
);
await new Promise((done) => setTimeout(done, 100));
const during = getEventListeners(signal, "abort").length;
controller.abort("closing");
const ends = new Set(await Promise.all(calls));
await new Promise((done) => setTimeout(done, 10));
const told = `${during} listener, ${getEventListeners(signal, "abort").length} left, ${warnings.length} warnings, ${[...ends].join()}`;
if (told !== "1 listener, 0 left, 0 warnings, REQUEST_ABORTED closing") throw new Error(told);
console.log(told);
