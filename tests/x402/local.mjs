// The local Gwop over HTTP, as `gwop-simulator` serves it, with a merchant. GWOP_SIMULATOR names
// the program.
import { spawn } from "node:child_process";

const KEY = "sk_m_x402_test";

/** Starts it with further arguments. */
export async function startGwop(...args) {
  const child = spawn(
    process.execPath,
    [process.env.GWOP_SIMULATOR, "--port", "0", "--merchant-key", KEY, ...args],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let said = "";
  const url = await new Promise((done, fail) => {
    child.once("exit", (code) => fail(new Error(`the local Gwop ended with ${code}: ${said}`)));
    child.stdout.on("data", (chunk) => {
      said += chunk;
      if (said.includes("Ctrl-C")) done(/http:\/\/127\.0\.0\.1:\d+/.exec(said)[0]);
    });
  });
  const send = async (method, path, body) => {
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${KEY}`,
        ...(body && { "content-type": "application/json" }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const answer = await response.json();
    if (!response.ok)
      throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
    return answer;
  };
  const chainOf = (methods, chain) => methods.find((method) => method.chain === chain).payment_url;
  return {
    url,
    send,
    rpcUrl: `${url}/_sim/solana-rpc`,
    /**
     * Creates an invoice of $1.025 (the README's first sale) or another amount. Returns id and
     * payment URL.
     */
    async invoice(chain, amount = 1_000_000) {
      const { public_invoice_id: id } = await send("POST", "/v1/invoices", { amount_usdc: amount });
      return {
        id,
        paymentUrl: chainOf((await send("GET", `/v1/invoices/${id}`)).payment_methods, chain),
      };
    },
    /** Creates an auth intent. Returns its id and its payment URL. */
    async intent(chain) {
      const intent = await send("POST", "/v1/auth-intents", {});
      return {
        id: intent.auth_intent_id,
        paymentUrl: chainOf(intent.challenge.payment_methods, chain),
      };
    },
    public: (id) => send("GET", `/v1/invoices/${id}`),
    exchange: (id) => send("POST", `/v1/auth-intents/${id}/exchange`),
    close: () => child.kill(),
  };
}
