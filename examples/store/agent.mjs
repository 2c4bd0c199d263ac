// A scripted agent. It knows the store's URL and has a wallet on Solana. It uses neither the SDK
// nor the store's code.
const WALLET = "AKnL4NNf3DGWZJS6cPknBuEGnVsV4A4m5tgebLHaRSZ9";

/** Plays the story. `tell` receives its lines. Throws at the first unexpected response. */
export async function play({ store, gwop, tell }) {
  let token;
  const expect = (holds, what) => {
    if (!holds) throw new Error(`the agent expected ${what}`);
  };

  /** Sends one request to the store, reports it, and returns the response. */
  async function ask(method, path, { body, headers = {}, status, shown = (answer) => answer }) {
    const response = await fetch(store + path, {
      method,
      headers: {
        ...(body && { "content-type": "application/json" }),
        ...(token && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const answer = text ? JSON.parse(text) : undefined;
    tell(
      `  ${method} ${path.replace(/(inv|ai)_[^/]+/, "$1_…")}${body ? ` ${JSON.stringify(body).replace(/[0-9a-f]{64}/, "…")}` : ""}`,
    );
    tell(
      `  → ${response.status}${answer === undefined ? "" : ` ${JSON.stringify(shown(answer))}`}`,
    );
    expect(
      response.status === status,
      `${status} from ${method} ${path}, not ${response.status}: ${text}`,
    );
    return { answer, headers: response.headers };
  }

  /** Pays an x402 URL on Solana: asks, receives the price, and asks again with the payment. */
  async function pay(url) {
    const asked = await fetch(url);
    const [{ network, amount }] = JSON.parse(atob(asked.headers.get("payment-required"))).accepts;
    expect(
      asked.status === 402 && network.startsWith("solana:"),
      `402 on Solana, not ${asked.status} on ${network}`,
    );
    // An agent signs with its own wallet. This one has a test wallet of the local Gwop, which
    // signs.
    const signed = await fetch(`${gwop}/_sim/sign-payment`, {
      method: "POST",
      body: JSON.stringify({ target: url }),
    });
    const { headers, wallet } = await signed.json();
    expect(wallet === WALLET, `its wallet to sign, not ${wallet}`);
    const paid = await fetch(url, { method: "POST", headers });
    tell(`  pays ${amount} atomic USDC on solana → ${paid.status}`);
    expect(paid.ok, `the payment to be taken: ${paid.status} ${await paid.text()}`);
  }

  const onSolana = (methods) => methods.find(({ chain }) => chain === "solana").payment_url;

  async function buy(product, key) {
    const sale = {
      body: { product },
      headers: { "idempotency-key": key },
      status: 201,
      shown: ({ total }) => ({ total }),
    };
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const nothing = await fetch(`${store}/checkouts`, { method: "POST", headers, body: "null" });
    expect(nothing.status === 400, `400 for a checkout of null, not ${nothing.status}`);
    const { answer } = await ask("POST", "/checkouts", sale);
    const { answer: again } = await ask("POST", "/checkouts", sale);
    expect(
      again.public_invoice_id === answer.public_invoice_id,
      "the same key to give the same invoice",
    );
    const invoice = await (await fetch(`${gwop}/v1/invoices/${answer.public_invoice_id}`)).json();
    await pay(onSolana(invoice.payment_methods));
    const path = `/checkouts/${answer.public_invoice_id}`;
    for (let attempt = 0; ; attempt += 1) {
      const response = await fetch(store + path, { headers: { authorization: `Bearer ${token}` } });
      const { status } = await response.json();
      if (status === "PAID") break;
      expect(attempt < 100, `the webhook to arrive, not ${status}`);
      await new Promise((done) => setTimeout(done, 100));
    }
    tell(`  its checkout is PAID`);
    return answer.public_invoice_id;
  }

  const call = async (paidBy, credits, planCalls) => {
    const { answer } = await ask("POST", "/calls", { status: 200 });
    const found = [answer.paid_by, answer.credits, answer.plan_calls_left_today];
    expect(
      String(found) === String([paidBy, credits, planCalls]),
      `${[paidBy, credits, planCalls]}, not ${found}`,
    );
  };

  tell("The agent discovers the store");
  const { answer: offer } = await ask("GET", "/", {
    status: 200,
    shown: ({ products }) => products,
  });
  expect(offer.products.map(({ price }) => price).join() === "0.3 USDC,5 USDC", "the prices");

  tell("Without a log-in it is refused");
  const stranger = await ask("POST", "/calls", { status: 401, shown: ({ error }) => error.code });
  expect(stranger.headers.get("www-authenticate").startsWith("Bearer"), "a challenge");

  tell("It logs in with its wallet");
  const { answer: intent } = await ask("POST", "/auth/intents", {
    status: 201,
    shown: ({ challenge }) => challenge.amount_usdc_atomic,
  });
  const exchange = { body: { exchange_secret: intent.exchange_secret } };
  const path = `/auth/intents/${intent.auth_intent_id}/exchange`;
  const early = await ask("POST", path, {
    ...exchange,
    status: 402,
    shown: ({ error }) => error.code,
  });
  expect(Number(early.headers.get("retry-after")) > 0, "to be told when to ask again");
  await pay(onSolana(intent.challenge.payment_methods));
  const { answer: granted } = await ask("POST", path, {
    ...exchange,
    status: 200,
    shown: ({ principal }) => principal,
  });
  expect(granted.principal.sub === `solana:${WALLET}`, "to be known by its wallet");
  token = granted.access_token;

  tell("It has nothing to spend");
  await ask("POST", "/calls", { status: 402, shown: ({ error }) => error.code });

  tell("It buys credits");
  const first = await buy("credits", "first");

  tell("It uses them up, and is refused");
  for (const left of [2, 1, 0]) await call("credit", left, 0);
  await ask("POST", "/calls", { status: 402, shown: ({ error }) => error.code });

  tell("Gwop delivers the webhook again: nothing is granted twice");
  const deliveries = await (await fetch(`${gwop}/_sim/deliveries`)).json();
  const { eventId } = (deliveries.deliveries ?? deliveries).find(
    ({ publicInvoiceId }) => publicInvoiceId === first,
  );
  const again = await fetch(`${gwop}/_sim/deliver`, {
    method: "POST",
    body: JSON.stringify({ eventId }),
  });
  expect(again.ok, `the webhook to be delivered again: ${again.status}`);
  const { answer: account } = await ask("GET", "/account", { status: 200 });
  expect(account.credits === 0, "no credits");

  tell("A webhook that Gwop did not sign is refused");
  const forged = { "x-gwop-signature": `t=${Math.floor(Date.now() / 1000)},v1=${"0".repeat(64)}` };
  await ask("POST", "/webhooks/gwop", {
    body: { event_type: "invoice.paid" },
    headers: forged,
    status: 401,
    shown: ({ error }) => error.code,
  });

  tell("It buys again");
  await buy("credits", "second");
  await call("credit", 2, 0);

  tell("It takes the monthly plan: the plan pays first, up to its limit");
  await buy("monthly", "plan");
  await call("plan", 2, 1);
  await call("plan", 2, 0);
  await call("credit", 1, 0);

  tell("It renews the plan early: the days are added");
  const planDays = ({ plan_until }) => ({
    plan_days_left: Math.round((Date.parse(plan_until) - Date.now()) / 86_400_000),
  });
  const { answer: before } = await ask("GET", "/account", { status: 200, shown: planDays });
  await buy("monthly", "renewal");
  const { answer: after } = await ask("GET", "/account", { status: 200, shown: planDays });
  expect(
    String([planDays(before), planDays(after)].map(({ plan_days_left }) => plan_days_left)) ===
      "30,60",
    "30 days, then 60",
  );

  tell("Ten calls at one time use the last credit once");
  const crowd = await Promise.all(
    Array.from({ length: 10 }, () =>
      fetch(`${store}/calls`, { method: "POST", headers: { authorization: `Bearer ${token}` } }),
    ),
  );
  const statuses = crowd.map(({ status }) => status).sort();
  tell(`  → ${statuses.join(" ")}`);
  expect(statuses.filter((status) => status === 200).length === 1, `one to be served: ${statuses}`);

  tell("It logs out, and its token is refused from then on");
  await ask("DELETE", "/auth/session", { status: 200 });
  const revoked = await ask("GET", "/account", { status: 401, shown: ({ error }) => error.code });
  expect(
    revoked.headers.get("www-authenticate").includes('error="invalid_token"'),
    "to be told that the token is of no use",
  );
}
