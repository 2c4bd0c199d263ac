// Whether the project's @gwop/sdk goes with this package. Both are released together, and the SDK
// must be able to read what the Worker sends: `peerDependencies` of package.json says which are,
// for npm, for `gwop-worker dev` and for `gwop doctor`.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const MANIFEST = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

/** The version of this package. */
export const VERSION = MANIFEST.version;

const partsOf = (version) => version.split(/[.-]/, 3).map(Number);

/** Whether version `a` is later than `b`. */
export function isLater(a, b) {
  const [left, right] = [partsOf(a), partsOf(b)];
  const at = left.findIndex((part, index) => part !== right[index]);
  return at >= 0 && left[at] > right[at];
}

/** What is wrong with the @gwop/sdk that is installed in a directory; `undefined` if nothing. */
export function mismatch(directory) {
  let version;
  try {
    const path = createRequire(join(directory, "x.js")).resolve("@gwop/sdk/package.json");
    ({ version } = JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return undefined;
  }
  const least = MANIFEST.peerDependencies["@gwop/sdk"].slice("^".length);
  if (partsOf(version)[0] === partsOf(least)[0] && !isLater(least, version)) return undefined;
  return (
    `@gwop/sdk ${version} and @gwop/worker ${VERSION} do not go together: the SDK must be of the ` +
    `same major version, and no older. npm install @gwop/sdk@^${least}`
  );
}
