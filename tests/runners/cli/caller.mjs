// Runs the command, and keeps everything that it prints.
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** The texts that no output may contain. Tests add their own. */
export const SECRETS = new Set();

/** Adds a text that no output may contain from now on. */
export function secret(text) {
  SECRETS.add(text);
  return text;
}

/** The secret of the endpoint in these checks. */
export const ENDPOINT = secret("whsec_of_the_endpoint_5b1e7c");

/** Hardhat's published key #0, which holds no funds. */
export const AGENT_KEY = secret(
  "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
);

/** Creates an invoice of 2 USDC, plus the fee, at a local Gwop. Returns its public id. */
export async function invoiceAt(url) {
  const answer = await fetch(`${url}/_sim/invoices`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ amountUsdc: 2_000_000 }),
  });
  const { publicInvoiceId } = await answer.json();
  return publicInvoiceId;
}

export function expect(holds, message) {
  if (!holds) throw new Error(message);
}

export function expectEqual(actual, expected, what) {
  const [a, b] = [actual, expected].map((value) => JSON.stringify(value));
  expect(a === b, `${what}: expected ${b}, got ${a}`);
}

/** Calls `gwop` on one runtime. */
export class Caller {
  constructor({ command, directory, said }) {
    this.command = command;
    this.directory = directory;
    this.said = said;
  }

  /** Writes a file next to the command. Returns its name. */
  file(name, content) {
    writeFileSync(join(this.directory, name), content);
    return name;
  }

  /**
   * Runs `gwop` to its end.
   *
   * @returns {Promise<{ code: number | null, stdout: string, stderr: string }>}
   */
  async run(args, { env = {}, input } = {}) {
    const [program, ...first] = this.command;
    const own = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^(GWOP_|OPERATOR_|AGENT_)/.test(name)),
    );
    const child = spawn(program, [...first, ...args], {
      cwd: this.directory,
      env: { ...own, ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
    const texts = ["stdout", "stderr"].map((name) => {
      const text = { all: "" };
      child[name].setEncoding("utf8").on("data", (chunk) => (text.all += chunk));
      return text;
    });
    child.stdin.on("error", () => {}).end(input ?? "");
    const code = await new Promise((done, failed) =>
      child.once("close", done).once("error", failed),
    );
    clearTimeout(timer);
    const [stdout, stderr] = texts.map(({ all }) => all);
    this.said.push({ args, output: stdout + stderr });
    return { code, stdout, stderr };
  }

  /** Like `run`, with `--json`. Also returns the document. */
  async ask(args, options) {
    const answer = await this.run([...args, "--json"], options);
    try {
      return { ...answer, json: JSON.parse(answer.stdout) };
    } catch {
      throw new Error(
        `gwop ${args.join(" ")} --json printed no document:\n${answer.stdout}${answer.stderr}`,
      );
    }
  }
}
