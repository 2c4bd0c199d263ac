// Checks the content of the tarball.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import { SDK, VERSION, WORKER, WORKSHOP, filesOf, folder, run } from "./lib.mjs";
import { suite } from "../runners/checks.mjs";
import { TOP } from "../worker/lib/wrangler.mjs";

const FILES = [
  "CHANGELOG.md",
  "LICENSE",
  "README.md",
  "SECURITY.md",
  ...[
    "dev",
    "difference",
    "errors",
    "gwop-worker",
    "init",
    "jsonc",
    "project",
    "toml",
    "variables",
    "versions",
  ].map((name) => `cli/${name}.js`),
  "docs/operations.md",
  "docs/upgrading.md",
  "docs/worker.md",
  "index.d.ts",
  "index.js",
  "models.d.ts",
  "package.json",
  "worker/entry.js",
  "worker/index.js",
  "worker/index_bg.wasm",
];

/** The output of the release command, which `cargo xtask test --only worker-package` runs first. */
const SUMS = readFileSync(join(dirname(SDK), "SHA512SUMS"), "utf8");

/** Creates the Worker's tarball with changes, in its own directory. */
async function repacked(name, change) {
  const directory = folder(name);
  assert.equal((await run("tar", ["xzf", WORKER, "-C", directory])).code, 0);
  change(join(directory, "package"));
  const tarball = join(directory, basename(WORKER));
  assert.equal((await run("tar", ["czf", tarball, "-C", directory, "package"])).code, 0);
  // The checksums are written next to the SDK's.
  cpSync(SDK, join(directory, basename(SDK)));
  return { sdk: join(directory, basename(SDK)), worker: tarball };
}

suite("tarball", async ({ test }) => {
  const root = join(WORKSHOP, "node_modules/@gwop/worker");
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

  test("it holds these files and no other", () => {
    assert.deepEqual(Object.keys(filesOf(root)).sort(), [...FILES].sort());
  });

  test("it brings no package and runs nothing where it is installed", () => {
    for (const member of ["dependencies", "optionalDependencies", "bundleDependencies", "scripts"])
      assert.ok(!(member in manifest), member);
    assert.deepEqual(manifest.peerDependenciesMeta, { "@gwop/sdk": { optional: true } });
  });

  test("it holds the very Worker that `wrangler.toml` deploys", () => {
    for (const name of ["entry.js", "index.js", "index_bg.wasm"]) {
      assert.ok(
        readFileSync(join(root, "worker", name)).equals(
          readFileSync(join(TOP, "dist/worker", name)),
        ),
        name,
      );
    }
  });

  test("its version is that of @gwop/sdk, and its peer no older", () => {
    const sdk = JSON.parse(
      readFileSync(join(WORKSHOP, "node_modules/@gwop/sdk/package.json"), "utf8"),
    );
    assert.deepEqual(
      [manifest.version, sdk.version, manifest.peerDependencies["@gwop/sdk"]],
      [VERSION, VERSION, `^${VERSION}`],
    );
  });

  test("both come from one release command, with the hash of each and of each `.wasm`", () => {
    const sums = Object.fromEntries(
      SUMS.trimEnd()
        .split("\n")
        .map((line) => line.split("  ").reverse()),
    );
    const sha512 = (data) => createHash("sha512").update(data).digest("hex");
    const installed = (name, file) =>
      readFileSync(join(WORKSHOP, "node_modules/@gwop", name, file));
    assert.deepEqual(sums, {
      [basename(SDK)]: sha512(readFileSync(SDK)),
      ...Object.fromEntries(
        ["agent", "gwop", "simulator"].map((name) => [
          `package/${name}.wasm`,
          sha512(installed("sdk", `${name}.wasm`)),
        ]),
      ),
      [basename(WORKER)]: sha512(readFileSync(WORKER)),
      "package/worker/index_bg.wasm": sha512(installed("worker", "worker/index_bg.wasm")),
    });
  });

  test("the release checks refuse a tarball whose contents are not as they should be", async () => {
    for (const [change, expected] of [
      [(root) => rmSync(join(root, "docs/worker.md")), /docs\/worker\.md is missing/],
      [
        (root) => rmSync(join(root, "cli/toml.js")),
        /cli\/init\.js imports \.\/toml\.js, which is not there/,
      ],
      [
        (root) => writeFileSync(join(root, "worker/.env"), "X=1"),
        /worker\/\.env does not belong there/,
      ],
      [(root) => writeFileSync(join(root, "cli/notes.js"), `// ${TOP}`), /cli\/notes\.js contains/],
    ]) {
      const { sdk, worker } = await repacked("repacked", change);
      const { code, said } = await run(process.execPath, [
        join(TOP, "pkg-templates/release.mjs"),
        sdk,
        VERSION,
        TOP,
        worker,
      ]);
      assert.equal(code, 1, said);
      assert.match(said, expected);
    }
  });

  test("the release checks take both tarballs, and refuse one of another version", async () => {
    const check = (version) =>
      run(process.execPath, [join(TOP, "pkg-templates/release.mjs"), SDK, version, TOP, WORKER]);
    const good = await check(VERSION);
    assert.equal(good.code, 0, good.said);
    assert.match(good.said, /package\/worker\/index_bg\.wasm/);
    const other = await check("99.0.0");
    assert.equal(other.code, 1);
    assert.match(other.said, /@gwop\/worker: package\.json is @gwop\/worker/);
    assert.match(other.said, /@gwop\/worker takes @gwop\/sdk/);
    await check(VERSION);
  });
});
