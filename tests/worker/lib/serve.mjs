// Runs Workers on the real workerd, until it is ended: `node serve.mjs OPTIONS PORT`, with a file
// of Miniflare's options as JSON. Prints what they log.
import { readFileSync } from "node:fs";

import { Log, LogLevel, Miniflare } from "miniflare";

const [file, port] = process.argv.slice(2);
const miniflare = new Miniflare({
  ...JSON.parse(readFileSync(file, "utf8")),
  port: Number(port),
  log: new Log(LogLevel.INFO),
  logRequests: false,
  handleStructuredLogs: ({ message }) => console.log(message),
});
process.on("SIGTERM", () => miniflare.dispose().finally(() => process.exit(0)));
await miniflare.ready;
