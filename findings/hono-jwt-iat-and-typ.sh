#!/usr/bin/env bash
# hono 4.13.19, `hono/jwt`: `verify` refuses a token whose `iat` is five seconds ahead of this machine's clock. RFC 7519 (4.1.6) has no rule to refuse it.
# A token that is used at once, as agents do, fails where the issuer's clock is a little ahead: pass `{ alg, iat: false }`. It also refuses a header's `typ` other than "JWT", so it takes no access token of RFC 9068, whose `typ` is "at+jwt", unless its
# option `typ` names that.
#
# Guess before the run: all four libraries accept all three tokens; none of them was asked for a `typ` or a largest age.
# Seen on 2026-11-30 with Node 20.20:
#   an ordinary token: hono, hono with options, jose, jsonwebtoken, fast-jwt
#   iat five seconds ahead: hono with options, jose, jsonwebtoken, fast-jwt; hono: JwtTokenIssuedAt
#   typ at+jwt: hono with options, jose, jsonwebtoken, fast-jwt; hono: JwtHeaderInvalid
# Needs Node 20 or newer with npm. Exits 0 where it is still so, 1 where it has changed, 2 where npm fails.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
echo '{ "private": true, "type": "module" }' > package.json
npm install --ignore-scripts --no-audit --no-fund --silent hono@4.13.19 jose@6.2.18 jsonwebtoken@9.0.3 fast-jwt@6.3.6 > /dev/null 2>&1 || exit 2
cat > run.mjs <<'RUN'
import { createSign, generateKeyPairSync } from "node:crypto";
import { createVerifier } from "fast-jwt";
import { verify } from "hono/jwt";
import { jwtVerify } from "jose";
import jsonwebtoken from "jsonwebtoken";

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const jwk = publicKey.export({ format: "jwk" });
const pem = publicKey.export({ type: "spki", format: "pem" });
const encoded = (part) => Buffer.from(JSON.stringify(part)).toString("base64url");
const sign = (claims, typ = "JWT") => {
  const signed = `${encoded({ alg: "RS256", typ })}.${encoded(claims)}`;
  return `${signed}.${createSign("RSA-SHA256").update(signed).sign(privateKey).toString("base64url")}`;
};
const now = Math.floor(Date.now() / 1_000);
const exp = now + 600;
const tokens = {
  "an ordinary token": sign({ sub: "wallet", iat: now, exp }),
  "iat five seconds ahead": sign({ sub: "wallet", iat: now + 5, exp }),
  "typ at+jwt": sign({ sub: "wallet", iat: now, exp }, "at+jwt"),
};
const libraries = {
  hono: (token) => verify(token, jwk, "RS256"),
  "hono with options": (token) => verify(token, jwk, { alg: "RS256", iat: false, typ: ["JWT", "at+jwt"] }),
  jose: (token) => jwtVerify(token, publicKey),
  jsonwebtoken: (token) => jsonwebtoken.verify(token, pem, { algorithms: ["RS256"] }),
  "fast-jwt": (token) => createVerifier({ key: pem, algorithms: ["RS256"] })(token),
};
const lines = [];
for (const [name, token] of Object.entries(tokens)) {
  const [accept, refuse] = [[], []];
  for (const [library, check] of Object.entries(libraries)) {
    try {
      await check(token);
      accept.push(library);
    } catch (error) {
      refuse.push(`; ${library}: ${error.name}`);
    }
  }
  lines.push(`${name}: ${accept.join(", ")}${refuse.join("")}`);
}
for (const line of lines) console.log(line);
const expected = [
  "an ordinary token: hono, hono with options, jose, jsonwebtoken, fast-jwt",
  "iat five seconds ahead: hono with options, jose, jsonwebtoken, fast-jwt; hono: JwtTokenIssuedAt",
  "typ at+jwt: hono with options, jose, jsonwebtoken, fast-jwt; hono: JwtHeaderInvalid",
];
process.exit(JSON.stringify(lines) === JSON.stringify(expected) ? 0 : 1);
RUN
node run.mjs
