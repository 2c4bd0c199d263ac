// Reads the pages of docs/quickstarts: their commands, files and outputs.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The folder of `examples/` whose files a page shows, if it has another name. */
const EXAMPLES = { nextjs: "next" };

/** Pages without an example. Only the test of the page covers them. */
export const OWN = ["browser", "bun", "deno", "gwop-worker", "node", "nuxt", "workers"];

/** The steps of every page except that of browsers, in order. Some have a fifth step, "Deploy". */
const HEADINGS = [
  "1. Install",
  "2. Add the files",
  "3. Start the server",
  "4. Send a signed webhook",
];

/**
 * A page with its blocks. `name` is the text after the language: the name of a file, `start` for
 * the command that keeps running, `server` for the server's output, `deploy` for commands that need
 * an account.
 */
export function readPage(directory, page) {
  const text = readFileSync(join(directory, `${page}.md`), "utf8");
  const blocks = [...text.matchAll(/^```(\w+)(?: (.+))?\n([^]*?)^```$/gm)].map(
    ([, language, name = "", code]) => ({ language, name, code }),
  );
  const isFile = ({ language, name }) => name !== "" && !/^(sh|text)$/.test(language);
  return { page, text, blocks, files: blocks.filter(isFile) };
}

/** All pages. */
export const pagesOf = (directory) =>
  readdirSync(directory)
    .filter((name) => name.endsWith(".md"))
    .map((name) => readPage(directory, name.replace(/\.md$/, "")));

/** Returns the files of an example that its page must show. */
function filesOf(directory) {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter(
      (entry) =>
        entry.isFile() && !/^(README\.md|package\.json|\.env\.simulator)$/.test(entry.name),
    )
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1));
}

/** Returns the mistakes of a page. */
export function faultsOf({ page, text, files }, examples) {
  const faults = [];
  const headings = [...text.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
  const steps = headings.filter((heading) => heading !== "5. Deploy");
  const expected = page === "browser" ? HEADINGS.slice(0, 3) : HEADINGS;
  if (steps.join() !== [...expected, "Next steps"].join())
    faults.push(`its headings are ${headings.join(", ")}`);
  if (!text.startsWith("# Quickstart: "))
    faults.push("its title does not begin with `Quickstart: `");
  for (const line of text.match(/^npm install .*$/gm) ?? []) {
    if (!line.includes("--ignore-scripts")) faults.push(`${line}: without --ignore-scripts`);
  }
  if (OWN.includes(page)) return faults;
  const example = join(examples, EXAMPLES[page] ?? page);
  const shown = new Map(files.map(({ name, code }) => [name, code]));
  for (const name of filesOf(example)) {
    const same = shown.get(name)?.trimEnd() === readFileSync(join(example, name), "utf8").trimEnd();
    if (!same)
      faults.push(
        `${shown.has(name) ? "it shows another" : "it does not show"} ${name}: copy ${join(example, name)}`,
      );
  }
  // The same for all pages.
  const keys = readFileSync(join(examples, "express/.env.simulator"), "utf8");
  if (shown.has(".env") && shown.get(".env") !== keys)
    faults.push(".env is not examples/express/.env.simulator");
  return faults;
}
