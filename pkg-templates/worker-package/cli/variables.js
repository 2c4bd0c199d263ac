// Reads `.dev.vars` like wrangler, in dotenv's syntax: quoted values, and comments after values.

/** Matches a value in one kind of quotes, also over several lines. */
const quoted = (mark) => String.raw`\s*${mark}(?:\\${mark}|[^${mark}])*${mark}`;

const LINE = new RegExp(
  String.raw`^\s*(?:export\s+)?([\w.-]+)(?:\s*=\s*?|:\s+?)` +
    `(${["'", '"', "`"].map(quoted).join("|")}|[^#\r\n]+)?` +
    String.raw`\s*(?:#.*)?$`,
  "gm",
);

/** Returns the variables of a file. If a name occurs twice, the last value counts. */
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
