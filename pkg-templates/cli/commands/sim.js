import { simulatorProgram } from "../sdk.js";

export const sim = {
  name: "sim",
  summary: "run the local Gwop over HTTP",
  about: [
    "The same as gwop-simulator. docs/simulator.md explains it, and gwop sim --help lists its " +
      "options. It prints its keys and secrets, which are made for tests. Never give it those of " +
      "production.",
  ],
  examples: ["gwop sim --port 4010 --webhook-url http://127.0.0.1:3000/webhooks/gwop"],
  async raw(args) {
    // It ends with 1 only if it cannot start: because of an unknown option, or a port in use.
    process.once("exit", (code) => {
      if (code === 1) process.exitCode = 2;
    });
    process.argv.splice(2, process.argv.length, ...args);
    await simulatorProgram();
    return undefined;
  },
};
