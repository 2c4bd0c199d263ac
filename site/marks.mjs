// Writes the generated part of a page that is otherwise written by hand. It stands between
// `<!-- MARK -->` and the next `<!-- end -->`.

/**
 * Returns the page with `block` as the part behind `mark`.
 *
 * @throws Error if the page has no such mark.
 */
export function filled(page, mark, block) {
  const pattern = new RegExp(`(<!-- ${mark} -->\\n)[^]*?(<!-- end -->)`);
  if (!pattern.test(page)) throw new Error(`the page has no marks for “${mark}”`);
  return page.replace(pattern, (_, begin, end) => `${begin}\n${block}\n\n${end}`);
}
