// `--state` and `--seed-file`: data of responses that were sent survives `kill -9`.
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, expectEqual, startGwop, startMerchant, until } from "./lib.mjs";

const directory = mkdtempSync(join(tmpdir(), "gwop-state-"));
process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
const path = (name) => join(directory, name);

/** Starts it, and expects that it refuses to start. */
const refused = (args) =>
  startGwop(args).then(
    (own) => (own.program.end(), "started"),
    (error) => error.message,
  );

/** Sends requests until it is killed. Returns the data of the responses. */
async function untilKilled(gwop, ask, width, ms) {
  const answered = [];
  let isOver = false;
  const all = Array.from({ length: width }, async () => {
    while (!isOver)
      await ask().then(
        (answer) => answered.push(answer),
        () => (isOver = true),
      );
  });
  await new Promise((done) => setTimeout(done, ms));
  await until(() => answered.length >= 10, "ten answers");
  gwop.program.end();
  await Promise.all([...all, gwop.program.exit]);
  return answered;
}

export const checks = {
  "kill -9 loses nothing that was answered": async () => {
    const file = path("kill");
    const all = [];
    for (const ms of [40, 150, 300]) {
      const gwop = await startGwop(["--state", file]);
      const kept = (await gwop.get("overview")).invoices;
      const ids = new Map(kept.map((row) => [row.publicInvoiceId, row.status]));
      for (const { publicInvoiceId, status } of all)
        expectEqual(ids.get(publicInvoiceId), status, `${publicInvoiceId} of ${kept.length}`);
      let count = 0;
      const ask = async () => {
        const made = await gwop.post("invoices", { amountUsdc: 1_000_000 });
        // Every other invoice is paid. It is OPEN or PAID, as the last response said.
        return (count += 1) % 2 === 0 ? gwop.post("pay", { target: made.publicInvoiceId }) : made;
      };
      const answered = await untilKilled(gwop, ask, 8, ms);
      expect(answered.length > 0, "nothing was answered");
      all.push(...answered);
    }
    expectEqual(statSync(file).mode & 0o777, 0o600, "the file's mode");
    const gwop = await startGwop(["--state", file]);
    const { invoices } = await gwop.get("overview");
    expect(invoices.length >= all.length, `${invoices.length} of ${all.length}`);
    gwop.program.end();
  },
  "a cut last line is dropped; two processes, another format, damage and another file are refused, and nothing is overwritten":
    async () => {
      const file = path("cut");
      const first = await startGwop(["--state", file, "--webhook-secret", "whsec_kept"]);
      const { publicInvoiceId } = await first.post("invoices", { amountUsdc: 7 });
      expect((await refused(["--state", file])).includes("uses this state"), "two processes");
      const token = await first.post("tokens");
      first.program.end();
      await first.program.exit;
      appendFileSync(file, '{"request":[{"method":"POST","url":"http://127.0');
      const second = await startGwop(["--state", file]);
      expectEqual(
        (await second.get("overview")).invoices.map((row) => row.publicInvoiceId),
        [publicInvoiceId],
        "invoices",
      );
      expectEqual(
        (await second.get("secrets")).merchants[0].webhookSecrets,
        ["whsec_kept"],
        "secrets",
      );
      // Earlier tokens still verify, because the signing key was kept.
      const { keys } = await (await fetch(`${second.url}/.well-known/jwks.json`)).json();
      const key = await crypto.subtle.importKey(
        "jwk",
        keys[0],
        { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
        false,
        ["verify"],
      );
      for (const { accessToken } of [token, await second.post("tokens")]) {
        const [head, claims, signature] = accessToken.split(".");
        const signed = new TextEncoder().encode(`${head}.${claims}`);
        expect(
          await crypto.subtle.verify(
            "RSASSA-PKCS1-v1_5",
            key,
            Buffer.from(signature, "base64url"),
            signed,
          ),
          "a token of before does not verify",
        );
      }
      // After a normal end, it leaves only a snapshot.
      process.kill(second.program.pid, "SIGTERM");
      expectEqual(await second.program.exit, 0, "exit code");
      expectEqual(readFileSync(file, "utf8").split("\n").length, 3, "lines");
      expect(!existsSync(`${file}.lock`), "the lock is left");
      const whole = readFileSync(file, "utf8");
      for (const [text, message] of [
        [whole.replace('"format":1', '"format":2'), "its format is 2"],
        [whole.replace('"snapshot":{', '"snapshot":['), "no snapshot"],
        [`${whole}nothing\n{}\n`, "line 3"],
        ["a letter\n", "no journal"],
      ]) {
        writeFileSync(file, text);
        const answer = await refused(["--state", file]);
        expect(answer.includes(message), `${message}: ${answer.slice(-400)}`);
        expect(answer.includes(`--state ${file}: `), `whose it is: ${answer.slice(-400)}`);
        expectEqual(readFileSync(file, "utf8"), text, "the file after it was refused");
      }
    },
  "deliveries under way come again, the clock stays where it was put, and a reset is kept":
    async () => {
      const merchant = await startMerchant();
      const file = path("again");
      merchant.status = 500;
      const first = await startGwop(["--state", file, "--webhook-url", merchant.url]);
      const { publicInvoiceId: target } = await first.post("invoices", { amountUsdc: 7 });
      await first.post("clock", { frozen: true });
      await first.post("pay", { target });
      first.program.end();
      await first.program.exit;
      merchant.status = 200;
      const second = await startGwop(["--state", file]);
      expectEqual((await second.get("clock")).frozen, true, "frozen");
      await second.post("clock", { advanceMs: 1_000 });
      const [{ status, attempts }] = await second.get("deliveries");
      expectEqual(
        [status, attempts.map(({ statusCode }) => statusCode)],
        ["delivered", [500, 200]],
        "delivery",
      );
      expectEqual(attempts[1].answerBody, '{"answered":200}', "the merchant's answer");
      expectEqual(
        new Set(merchant.seen.map(({ headers }) => headers["x-gwop-event-id"])).size,
        1,
        "events",
      );
      await second.post("reset");
      second.program.end();
      await second.program.exit;
      const third = await startGwop(["--state", file]);
      const { invoices, frozen } = await third.get("overview");
      expectEqual([invoices, frozen], [[], false], "after a reset");
      third.program.end();
      merchant.close();
    },
  "--seed-file loads invoices, intents and faults, also after a reset, and never secrets":
    async () => {
      const file = path("seed.json");
      writeFileSync(
        file,
        JSON.stringify({
          invoices: [
            { amountUsdc: 1_000_000, description: "a seed" },
            { amountUsdc: 5, status: "PAID" },
          ],
          authIntents: [{ paid: true }],
          faults: [{ fault: "error", status: 503, times: 2 }],
        }),
      );
      const gwop = await startGwop(["--seed-file", file]);
      for (const round of ["at the start", "after a reset"]) {
        const { invoices, authIntents, faults } = await gwop.get("overview");
        expectEqual(
          [invoices.map((row) => row.status), authIntents.length, faults.length],
          [["OPEN", "PAID"], 1, 1],
          round,
        );
        await gwop.post("invoices", { amountUsdc: 3 });
        await gwop.post("reset");
      }
      gwop.program.end();
      writeFileSync(file, JSON.stringify({ merchantApiKey: "sk_m_of_somebody" }));
      const answer = await refused(["--seed-file", file]);
      expect(answer.includes("merchantApiKey") && !answer.includes("sk_m_of_somebody"), answer);
      expect(answer.includes(`--seed-file ${file}: `), answer);
    },
};
