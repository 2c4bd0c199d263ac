// `--help`, `--version`, and every wrong use: exit code 2, and no text of an argument that may be a
// secret.
import { spawn } from "node:child_process";
import { AGENT_KEY, ENDPOINT, expect, expectEqual, secret } from "./caller.mjs";

const COMMANDS = ["sim", "trigger", "events", "replay", "verify", "token", "pay", "doctor"];
const MISTAKEN = secret("whsec_given_by_mistake_17");
const KEY = secret("sk_m_given_by_mistake_18");

/** The arguments, the environment, and a word of the message. */
const WRONG = [
  [["no-such-command"], {}, /no such command/],
  [["verify"], { GWOP_WEBHOOK_SECRET: ENDPOINT }, /give the file/],
  [["verify", "no-such-file"], { GWOP_WEBHOOK_SECRET: ENDPOINT }, /cannot be read \(ENOENT\)/],
  [["verify", "good.http"], {}, /set GWOP_WEBHOOK_SECRET, or give --secret-file/],
  [["verify", "good.http"], { GWOP_WEBHOOK_SECRET: "short" }, /at least 8 characters/],
  [["verify", "good.http", "--secret-file", "no-such-file"], {}, /--secret-file cannot be read/],
  [["verify", "good.http", "--at", "yesterday"], { GWOP_WEBHOOK_SECRET: ENDPOINT }, /ISO 8601/],
  [["verify", "good.http", "--tolerance", "-1"], { GWOP_WEBHOOK_SECRET: ENDPOINT }, /--tolerance/],
  [["verify", "--body", "good.http"], { GWOP_WEBHOOK_SECRET: ENDPOINT }, /belong together/],
  [["verify", "empty.json"], { GWOP_WEBHOOK_SECRET: ENDPOINT }, /neither a HAR file/],
  [["verify", "no-line.http"], { GWOP_WEBHOOK_SECRET: ENDPOINT }, /no empty line/],
  [
    ["verify", "good.http", "--no-such-option"],
    { GWOP_WEBHOOK_SECRET: ENDPOINT },
    /--no-such-option is not known/,
  ],
  [["verify", "good.http", "--secret", MISTAKEN], {}, /an argument holds a secret/],
  [["verify", MISTAKEN], {}, /an argument holds a secret/],
  [["doctor", `--key=${KEY}`], {}, /an argument holds a secret/],
  [["doctor", "more"], {}, /nothing may follow/],
  [["trigger"], { GWOP_WEBHOOK_SECRET: ENDPOINT }, /EVENT is/],
  [["trigger", "invoice.lost", "--save", "x"], { GWOP_WEBHOOK_SECRET: ENDPOINT }, /EVENT is/],
  [["trigger", "invoice.paid"], { GWOP_WEBHOOK_SECRET: ENDPOINT }, /--to URL/],
  [
    ["trigger", "invoice.paid", "--to", "127.0.0.1"],
    { GWOP_WEBHOOK_SECRET: ENDPOINT },
    /http or https/,
  ],
  [
    ["trigger", "invoice.paid", "--to", "https://shop.example/webhooks"],
    { GWOP_WEBHOOK_SECRET: ENDPOINT },
    /--remote/,
  ],
  [
    ["trigger", "invoice.paid", "--to", "http://shop.example/webhooks"],
    { GWOP_WEBHOOK_SECRET: ENDPOINT },
    /--to must be https/,
  ],
  [
    ["trigger", "invoice.paid", "--save", "x", "--variant", "odd"],
    { GWOP_WEBHOOK_SECRET: ENDPOINT },
    /--variant is/,
  ],
  [
    ["trigger", "invoice.paid", "--save", "x", "--amount=-1"],
    { GWOP_WEBHOOK_SECRET: ENDPOINT },
    /no such event can be made/,
  ],
  [["events", "--worker", "https://gwop.example"], {}, /OPERATOR_TOKEN/],
  [
    ["events", "--worker", "http://gwop.example"],
    { OPERATOR_TOKEN: "of-the-operator" },
    /--worker must be https/,
  ],
  [
    ["events", "--worker", "https://gwop.example", "--url", "http://127.0.0.1:1"],
    {},
    /either --url or --worker/,
  ],
  [["events", "--limit", "0"], {}, /--limit/],
  [["events", "--state", "dead"], {}, /--state of the local Gwop is pending, held/],
  [["replay"], {}, /the id of an event/],
  [["pay"], {}, /public id, inv_/],
  [["pay", "inv_1"], {}, /set AGENT_KEY, or give --key-file/],
  [["pay", "inv_1", "--chain", "dogecoin"], { AGENT_KEY }, /--chain is one of base/],
  [["pay", "inv_1", "--max", "much"], { AGENT_KEY }, /--max: /],
  [["pay", "inv_1"], { AGENT_KEY: "no-key-at-all" }, /the key is not one/],
  [["pay", "inv_1", AGENT_KEY], {}, /an argument holds a secret/],
  [["pay", "inv_1", "--url", "http://gwop.example"], { AGENT_KEY }, /--url must be https/],
  [["pay", "no-invoice", "--dry-run"], { AGENT_KEY }, /`invoiceId`/],
  [["pay", "inv_1", "--key-file", "open.key"], {}, /others may read/],
  [["token"], { GWOP_MERCHANT_ID: "m" }, /GWOP_ACCESS_TOKEN/],
  [["token"], { GWOP_ACCESS_TOKEN: "a.b.c" }, /merchantId is required/],
];

