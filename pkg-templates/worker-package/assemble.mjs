// Assembles the npm package `@gwop/worker`: `assemble.mjs OUT WORKER SDK VERSION`. `cargo xtask
// build` runs it. WORKER is the directory of a built Worker, SDK that of the built `@gwop/sdk`.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [out, worker, sdk, version] = process.argv.slice(2);
const here = import.meta.dirname;
const top = join(here, "../..");

rmSync(out, { recursive: true, force: true });
mkdirSync(join(out, "worker"), { recursive: true });
for (const file of ["entry.js", "index.js", "index_bg.wasm"]) {
  cpSync(join(worker, file), join(out, "worker", file));
}
for (const file of ["index.js", "index.d.ts", "README.md", "cli"]) {
  cpSync(join(here, file), join(out, file), { recursive: true });
}
// The Worker's events are the SDK's.
cpSync(join(sdk, "generated/models.d.ts"), join(out, "models.d.ts"));
mkdirSync(join(out, "docs"));
const PAGES = ["worker.md", "operations.md", "upgrading.md"];
// Links to pages that only `@gwop/sdk` has point to that package in `node_modules`.
const linked = (text, from) =>
  text.replace(/\]\((?:docs\/)?([\w-]+\.(?:md|png))(#[\w-]+)?\)/g, (link, page, anchor = "") =>
    existsSync(join(top, "docs", page)) && !PAGES.includes(page)
      ? `](${from}sdk/docs/${page}${anchor})`
      : link,
  );
for (const page of PAGES) {
  const text = readFileSync(join(top, "docs", page), "utf8");
  writeFileSync(join(out, "docs", page), linked(text, "../../"));
}
for (const file of ["CHANGELOG.md", "SECURITY.md"])
  writeFileSync(join(out, file), linked(readFileSync(join(top, file), "utf8"), "../"));
cpSync(join(top, "LICENSE"), join(out, "LICENSE"));

const manifest = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
manifest.version = version;
// The SDK must be able to read what this Worker sends.
manifest.peerDependencies["@gwop/sdk"] = `^${version}`;
writeFileSync(join(out, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
