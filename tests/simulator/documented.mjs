// Runs the commands of docs/simulator.md as written.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram } from "../runners/programs.mjs";
import { expect, expectEqual, startGwop, startMerchant } from "./lib.mjs";

const documentation = () => readFileSync("node_modules/@gwop/sdk/docs/simulator.md", "utf8");

export const checks = {
  "the documented seed file loads": async () => {
    const [, seed] = /^```json\n([^]*?)^```/m.exec(documentation());
    const directory = mkdtempSync(join(tmpdir(), "gwop-seed-"));
    const file = join(directory, "seed.json");
    writeFileSync(file, seed);
    const gwop = await startGwop(["--seed-file", file]);
    try {
      const { invoices, authIntents, faults } = await gwop.get("overview");
      expectEqual(
        [invoices.length, authIntents.length, faults.length],
        [2, 1, 1],
        "invoices, intents, faults",
      );
    } finally {
      gwop.program.end();
      rmSync(directory, { recursive: true });
    }
  },
  "the documented curl commands run": async () => {
    const blocks = [...documentation().matchAll(/^```sh\n([^]*?)^```/gm)].map(([, block]) => block);
    const commands = blocks
      .join("")
      .replaceAll("\\\n", " ")
      .split("\n")
      .filter((line) => line.startsWith("curl "));
    expect(commands.length >= 12, `only ${commands.length} commands were found`);
    const merchant = await startMerchant();
    const gwop = await startGwop(["--webhook-url", merchant.url]);
    try {
      for (const command of commands) {
        // Each with its own invoice, and with an event that exists.
        const { publicInvoiceId } = await gwop.post("invoices", { amountUsdc: 1_000_000 });
        await gwop.post("pay", {
          target: (await gwop.post("invoices", { amountUsdc: 1 })).publicInvoiceId,
        });
        const [{ eventId }] = await gwop.get("deliveries");
        if (command.includes("/settle") || command.includes("/fail-payment"))
          await gwop.post("pay", { target: publicInvoiceId, outcome: "hold" });
        const own = command
          .replaceAll("http://127.0.0.1:4010", gwop.url)
          .replaceAll("inv_…", publicInvoiceId)
          .replaceAll('"eventId":"…"', `"eventId":"${eventId}"`)
          .replaceAll("http://127.0.0.1:3001/hook", merchant.url);
        // A stream does not end by itself.
        const limit = command.includes("/stream") ? "--max-time 1 || test $? = 28" : "";
        const said = await runProgram("bash", [
          "-c",
          `${own.replace(/^curl /, "curl -sS --fail-with-body ")} ${limit}`,
        ]);
        expect(said.includes("{") || said === "[]", `${own}: ${said}`);
        await gwop.remove("faults");
      }
      expectEqual(merchant.seen.length > 0, true, "deliveries arrived");
    } finally {
      gwop.program.end();
      merchant.close();
    }
  },
};
