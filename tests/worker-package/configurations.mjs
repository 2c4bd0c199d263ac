// Checks the projects with wrangler: `deploy --dry-run`, and `types` against the shipped `Env`.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { FIXTURES, firstProject, folder, gwopWorker, program } from "./lib.mjs";
import { suite } from "../runners/checks.mjs";
import { TOP } from "../worker/lib/wrangler.mjs";

const toml = readFileSync(join(TOP, "tests/worker/fixtures/1.0.0/wrangler.toml"), "utf8");

/** Projects by how they were created, and what wrangler lists for each. */
const PROJECTS = {
  "a new project": [
    () => folder("new"),
    ["--with-auth"],
    [
      /GWOP_LEDGER \(GwopLedger\)/,
      /GWOP_SESSIONS \(GwopSession\)/,
      /GWOP_FULFILLMENT_QUEUE \(new-fulfillment\)/,
      /GWOP_AUTH_RATE_LIMITER/,
    ],
  ],
  "one with fulfillment as a Worker": [
    () => folder("new-service"),
    ["--fulfillment", "service"],
    [/FULFILLMENT \(new-service-fulfillment\)/],
  ],
  "one of the first version": [
    () => firstProject("first-deployed"),
    [],
    [/GWOP_LEDGER/, /CORS_ORIGINS/],
  ],
  "one from 1.0.0": [
    () => folder("from-1-deployed", { "wrangler.toml": toml }),
    [],
    [
      /GWOP_INVOICES \(GwopInvoice\)/,
      /GWOP_INVOICE_INDEX \(GwopInvoiceIndex\)/,
      /GWOP_FULFILLMENT_QUEUE \(gwop-fulfillment\)/,
    ],
  ],
};

suite("configurations", async ({ test }) => {
  for (const [what, [make, args, listed]] of Object.entries(PROJECTS)) {
    test(`${what}: wrangler would deploy it, and its types fit the shipped Env`, async () => {
      const directory = make();
      const init = await gwopWorker(["init", "--yes", ...args], directory);
      assert.equal(init.code, 0, init.said);
      const deploy = await program(
        "wrangler",
        ["deploy", "--dry-run", "--outdir", "out"],
        directory,
      );
      assert.equal(deploy.code, 0, deploy.said);
      for (const part of listed) assert.match(deploy.said, part);
      assert.ok(!/warning/i.test(deploy.said), deploy.said);

      const types = await program("wrangler", ["types"], directory);
      assert.equal(types.code, 0, types.said);
      for (const name of ["check.ts", "tsconfig.json"])
        writeFileSync(join(directory, name), readFileSync(join(FIXTURES, "types", name)));
      const checked = await program("typescript", ["--project", "."], directory);
      assert.equal(checked.code, 0, checked.said);
    });
  }

  test("several merchants, however they are configured, fit the shipped Env", async () => {
    const merchants = {
      "shop-a": { GWOP_WEBHOOK_SECRET: ["whsec_of_a", "whsec_of_a_2"], SESSION_CHECK: 30 },
      "shop-b": { OPERATOR_TOKEN: "operator-token-of-b" },
    };
    for (const [name, more] of Object.entries({
      object: { vars: { GWOP_MERCHANTS: merchants, LEDGER_SHARDS: 8, ALLOW_INSECURE: false } },
      text: { vars: { GWOP_MERCHANTS: JSON.stringify(merchants) } },
      namespace: { kv_namespaces: [{ binding: "GWOP_MERCHANTS", id: "merchants" }] },
    })) {
      const directory = folder(`merchants-${name}`);
      await gwopWorker(["init", "--yes"], directory);
      const path = join(directory, "wrangler.jsonc");
      const [, members] = /^\{([\s\S]*)\}$/.exec(JSON.stringify(more));
      const config = readFileSync(path, "utf8");
      writeFileSync(
        path,
        config.replace("{\n", () => `{\n  ${members},\n`),
      );
      const deploy = await program("wrangler", ["deploy", "--dry-run"], directory);
      assert.equal(deploy.code, 0, deploy.said);
      assert.match(deploy.said, /GWOP_MERCHANTS/);
      for (const file of ["check.ts", "tsconfig.json"])
        writeFileSync(join(directory, file), readFileSync(join(FIXTURES, "types", file)));
      for (const strict of ["--strict-vars=true", "--strict-vars=false"]) {
        await program("wrangler", ["types", strict], directory);
        const checked = await program("typescript", ["--project", "."], directory);
        assert.equal(checked.code, 0, `${strict}: ${checked.said}`);
      }
    }
  });

  test("a variable that the shipped Env does not know is seen", async () => {
    const directory = folder("typo");
    await gwopWorker(["init", "--yes"], directory);
    writeFileSync(
      join(directory, ".dev.vars"),
      `${readFileSync(join(directory, ".dev.vars"), "utf8")}OPERATOR_TOKN="x"\n`,
    );
    await program("wrangler", ["types"], directory);
    for (const name of ["check.ts", "tsconfig.json"])
      writeFileSync(join(directory, name), readFileSync(join(FIXTURES, "types", name)));
    const checked = await program("typescript", ["--project", "."], directory);
    assert.match(checked.said, /OPERATOR_TOKN/);
  });
});
