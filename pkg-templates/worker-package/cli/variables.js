// `.dev.vars` as wrangler reads it: what dotenv takes, quotes around a value, comments behind it.

/** A value in quotes of one kind, over lines too. */
const quoted = (mark) => String.raw`\s*${mark}(?:\\${mark}|[^${mark}])*${mark}`;

const LINE = new RegExp(
  String.raw`^\s*(?:export\s+)?([\w.-]+)(?:\s*=\s*?|:\s+?)` +
    `(${["'", '"', "`"].map(quoted).join("|")}|[^#\r\n]+)?` +
    String.raw`\s*(?:#.*)?$`,
  "gm",
);

/** The variables of a file. A name that comes twice has the last value. */
export function variablesOf(text) {
  return Object.fromEntries(
    [...text.replace(/\r\n?/g, "\n").matchAll(LINE)].map(([, name, written = ""]) => {
      const value = written.trim();
      const bare = value.replace(/^(['"`])([\s\S]*)\1$/, "$2");
      const isDouble = value.startsWith('"') && bare !== value;
      return [name, isDouble ? bare.replace(/\\n/g, "\n").replace(/\\r/g, "\r") : bare];
    }),
  );
}
