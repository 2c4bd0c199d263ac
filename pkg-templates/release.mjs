// Checks a tarball before it is published, and lists what is in it: `release.mjs TARBALL VERSION TOP
// [WORKER]`, run by `cargo xtask release`. WORKER is the directory of the built Worker: it is packed
// beside the tarball.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir, hostname, tmpdir } from "node:os";
import { basename, dirname, join, posix, relative } from "node:path";

const [tarball, version, top, worker] = process.argv.slice(2);
const directory = mkdtempSync(join(tmpdir(), "gwop-release-"));
process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
execFileSync("tar", ["xzf", tarball, "-C", directory]);
const root = join(directory, "package");
const files = readdirSync(root, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(root, join(entry.parentPath, entry.name)))
  .sort();
const read = (file) => readFileSync(join(root, file));
const manifest = JSON.parse(read("package.json"));
const problems = [];
const need = (holds, problem) => holds || problems.push(problem);

need(manifest.name === "@gwop/sdk" && manifest.version === version, `package.json is ${manifest.name} ${manifest.version}, expected ${version}`);
need(/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version) && version !== "0.0.0", `${version} is no version to publish`);
need(read("CHANGELOG.md").includes(`\n## ${version}\n`), `CHANGELOG.md has no section "## ${version}"`);
for (const file of ["README.md", "LICENSE", "SECURITY.md", "gwop.wasm", "simulator.wasm", "agent.wasm", "index.d.ts"]) need(files.includes(file), `${file} is missing`);
need(!("scripts" in manifest) && !("dependencies" in manifest), "package.json has scripts or dependencies");

/** Every file that `exports`, `types` and `bin` name. */
const targets = (value) => (typeof value === "string" ? [value] : Object.values(value ?? {}).flatMap(targets));
for (const target of targets([manifest.exports, manifest.types, manifest.bin])) {
  need(files.includes(target.replace(/^\.\//, "")), `package.json names ${target}, which is not there`);
}
// Every file that another one imports, or finds beside itself.
for (const file of files.filter((name) => /\.(c?js|d\.c?ts)$/.test(name))) {
  const pattern = /(?:\bfrom|\bimport|\bnew URL\(|\brequire\()\s*\(?\s*["'](\.{1,2}\/[^"'?]+)/g;
  for (const [, target] of read(file).toString("utf8").matchAll(pattern)) {
    const path = posix.join(posix.dirname(file), target);
    const isThere = files.includes(path) || (/\.d\.c?ts$/.test(file) && files.includes(path.replace(/\.(c?)js$/, ".d.$1ts")));
    need(isThere, `${file} imports ${target}, which is not there`);
  }
}
const agents = read("gwop.wasm").toString("latin1").match(/gwop-sdk\/\d+\.\d+\.\d+/g) ?? [];
need(agents.length > 0, "gwop.wasm does not name the User-Agent gwop-sdk/VERSION");
for (const agent of agents) need(agent === `gwop-sdk/${version}`, `the User-Agent is ${agent}, expected gwop-sdk/${version}`);
// Nothing of the machine that built it, and nothing that is secret.
const host = hostname();
// A name such as `build` may stand anywhere.
const isTelling = host.length >= 6 && host !== "localhost";
const strangers = [homedir(), top, ...(isTelling ? [host] : []), "registry=", "_authToken", "-----BEGIN"];
for (const file of files) {
  const text = read(file).toString("latin1");
  for (const stranger of strangers) need(!text.includes(stranger), `${file} contains ${JSON.stringify(stranger)}`);
  need(!/\.(map|tgz|log|env)$|(^|\/)\./.test(file), `${file} does not belong there`);
}

for (const file of files) console.log(`${String(statSync(join(root, file)).size).padStart(9)}  ${file}`);
const bytes = readFileSync(tarball);
console.log(`\n${files.length} files, ${bytes.length} bytes packed\n${tarball}`);
// As `sha512sum --check` reads them, in a directory with the tarball and what was unpacked of it; the last line is npm's `dist.integrity`.
const sha512 = (data) => createHash("sha512").update(data);
const hashed = [[basename(tarball), bytes], ...files.filter((name) => name.endsWith(".wasm")).map((name) => [`package/${name}`, read(name)])];
if (worker) {
  const packed = join(dirname(tarball), `gwop-worker-${version}.tgz`);
  execFileSync("tar", ["czf", packed, "-C", dirname(worker), basename(worker)]);
  hashed.push([basename(packed), readFileSync(packed)]);
  const wasm = readdirSync(worker).filter((name) => name.endsWith(".wasm"));
  need(wasm.length > 0, "the Worker has no .wasm: build it");
  hashed.push(...wasm.map((name) => [posix.join(basename(worker), name), readFileSync(join(worker, name))]));
}
const sums = hashed.map(([name, data]) => `${sha512(data).digest("hex")}  ${name}\n`).join("");
writeFileSync(join(dirname(tarball), "SHA512SUMS"), sums);
console.log(`\nSHA-512, also in SHA512SUMS beside the tarball:\n${sums}integrity sha512-${sha512(bytes).digest("base64")}`);
for (const problem of problems) console.error(`✗ ${problem}`);
process.exitCode = problems.length > 0 ? 1 : 0;
