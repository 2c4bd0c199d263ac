// Reads the samples in the installed package's documentation, for tests that run them unchanged.
import { readFileSync } from "node:fs";

/** Returns the text of a file of the installed package, from a project that has it installed. */
const packed = (file) => readFileSync(`node_modules/@gwop/sdk/${file}`, "utf8");

/** Returns the sample in the comment at the start of a declaration file. */
export function sampleOfModule(file) {
  const [, comment = ""] = /^\/\*\*([^]*?)\*\//.exec(packed(file)) ?? [];
  const [, sample] = /^ \* ```ts\n([^]*?)^ \* ```/m.exec(comment) ?? [];
  if (!sample) throw new Error(`${file} has no sample in its first comment`);
  return sample.replace(/^ \* ?/gm, "");
}

/** Returns the first `@example` of a declaration file. */
export function exampleOf(file) {
  const [, sample] = /^ +\* @example\n([^]*?)^ +\*(\/| @)/m.exec(packed(file)) ?? [];
  if (!sample) throw new Error(`${file} has no @example`);
  return sample.replace(/^ +\* ?/gm, "");
}

/** Returns a page's block with the file of the given name. */
export function sampleOf(page, file) {
  const name = file.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const [, sample] =
    new RegExp(`^\`\`\`\\w+ ${name}\\n([^]*?)^\`\`\``, "m").exec(packed(page)) ?? [];
  if (!sample) throw new Error(`${page} shows no ${file}`);
  return sample;
}

/** Returns the documented output of a sample, in order: the text after `// →`. */
export const printedBy = (code) => [...code.matchAll(/\/\/ → (.+)$/gm)].map(([, text]) => text);

/** Runs a sample. `names` are the names that it does not declare itself. */
export function runSample(sample, names) {
  new Function(...Object.keys(names), sample)(...Object.values(names));
}
