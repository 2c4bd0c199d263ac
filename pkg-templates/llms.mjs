// Writes llms.txt, one line per page for readers that are programs: `llms.mjs TOP`, run by `cargo xtask docs`. Each line is made of
// the page itself, so that it cannot tell another story.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [top] = process.argv.slice(2);
const read = (path) => readFileSync(join(top, path), "utf8");
const oneLine = (text) => text.replace(/\s+/g, " ").trim();

/** The first sentence of a text, at most 200 characters of it. */
const sentence = (text) =>
  /^.{0,200}?[.!](?= |$)/.exec(oneLine(text))?.[0] ?? `${oneLine(text).slice(0, 200)}…`;

/** A Markdown page: its title, and the first sentence of its first paragraph. */
function page(path) {
  const text = read(path);
  const title = /^# (.+)$/m.exec(text)?.[1] ?? path;
  const paragraph = text
    .replace(/^# .+$/m, "")
    .split(/\n\s*\n/)
    .map((block) => block.trim())
    .find((block) => /^[A-Za-z`*[]/.test(block));
  const plain = (paragraph ?? "").replace(/\[([^\]]+)\]\([^)]*\)/g, "$1").replace(/\*\*/g, "");
  return `- [${title}](${path}): ${sentence(plain)}`;
}

/** A subpath of the package: what the comment of its module says. */
function subpath([name, target]) {
  const source = /^\(\w+\) (.+)$/.exec(target)?.[1];
  if (!source) return [];
  const comment = /^\/\*\*([^]*?)\*\//.exec(read(`pkg-templates/src/${source}.ts`))?.[1] ?? "";
  const text = oneLine(comment.replace(/^\s*\* ?/gm, "").replace(/\{@link (\w+)\}/g, "$1")).replace(
    /^`@gwop\/sdk[^`]*`: /,
    "",
  );
  const about =
    name === "."
      ? "the client: `Gwop`, its options, operations and webhooks."
      : text && sentence(text);
  return about ? [`- [@gwop/sdk${name.slice(1)}](pkg-templates/src/${source}.ts): ${about}`] : [];
}

const manifest = JSON.parse(read("pkg-templates/package.json"));
const guides = readdirSync(join(top, "docs"), { recursive: true })
  .filter((name) => name.endsWith(".md"))
  .sort();
const more = [
  "examples/README.md",
  "examples/store/README.md",
  "SECURITY.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
];
writeFileSync(
  join(top, "llms.txt"),
  `# Gwop SDK

> ${manifest.description}

## Guides

${["README.md", ...guides.map((name) => `docs/${name}`)].map(page).join("\n")}

## The package, by import

${Object.entries(manifest.exports).flatMap(subpath).join("\n")}

## More

${more.map(page).join("\n")}
`,
);
