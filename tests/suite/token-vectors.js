// RS256 with known results, across the wasm boundary and through the same code that verifies
// tokens. The vectors are not tokens, so they enter below verifyToken, through two functions of the
// wasm's glue that the package does not export.
import "@gwop/sdk";
import { assert, assertEquals, test } from "./harness.js";
import { base64url, fromBase64url } from "./token-kit.js";
import groups from "./vectors/rs256.js";

/** The wasm's functions, at the place where all copies of the package find them. */
const shared = Object.getOwnPropertySymbols(globalThis).find((symbol) =>
  / gwop\.wasm$/.test(symbol.description),
);
const { importTokenKey, verifyTokenSignature } = globalThis[shared];
const encoder = new TextEncoder();

const imported = (n, e) =>
  importTokenKey(JSON.stringify({ kty: "RSA", alg: "RS256", use: "sig", n, e }));

/** Returns whether the signature is valid. The message takes the place of header and claims. */
const holds = (key, signature, message) => {
  const tail = encoder.encode(`.${base64url(signature)}`);
  const token = new Uint8Array(message.length + tail.length);
  token.set(message);
  token.set(tail, message.length);
  return verifyTokenSignature(key, token);
};

for (const bits of [2048, 3072, 4096]) {
  test(`wycheproof: RSASSA-PKCS1-v1_5 with SHA-256 and ${bits} bits`, {
    timeoutMs: 60_000,
  }, async () => {
    let run = 0;
    for (const { n, e, tests } of groups.filter((group) => group.bits === bits)) {
      const key = await imported(n, e);
      for (const [id, message, signature, expected] of tests) {
        const answer = await holds(key, fromBase64url(signature), fromBase64url(message));
        assertEquals(typeof answer, "boolean");
        if (expected !== "acceptable") assertEquals(answer, expected === "valid", `test ${id}`);
        run += 1;
      }
    }
    assert(run > 200, `only ${run} vectors`);
  });
}

test("RFC 7515, appendix A.2", async () => {
  const n =
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
  const input =
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
  const signature = fromBase64url(
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
  );
  const key = await imported(n, "AQAB");
  assertEquals(await holds(key, signature, encoder.encode(input)), true);
  assertEquals(await holds(key, signature, encoder.encode(`${input} `)), false);
  signature[255] ^= 1;
  assertEquals(await holds(key, signature, encoder.encode(input)), false);
});
