// Shows the changes of a file line by line, like `diff -u`.

/** The number of lines shown around a change. */
const AROUND = 2;

/**
 * Returns the lines of both texts: ` ` in both, `-` only before, `+` only after. It uses the
 * longest common subsequence, because these files have only some hundred lines.
 */
function compared(before, after) {
  const [a, b] = [before, after].map((text) => text.split("\n"));
  const longest = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      longest[i][j] =
        a[i] === b[j] ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
    }
  }
  const lines = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push([" ", a[i]]);
      i += 1;
      j += 1;
    } else if (i < a.length && (j === b.length || longest[i + 1][j] >= longest[i][j + 1])) {
      lines.push(["-", a[i]]);
      i += 1;
    } else {
      lines.push(["+", b[j]]);
      j += 1;
    }
  }
  return lines;
}

/** Formats the difference with lines around it. Empty if there is none. */
export function difference(path, before, after, around = AROUND) {
  const lines = compared(before, after);
  const changed = lines.flatMap(([mark], at) => (mark === " " ? [] : [at]));
  if (changed.length === 0) return "";
  const isShown = lines.map((_, at) => changed.some((change) => Math.abs(change - at) <= around));
  const shown = [];
  for (const [at, [mark, line]] of lines.entries()) {
    if (isShown[at]) shown.push(`${mark} ${line}`.trimEnd());
    else if (isShown[at - 1]) shown.push("  …");
  }
  return `--- ${path}\n${shown.join("\n")}\n`;
}
