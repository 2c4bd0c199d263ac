// No file may come back to itself by its imports: `node tests/circles.mjs`, a step of the part `docs`.
//
// TypeScript and JavaScript: every relative import, those of types too, as the TypeScript compiler reads
// them. Rust: every path from `use` and every `crate::…` and `super::…` path in code, followed through
// `pub use`, from the file that holds it to the file that defines what it names. Inline modules (`mod
// tests { … }`) are left out: tests look at what they test.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import ts from "typescript";

const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { encoding: "utf8" })
  .split("\n")
  .filter((file) => existsSync(file));

/** What each file imports: from a path to a set of paths. */
const graph = new Map();

for (const file of files.filter((name) => /\.(ts|js|mjs)$/.test(name) && !name.includes("/fixtures/"))) {
  const { importedFiles } = ts.preProcessFile(readFileSync(file, "utf8"), true, true);
  const targets = importedFiles.filter(({ fileName }) => fileName.startsWith(".")).map(({ fileName }) => script(file, fileName));
  graph.set(file, new Set(targets.filter(Boolean)));
}

/** The file that a relative import names. */
function script(from, name) {
  const path = normalize(join(dirname(from), name));
  return [path, path.replace(/\.js$/, ".ts"), `${path}.ts`].find((candidate) => graph.has(candidate) || files.includes(candidate));
}

for (const root of ["src/lib.rs", "agent/src/lib.rs", "simulator/src/lib.rs", "xtask/src/main.rs"]) rust(root);

/** Reads a crate: its modules, then what each refers to. */
function rust(root) {
  const modules = new Map();
  read([], root, dirname(root));
  for (const module of modules.values()) {
    const targets = module.paths.map((path) => defining(module, path)).filter((file) => file && file !== module.file);
    graph.set(module.file, new Set(targets));
  }

  function read(path, file, directory) {
    // Comments and texts hold no code; what stands in an inline module is not the file's.
    const code = withoutInlineModules(withoutTexts(readFileSync(file, "utf8")));
    const module = { path, file, paths: [], exported: new Map() };
    modules.set(path.join("::"), module);
    for (const [, name] of code.matchAll(/^\s*(?:pub(?:\([^)]*\))? )?mod (\w+);/gm)) {
      const inner = [join(directory, `${name}.rs`), join(directory, name, "mod.rs")].find((candidate) => existsSync(candidate));
      if (inner) read([...path, name], inner, join(directory, name));
    }
    for (const [, open, tree] of code.matchAll(/^\s*(pub(?:\([^)]*\))? )?use ([^;]+);/gm)) {
      for (const { used, as } of usedBy(tree.replace(/\s+/g, " "))) {
        // What a module hands on is followed by whoever takes it from there.
        if (open) module.exported.set(as, used);
        else module.paths.push(used);
      }
    }
    const rest = code.replace(/^\s*(pub(?:\([^)]*\))? )?use [^;]+;/gm, "");
    for (const [used] of rest.matchAll(/\b(?:crate|super)(?:::\w+)+/g)) module.paths.push(used.split("::"));
    module.lower = [...rest.matchAll(/(?<![:\w])([a-z_]\w*)(?:::\w+)+/g)].map(([used]) => used.split("::"));
    module.paths.push(...module.lower.filter(([first]) => existsIn(directory, first)));
  }

  function existsIn(directory, name) {
    return existsSync(join(directory, `${name}.rs`)) || existsSync(join(directory, name, "mod.rs"));
  }

  /** The file that defines what a path in a module names; `undefined` for other crates and for items of the module itself. */
  function defining(module, path, depth = 0) {
    let [first, ...rest] = path;
    let at = module.path;
    if (first === "crate") at = [];
    else if (first === "self") at = module.path;
    else if (first === "super") {
      at = at.slice(0, -1);
      while (rest[0] === "super") [at, rest] = [at.slice(0, -1), rest.slice(1)];
    } else if (modules.has([...at, first].join("::"))) rest = path;
    else return undefined;
    for (const name of rest) {
      const inner = modules.get([...at, name].join("::"));
      if (inner) {
        at = inner.path;
        continue;
      }
      const holder = modules.get(at.join("::"));
      const handed = holder?.exported.get(name);
      if (handed && depth < 8) return defining(holder, handed, depth + 1) ?? holder.file;
      return holder?.file;
    }
    return modules.get(at.join("::"))?.file;
  }
}

