// The hosts of the environment, which the Worker reads too. They are read on use, and the
// constructor's hosts come first.
import { Gwop } from "@gwop/sdk";

const asked = [];
const httpClient = {
  request: async ({ url }) =>
    asked.push(new URL(url).origin) && new Response("{}", { status: 500 }),
};
const options = { httpClient, retryConfig: { strategy: "none" } };
const ask = async (gwop) => {
  await gwop.invoices.get({ id: "inv_1" }).catch(() => {});
  await gwop.auth.getJwks().catch(() => {});
};
const gwop = new Gwop(options);
await ask(gwop);
process.env.GWOP_SERVER_URL = "http://127.0.0.1:4010";
process.env.GWOP_IDENTITY_URL = "http://127.0.0.1:4011";
await ask(gwop);
await ask(
  new Gwop({ ...options, serverURL: "http://127.0.0.1:1", identityURL: "http://127.0.0.1:2" }),
);
const expected =
  "https://agents.gwop.io https://identity.gwop.io http://127.0.0.1:4010 http://127.0.0.1:4011 http://127.0.0.1:1 http://127.0.0.1:2";
if (asked.join(" ") !== expected) throw new Error(asked.join(" "));
console.log(asked.join(" "));
