// Runs inside Node, Deno and Bun: `inside.mjs RUNTIME`, from the consumer project.
import { run } from "../suite/index.js";

const { GWOP_TEST_SERVER: serverURL, GWOP_TEST_ONLY: only } = process.env;
console.log(`RESULT ${JSON.stringify(await run({ runtime: process.argv[2], serverURL, only }))}`);
