// The samples in the installed package's documentation, for tests that run them as they stand.
import { readFileSync } from "node:fs";

/** The text of a file of the installed package, from a project that has it in `node_modules`. */
const packed = (file) => readFileSync(`node_modules/@gwop/sdk/${file}`, "utf8");

/** The sample in the comment that a declaration file begins with. */
export function sampleOfModule(file) {
  const [, comment = ""] = /^\/\*\*([^]*?)\*\//.exec(packed(file)) ?? [];
  const [, sample] = /^ \* ```ts\n([^]*?)^ \* ```/m.exec(comment) ?? [];
  if (!sample) throw new Error(`${file} has no sample in its first comment`);
  return sample.replace(/^ \* ?/gm, "");
}

/** The first `@example` of a declaration file. */
export function exampleOf(file) {
  const [, sample] = /^ +\* @example\n([^]*?)^ +\*(\/| @)/m.exec(packed(file)) ?? [];
  if (!sample) throw new Error(`${file} has no @example`);
  return sample.replace(/^ +\* ?/gm, "");
}

/** A page's block that shows the file of that name. */
export function sampleOf(page, file) {
  const name = file.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const [, sample] =
    new RegExp(`^\`\`\`\\w+ ${name}\\n([^]*?)^\`\`\``, "m").exec(packed(page)) ?? [];
  if (!sample) throw new Error(`${page} shows no ${file}`);
  return sample;
}

/** What a sample says that it prints, in its order: the text behind `// →`. */
export const printedBy = (code) => [...code.matchAll(/\/\/ → (.+)$/gm)].map(([, text]) => text);

/** Runs a sample; `names` are those that it does not declare itself. */
export function runSample(sample, names) {
  new Function(...Object.keys(names), sample)(...Object.values(names));
}
