// Projects of earlier versions: of the first `init`, and of Workers that were built from source.
import assert from "node:assert/strict";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { VERSION, filesOf, firstProject, folder, gwopWorker } from "./lib.mjs";
import { suite } from "../runners/checks.mjs";
import { TOP } from "../worker/lib/wrangler.mjs";

suite("upgrade", async ({ test }) => {
  test("a project of the first version: the difference is shown, and without a yes nothing is changed", async () => {
    const directory = firstProject("first-asked");
    const before = filesOf(directory);
    const { code, said } = await gwopWorker(["init"], directory);
    assert.equal(code, 1, said);
    assert.match(said, /^--- wrangler\.jsonc$/m);
    assert.match(said, /^\+ +"triggers": \{ "crons": \["\*\/15 \* \* \* \*"\] \}/m);
    assert.match(said, /Nothing was changed\. With --yes it is\./);
    assert.deepEqual(filesOf(directory), before);
  });

  test("with --yes it has what it lacked, and the merchant’s own stays, comments too", async () => {
    const directory = firstProject("first");
    const before = filesOf(directory);
    const { code, said } = await gwopWorker(["init", "--yes"], directory);
    assert.equal(code, 0, said);
    const after = filesOf(directory);
    // Every earlier line is still there, in its order, except for a comma.
    const kept = (text) => text.split("\n").map((line) => line.replace(/,(?=\s*(\/\/.*)?$)/, ""));
    let from = 0;
    for (const line of kept(before["wrangler.jsonc"])) {
      const at = kept(after["wrangler.jsonc"]).indexOf(line, from);
      assert.ok(at >= 0, `the line is gone: ${line}`);
      from = at + 1;
    }
    assert.match(after["wrangler.jsonc"], /"crons": \["\*\/15/);
    assert.match(after["wrangler.jsonc"], /"limit": 300/);
    const manifest = JSON.parse(after["package.json"]);
    assert.equal(manifest.dependencies["@gwop/worker"], VERSION);
    assert.ok(after[".dev.vars"].startsWith(before[".dev.vars"]));
    assert.equal(after["src/index.ts"], before["src/index.ts"]);
    const again = await gwopWorker(["init", "--yes"], directory);
    assert.deepEqual(
      [again.code, filesOf(directory)],
      [0, after],
      "a second time there is nothing to do",
    );
  });

  test("nothing is lowered or pinned: later versions, ranges and files of both packages stay", async () => {
    const major = VERSION.split(".")[0];
    for (const [name, ranges, expected] of [
      ["later", [VERSION, `${major}.999.0`]],
      ["caret", [`^${VERSION}`, `^${major}.999.0`]],
      ["from-files", ["file:../gwop-worker-1.9.0.tgz", "latest"]],
      ["behind", [VERSION, "^1.9.0"], [VERSION, VERSION]],
    ]) {
      const directory = folder(`ranges-${name}`);
      await gwopWorker(["init", "--yes"], directory);
      const path = join(directory, "package.json");
      const manifest = JSON.parse(readFileSync(path, "utf8"));
      manifest.dependencies["@gwop/worker"] = ranges[0];
      manifest.devDependencies["@gwop/sdk"] = ranges[1];
      writeFileSync(path, JSON.stringify(manifest, null, 2));
      const { code, said } = await gwopWorker(["init", "--yes"], directory);
      assert.equal(code, 0, said);
      const { dependencies, devDependencies } = JSON.parse(readFileSync(path, "utf8"));
      assert.deepEqual(
        [dependencies["@gwop/worker"], devDependencies["@gwop/sdk"]],
        expected ?? ranges,
      );
    }
  });

  test("a project with CRLF keeps it, and nothing is added twice", async () => {
    const directory = firstProject("crlf");
    const crlf = (path) => {
      const text = readFileSync(join(directory, path), "utf8").replace(/\r?\n/g, "\r\n");
      writeFileSync(join(directory, path), text);
      return text;
    };
    const ignored = crlf(".gitignore");
    const manifest = crlf("package.json");
    const { code, said } = await gwopWorker(["init", "--yes"], directory);
    assert.equal(code, 0, said);
    const after = filesOf(directory);
    assert.equal(after[".gitignore"], ignored);
    assert.equal(after["package.json"], manifest.replaceAll("1.9.0", VERSION));
  });

  test("a main module of another name is looked at, and none is made beside it", async () => {
    const directory = firstProject("main");
    renameSync(join(directory, "src/index.ts"), join(directory, "src/worker.js"));
    writeFileSync(join(directory, "src/worker.js"), 'export { default } from "@gwop/worker";\n');
    const path = join(directory, "wrangler.jsonc");
    const config = readFileSync(path, "utf8");
    writeFileSync(path, config.replace("src/index.ts", "./src/worker.js"));
    const { code, said } = await gwopWorker(["init", "--yes"], directory);
    assert.equal(code, 0, said);
    assert.match(said, /src\/worker\.js must also say: export \{ GwopLedger, GwopSession \}/);
    const after = filesOf(directory);
    assert.ok(!("src/index.ts" in after));
    assert.match(after["wrangler.jsonc"], /"main": "\.\/src\/worker\.js"/);
  });

  test("the difference hides values of secrets that are commented out, too", async () => {
    const directory = firstProject("hidden");
    writeFileSync(
      join(directory, ".dev.vars"),
      'ONE="hidden-1"\n#TWO=hidden-2\n# THREE = hidden-3\n' +
        `FOUR: hidden-4\nF-I.VE=hidden-5\nSIX='{\n  "x": "hidden-6",\n"hidden-7" }'\n`,
    );
    const { said } = await gwopWorker(["init"], directory);
    assert.match(said, /^\+ GWOP_WEBHOOK_SECRET=…$/m);
    assert.ok(!said.includes("hidden-"), said);
  });

  test("a deployment of 1.0.0 from source keeps its name, objects, migrations and queues", async () => {
    const toml = readFileSync(join(TOP, "tests/worker/fixtures/1.0.0/wrangler.toml"), "utf8");
    const directory = folder("from-1", {
      "wrangler.toml": `${toml}\n[vars]\nCORS_ORIGINS = "https://shop.example"\n`,
    });
    const { code, said } = await gwopWorker(["init", "--yes"], directory);
    assert.equal(code, 0, said);
    assert.match(said, /Not taken over, for you to copy: vars\./);
    const after = filesOf(directory);
    assert.ok(after["wrangler.toml"].startsWith(toml));
    const config = after["wrangler.jsonc"];
    for (const part of [
      /"name": "gwop"/,
      /"name": "GWOP_INVOICES", "class_name": "GwopInvoice"/,
      /"name": "GWOP_INVOICE_INDEX", "class_name": "GwopInvoiceIndex"/,
      /"tag": "v1",\s*"new_sqlite_classes": \["GwopInvoice", "GwopInvoiceIndex", "GwopSession"\]/,
      /"tag": "v2", "new_sqlite_classes": \["GwopLedger"\]/,
      /"queue": "gwop-fulfilment",/,
      /"queue": "gwop-fulfilment-dead",/,
      /"binding": "GWOP_FULFILLMENT_QUEUE", "queue": "gwop-fulfillment"/,
    ])
      assert.match(config, part);
    assert.match(after["src/index.ts"], /GwopLedger, GwopSession, GwopInvoice, GwopInvoiceIndex/);
    const other = await gwopWorker(
      ["init", "--yes", "--name", "shop"],
      folder("renamed", { "wrangler.toml": toml }),
    );
    assert.equal(other.code, 2);
    assert.match(other.said, /--name is gwop in wrangler\.toml/);
  });

  test("wrangler.toml is read however it is laid out, queues’ settings too", async () => {
    const directory = folder("laid-out", {
      "wrangler.toml": `name = 'gwop' # ours
[durable_objects]
bindings = [
  { name = "GWOP_INVOICES", class_name = "GwopInvoice" }, # the first
  { name = "GWOP_INVOICE_INDEX", class_name = "GwopInvoiceIndex" },
]
[[migrations]]
"tag" = "v1"
new_sqlite_classes = [
  "GwopInvoice",
  "GwopInvoiceIndex", # ]
  "GwopSession",
]
[queues]
producers = [{ binding = "GWOP_FULFILMENT_QUEUE", queue = "gwop-fulfilment" }]
[[queues.consumers]]
queue = "gwop-fulfilment"
max_retries = 1_0
max_concurrency = 3
`,
    });
    const { code, said } = await gwopWorker(["init", "--yes"], directory);
    assert.equal(code, 0, said);
    assert.doesNotMatch(said, /Not taken over/);
    const after = filesOf(directory);
    for (const part of [
      /"name": "GWOP_INVOICES", "class_name": "GwopInvoice"/,
      /"tag": "v1",\s*"new_sqlite_classes": \["GwopInvoice", "GwopInvoiceIndex", "GwopSession"\]/,
      /"tag": "v2", "new_sqlite_classes": \["GwopLedger"\]/,
      /"max_retries": 10,[^}]*"dead_letter_queue": "gwop-fulfilment-dead",\s*"max_concurrency": 3/,
    ])
      assert.match(after["wrangler.jsonc"], part);
    assert.match(after["src/index.ts"], /GwopLedger, GwopSession, GwopInvoice, GwopInvoiceIndex/);
  });

  test("a wrangler.toml that cannot be read is named, and nothing is written", async () => {
    for (const [toml, expected] of [
      ['name = "gwop"\n[[migrations]\n', /line 2: \]\] is expected/],
      ['name = "gwop"\nmigrations = [\n  { tag = "v1" }\n', /line 4: , or \] is expected/],
      ['name = "gwop"\nname = "other"\n', /line 2: another name is expected/],
      ['name = "gwop"\nmigrations = "v1"\n', /migrations is no list of tables/],
    ]) {
      const directory = folder("unread", { "wrangler.toml": toml });
      const { code, said } = await gwopWorker(["init", "--yes"], directory);
      assert.deepEqual([code, filesOf(directory)], [2, { "wrangler.toml": toml }], said);
      assert.match(said, /wrangler\.toml cannot be read/);
      assert.match(said, expected);
    }
  });

  test("a deployment of today’s source keeps the migrations that it has", async () => {
    const toml = readFileSync(join(TOP, "wrangler.toml"), "utf8");
    const directory = folder("from-source", { "wrangler.toml": toml });
    assert.equal((await gwopWorker(["init", "--yes"], directory)).code, 0);
    const config = filesOf(directory)["wrangler.jsonc"];
    assert.match(
      config,
      /"GwopInvoiceIndex", "GwopSession"\][\s\S]*"tag": "v2", "new_sqlite_classes": \["GwopLedger"\]/,
    );
    assert.ok(!config.includes('"v3"') && !config.includes("GWOP_INVOICES"));
  });
});
