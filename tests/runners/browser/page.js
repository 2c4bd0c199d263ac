// Runs the suite inside a page, and stores the result for WebDriver to read.
import { run } from "../../suite/index.js";

const { searchParams } = new URL(location.href);
globalThis.result = await run({
  runtime: searchParams.get("runtime"),
  serverURL: searchParams.get("server"),
  only: searchParams.get("only") ?? undefined,
});