export function usageChecks(caller, { isFirst, version }) {
  if (!isFirst) return {};
  return {
    "--help and --version": async () => {
      const { code, stdout } = await caller.run(["--help"]);
      expectEqual(code, 0, "exit code");
      const listed = [...stdout.matchAll(/^ {2}([a-z]+) {2,}\S/gm)].map(([, name]) => name);
      expectEqual(listed, COMMANDS, "the commands");
      const helpOf = async (name) => {
        const help = await caller.run([name, "--help"]);
        expectEqual(help.code, 0, `${name} --help`);
        const words = name === "sim" ? "--port N" : `Usage: gwop ${name}`;
        expect(help.stdout.includes(words), help.stdout);
        for (const line of help.stdout.split("\n")) {
          expect(line.length <= 105, `a line of ${line.length} characters: ${line}`);
        }
      };
      await Promise.all(COMMANDS.map(helpOf));
      expectEqual((await caller.run(["--version"])).stdout, `${version}\n`, "--version");
      expectEqual((await caller.run([])).code, 2, "without a command");
    },
    "a reader that leaves early does not change the exit code": async () => {
      const [program, ...first] = caller.command;
      const child = spawn(program, [...first, "doctor", "--offline"], {
        cwd: caller.directory,
        stdio: ["ignore", "pipe", "pipe"],
      });
      child.stdout.destroy();
      let said = "";
      child.stderr.on("data", (chunk) => (said += chunk));
      const code = await new Promise((done) => child.once("close", done));
      expectEqual([code, said], [0, ""], "gwop doctor");
    },
    "wrong use is exit code 2, says what to do, and shows no secret": async () => {
      caller.file("empty.json", "{}");
      caller.file("no-line.http", "x-gwop-signature: t=1,v1=00\n");
      caller.file("open.key", AGENT_KEY);
      caller.file("good.http", "x-gwop-signature: t=1,v1=00\n\n{}");
      const check = async ([args, env, words]) => {
        const { code, stdout, stderr } = await caller.run(args, { env });
        expectEqual([code, stdout], [2, ""], `gwop ${args.join(" ")}\n${stderr}`);
        expect(words.test(stderr), `gwop ${args.join(" ")} says:\n${stderr}`);
      };
      // Several at once, because each waits for a start.
      for (let at = 0; at < WRONG.length; at += 4) {
        await Promise.all(WRONG.slice(at, at + 4).map(check));
      }
      const { code, json } = await caller.ask(["verify"], {
        env: { GWOP_WEBHOOK_SECRET: ENDPOINT },
      });
      expectEqual([code, json.error.code], [2, "USAGE"], "with --json");
      const twice = await caller.run(["verify", "-", "--secret-file", "-"], {
        input: "x-gwop-signature: t=1,v1=00\n\n{}",
      });
      expectEqual(twice.code, 2, "standard input for two files");
      expect(/standard input is read once/.test(twice.stderr), twice.stderr);
    },
  };
}
