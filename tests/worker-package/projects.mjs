// From an empty folder to a Worker in `wrangler dev`, with a merchant's own router and hooks.
import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import {
  SDK,
  VERSION,
  WORKER,
  deliverPaid,
  folder,
  gwopWorker,
  run,
  setVariables,
  startProject,
  variablesOf,
  withFreePorts,
} from "./lib.mjs";
import { startFulfillment } from "../worker/lib/fulfillment.mjs";
import { deliver } from "../worker/lib/gwop.mjs";
import { suite } from "../runners/checks.mjs";
import { eventually } from "../worker/lib/helpers.mjs";

/** Installs the project's packages from the tarballs, because they are not published yet. */
function useTarballs(directory) {
  const path = join(directory, "package.json");
  const manifest = readFileSync(path, "utf8")
    .replace(`"@gwop/worker": "${VERSION}"`, `"@gwop/worker": "file:${WORKER}"`)
    .replace(`"@gwop/sdk": "${VERSION}"`, `"@gwop/sdk": "file:${SDK}"`);
  writeFileSync(path, manifest);
}

const install = (cwd) =>
  run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"], {
    cwd,
    timeout: 300_000,
  });

suite("first minute", async ({ test, after }) => {
  test("from an empty folder to a delivered event", async () => {
    // Fills npm's cache first.
    const warm = folder("warm");
    await gwopWorker(["init", "--yes"], warm);
    useTarballs(warm);
    const warmed = await install(warm);
    assert.equal(warmed.code, 0, warmed.said);
    rmSync(join(warm, "node_modules"), { recursive: true });

    const directory = folder("minute");
    const times = [];
    let last = performance.now();
    const took = (what) => {
      times.push([what, performance.now() - last]);
      last = performance.now();
    };
    // Like `npx @gwop/worker init` after publication.
    const init = await run(
      "npm",
      [
        "exec",
        "--yes",
        "--prefer-offline",
        "--ignore-scripts",
        `--package=${WORKER}`,
        "--",
        "gwop-worker",
        "init",
        "--yes",
      ],
      { cwd: directory },
    );
    assert.equal(init.code, 0, init.said);
    took("init");
    useTarballs(directory);
    const installed = await install(directory);
    assert.equal(installed.code, 0, installed.said);
    took("npm install");
    const variables = variablesOf(directory);
    const fulfillment = await startFulfillment(variables.FULFILLMENT_SECRET);
    after(() => fulfillment.stop());
    setVariables(directory, { FULFILLMENT_URL: fulfillment.url });
    const project = await startProject(directory, await withFreePorts(directory), {
      command: ["npm", "run", "dev", "--"],
    });
    after(() => project.stop());
    took("npm run dev");
    const { paid, answer } = await deliverPaid(project, variables.GWOP_WEBHOOK_SECRET);
    assert.deepEqual(
      [answer.status, answer.body],
      [200, { received: true, outcome: "applied" }],
      answer.text,
    );
    await eventually("fulfillment has it", () => fulfillment.of(paid.event_id).length === 1);
    assert.equal(fulfillment.of(paid.event_id)[0].outcome, "applied");
    took("webhook and fulfillment");
    const seconds = times.reduce((sum, [, ms]) => sum + ms, 0) / 1000;
    console.log(
      `        ${seconds.toFixed(1)} s: ${times.map(([what, ms]) => `${what} ${(ms / 1000).toFixed(1)}`).join(", ")}`,
    );
    // The promise of docs/worker.md. It takes about ten seconds. A busy machine took 20.
    assert.ok(seconds < 60, `${seconds} s`);
  });
});