/** The paths of a `use` tree, each with the name that it has afterwards. */
function usedBy(tree, before = []) {
  const brace = tree.indexOf("{");
  if (brace < 0) {
    const [path, as] = tree.trim().split(" as ");
    const parts = path.split("::");
    const used = [...before, ...(parts.at(-1) === "self" && before.length > 0 ? parts.slice(0, -1) : parts)];
    return [{ used, as: as ?? used.at(-1) }];
  }
  const head = tree.slice(0, brace).trim().split("::").filter(Boolean);
  const found = [];
  let [depth, start] = [0, brace + 1];
  for (let at = brace; at < tree.length; at += 1) {
    if (tree[at] === "{") depth += 1;
    if (tree[at] === "}") depth -= 1;
    if ((tree[at] === "," && depth === 1) || depth === 0) {
      const part = tree.slice(start, at).trim();
      if (part) found.push(...usedBy(part, [...before, ...head]));
      start = at + 1;
      if (depth === 0) break;
    }
  }
  return found;
}

function withoutTexts(code) {
  return code.replace(/\/\/.*|r#+"[^]*?"#+|"(?:[^"\\]|\\[^])*"|'(?:[^'\\]|\\.)'/g, (part) => (part.startsWith("//") ? "" : '""'));
}

function withoutInlineModules(code) {
  const opening = /^(?:#\[[^\n]*\]\n)*\s*(?:pub(?:\([^)]*\))? )?mod \w+ \{/m;
  for (let found; (found = opening.exec(code)); ) {
    let depth = 0;
    let end = found.index + found[0].length - 1;
    do {
      if (code[end] === "{") depth += 1;
      if (code[end] === "}") depth -= 1;
      end += 1;
    } while (depth > 0 && end < code.length);
    code = code.slice(0, found.index) + code.slice(end);
  }
  return code;
}

/** The groups of files that come back to themselves (Tarjan's strongly connected components). */
function circles() {
  const [index, low, open, found] = [new Map(), new Map(), [], []];
  const visit = (file) => {
    index.set(file, index.size);
    low.set(file, index.get(file));
    open.push(file);
    for (const next of graph.get(file) ?? []) {
      if (!index.has(next)) visit(next);
      if (open.includes(next)) low.set(file, Math.min(low.get(file), low.get(next)));
    }
    if (low.get(file) !== index.get(file)) return;
    const group = open.splice(open.indexOf(file));
    if (group.length > 1) found.push(group);
  };
  for (const file of graph.keys()) if (!index.has(file)) visit(file);
  return found;
}

/** A shortest way from a file back to itself, within its group. */
function way(group) {
  const [start] = group;
  const from = new Map();
  const queue = [start];
  for (const file of queue) {
    for (const next of graph.get(file) ?? []) {
      if (next === start) {
        const back = [next, file];
        while (back.at(-1) !== start) back.push(from.get(back.at(-1)));
        return back.reverse();
      }
      if (!group.includes(next) || from.has(next)) continue;
      from.set(next, file);
      queue.push(next);
    }
  }
  return group;
}

const found = circles();
for (const group of found) {
  console.error(`${group.length} files import each other in a circle:\n  ${way(group).join("\n  → ")}`);
  console.error(`  all of them: ${group.sort().join(", ")}`);
}
const imports = [...graph.values()].reduce((sum, targets) => sum + targets.size, 0);
if (graph.size < 300 || imports < 500) throw new Error(`only ${graph.size} files with ${imports} imports were found`);
console.log(`${graph.size} files, ${imports} imports, ${found.length} circles`);
process.exitCode = found.length > 0 ? 1 : 0;
