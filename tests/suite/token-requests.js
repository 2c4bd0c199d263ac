// One client shared by the requests of a Worker, some of which are canceled in the middle.
import { Gwop, HTTPClient } from "@gwop/sdk";
import { assert, assertEquals, test } from "./harness.js";
import { issuer } from "./token-kit.js";

/** The clients of this isolate, which outlive the requests. */
const clients = new Map();

/** The Worker's response to `POST /verify`: the token's subject, or the error's code. */
export async function answerVerify(request) {
  const { name, token, jwksURL } = await request.json();
  const known = clients.get(name) ?? { jwksURL };
  clients.set(name, known);
  known.jwksURL = jwksURL;
  known.gwop ??= new Gwop({
    merchantId: "merchant-1",
    jwksCooldownSeconds: 1,
    httpClient: new HTTPClient({ fetcher: () => fetch(known.jwksURL) }),
  });
  try {
    return Response.json({ subject: (await known.gwop.auth.verifyToken(token)).subject });
  } catch ({ code, message }) {
    return Response.json({ code, message });
  }
}

test("a request that is cancelled in the middle of its JWKS fetch does not hang the next", {
  needs: ["requests"],
}, async (context) => {
  const { selfURL, serverURL } = context;
  const [v1, v2] = await Promise.all([issuer("v1"), issuer("v2")]);
  const verify = (name, token, jwksURL, signal) =>
    fetch(`${selfURL}/verify`, {
      method: "POST",
      body: JSON.stringify({ name, token, jwksURL }),
      signal,
    }).then((answer) => answer.json());
  const cancelled = async (name, token) => {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), 300);
    const outcome = await verify(name, token, `${serverURL}/delay/20000`, controller.signal).catch(
      (error) => error.name,
    );
    clearTimeout(timer);
    assertEquals(outcome, "AbortError");
  };
  const answer = (...keys) =>
    `${serverURL}/status/200?body=${encodeURIComponent(JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }))}`;
  const quick = async (promise) => {
    const begun = Date.now();
    const result = await promise;
    const took = Date.now() - begun;
    assert(took < 5_000, `took ${took} ms`);
    return result;
  };
  const subject = { subject: "base:0xAbCdEf0123456789" };

  // While no response is held back.
  const name = crypto.randomUUID();
  await cancelled(name, await v1.sign());
  assertEquals(await quick(verify(name, await v1.sign(), answer(v1))), subject);
  // In the middle of a refresh.
  await cancelled(name, await v2.sign());
  assertEquals(await quick(verify(name, await v1.sign(), answer(v1, v2))), subject);
  assertEquals(await quick(verify(name, await v2.sign(), answer(v1, v2))), subject);
});
