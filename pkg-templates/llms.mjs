// Writes llms.txt, one line per page, for programs that read it: `llms.mjs TOP`. `cargo xtask docs`
// runs it. Each line is taken from the page itself, so the two cannot differ.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [top] = process.argv.slice(2);
const read = (path) => readFileSync(join(top, path), "utf8");
const oneLine = (text) => text.replace(/\s+/g, " ").trim();

/** Returns the first sentence of a text, at most 200 characters. */
const sentence = (text) =>
  /^.{0,200}?[.!](?= |$)/.exec(oneLine(text))?.[0] ?? `${oneLine(text).slice(0, 200)}…`;

/** Describes a Markdown page: its title, and the first sentence of its first paragraph. */
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

/** Describes a subpath of the package with the comment of its module. */
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
