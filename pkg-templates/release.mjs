// Checks the tarballs before they are published, and lists their contents: `release.mjs SDK VERSION
// TOP [WORKER]`. `cargo xtask release` runs it. SDK is the tarball of @gwop/sdk, WORKER that of
// @gwop/worker.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir, hostname, tmpdir } from "node:os";
import { basename, dirname, join, posix, relative } from "node:path";

const [sdk, version, top, worker] = process.argv.slice(2);
const problems = [];
const need = (holds, problem) => holds || problems.push(problem);
/** Returns every file that a value of `exports`, `types` or `bin` names. */
const targets = (value) =>
  typeof value === "string" ? [value] : Object.values(value ?? {}).flatMap(targets);
const sha512 = (data) => createHash("sha512").update(data);

/** Unpacks a tarball. */
function opened(tarball) {
  const directory = mkdtempSync(join(tmpdir(), "gwop-release-"));
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
  execFileSync("tar", ["xzf", tarball, "-C", directory]);
  const root = join(directory, "package");
  const files = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
  const read = (file) => readFileSync(join(root, file));
  return { tarball, root, files, read, manifest: JSON.parse(read("package.json")) };
}

/** Checks the rules for every package. */
function check({ files, read, manifest }, name, wanted) {
  const say = (holds, problem) => need(holds, `${name}: ${problem}`);
  say(
    manifest.name === name && manifest.version === version,
    `package.json is ${manifest.name} ${manifest.version}, expected ${version}`,
  );
  say(
    read("CHANGELOG.md").includes(`\n## ${version}\n`),
    `CHANGELOG.md has no section "## ${version}"`,
  );
  for (const file of ["README.md", "LICENSE", "SECURITY.md", "index.d.ts", ...wanted])
    say(files.includes(file), `${file} is missing`);
  say(
    !("scripts" in manifest) && !("dependencies" in manifest),
    "package.json has scripts or dependencies",
  );
  for (const target of targets([manifest.exports, manifest.types, manifest.bin])) {
    say(
      files.includes(target.replace(/^\.\//, "")),
      `package.json names ${target}, which is not there`,
    );
  }
  // Checks every file that another file imports, or expects next to itself.
  for (const file of files.filter((each) => /\.(c?js|d\.c?ts)$/.test(each))) {
    const pattern = /(?:\bfrom|\bimport|\bnew URL\(|\brequire\()\s*\(?\s*["'](\.{1,2}\/[^"'?]+)/g;
    for (const [, target] of read(file).toString("utf8").matchAll(pattern)) {
      const path = posix.join(posix.dirname(file), target);
      const isThere =
        files.includes(path) ||
        (/\.d\.c?ts$/.test(file) && files.includes(path.replace(/\.(c?)js$/, ".d.$1ts")));
      say(isThere, `${file} imports ${target}, which is not there`);
    }
  }
  // The package must contain no paths of the build machine, and no secrets.
  const host = hostname();
  // A name such as `build` may appear anywhere.
  const isTelling = host.length >= 6 && host !== "localhost";
  const strangers = [
    `${homedir()}/`,
    top,
    ...(isTelling ? [host] : []),
    "registry=",
    "_authToken",
    "-----BEGIN",
  ];
  for (const file of files) {
    const text = read(file).toString("latin1");
    for (const stranger of strangers)
      say(!text.includes(stranger), `${file} contains ${JSON.stringify(stranger)}`);
    say(!/\.(map|tgz|log|env)$|(^|\/)\./.test(file), `${file} does not belong there`);
  }
}

/** Lists a package, and returns the lines for `sha512sum --check`. */
function listed({ tarball, root, files, read }) {
  for (const file of files)
    console.log(`${String(statSync(join(root, file)).size).padStart(9)}  ${file}`);
  const bytes = readFileSync(tarball);
  console.log(`\n${files.length} files, ${bytes.length} bytes packed\n${tarball}`);
  // The same as npm's `dist.integrity`.
  console.log(`integrity sha512-${sha512(bytes).digest("base64")}\n`);
  const wasm = files
    .filter((name) => name.endsWith(".wasm"))
    .map((name) => [`package/${name}`, read(name)]);
  return [[basename(tarball), bytes], ...wasm].map(
    ([name, data]) => `${sha512(data).digest("hex")}  ${name}\n`,
  );
}

need(
  /^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version) && version !== "0.0.0",
  `${version} is no version to publish`,
);
const packages = [opened(sdk)];
check(packages[0], "@gwop/sdk", ["gwop.wasm", "simulator.wasm", "agent.wasm"]);
const agents =
  packages[0]
    .read("gwop.wasm")
    .toString("latin1")
    .match(/gwop-sdk\/\d+\.\d+\.\d+/g) ?? [];
need(agents.length > 0, "gwop.wasm does not name the User-Agent gwop-sdk/VERSION");
for (const agent of agents)
  need(agent === `gwop-sdk/${version}`, `the User-Agent is ${agent}, expected gwop-sdk/${version}`);
if (worker) {
  packages.push(opened(worker));
  check(packages[1], "@gwop/worker", [
    "index.js",
    "worker/index_bg.wasm",
    "docs/worker.md",
    "docs/operations.md",
    "docs/upgrading.md",
  ]);
  const least = packages[1].manifest.peerDependencies?.["@gwop/sdk"];
  need(least === `^${version}`, `@gwop/worker takes @gwop/sdk ${least}, expected ^${version}`);
}
const sums = packages.flatMap(listed).join("");
writeFileSync(join(dirname(sdk), "SHA512SUMS"), sums);
console.log(`SHA-512, also in SHA512SUMS beside the tarballs:\n${sums}`);
for (const problem of problems) console.error(`✗ ${problem}`);
process.exitCode = problems.length > 0 ? 1 : 0;
