// Checks whether the project's @gwop/sdk fits this package. Both are released together, and the SDK
// must be able to read what the Worker sends. `peerDependencies` of package.json has the range, for
// npm, for `gwop-worker dev` and for `gwop doctor`.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const MANIFEST = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

/** The version of this package. */
export const VERSION = MANIFEST.version;

const partsOf = (version) => version.split(/[.-]/, 3).map(Number);

/** Returns whether version `a` is later than `b`. */
export function isLater(a, b) {
  const [left, right] = [partsOf(a), partsOf(b)];
  const at = left.findIndex((part, index) => part !== right[index]);
  return at >= 0 && left[at] > right[at];
}

/** Returns the problem with the @gwop/sdk in a directory, or `undefined` if there is none. */
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
