// The local Gwop as it is installed: its guards, its state, its documentation and its page. `main.mjs`, from the consumer
// project; run by `cargo xtask test --only simulator`, which names the programs in GWOP_DENO, GWOP_BUN, GWOP_CHROMIUM,
// GWOP_CHROMEDRIVER, GWOP_FIREFOX and GWOP_GECKODRIVER. GWOP_TEST_ONLY picks checks by a part of their names.
import { checks as documented } from "./documented.mjs";
import { checks as guards } from "./guards.mjs";
import { checks as page } from "./page.mjs";
import { checks as state } from "./state.mjs";

const all = Object.entries({ ...guards, ...state, ...documented, ...page });
const chosen = all.filter(([name]) => name.includes(process.env.GWOP_TEST_ONLY ?? ""));
let failed = 0;
for (const [name, check] of chosen) {
  const start = performance.now();
  try {
    const more = await check();
    console.log(
      `✓ ${name}${more ? `: ${more}` : ""} (${Math.round(performance.now() - start)} ms)`,
    );
  } catch (error) {
    failed += 1;
    console.log(`✗ ${name}\n  ${String(error.stack ?? error).replaceAll("\n", "\n  ")}`);
  }
}
console.log(`simulator: ${chosen.length - failed} passed, ${failed} failed`);
process.exit(failed > 0 || chosen.length === 0 ? 1 : 0);
