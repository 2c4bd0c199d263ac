// The pages of the documentation, and what stands in them: links, anchors and long lines.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, posix } from "node:path";

/** The top level of the repository. */
export const TOP = join(import.meta.dirname, "..");

/** The package's README for merchants: the first page of the site. */
export const HOME = "pkg-templates/README.md";

/** Pages of the site beside those in `docs/`, in the order of the sidebar. */
export const OTHERS = ["SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"];

/** READMEs of packages: they lie at the top of their tarballs, beside `docs/`. */
const OF_PACKAGES = [HOME, "pkg-templates/worker-package/README.md"];

export const read = (path) => readFileSync(join(TOP, path), "utf8");

/** The Markdown files under a folder, by their paths from the top level. */
function under(folder) {
  return readdirSync(join(TOP, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      return entry.isDirectory() ? under(path) : path.endsWith(".md") ? [path] : [];
    })
    .sort();
}

/** Every page of the site. */
export const sitePages = () => [HOME, ...OTHERS, ...under("docs")];

/** Every Markdown page for people: those of the site, of the packages and of the examples. */
export function allPages() {
  const committed = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "*.md"], {
    cwd: TOP,
    encoding: "utf8",
  });
  const pages = committed.split("\n").filter((path) => path && existsSync(join(TOP, path)));
  return pages.filter((path) => !/^findings\/|\/fixtures\/|^tests\/seeds\//.test(path));
}

/** A fenced block of code. */
const FENCE = /^([ \t]*)(```+|~~~+)[^\n]*\n[^]*?^\1?[ \t]*\2[ \t]*$/gm;

/** Code with `filler` in place of each character, in the same lines. */
const blank = (filler) => (code) => code.replace(/[^\n]/g, filler);

/** The folder that the links of a page start from. */
export const baseOf = (path) => (OF_PACKAGES.includes(path) ? "." : dirname(path));

/** A page without code and comments: the same lines, `filler` in place of each character. */
export function withoutCode(text, filler = " ") {
  return text
    .replace(FENCE, blank(filler))
    .replace(/<!--[^]*?-->/g, blank(filler))
    .replace(/(`+)(?!`)((?:(?!\n\n)[^])*?[^`])\1(?!`)/g, blank(filler));
}

/** Where a link is: its target, and the place of the whole link in the text. */
export function linksOf(text) {
  const plain = withoutCode(text);
  const inline = [
    ...plain.matchAll(
      /(!?)\[((?:[^[\]]|\[[^\]]*\]\([^)]*\)|\[[^\]]*\])*)\]\(\s*<?([^()\s>]*(?:\([^()\s]*\)[^()\s>]*)*)>?(?:\s+"[^"]*")?\s*\)/g,
    ),
  ];
  const found = inline.flatMap(({ 0: whole, 1: image, 2: label, 3: target, index }) => {
    // A badge: an image within a link.
    const inner = linksOf(label).map((link) => ({
      ...link,
      start: link.start + index + 1 + image.length,
      end: link.end + index + 1 + image.length,
    }));
    return [...inner, { target, image: image !== "", start: index, end: index + whole.length }];
  });
  const references = [...plain.matchAll(/^\[[^\]]+\]:\s*<?([^\s>]+)>?/gm)].map(
    ({ 0: whole, 1: target, index }) => ({
      target,
      image: false,
      reference: true,
      start: index,
      end: index + whole.length,
    }),
  );
  return [...found, ...references];
}

/** The id that GitHub gives to a heading. */
export function slugOf(heading) {
  return heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/<[^>]+>/g, "")
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}\p{Pc}\- ]/gu, "")
    .replaceAll(" ", "-");
}

/** The anchors of a page. */
export function anchorsOf(text) {
  // The code within a line counts: a heading may have some.
  const plain = text.replace(FENCE, blank(" "));
  const anchors = new Set();
  for (const [, heading] of plain.matchAll(/^#{1,6}[ \t]+(.+?)[ \t]*#*$/gm)) {
    const slug = slugOf(heading);
    let anchor = slug;
    for (let times = 1; anchors.has(anchor); times += 1) anchor = `${slug}-${times}`;
    anchors.add(anchor);
  }
  for (const [, id] of plain.matchAll(/<a\s+(?:id|name)="([^"]+)"/g)) anchors.add(id);
  return anchors;
}

/** Where a link of a page leads. `path` is from the top level, without what follows `#`. */
export function targetOf(page, target) {
  if (/^[a-z][a-z\d+.-]*:/i.test(target)) return { external: true };
  const [file, anchor] = target.split("#");
  const path =
    file === ""
      ? page
      : posix.normalize(posix.join(baseOf(page), decodeURI(file))).replace(/\/$/, "");
  const isFolder = existsSync(join(TOP, path)) && statSync(join(TOP, path)).isDirectory();
  // As GitHub shows a folder.
  const shown =
    isFolder && existsSync(join(TOP, path, "README.md")) ? posix.join(path, "README.md") : path;
  return {
    external: false,
    path: shown,
    anchor: anchor === undefined ? undefined : decodeURIComponent(anchor),
  };
}
