// Puts the pages of the documentation where VitePress builds them: `stage.mjs OUT`, run by `cargo
// xtask docs`. The pages keep their places, so their links to each other hold; a link to another file
// of the repository becomes its text, since the site does not hold that file.
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, posix, relative } from "node:path";
import { HOME, linksOf, OTHERS, read, sitePages, targetOf, TOP } from "./pages.mjs";

const [out] = process.argv.slice(2);
const pages = sitePages();
const INDEX = "docs/README.md";

/** The place of a page in the site: a README is the index of its folder. */
const placeOf = (path) =>
  path === HOME ? "index.md" : path.replace(/(^|\/)README\.md$/, "$1index.md");

/** A link with another target. */
const leading = (link, target, to) => {
  const at = link.lastIndexOf(target);
  return link.slice(0, at) + to + link.slice(at + target.length);
};

function staged(path) {
  let text = read(path);
  for (const { target, image, reference, start, end } of linksOf(text).reverse()) {
    const { external, path: named, anchor } = targetOf(path, target);
    if (external) continue;
    // The repository's README is for contributors; the site begins with the package's.
    const to = named === "README.md" ? HOME : named;
    const whole = text.slice(start, end);
    const put = (other) => {
      text = text.slice(0, start) + other + text.slice(end);
    };
    if (pages.includes(to)) {
      const place = posix.relative(dirname(placeOf(path)), placeOf(to));
      const url = `${place.startsWith(".") ? "" : "./"}${place}${anchor === undefined ? "" : `#${anchor}`}`;
      put(leading(whole, target, to === path ? `#${anchor ?? ""}` : url));
    } else if (image || /\.(png|svg|jpg)$/.test(to)) {
      if (!existsSync(join(TOP, to))) continue;
      mkdirSync(join(out, dirname(to)), { recursive: true });
      cpSync(join(TOP, to), join(out, to));
      const place = posix.relative(dirname(placeOf(path)), to);
      put(leading(whole, target, place.startsWith(".") ? place : `./${place}`));
    } else if (!reference) {
      put(/\[([^]*)\]\(/.exec(whole)[1]);
    }
  }
  return text;
}

const titleOf = (path) => /^# (.+)$/m.exec(read(path))?.[1].replaceAll("`", "") ?? path;
const urlOf = (path) => `/${placeOf(path).replace(/(index)?\.md$/, "")}`;
const item = (path, text = titleOf(path)) => ({ text, link: urlOf(path) });

/** The sidebar: the index of `docs/`, a group per heading, and whatever it does not name. */
function sidebar() {
  const groups = [];
  const named = new Set();
  let group;
  for (const line of read(INDEX).split("\n")) {
    const heading = /^##+ (.+)$/.exec(line)?.[1];
    if (heading) {
      group = { text: heading, collapsed: false, items: [] };
      groups.push(group);
    }
    for (const { target, start, end } of linksOf(line)) {
      const { path } = targetOf(INDEX, target);
      if (!group || !pages.includes(path) || named.has(path)) continue;
      named.add(path);
      const label = /\[([^]*)\]\(/.exec(line.slice(start, end))[1];
      group.items.push(item(path, label.replaceAll("`", "")));
    }
  }
  const rest = pages.filter((path) => !named.has(path) && path !== INDEX && path !== HOME);
  const folderOf = (path) => (OTHERS.includes(path) ? "" : dirname(path));
  for (const folder of new Set(rest.map(folderOf))) {
    const paths = rest.filter((path) => folderOf(path) === folder);
    const text = folder === "" ? "Project" : folder === "docs" ? "Guides" : titleCase(folder);
    groups.push({ text, collapsed: folder !== "docs", items: paths.map((path) => item(path)) });
  }
  return groups.filter(({ items }) => items.length > 0);
}

function titleCase(folder) {
  const name = folder.split("/").at(-1);
  return name[0].toUpperCase() + name.slice(1);
}

rmSync(out, { recursive: true, force: true });
for (const path of pages) {
  const place = join(out, placeOf(path));
  mkdirSync(dirname(place), { recursive: true });
  writeFileSync(place, staged(path));
}
mkdirSync(join(out, ".vitepress"), { recursive: true });
for (const name of ["config.mjs", "theme"]) {
  cpSync(join(import.meta.dirname, name), join(out, ".vitepress", name), { recursive: true });
}
cpSync(join(import.meta.dirname, "pages.mjs"), join(out, ".vitepress/pages.mjs"));
writeFileSync(join(out, ".vitepress/sidebar.json"), `${JSON.stringify(sidebar(), null, 2)}\n`);
console.log(`${pages.length} pages in ${relative(TOP, out)}`);
