// Refuses what is wrong with the Markdown pages: dead links, dead anchors, and lines of more than 100
// characters outside of tables, code and links. `check.mjs`, run by `cargo xtask test --only docs`.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { allPages, anchorsOf, linksOf, read, targetOf, TOP, withoutCode } from "./pages.mjs";

/** The longest line of prose, in characters. */
const LONGEST = 100;

const problems = [];
const anchors = new Map();
const anchorsIn = (path) => {
  if (!anchors.has(path)) anchors.set(path, anchorsOf(read(path)));
  return anchors.get(path);
};

function deadLinks(page, text) {
  for (const { target, start } of linksOf(text)) {
    const line = text.slice(0, start).split("\n").length;
    const { external, path, anchor } = targetOf(page, target);
    if (external) continue;
    if (path.startsWith("..") || !existsSync(join(TOP, path))) {
      problems.push(`${page}:${line}: dead link: ${target}`);
    } else if (anchor !== undefined && path.endsWith(".md") && !anchorsIn(path).has(anchor)) {
      problems.push(`${page}:${line}: dead anchor: ${target}`);
    }
  }
}

function longLines(page, text) {
  // Code and links cannot be broken; tables, headings and HTML are left out.
  let plain = withoutCode(text, "x");
  for (const { start, end } of linksOf(text)) {
    plain =
      plain.slice(0, start) + plain.slice(start, end).replace(/[^\n]/g, "x") + plain.slice(end);
  }
  const code = withoutCode(text).split("\n");
  plain.split("\n").forEach((line, at) => {
    const length = [...line].length;
    if (length <= LONGEST || code[at].trim() === "" || /^\s*[|#<]/.test(code[at])) return;
    // Behind the mark of a list or of a quote.
    if (/\s/.test(line.trim().replace(/^(?:[-*+>]|\d+\.)\s+/, ""))) {
      problems.push(`${page}:${at + 1}: ${length} characters, expected at most ${LONGEST}`);
    }
  });
}

const pages = allPages();
for (const page of pages) {
  const text = read(page);
  deadLinks(page, text);
  longLines(page, text);
}
for (const problem of problems) console.error(`✗ ${problem}`);
console.log(`${pages.length} pages: ${problems.length} problems`);
process.exitCode = problems.length > 0 ? 1 : 0;
