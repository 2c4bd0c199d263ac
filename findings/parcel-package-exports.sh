#!/usr/bin/env bash
# Parcel 2.16.4 reads no `exports` of any package by default: a subpath that only `exports` names is not found.
# Seen: "Failed to resolve 'hono/cookie'". With "@parcel/resolver-default": { "packageExports": true } in package.json it builds.
set -euo pipefail
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
echo '{ "private": true }' > package.json
npm install --ignore-scripts --no-audit --no-fund --silent parcel@2.16.4 hono@4.13.19 > /dev/null 2>&1
echo 'import { getCookie } from "hono/cookie"; console.log(typeof getCookie);' > app.js
build() { npx parcel build app.js --no-cache --no-source-maps --dist-dir out 2>&1; }
if said=$(build); then echo "changed: Parcel builds without the setting"; exit 1; fi
grep -q "Failed to resolve 'hono/cookie'" <<< "$said" || { echo "changed: $said"; exit 1; }
node -e 'const fs = require("fs"), p = JSON.parse(fs.readFileSync("package.json")); p["@parcel/resolver-default"] = { packageExports: true }; fs.writeFileSync("package.json", JSON.stringify(p))'
build > /dev/null || { echo "changed: the setting does not help"; exit 1; }
echo "parcel 2.16.4: hono/cookie is not found; with packageExports it is"
