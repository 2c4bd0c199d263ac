// Finds the browsers and their drivers.
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/**
 * Returns a program: from the variable, which `cargo xtask test` sets, or by its usual names on
 * PATH.
 */
function program(variable, names) {
  if (process.env[variable]) return process.env[variable];
  const tools = join(homedir(), ".cache/gwop-tools");
  const kept = existsSync(tools) ? readdirSync(tools).map((name) => join(tools, name, "bin")) : [];
  for (const directory of [...process.env.PATH.split(":"), ...kept]) {
    const found = names.map((name) => join(directory, name)).find(existsSync);
    if (found) return found;
  }
  throw new Error(
    `${names.join(" or ")} is not there: \`cargo xtask test --only worker\` installs it, ${variable} names another`,
  );
}

/** Chromium with ChromeDriver. */
export const CHROMIUM = () => ({
  program: program("GWOP_CHROMIUM", ["chromium", "chromium-browser", "google-chrome"]),
  driver: program("GWOP_CHROMEDRIVER", ["chromedriver"]),
});

/** Firefox with geckodriver. */
export const FIREFOX = () => ({
  program: program("GWOP_FIREFOX", ["firefox", "firefox-esr"]),
  driver: program("GWOP_GECKODRIVER", ["geckodriver"]),
});
