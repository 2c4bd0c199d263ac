// Completes the declarations that tsc wrote: `node types.mjs OUT`. `cargo xtask build` runs it.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [out] = process.argv.slice(2);
const declarations = () =>
  readdirSync(out, { recursive: true }).filter((file) => file.endsWith(".d.ts"));

// 1. TypeScript's `node10` ignores `exports`: a subpath in another place needs a file of its name.
for (const file of readdirSync(join(out, "handlers")).filter((name) => name.endsWith(".d.ts"))) {
  const name = file.replace(/\.d\.ts$/, "");
  const subpath = JSON.parse(readFileSync(join(out, "package.json"), "utf8")).exports[`./${name}`];
  if (subpath) writeFileSync(join(out, `${name}.d.ts`), `export * from "./handlers/${name}.js";\n`);
}

// 2. The same for `require`: TypeScript reads a `.d.ts` of this package as an ES module, and older
// versions refuse to require one.
for (const file of declarations()) {
  const text = readFileSync(join(out, file), "utf8");
  const required = text.replaceAll(/((?:\bfrom |\bimport\()"\.{1,2}\/[^"]+)\.js"/g, '$1.cjs"');
  writeFileSync(join(out, file.replace(/\.d\.ts$/, ".d.cts")), required);
}
