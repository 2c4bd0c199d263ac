// The commands that call a server: `sim`, `trigger`, `events`, `replay`, `token`, `doctor`.
import { spawn } from "node:child_process";
import { statSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { Gwop } from "@gwop/sdk";
import { createWebhookHandler } from "@gwop/sdk/handlers";
import { Simulator, serve } from "@gwop/sdk/simulator";
import { memoryStore } from "@gwop/sdk/stores";
import { AGENT_KEY, ENDPOINT, expect, expectEqual, invoiceAt, secret } from "./caller.mjs";
import { freePort, started, startProgram } from "../programs.mjs";

const MERCHANT = "9e9c9ba5-3bab-4172-8a79-336f9ca0f163";

/** Serves `answer`, a function of a Request, on loopback. */
async function listening(answer) {
  const server = createServer(async (incoming, outgoing) => {
    const { method, url, headers } = incoming;
    const body = await buffer(incoming);
    const request = new Request(`http://${headers.host}${url}`, {
      method,
      headers,
      ...(body.length > 0 && { body }),
    });
    const response = await answer(request);
    outgoing
      .writeHead(response.status, [...response.headers].flat())
      .end(Buffer.from(await response.arrayBuffer()));
  }).listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A merchant's endpoint, like the README's. It records what was fulfilled. */
async function endpoint(webhookSecret, fulfilled = []) {
  const keep = (event) => void fulfilled.push(event);
  const handle = createWebhookHandler({
    gwop: new Gwop({
      webhookSecret,
      serverURL: "http://127.0.0.1:9",
      identityURL: "http://127.0.0.1:9",
    }),
    store: memoryStore(),
    onPaid: keep,
    onExpired: keep,
    onCanceled: keep,
  });
  return { fulfilled, ...(await listening(handle)) };
}

export function serverChecks(caller, { isFirst, consumer }) {
  const env = { GWOP_WEBHOOK_SECRET: ENDPOINT };
  const checks = {
    "pay: once, within its limit, and the receipt the second time": async () => {
      let sim;
      const local = await listening((request) => serve(sim, request));
      sim = new Simulator({ agentsUrl: local.url });
      // Older versions do not have `node:sqlite`.
      const [major, minor] = process.versions.node.split(".").map(Number);
      const lacksSqlite = isFirst && (major < 22 || (major === 22 && minor < 13));
      const own = { AGENT_KEY, XDG_STATE_HOME: join(caller.directory, `state-${Date.now()}`) };
      try {
        const invoice = await invoiceAt(local.url);
        const pay = (...more) =>
          caller.ask(["pay", invoice, "--url", local.url, ...more], { env: own });
        const dry = await pay("--dry-run", "--max", "5");
        expectEqual([dry.code, dry.json.payment?.amountUsdc], [0, 2_050_000], "a dry run");
        if (lacksSqlite) {
          const { code, json } = await pay("--max", "5");
          expectEqual([code, json.error.code], [1, "NO_SQLITE"], "without SQLite");
          return;
        }
        const over = await pay();
        expectEqual([over.code, over.json.error.code], [1, "LIMIT_PER_PAYMENT"], "over the limit");
        const paid = await pay("--max", "5");
        expectEqual([paid.code, paid.json.ok], [0, true], `paid: ${paid.stdout}`);
        const again = await pay("--max", "5");
        const late = await pay("--dry-run", "--max", "5");
        expectEqual([late.code, late.json.error?.code], [1, "ALREADY_PAID"], "a late dry run");
        expectEqual([again.code, again.json], [0, paid.json], "the second time");
        const { stderr } = await caller.run(
          ["pay", invoice, "--url", local.url, "--dry-run", "--max", "5"],
          { env: own },
        );
        expect(!stderr.includes("run this again"), `a late dry run advises: ${stderr}`);
        const other = await invoiceAt(local.url);
        const env = own;
        const day = await caller.ask(
          ["pay", other, "--url", local.url, "--max", "5", "--max-day", "3"],
          { env },
        );
        expectEqual([day.code, day.json.error.code], [1, "LIMIT_PER_PERIOD"], "over the day's");
        const file = join(own.XDG_STATE_HOME, "gwop/agent.db");
        expectEqual(statSync(file).mode & 0o077, 0, "who else may read the journal");
        const none = await caller.ask(["pay", "inv_none", "--url", local.url], { env });
        expectEqual([none.code, none.json.error.code], [1, "INVOICE_NOT_FOUND"], "no invoice");
      } finally {
        local.close();
      }
    },
    "trigger: every event and variant, at a real endpoint": async () => {
      const shop = await endpoint(ENDPOINT);
      try {
        const { code, json } = await caller.ask(
          ["trigger", "all", "--variant", "all", "--to", `${shop.url}/webhooks/gwop`],
          { env },
        );
        expectEqual(
          [code, json.ok],
          [0, true],
          JSON.stringify(json.deliveries.filter(({ asExpected }) => !asExpected)),
        );
        const of = (variant) => json.deliveries.filter((each) => each.variant === variant);
        // Two variants send two deliveries.
        expectEqual(json.deliveries.length, 3 * (7 + 2), "deliveries");
        for (const [variant, status] of [
          ["valid", 200],
          ["duplicate", 200],
          ["older-version", 200],
          ["tampered", 401],
          ["stale", 401],
          ["other-secret", 401],
          ["unsigned", 401],
        ]) {
          expect(
            of(variant).length >= 3 && of(variant).every((each) => each.status === status),
            `${variant}: ${JSON.stringify(of(variant))}`,
          );
        }
        // The valid ones, each once.
        expectEqual(
          shop.fulfilled
            .map(({ eventType }) => eventType)
            .sort()
            .join(),
          "invoice.canceled,invoice.expired,invoice.paid"
            .split(",")
            .flatMap((type) => [type, type, type])
            .join(),
          "fulfilled",
        );
      } finally {
        shop.close();
      }
    },
    "sim, events, replay and token: the local Gwop": async () => {
      const port = await freePort();
      const url = `http://127.0.0.1:${port}`;
      const fulfilled = [];
      const shop = await endpoint("whsec_simulator", fulfilled);
      const [program, ...first] = caller.command;
      const sim = startProgram(
        program,
        [...first, "sim", "--port", String(port), "--webhook-url", shop.url],
        { cwd: caller.directory },
      );
      const control = async (path, body) =>
        (
          await fetch(`${url}/_sim/${path}`, {
            method: "POST",
            body: JSON.stringify(body),
            headers: { "content-type": "application/json" },
          })
        ).json();
      try {
        await started(() => /listens on http/.test(sim.output()), sim, "gwop sim");
        const gwop = new Gwop({
          serverURL: url,
          identityURL: url,
          merchantApiKey: "sk_m_simulator",
        });
        const { result } = await gwop.invoices.create({ body: { amountUsdc: 1_000_000 } });
        await control("faults", { fault: "webhook-tamper", times: "always" });
        await control("pay", { target: result.publicInvoiceId });
        const list = await caller.ask(["events", "--url", url]);
        const [event] = list.json.events;
        expectEqual(
          [list.code, list.json.events.length, event.state, event.lastStatus],
          [0, 1, "pending", 401],
          "events",
        );
        expectEqual(
          Object.keys(event).join(),
          "eventId,eventType,publicInvoiceId,state,attempts,lastStatus,lastError,nextAttemptAt",
          "an event's members",
        );
        await fetch(`${url}/_sim/faults`, { method: "DELETE" });
        const replayed = await caller.ask(["replay", event.eventId, "--url", url]);
        expectEqual(
          [replayed.code, replayed.json.ok, replayed.json.event.state, fulfilled.length],
          [0, true, "delivered", 1],
          "replay",
        );
        const none = await caller.ask(["replay", "evt_of_nobody", "--url", url]);
        expectEqual([none.code, none.json.error.code], [1, "NOT_FOUND"], "no such event");
        const { accessToken } = await control("tokens", {});
        secret(accessToken);
        for (const part of accessToken.split(".")) secret(part);
        const good = await caller.ask(["token", "--url", url], {
          env: {
            GWOP_ACCESS_TOKEN: accessToken,
            GWOP_MERCHANT_ID: MERCHANT,
            GWOP_MERCHANT_API_KEY: "sk_m_simulator",
          },
        });
        expectEqual(
          [good.code, good.json.verified, good.json.claims.mid],
          [0, true, MERCHANT],
          "a good token",
        );
        expectEqual(
          Object.keys(good.json).join(),
          "verified,code,header,claims,problems",
          "a token's members",
        );
        if (!isFirst) return;
        await moreOfTokens(caller, url, control, accessToken);
        const words = await caller.run(["events", "--url", url, "--state", "delivered"]);
        expect(
          words.stdout.includes(
            `${event.eventId}  invoice.paid  ${result.publicInvoiceId}  delivered`,
          ),
          words.stdout,
        );
        const failed = await caller.run(["events", "--url", url, "--state", "failed"]);
        expectEqual([failed.code, failed.stdout], [0, "no events\n"], "no failed ones");
      } finally {
        sim.end();
        shop.close();
      }
      const gone = await caller.ask(["events", "--url", url]);
      expectEqual([gone.code, gone.json.error.code], [1, "UNREACHABLE"], "without a local Gwop");
      const wrong = await caller.run(["sim", "--no-such-option"]);
      expectEqual(wrong.code, 2, "sim with a wrong option");
    },
    "doctor: a healthy set-up, and a broken one": async () => {
      const sim = new Simulator();
      const host = await listening((request) => serve(sim, request));
      const late = await listening(async (request) => {
        const response = await serve(sim, request);
        return new Response(response.body, {
          status: response.status,
          headers: {
            ...Object.fromEntries(response.headers),
            date: new Date(Date.now() - 400_000).toUTCString(),
          },
        });
      });
      const hosts = (url) => ({ GWOP_SERVER_URL: url, GWOP_IDENTITY_URL: url });
      const key = secret("sk_m_of_the_doctor_31");
      try {
        const good = await caller.ask(["doctor"], {
          env: { ...env, ...hosts(host.url), GWOP_MERCHANT_API_KEY: key },
        });
        const of = (answer, name) => answer.json.checks.find(({ check }) => check === name);
        expectEqual(
          [good.code, good.json.ok],
          [0, true],
          JSON.stringify(good.json.checks.filter(({ state }) => state === "wrong")),
        );
        expectEqual(of(good, "GWOP_MERCHANT_API_KEY").what, "set", "a variable");
        expectEqual(of(good, "JWK Set").state, "good", "the JWK Set");
        const { what, differs } = of(good, "installed");
        expect(
          differs === false && /the same as this command's/.test(what) && what.includes("./index."),
          what,
        );
        if (!isFirst) return;
        const bad = await caller.ask(["doctor"], {
          env: {
            ...hosts(late.url),
            GWOP_WEBHOOK_SECRET: `${ENDPOINT} `,
            GWOP_MERCHANT_API_KEY: `'${key}'`,
          },
        });
        expectEqual(bad.code, 1, "a broken one");
        expectEqual(
          of(bad, "GWOP_WEBHOOK_SECRET").what,
          "set; white space at an end",
          "white space",
        );
        expect(/begins with a quote/.test(of(bad, "GWOP_MERCHANT_API_KEY").what), "quotes");
        const { seconds } = of(bad, "clock");
        expect(
          seconds >= 398 && seconds <= 402 && of(bad, "clock").state === "wrong",
          `the clock: ${seconds}`,
        );
        const known = { GWOP_MERCHANT_API_KEY: "sk_m_simulator" };
        const local = await caller.ask(["doctor"], { env: { ...hosts(host.url), ...known } });
        expectEqual(
          [local.code, of(local, "GWOP_MERCHANT_API_KEY").what],
          [0, "set"],
          "the local Gwop's key, for the local Gwop",
        );
        const live = await caller.ask(["doctor", "--offline"], { env: known });
        expectEqual(live.code, 1, "the local Gwop's key, for Gwop");
        expect(/GWOP_SERVER_URL/.test(of(live, "GWOP_MERCHANT_API_KEY").fix), "what to do");
        const gone = await caller.ask(["doctor", "--timeout", "2"], {
          env: { ...env, ...hosts(`http://127.0.0.1:${await freePort()}`) },
        });
        expectEqual(
          [gone.code, of(gone, "host agents").state, of(gone, "clock").state],
          [1, "wrong", "note"],
          "no hosts",
        );
        const offline = await caller.run(["doctor", "--offline"], { env });
        expectEqual(offline.code, 0, offline.stdout);
      } finally {
        host.close();
        late.close();
        sim.close();
      }
    },
  };
  if (!isFirst) return checks;
  return {
    ...checks,
    "trigger: an endpoint that accepts what it must refuse, and one that is down": async () => {
      const careless = await listening(() => new Response("thank you"));
      try {
        const { code, json } = await caller.ask(
          ["trigger", "invoice.paid", "--variant", "tampered", "--to", careless.url],
          { env },
        );
        const [{ status, asExpected, answer }] = json.deliveries;
        expectEqual(
          [code, json.ok, status, asExpected, answer],
          [1, false, 200, false, "thank you"],
          "a careless endpoint",
        );
      } finally {
        careless.close();
      }
      const down = await caller.ask(["trigger", "invoice.paid", "--to", careless.url], { env });
      expectEqual(
        [down.code, down.json.error.code],
        [1, "UNREACHABLE"],
        "an endpoint that is down",
      );
      // The endpoint's secret is not shown either, even right after a word.
      const own = secret("whsec_of_another_endpoint_31");
      const teller = await listening(() => new Response(`unchanged${own}`, { status: 401 }));
      const told = await caller.ask(["trigger", "invoice.paid", "--to", teller.url], { env });
      teller.close();
      expectEqual(told.json.deliveries[0].answer, "unchanged[secret]", "what an endpoint tells");
      // The echoed secret is not shown, and not half of it where the response is cut.
      for (const before of [0, 260]) {
        const echo = await listening((request) => {
          const text = "x".repeat(before) + request.headers.get("x-gwop-signature");
          return new Response(text, { status: 500 });
        });
        try {
          const { stdout } = await caller.run(["trigger", "invoice.paid", "--to", echo.url], {
            env,
          });
          const isHidden = !/v1=/.test(stdout) && stdout.includes("[secret]");
          expect(isHidden, `the signature is shown:\n${stdout}`);
        } finally {
          echo.close();
        }
      }
    },
    "doctor: another version in the project": async () => {
      const { cpSync, mkdirSync, readFileSync, writeFileSync } = await import("node:fs");
      const root = join(caller.directory, "elsewhere/node_modules/@gwop/sdk");
      mkdirSync(root, { recursive: true });
      cpSync(join(consumer, "node_modules/@gwop/sdk"), root, { recursive: true });
      const file = join(root, "package.json");
      writeFileSync(
        file,
        readFileSync(file, "utf8").replace(/"version": "[^"]+"/, '"version": "0.4.1"'),
      );
      const [program, ...first] = caller.command;
      const child = spawn(program, [...first, "doctor", "--offline", "--json"], {
        cwd: join(caller.directory, "elsewhere"),
      });
      const { checks } = JSON.parse(await buffer(child.stdout));
      const { what, differs } = checks.find(({ check }) => check === "installed");
      expect(differs === true && what.startsWith("@gwop/sdk 0.4.1, ./index.node.js, wasm "), what);
    },
  };
}

/** Every reason for which a token is refused. */
async function moreOfTokens(caller, url, control, good) {
  const mint = async (options) => secret((await control("tokens", options)).accessToken);
  const cases = [
    [await mint({ expiresInSeconds: -60 }), ["TOKEN_EXPIRED"], /6\d seconds ago/],
    [await mint({ claims: { mid: "another" } }), ["TOKEN_MERCHANT_MISMATCH"], /mid is .+another/],
    [
      await mint({ claims: { iss: "https://elsewhere.example" } }),
      ["TOKEN_ISSUER_MISMATCH"],
      /iss is .+elsewhere/,
    ],
    [await mint({ header: { kid: "of-nobody" } }), ["TOKEN_KID_UNKNOWN"], /of-nobody/],
    [`${good.slice(0, -8)}AAAAAAAA`, ["TOKEN_SIGNATURE_INVALID"], /did not sign/],
    [`Bearer ${good}`, ["NOT_BARE"], /Bearer/],
    [`"${good}"\n`, ["NOT_BARE"], /quotes/],
    ["no token at all", ["TOKEN_MALFORMED"], /access_token/],
  ];
  for (const [token, problems, words] of cases) {
    const { code, json } = await caller.ask(
      ["token", "--url", url, "--merchant-id", MERCHANT, "--secret-file", "-"],
      { input: token },
    );
    expectEqual(
      [code, json.verified, json.problems.map(({ problem }) => problem)],
      [1, false, problems],
      problems[0],
    );
    expect(
      words.test(JSON.stringify(json.problems)),
      `${problems}: ${JSON.stringify(json.problems)}`,
    );
  }
  const unknown = await caller.ask(
    [
      "token",
      "--url",
      `http://127.0.0.1:${await freePort()}`,
      "--any-merchant",
      "--secret-file",
      "-",
    ],
    { input: good },
  );
  expectEqual(
    [unknown.code, unknown.json.verified, unknown.json.code],
    [1, null, "JWKS_UNAVAILABLE"],
    "without a host nothing is known",
  );
  const revoked = await control("tokens", {});
  secret(revoked.accessToken);
  const gwop = new Gwop({ serverURL: url, identityURL: url, merchantApiKey: "sk_m_simulator" });
  await gwop.authSessions.revoke({ sessionId: revoked.sessionId });
  const live = await caller.ask(["token", "--url", url, "--any-merchant", "--check-session"], {
    env: { GWOP_ACCESS_TOKEN: revoked.accessToken, GWOP_MERCHANT_API_KEY: "sk_m_simulator" },
  });
  expectEqual([live.code, live.json.code], [1, "SESSION_REVOKED"], "a session that has ended");
}
