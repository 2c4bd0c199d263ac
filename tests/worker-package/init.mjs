// `npx @gwop/worker init`, in empty folders and in others.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import {
  VERSION,
  WORKSHOP,
  filesOf,
  firstProject,
  folder,
  gwopWorker,
  modeOf,
  variablesOf,
} from "./lib.mjs";
import { suite } from "../runners/checks.mjs";

/** Runs `init` on its own terminal (with util-linux), and types each answer at its question. */
function talk(directory, answers) {
  const bin = join(WORKSHOP, "node_modules/@gwop/worker/cli/gwop-worker.js");
  const child = spawn("script", ["-qec", `"${process.execPath}" "${bin}" init`, "/dev/null"], {
    cwd: directory,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, TERM: "dumb" },
  });
  const left = [...answers];
  let [said, from] = ["", 0];
  child.stdout.on("data", (chunk) => {
    said += chunk;
    if (left.length === 0 || !left[0][0].test(said.slice(from))) return;
    from = said.length;
    const [, given] = left.shift();
    const answer = typeof given === "function" ? given() : given;
    // The character that ends the input is typed without a new line.
    child.stdin.write(answer === "\x04" ? answer : `${answer}\n`);
  });
  const limit = setTimeout(() => child.kill("SIGKILL"), 30_000);
  return new Promise((resolve) =>
    child.once("close", (code) => {
      clearTimeout(limit);
      resolve({ code, said: said.replaceAll("\r", "") });
    }),
  );
}

const made = async (name, args, files) => {
  const directory = folder(name, files);
  const { code, said } = await gwopWorker(["init", ...args], directory);
  return { directory, code, said };
};

