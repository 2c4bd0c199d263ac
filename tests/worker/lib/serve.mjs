// Runs Workers on the real workerd, until its parent ends it: `serve.mjs OPTIONS`, with a file of
// Miniflare's options as JSON. Sends the parent its address, and prints what the Workers log.
import { readFileSync } from "node:fs";

import { Log, LogLevel, Miniflare } from "miniflare";

const miniflare = new Miniflare({
  ...JSON.parse(readFileSync(process.argv[2], "utf8")),
  log: new Log(LogLevel.WARN),
  handleStructuredLogs: ({ message }) => console.log(message),
});
const end = () => miniflare.dispose().finally(() => process.exit(0));
process.on("SIGTERM", end);
process.on("disconnect", end);
process.send((await miniflare.ready).origin);
