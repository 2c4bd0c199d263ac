#!/usr/bin/env bash
# @types/node 20, 22 and 24 declare no global type `CryptoKey`, though the global value is there: a declaration that names it needs the DOM library.
# Seen with 22.20.7: "error TS2304: Cannot find name 'CryptoKey'". @types/node 26.6.7 declares it.
set -euo pipefail
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
echo '{ "private": true, "type": "module" }' > package.json
echo 'export let key: CryptoKey | undefined;' > app.ts
check() { npx tsc --noEmit --strict --target es2022 --lib es2022 --module nodenext --skipLibCheck --types node app.ts; }
install() { npm install --ignore-scripts --no-audit --no-fund --silent typescript@5.9.3 "$1" > /dev/null 2>&1; }
install @types/node@22.20.7
if said=$(check); then echo "changed: @types/node 22 declares CryptoKey"; exit 1; fi
grep -q "TS2304: Cannot find name 'CryptoKey'" <<< "$said" || { echo "changed: $said"; exit 1; }
install @types/node@26.6.7
check || { echo "changed: @types/node 26 does not declare CryptoKey"; exit 1; }
echo "@types/node 22.20.7 has no type CryptoKey, 26.6.7 has"