suite("init", async ({ test }) => {
  test("makes a whole project, asks nothing with --yes, and says the next three commands", async () => {
    const { directory, code, said } = await made("shop", ["--yes"]);
    assert.equal(code, 0, said);
    assert.deepEqual(Object.keys(filesOf(directory)).sort(), [
      ".dev.vars",
      ".gitignore",
      "package.json",
      "src/index.ts",
      "wrangler.jsonc",
    ]);
    assert.match(said, /Next:\n  npm install\n  npm run dev .*\n  npm run deploy/);
    const manifest = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
    assert.deepEqual(
      [manifest.name, manifest.dependencies["@gwop/worker"], manifest.devDependencies["@gwop/sdk"]],
      ["shop", VERSION, VERSION],
    );
    assert.equal(manifest.scripts.dev, "gwop-worker dev");
    assert.match(readFileSync(join(directory, ".gitignore"), "utf8"), /^\.dev\.vars\*$/m);
  });

  test("the secrets are new in each project, for the owner’s eyes alone, and never printed", async () => {
    const projects = [
      await made("one", ["--yes", "--with-auth"]),
      await made("two", ["--yes", "--with-auth"]),
    ];
    const secrets = projects.map(({ directory }) => variablesOf(directory));
    const names = [
      "GWOP_WEBHOOK_SECRET",
      "OPERATOR_TOKEN",
      "FULFILLMENT_SECRET",
      "GWOP_MERCHANT_API_KEY",
      "AUTH_SECRET",
      "GWOP_MERCHANT_ID",
    ];
    const values = secrets.flatMap((variables) => names.map((name) => variables[name]));
    assert.equal(new Set(values).size, 2 * names.length);
    for (const value of values) {
      assert.ok(value.length >= 36, value);
      for (const { said } of projects) assert.ok(!said.includes(value));
    }
    for (const { directory } of projects) assert.equal(modeOf(join(directory, ".dev.vars")), 0o600);
  });

  test("--name, --fulfillment and --with-auth say what is written", async () => {
    const { directory } = await made("flags", [
      "--yes",
      "--name",
      "kiosk",
      "--fulfillment",
      "service",
      "--with-auth",
    ]);
    const config = readFileSync(join(directory, "wrangler.jsonc"), "utf8");
    assert.match(config, /"name": "kiosk"/);
    assert.match(config, /"binding": "FULFILLMENT", "service": "kiosk-fulfillment"/);
    const variables = variablesOf(directory);
    assert.ok(
      variables.AUTH_SECRET && variables.GWOP_MERCHANT_ID && !("FULFILLMENT_URL" in variables),
    );
    // Both sides of the binding have the same secret.
    assert.equal(
      variablesOf(join(directory, "fulfillment")).FULFILLMENT_SECRET,
      variables.FULFILLMENT_SECRET,
    );
    assert.equal(modeOf(join(directory, "fulfillment/.dev.vars")), 0o600);
    const plain = variablesOf((await made("plain", ["--yes"])).directory);
    assert.ok(plain.FULFILLMENT_URL && !("AUTH_SECRET" in plain));
  });

  test("never overwrites: what is there stays byte for byte, and what it lacks is shown", async () => {
    const files = {
      "package.json":
        '{ "name": "mine", "scripts": { "dev": "mine" }, "dependencies": { "hono": "4" } }\n',
      "wrangler.jsonc": '{ "name": "mine", "main": "src/index.ts" }\n',
      "src/index.ts": "export default {};\n",
      ".dev.vars": 'MINE="kept"\n',
      ".gitignore": "dist\n",
    };
    const { directory, code, said } = await made("mine", ["--yes"], files);
    assert.equal(code, 0, said);
    assert.deepEqual(filesOf(directory), files);
    assert.match(said, /What it lacks is for you to add/);
    assert.match(said, /\+ .*"name": "GWOP_LEDGER"/);
    assert.match(
      said,
      /src\/index\.ts must also say: export \{ GwopLedger, GwopSession \} from "@gwop\/worker"/,
    );
    assert.match(said, /^\+ OPERATOR_TOKEN=…$/m);
  });

  test("a Worker of assets alone is told that it lacks a main module", async () => {
    const files = { "wrangler.jsonc": '{ "name": "mine", "assets": { "directory": "public" } }\n' };
    const { directory, code, said } = await made("assets", ["--yes"], files);
    assert.equal(code, 0, said);
    assert.equal(filesOf(directory)["wrangler.jsonc"], files["wrangler.jsonc"]);
    assert.match(said, /^\+ +"main": "src\/index\.ts",$/m);
    assert.match(said, /^\+ +"compatibility_date": "/m);
    // The script creates exactly the queues of the configuration.
    assert.match(said, /^\+ .*"queue": "mine-fulfillment"/m);
    assert.match(filesOf(directory)["package.json"], /queues create mine-fulfillment /);
  });

  test("a second time in the same project changes nothing", async () => {
    const { directory } = await made("again", ["--yes", "--fulfillment", "service", "--with-auth"]);
    const before = filesOf(directory);
    chmodSync(join(directory, ".dev.vars"), 0o644);
    const { code, said } = await gwopWorker(["init", "--yes"], directory);
    assert.equal(code, 0, said);
    assert.deepEqual(filesOf(directory), before);
    assert.equal(modeOf(join(directory, ".dev.vars")), 0o600, "what others could read is closed");
  });

  test("wrong use is said, with what was expected, and writes nothing", async () => {
    for (const [args, expected] of [
      [["--fulfillment", "mail"], /--fulfillment takes url or service/],
      [["--name", "My Shop"], /--name: a name has 1 to 46 lower-case letters/],
      [["--nmae", "x"], /Unknown option '--nmae'/],
      [["extra"], /takes options only/],
    ]) {
      const { directory, code, said } = await made("wrong", ["--yes", ...args]);
      assert.equal(code, 2, said);
      assert.match(said, expected);
      assert.deepEqual(filesOf(directory), {});
    }
    const broken = {
      "package.json": '{ "dependencies": { "@gwop/worker": "1.0.0" } }',
      "wrangler.jsonc": '{\n  "name": }\n',
    };
    const { directory, code, said } = await made("broken", ["--yes"], broken);
    assert.deepEqual([code, filesOf(directory)], [2, broken]);
    assert.match(said, /wrangler\.jsonc cannot be read \(line 2: a value is expected\)/);
    const later = {
      "package.json": '{ "dependencies": { "@gwop/worker": "99.1.0" } }',
      "wrangler.jsonc": '{ "name": "x" }',
    };
    assert.match(
      (await made("later", ["--yes"], later)).said,
      /is of @gwop\/worker 99\.1\.0, and this command of .*@latest/,
    );
  });

  test("a wrangler.json is named: wrangler would take it, and not what is made here", async () => {
    const files = { "wrangler.json": '{ "name": "other", "main": "x.js" }\n' };
    const { directory, code, said } = await made("other", ["--yes"], files);
    assert.deepEqual([code, filesOf(directory)], [2, files]);
    assert.match(said, /wrangler prefers to wrangler\.jsonc/);
  });

  test("a configuration of another shape is named, and nothing is written", async () => {
    const ours = '{ "name": "x", "dependencies": { "@gwop/worker": "1.9.0" } }';
    for (const [manifest, config, expected] of [
      ["null", '{ "name": "x" }', /package\.json cannot be read \(it is no object\)/],
      ['"x"', undefined, /package\.json cannot be read \(it is no object\)/],
      [ours, "null", /wrangler\.jsonc cannot be read \(it is no object\)/],
      [ours, '{ "main": "x.js" }', /wrangler\.jsonc cannot be read \(it has no name\)/],
      [ours, '{ "name": "x", "services": {} }', /\(services is no list of objects\)/],
      ["{}", '{ "name": "x", "services": {} }', /\(services is no list of objects\)/],
      [ours, '{ "name": "x", "migrations": [null] }', /\(migrations is no list of objects\)/],
      [ours, '{ "name": "x", "migrations": null }', /\(migrations is no array\)/],
      [ours, '{ "name": "x", "queues": { "producers": {} } }', /\(queues\.producers is no list/],
    ]) {
      const files = { "package.json": manifest, ...(config && { "wrangler.jsonc": config }) };
      const { directory, code, said } = await made("shapes", ["--yes"], files);
      assert.deepEqual([code, filesOf(directory)], [2, files], said);
      assert.match(said, expected);
    }
  });

  test("both sides of the binding have the same secret, however it was written", async () => {
    for (const [index, line] of [
      `export FULFILLMENT_SECRET='whsec_mine'`,
      "FULFILLMENT_SECRET=whsec_mine # ours",
      'FULFILLMENT_SECRET: "whsec_mine"',
    ].entries()) {
      const { directory, said } = await made(
        `secret-${index}`,
        ["--yes", "--fulfillment", "service"],
        { ".dev.vars": `${line}\n` },
      );
      const { FULFILLMENT_SECRET } = variablesOf(join(directory, "fulfillment"));
      assert.equal(FULFILLMENT_SECRET, "whsec_mine", line);
      assert.ok(!said.includes("whsec_mine"), said);
      assert.ok(!said.includes("+ FULFILLMENT_SECRET"), said);
    }
  });

  test("a link to nothing, or a directory in the place of a file, is said before anything is written", async () => {
    for (const [name, args, put, expected] of [
      [
        ".dev.vars",
        [],
        (path) => symlinkSync("elsewhere", path),
        /\.dev\.vars is a link to something that is not there/,
      ],
      [
        "package.json",
        [],
        (path) => symlinkSync("package.json", path),
        /package\.json is a link that leads to itself/,
      ],
      [
        "wrangler.jsonc",
        [],
        (path) => mkdirSync(path),
        /wrangler\.jsonc is a directory, and has to be a file/,
      ],
      [
        "src",
        [],
        (path) => writeFileSync(path, ""),
        /src\/index\.ts needs a directory where a file is/,
      ],
      [
        "fulfillment",
        ["--fulfillment", "service"],
        (path) => symlinkSync("elsewhere", path),
        /fulfillment is a link to something that is not there/,
      ],
    ]) {
      const directory = folder("linked");
      put(join(directory, name));
      const { code, said } = await gwopWorker(["init", "--yes", ...args], directory);
      assert.equal(code, 2, said);
      assert.match(said, expected);
      assert.doesNotMatch(said, /bug|\n +at /);
      assert.deepEqual(readdirSync(directory), [name]);
    }
  });

  test("on a terminal it asks, says what an answer should be, and takes the answers", async () => {
    const directory = folder("asked");
    const { code, said } = await talk(directory, [
      [/name\?/, "My Shop"],
      [/A name has .*name\?/s, "kiosk"],
      [/service\)\?/, "service"],
      [/auth too\?/, "y"],
    ]);
    assert.equal(code, 0, said);
    assert.match(said, /The Worker's name\? \(asked\)/);
    assert.match(said, /A name has 1 to 46 lower-case letters/);
    assert.match(
      readFileSync(join(directory, "wrangler.jsonc"), "utf8"),
      /"name": "kiosk"[\s\S]*kiosk-fulfillment/,
    );
    assert.ok(existsSync(join(directory, "fulfillment/index.ts")));
    assert.ok(variablesOf(directory).AUTH_SECRET);
  });

  test("on a terminal an upgrade is asked about; whoever breaks off has changed nothing", async () => {
    const directory = firstProject("asked-upgrade");
    const before = filesOf(directory);
    const no = await talk(directory, [[/Change these files\?/, "n"]]);
    assert.deepEqual([no.code, filesOf(directory)], [1, before], no.said);
    const off = await talk(directory, [[/Change these files\?/, "\x04"]]);
    assert.deepEqual([off.code, filesOf(directory)], [1, before], off.said);
    assert.match(off.said, /Broken off: nothing was written/);
    assert.equal((await talk(directory, [[/Change these files\?/, "y"]])).code, 0);
    assert.notDeepEqual(filesOf(directory), before);
  });

  test("what is written while an upgrade is asked about stays", async () => {
    const directory = firstProject("edited-meanwhile");
    const path = join(directory, "package.json");
    const mine = '{ "name": "mine" }\n';
    const { code, said } = await talk(directory, [
      [
        /Change these files\?/,
        () => {
          writeFileSync(path, mine);
          return "y";
        },
      ],
    ]);
    assert.equal(code, 2, said);
    assert.match(said, /package\.json was changed while this ran, and stays so: run init again/);
    assert.equal(readFileSync(path, "utf8"), mine);
  });
});
