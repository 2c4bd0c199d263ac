#!/usr/bin/env bash
# Jest's jsdom environment (30.5.2) has neither TextDecoder, fetch nor Request, though Node has them: code for browsers and Node alike finds them undefined.
# Seen: "undefined undefined undefined"; in the environment "node" it is "function function function".
set -euo pipefail
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
echo '{ "private": true }' > package.json
npm install --ignore-scripts --no-audit --no-fund --silent jest@30.5.2 jest-environment-jsdom@30.5.2 > /dev/null 2>&1
echo 'test("globals", () => expect([typeof TextDecoder, typeof fetch, typeof Request].join(" ")).toBe(process.env.EXPECTED));' > globals.test.js
globals() { EXPECTED=$2 npx jest --ci --env "$1" > log 2>&1 || { echo "changed in $1: $(cat log)"; exit 1; }; }
globals jsdom "undefined undefined undefined"
globals node "function function function"
echo "TextDecoder, fetch and Request are undefined in jsdom, functions in node"
