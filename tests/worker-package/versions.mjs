// If @gwop/worker and @gwop/sdk do not fit, somebody reports it: npm, `gwop-worker dev` or `gwop
// doctor`.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { VERSION, WORKER, WORKSHOP, folder, gwopWorker, run } from "./lib.mjs";
import { suite } from "../runners/checks.mjs";

/** Creates a project whose @gwop/sdk claims the given version. */
async function projectWith(version) {
  const directory = folder(`with-${version}`);
  await gwopWorker(["init", "--yes"], directory);
  const sdk = join(directory, "node_modules/@gwop/sdk");
  mkdirSync(sdk, { recursive: true });
  const manifest = {
    name: "@gwop/sdk",
    version,
    main: "index.js",
    exports: { ".": "./index.js", "./package.json": "./package.json" },
  };
  writeFileSync(join(sdk, "package.json"), JSON.stringify(manifest));
  writeFileSync(join(sdk, "index.js"), "");
  return directory;
}

const doctor = (directory) =>
  run(
    process.execPath,
    [join(WORKSHOP, "node_modules/@gwop/sdk/cli/gwop.js"), "doctor", "--offline"],
    { cwd: directory },
  );
const [major, minor] = VERSION.split(".").map(Number);

suite("versions", async ({ test }) => {
  for (const version of ["1.0.0", `${major}.${minor - 1}.9`, `${major + 1}.0.0`]) {
    test(`@gwop/sdk ${version} does not go with this Worker`, async () => {
      const directory = await projectWith(version);
      const dev = await gwopWorker(["dev"], directory);
      assert.equal(dev.code, 2);
      assert.match(
        dev.said,
        new RegExp(`@gwop/sdk ${version} and @gwop/worker ${VERSION} do not go together`),
      );
      const said = await doctor(directory);
      assert.equal(said.code, 1);
      assert.match(
        said.said,
        new RegExp(`NO +Worker +@gwop/worker ${VERSION}, with @gwop/sdk ${version}`),
      );
    });
  }

  for (const version of [VERSION, `${major}.${minor}.99`, `${major}.${minor + 1}.0`]) {
    test(`@gwop/sdk ${version} goes with it`, async () => {
      const directory = await projectWith(version);
      assert.match(
        (await doctor(directory)).said,
        new RegExp(`ok +Worker +@gwop/worker ${VERSION}, with @gwop/sdk ${version}`),
      );
    });
  }

  test("npm says so where both are installed and do not go together", async () => {
    const sdk = folder("old-sdk", {
      "package.json": '{ "name": "@gwop/sdk", "version": "1.0.0" }',
    });
    const tarball = (await run("npm", ["pack", "--silent"], { cwd: sdk })).stdout.trim();
    const directory = folder("refused", {
      "package.json": '{ "name": "refused", "private": true }',
    });
    // For tarballs, npm only warns. For versions of a registry, which it knows before, it refuses.
    const { said } = await run(
      "npm",
      ["install", "--offline", "--ignore-scripts", WORKER, join(sdk, tarball)],
      { cwd: directory },
    );
    assert.ok(
      said.includes(`peerOptional @gwop/sdk@"^${VERSION}" from @gwop/worker@${VERSION}`),
      said,
    );
  });
});