/** Pays an invoice of a local Gwop: the one of `npm run dev` delivers to the Worker. */
async function payAtLocalGwop(variables) {
  const base = variables.GWOP_SERVER_URL;
  const post = async (path, body, headers = {}) => {
    const response = await fetch(base + path, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json", ...headers },
    });
    const text = await response.text();
    assert.ok(response.ok, `${path}: ${response.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  };
  const key = variables.GWOP_MERCHANT_API_KEY ?? "sk_m_simulator";
  const invoice = await eventually("the local Gwop is up", () =>
    post("/v1/invoices", { amount_usdc: 1_000_000 }, { authorization: `Bearer ${key}` }),
  );
  await post("/_sim/pay", { target: invoice.public_invoice_id, chain: "base" });
  return invoice;
}

suite("fulfillment as a Worker", async ({ test, after }) => {
  test("`npm run dev` runs both Workers and a local Gwop: an invoice that is paid there is told of", async () => {
    const directory = folder("service");
    await gwopWorker(["init", "--yes", "--fulfillment", "service", "--with-auth"], directory);
    const project = await startProject(directory, await withFreePorts(directory));
    after(() => project.stop());
    const invoice = await payAtLocalGwop(variablesOf(directory));
    await eventually("the other Worker has it", () =>
      project.output().includes(`invoice.paid of ${invoice.public_invoice_id}`),
    );
    const { body } = await project.request("GET", "/healthz");
    assert.deepEqual([body.webhooks.on, body.fulfillment.on, body.auth.on], [true, true, true]);
  });
});

suite("router", async ({ test, after }) => {
  test("a merchant’s own routes stand before the Worker, which does the rest", async () => {
    const directory = folder("router");
    await gwopWorker(["init", "--yes"], directory);
    writeFileSync(
      join(directory, "src/index.ts"),
      `import gwop, { type Env } from "@gwop/worker";
export { GwopLedger, GwopSession } from "@gwop/worker";

export default {
  ...gwop,
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/") return new Response("the shop");
    return gwop.fetch(request, env, ctx);
  },
} satisfies ExportedHandler<Env>;
`,
    );
    const variables = variablesOf(directory);
    const fulfillment = await startFulfillment(variables.FULFILLMENT_SECRET);
    after(() => fulfillment.stop());
    setVariables(directory, { FULFILLMENT_URL: fulfillment.url });
    const project = await startProject(directory, await withFreePorts(directory));
    after(() => project.stop());
    assert.equal((await project.request("GET", "/")).text, "the shop");
    const { paid, answer } = await deliverPaid(project, variables.GWOP_WEBHOOK_SECRET);
    assert.deepEqual([answer.status, answer.body?.outcome], [200, "applied"], answer.text);
    await eventually("fulfillment has it", () => fulfillment.of(paid.event_id).length === 1);
    const invoice = await project.request("GET", `/invoices/${paid.data.invoice_id}`, {
      headers: { authorization: `Bearer ${variables.OPERATOR_TOKEN}` },
    });
    assert.deepEqual([invoice.status, invoice.body?.status], [200, "PAID"]);
  });
});

/** The messages of a hook's Worker to the test. */
const HOOKED = `import { createWorker, type Env } from "@gwop/worker";
export { GwopLedger, GwopSession } from "@gwop/worker";

interface Mine extends Env {
  TOLD_URL: string;
}

const tell = async (env: Mine, what: unknown) => {
  const response = await fetch(env.TOLD_URL, { method: "POST", body: JSON.stringify(what) });
  if (!response.ok) throw new Error("not told");
};

export default createWorker<Mine>({
  async onEvent(event, env, ctx) {
    await tell(env, {
      event,
      isDate: event.eventType === "invoice.paid" && event.data.paidAt instanceof Date,
      waits: typeof ctx.waitUntil,
    });
  },
  async onAlert(alert, env) {
    await tell(env, { alert, isDate: alert.firstAt instanceof Date });
  },
});
`;

suite("hooks", async ({ test, after }) => {
  const told = { events: [], alerts: [], attempts: 0, refuses: () => false };
  const { createServer } = await import("node:http");
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const what = JSON.parse(text);
    told.attempts += 1;
    const refused = told.refuses(what);
    if (!refused) (what.event ? told.events : told.alerts).push(what);
    response.writeHead(refused ? 500 : 204).end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  after(() => server.close());

  const directory = folder("hooks");
  await gwopWorker(["init", "--yes"], directory);
  writeFileSync(join(directory, "src/index.ts"), HOOKED);
  // Fulfillment has neither a URL nor a secret: the hook replaces them.
  const lines = readFileSync(join(directory, ".dev.vars"), "utf8").split("\n");
  writeFileSync(
    join(directory, ".dev.vars"),
    lines.filter((line) => !line.startsWith("FULFILLMENT_")).join("\n"),
  );
  setVariables(directory, { TOLD_URL: `http://127.0.0.1:${server.address().port}/` });
  const { GWOP_WEBHOOK_SECRET: secret, OPERATOR_TOKEN: token } = variablesOf(directory);
  const project = await startProject(directory, await withFreePorts(directory));
  after(() => project.stop());
  const of = (id) => told.events.filter(({ event }) => event.eventId === id);
  const outbox = async (id) =>
    (
      await project.request("GET", `/invoices/${id}`, {
        headers: { authorization: `Bearer ${token}` },
      })
    ).body?.outbox;

  test("onEvent gets the event as the SDK gives it, and what it took is confirmed", async () => {
    const { body } = await project.request("GET", "/healthz");
    assert.deepEqual(
      [body.fulfillment, body.alerts],
      [
        { on: true, missing: [] },
        { on: true, missing: [] },
      ],
    );
    const { paid, answer } = await deliverPaid(project, secret);
    assert.equal(answer.body?.outcome, "applied", answer.text);
    await eventually("the hook has it", () => of(paid.event_id).length === 1);
    const [{ event, isDate, waits }] = of(paid.event_id);
    assert.deepEqual(
      [event.eventType, event.gwopOutcome, event.data.invoiceId, event.data.amountUsdc],
      ["invoice.paid", "applied", paid.data.invoice_id, paid.data.amount_usdc],
    );
    assert.deepEqual([isDate, waits], [true, "function"]);
    await eventually(
      "it is confirmed",
      async () => (await outbox(paid.data.invoice_id))?.length === 0,
    );
    const copy = await deliver(project, paid, { secrets: [secret] });
    assert.equal(copy.body?.outcome, "duplicate");
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    assert.equal(of(paid.event_id).length, 1, "a duplicate is not told of");
  });

  test("a rejection is a retry: the row keeps the reason, the log the error, and the event comes again", async () => {
    let refused = 0;
    told.refuses = ({ event }) => event !== undefined && (refused += 1) <= 2;
    const { paid } = await deliverPaid(project, secret);
    await eventually("it is refused", () => refused >= 1);
    await eventually(
      "the operator sees why",
      async () =>
        (await outbox(paid.data.invoice_id))?.[0]?.last_answer?.reason === "the hook rejected",
    );
    // The Worker's output passes through wrangler, which takes time.
    await eventually("the log has the error", () =>
      /onEvent: Error: not told/.test(project.output()),
    );
    await eventually("it comes again until it is taken", () => of(paid.event_id).length === 1, {
      within: 60_000,
    });
    assert.ok(refused >= 3);
    await eventually(
      "it is confirmed",
      async () => (await outbox(paid.data.invoice_id))?.length === 0,
    );
    told.refuses = () => false;
  });

  test("onAlert is told of a conflict within a minute", async () => {
    const { paid } = await deliverPaid(project, secret);
    const second = {
      ...paid,
      event_id: crypto.randomUUID(),
      data: { ...paid.data, tx_hash: `0x${"ab".repeat(32)}` },
    };
    assert.equal((await deliver(project, second, { secrets: [secret] })).body?.outcome, "conflict");
    await eventually("the hook is told", () => told.alerts.length === 1, { within: 60_000 });
    const [{ alert, isDate }] = told.alerts;
    assert.deepEqual([alert.kind, alert.count, isDate], ["conflict", 1, true]);
    assert.match(alert.text, /contradict/);
    await eventually(
      "the hook has the conflict too",
      () => of(second.event_id)[0]?.event.gwopOutcome === "conflict",
    );
  });

  test("wrong use ends the start, with what was expected", async () => {
    for (const [code, expected] of [
      [
        "createWorker({ onEvnt() {} })",
        /createWorker has no option onEvnt: there is onEvent, onAlert/,
      ],
      ["createWorker({ onEvent: 1 })", /createWorker: onEvent must be a function/],
      ["createWorker(), createWorker()", /createWorker was called before/],
    ]) {
      const wrong = folder("wrong-hook");
      await gwopWorker(["init", "--yes"], wrong);
      writeFileSync(
        join(wrong, "src/index.ts"),
        `import { createWorker } from "@gwop/worker";\nexport { GwopLedger, GwopSession } from "@gwop/worker";\nexport default [${code}].at(-1);\n`,
      );
      const started = await startProject(wrong, await withFreePorts(wrong), { waits: false });
      try {
        await eventually("it is said", () => expected.test(started.output()), { within: 60_000 });
      } finally {
        await started.stop();
      }
    }
  });
});
